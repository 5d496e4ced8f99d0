"""tcctui on kernels other than this machine's: Debian's, each booted in a virtual machine."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tcctui.wire.addresses import format_address
from tcctui.wire.events import EventKind
from tests.conftest import need
from tests.kernel.happenings import of_ports, parse
from tests.kernels.debian_cache import KEYRING, SUITES, kernel_image
from tests.kernels.guest_machine import boot, build_initrd
from tests.kernels.probe_text import (
    EXACT,
    Probe,
    clock_differences,
    differences,
    parse_jsonl,
    parse_trace_pipe,
)
from tests.kernels.readme_table import readme_table, told_by_doctor

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "debootstrap": "debootstrap",
    "cpio": "cpio",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "unshare": "util-linux",
}
"""What the tests call, and the Debian package it is in."""

KINDS = {
    "tcp_retransmit_skb": "RETRANSMIT",
    "tcp_cong_state_set": "CA_STATE",
    "tcp_receive_reset": "RECEIVE_RESET",
    "tcp_send_reset": "SEND_RESET",
    "tcp_retransmit_synack": "RETRANSMIT_SYNACK",
}
ALL = {"tcp_probe", "inet_sock_set_state", "tcp_destroy_sock", "kfree_skb", *KINDS}
"""The tracepoints that tcctui attaches itself to."""
LACKING = {"5.10": {"tcp_cong_state_set", "kfree_skb"}}
"""Those that a kernel does not have."""


@pytest.fixture(scope="session")
def initrd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build the guest's root once for all kernels; it is some 400 MB, so it is not left behind."""
    if platform.machine() != "x86_64" or os.geteuid() != 0:
        need("building the guest's root needs root on x86-64")
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not Path(KEYRING).exists():
        missing.append("debian-archive-keyring")
    if missing:
        need(f"not installed: {' '.join(missing)}")
    directory = tmp_path_factory.mktemp("initrd")
    yield build_initrd(directory)
    shutil.rmtree(directory)


@pytest.mark.kernels
@pytest.mark.timeout(1800)  # the first one downloads and builds; each step has a bound of its own
@pytest.mark.parametrize("series", SUITES)
def test_trace_and_doctor_on_kernel(
    series: str, initrd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Doctor passes, and trace gives every field of every event as the kernel's own text does."""
    guest = boot(kernel_image(series), initrd, tmp_path)
    results = {path.name: path.read_text() for path in guest.results.iterdir()}
    summary = json.loads(results["summary.json"])
    with capsys.disabled():
        print(
            f"\nLinux {series}: {guest.seconds:.1f} s, of which doctor took"
            f" {summary['doctor_seconds']:.1f} and trace {summary.get('attach_seconds', 0):.1f}"
            " until it was attached"
        )

    _check_doctor(results, summary)
    features = told_by_doctor(results["doctor.txt"])
    assert features == readme_table()[series]
    _check_insides(json.loads(results["insides.json"]), there=features["sockets at each ACK"])
    _check_trace(results, summary)
    assert summary["attached"] == sorted(ALL - LACKING.get(series, set()))
    lacking = {KINDS[name] for name in LACKING.get(series, ()) if name in KINDS}
    _check_happenings(results, summary["port"], lacking)


def _check_doctor(results: dict[str, str], summary: dict[str, Any]) -> None:
    assert summary["doctor_status"] == 0, results["doctor.txt"] + results["trace.stderr"]
    for field in ("family", "skaddr"):
        lacks_it = re.search(rf" {field};", results["tcp_probe.format"]) is None
        assert (f"no {field}" in results["doctor.txt"]) == lacks_it


def _check_insides(told: dict[str, Any], *, there: bool) -> None:
    """Members are those of TCP_INFO where sockets are read; elsewhere there are events alone."""
    assert told["reads"] == told["typed"] == (not told["lacks"]) == there
    assert told["events"] > 20
    if not there:
        assert told["count"] == 0
        return
    assert told["count"] == told["events"]
    info = told["info"]
    assert told["socket"] == {
        **{"icsk_rto": info["rto"], "mss_cache": info["snd_mss"], "packets_out": info["unacked"]},
        **{"reordering": info["reordering"], "min_rtt_us": info["min_rtt"]},
    }
    assert told["algorithm"] == "bictcp"


def _check_trace(results: dict[str, str], summary: dict[str, Any]) -> None:
    assert summary["trace_status"] == 0, results["trace.stderr"]
    # Doctor compiled it, and kept it where everything is by default.
    assert "(program from the cache)" in results["trace.stderr"]
    assert set(re.findall(r"overrun: (\d+)", results["statistics"])) == {"0"}
    text = parse_trace_pipe(results["trace_pipe"])
    expected = [probe for probe in text if summary["port"] in (probe["sport"], probe["dport"])]
    assert len(expected) < len(text), "there was no traffic for --port to keep out"
    _check_that_traffic_was_varied(expected)

    seen = parse_jsonl(results["trace.jsonl"])
    assert {probe["kind"] for probe in seen} == {"probe"}
    assert f"{len(seen)} events in" in results["trace.stderr"]
    assert " 0 lost" in results["trace.stderr"]
    found = differences(expected, seen)
    assert not found, f"{len(found)} differences in {len(expected)} events: {found[:20]}"
    # The two look at the clock one after the other, with whatever the host does in between.
    assert abs(median(clock_differences(expected, seen))) < 0.005


def _check_happenings(results: dict[str, str], port: int, lacking: set[str]) -> None:
    """Compare retransmits, congestion states and resets with the kernel's text, one by one.

    The text also has the connection with which what is read of sockets is tested at attach.
    """
    lines = [line for line in results["happenings.txt"].splitlines() if line[:1] != "#"]
    expected = Counter(
        (
            EventKind(event["kind"]).name,
            *(format_address(*event["saddr"].tolist()), int(event["sport"])),
            *(format_address(*event["daddr"].tolist()), int(event["dport"])),
            *(int(event[name]) for name in ("family", "newstate", "sock_cookie")),
        )
        for event in of_ports(parse(lines), port)
    )
    told = json.loads(results["happenings.json"])
    skaddrs = [event.pop("has_skaddr") for event in told]
    assert Counter(tuple(event.values()) for event in told) == expected
    kinds = {event["kind"] for event in told}
    assert kinds == set(KINDS.values()) - {"RETRANSMIT_SYNACK"} - lacking
    for event, has_skaddr in zip(told, skaddrs, strict=True):
        assert has_skaddr == (event["kind"] != "SEND_RESET" or event["newstate"] != 0)
    ends = {event["saddr"] for event in told if event["kind"] == "SEND_RESET"}
    assert ends == {"127.0.0.1", "::1"}


def _check_that_traffic_was_varied(probes: list[Probe]) -> None:
    """Make sure that no field stood still and no kind of address was left out."""
    for name in EXACT:
        assert len({probe[name] for probe in probes}) > 1, f"{name} never changed"
    assert {probe["saddr"] for probe in probes} == {"127.0.0.1", "::1"}
    assert {probe["mapped"] for probe in probes} == {0, 1}
