"""The bundled recording, also where there is no Linux."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tcctui.cli import main
from tcctui.demo import RECORDING
from tcctui.recording.chunks import Chunk, merged
from tcctui.recording.file import Recording
from tcctui.rewind.moment import Moment
from tcctui.wire.events import EventKind


@pytest.fixture(scope="module")
def everything() -> Chunk:
    """Give all of the recording."""
    recording = Recording(RECORDING)
    return merged(list(recording.chunks(0, recording.span.last_ns)))


def test_small_and_whole() -> None:
    """It has 60 to 90 s in at most 300 KB, nothing is lost, and nothing of it can't be read."""
    recording = Recording(RECORDING)
    assert RECORDING.stat().st_size <= 300_000
    assert 60e9 < recording.span.last_ns - recording.span.first_ns < 90e9
    assert recording.totals().lost == 0
    assert not recording.remark


def test_says_nothing_of_its_machine(everything: Chunk) -> None:
    """No names but those of the traffic's own programs, no address of a socket in a kernel."""
    origin = Recording(RECORDING).origin
    samples, events = everything.samples, everything.events
    assert origin.host == "demo"
    assert origin.kernel == ".".join(origin.kernel.split(".")[:2])
    assert not origin.tracepoint
    assert set(samples["comm"].tolist()) <= {b"iperf3", b"python3", b""}
    assert set(samples["netns_name"].tolist()) <= {b"client", b"server"}
    assert set(samples["cgroup"].tolist()) == {b""}
    assert int(events["ts_ns"].max()) < 1200e9
    assert set((events["skaddr"] >> np.uint64(32)).tolist()) <= {0, 0xFFFF8880}


def test_has_what_it_is_to_show(everything: Chunk, capsys: pytest.CaptureFixture[str]) -> None:
    """Its flows are cubic and bbr, each cause limits one, there are losses and short flows.

    Without a terminal it says so.
    """
    assert main(["demo"]) == 1
    assert "terminal" in capsys.readouterr().err
    assert {b"cubic", b"bbr"} <= set(everything.samples["cc"].tolist())
    kinds = np.bincount(everything.events["kind"], minlength=len(EventKind))
    for kind in (EventKind.RETRANSMIT, EventKind.CA_STATE, EventKind.DESTROY):
        assert kinds[kind] >= 5
    probes = everything.events[everything.events["kind"] == EventKind.PROBE]
    sockets = np.unique(probes["skaddr"][probes["skaddr"] > 0])
    assert len(sockets) >= 8
    recording = Recording(RECORDING)
    moment = Moment(recording)
    seen = set()
    for second in range(15, 70, 5):
        moment.go(recording.span.first_ns + second * 10**9)
        flows = moment.flows(["limit", "cc", "sampled_ns"])
        seen |= set(flows["limit"].tolist())
        if second == 30:
            assert len(flows["cookie"]) >= 8
            assert np.count_nonzero(flows["sampled_ns"]) >= 6
            assert {b"cubic", b"bbr"} <= set(flows["cc"].tolist())
    assert {1, 2, 3, 4} <= seen


# Other systems


_ELSEWHERE = """
import asyncio, os, pathlib, select, signal, subprocess, sys

import numpy, plotext, pyarrow.ipc, pyarrow.parquet, textual.app, textual.drivers.headless_driver

sys.platform = "win32"
for module, names in (
    (os, "pread O_CLOEXEC O_NONBLOCK O_NOFOLLOW O_NOCTTY geteuid getuid fchown sysconf uname"),
    (signal, "SIGHUP SIGALRM SIGPIPE alarm"),
):
    for name in names.split():
        delattr(module, name)

from tcctui.cli import main
from tcctui.cli.rewind_options import RewindOptions
from tcctui.cli import parser
from tcctui.demo import RECORDING
from tcctui.recording.file import Recording
from tcctui.ui.app.app import ReplayApp
from tcctui import memory

assert main(["export", "demo", sys.argv[1], "--table", "flows"]) == 0
RewindOptions.of(parser().parse_args(["replay", "it"]))
memory.return_at_once()

async def seen():
    recording = Recording(RECORDING)
    app = ReplayApp(recording, at_ns=recording.span.first_ns + 30 * 10**9)
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(600):
            await pilot.pause(0.1)
            if "192.0.2.80:5201" in app.export_screenshot():
                print("seen")
                return

asyncio.run(seen())
"""


def test_where_there_is_less_than_on_linux(tmp_path: Path) -> None:
    """Without what only Unix has, the demo is exported, and shown in the dashboard."""
    out = tmp_path / "flows.csv"
    command = [sys.executable, "-c", _ELSEWHERE, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "seen" in done.stdout
    assert "5201" in out.read_text()
