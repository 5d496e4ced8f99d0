"""Tracepoints as this kernel has them: where tracefs is, their fields, the flags that follow."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping
from pathlib import Path

from tcctui.errors import TcctuiError

TRACEFS = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
"""Where tracefs may be mounted, in the order in which libbcc's users expect it."""

PROBE = "tcp/tcp_probe"
STATE = "sock/inet_sock_set_state"
DESTROY = "tcp/tcp_destroy_sock"
RETRANSMIT = "tcp/tcp_retransmit_skb"
CA_STATE = "tcp/tcp_cong_state_set"
RECEIVE_RESET = "tcp/tcp_receive_reset"
SEND_RESET = "tcp/tcp_send_reset"
RETRANSMIT_SYNACK = "tcp/tcp_retransmit_synack"

REQUIRED = (
    "saddr",
    "daddr",
    "sport",
    "dport",
    "mark",
    "data_len",
    "snd_nxt",
    "snd_una",
    "snd_cwnd",
    "ssthresh",
    "snd_wnd",
    "srtt",
    "rcv_wnd",
    "sock_cookie",
)
"""The fields of tcp_probe without which there is nothing to show."""

_ENDS = ("saddr_v6", "daddr_v6", "sport", "dport")
_SOCKADDRS = ("saddr", "daddr")  # where a tracepoint has no `sport`: sockaddrs, with the ports

OPTIONAL = {
    STATE: ("STATE", ("protocol", *_ENDS, "skaddr", "family", "oldstate", "newstate")),
    DESTROY: ("DESTROY", ("sock_cookie", *_ENDS, "skaddr")),
    RETRANSMIT: ("RETRANSMIT", ("skaddr", "state", *_ENDS)),
    CA_STATE: ("CA_STATE", ("skaddr", *_ENDS, "cong_state")),
    RECEIVE_RESET: ("RECEIVE_RESET", ("skaddr", *_ENDS, "sock_cookie")),
    SEND_RESET: ("SEND_RESET", ("skaddr", "state")),
    RETRANSMIT_SYNACK: ("RETRANSMIT_SYNACK", _ENDS),
}
"""Tracepoints that can be done without, with their names in flags and the fields they must have."""

_EXTRAS = {
    PROBE: ("PROBE", ("family", "skaddr")),
    RETRANSMIT: ("RETRANSMIT", ("family", "err")),
    CA_STATE: ("CA_STATE", ("family",)),
    RECEIVE_RESET: ("RECEIVE_RESET", ("family",)),
    SEND_RESET: ("SEND_RESET", ("family",)),
    RETRANSMIT_SYNACK: ("RETRANSMIT_SYNACK", ("family",)),
}
"""Fields that are used where a kernel has them."""

_FIELD = re.compile(r"^\s*field:(?P<declaration>[^;]+);\s*offset:(?P<offset>\d+);", re.MULTILINE)
_NAME = re.compile(r"(\w+)\s*(?:\[.*\])?$")


def field_names(text: str) -> frozenset[str]:
    """Names of the fields that a tracepoint's `format` file declares."""
    names = (_NAME.search(field["declaration"].strip()) for field in _FIELD.finditer(text))
    return frozenset(name[1] for name in names if name)


def flags(formats: Mapping[str, frozenset[str]]) -> list[str]:
    """Compiler flags for bpf/tcc.c, from the fields of the tracepoints that this kernel has.

    `formats` maps a tracepoint (`tcp/tcp_probe`) to the names of its fields; one that the kernel
    lacks is left out.

    Raises:
        TcctuiError: tcp_probe is missing, or lacks a field that tcctui can't do without.

    """
    probe = formats.get(PROBE)
    if probe is None:
        raise TcctuiError(
            "This kernel has no tracepoint tcp:tcp_probe.",
            "tcctui needs Linux 5.8 or newer with CONFIG_FTRACE and CONFIG_BPF_EVENTS.",
        )
    missing = [name for name in REQUIRED if name not in probe]
    if missing:
        raise TcctuiError(
            f"This kernel's tcp_probe lacks {', '.join(missing)}.",
            "tcctui needs Linux 5.8 or newer.",
        )
    without = lacking(formats)
    found = [f"-DTCC_NO_{OPTIONAL[tracepoint][0]}" for tracepoint in without]
    for tracepoint, (name, extras) in _EXTRAS.items():
        if tracepoint not in without:
            has = formats[tracepoint]
            found += [f"-DTCC_{name}_HAS_{extra.upper()}" for extra in extras if extra in has]
    if SEND_RESET not in without and "sport" not in formats[SEND_RESET]:
        found.append("-DTCC_SEND_RESET_HAS_SOCKADDRS")
    return found


def lacking(formats: Mapping[str, frozenset[str]]) -> list[str]:
    """Of `OPTIONAL`, the tracepoints that a kernel with such `formats` does not have as needed."""
    return [
        tracepoint
        for tracepoint, (_, needed) in OPTIONAL.items()
        if not _suffice(tracepoint, needed, formats.get(tracepoint, frozenset()))
    ]


def _suffice(tracepoint: str, needed: tuple[str, ...], fields: frozenset[str]) -> bool:
    if tracepoint == SEND_RESET:
        needed += _ENDS if "sport" in fields else _SOCKADDRS
    return fields.issuperset(needed)


def find_tracefs() -> Path | None:
    """Where tracefs is mounted, or None. Looking under debugfs may mount it there."""
    mounts = {line.split()[1] for line in _mounts() if line.split()[2:3] == ["tracefs"]}
    # Without root only the list of mounts tells; the automount under debugfs is not in it yet.
    return next(
        (path for path in TRACEFS if str(path) in mounts or os.path.isdir(path / "events")), None
    )


def _mounts() -> list[str]:
    try:
        return Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return []


def mount_tracefs() -> Path:
    """Find tracefs, and mount it where it is not; it stays mounted, as after trace-cmd or bpftrace.

    Raises:
        TcctuiError: it is not there and can't be mounted.

    """
    found = find_tracefs()
    if found:
        return found
    target = TRACEFS[0]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"nodev", os.fsencode(target), b"tracefs", 0, None) != 0:
        raise TcctuiError(
            f"tracefs is not mounted and can't be: {os.strerror(ctypes.get_errno())}.",
            f"Run: sudo mount -t tracefs nodev {target}",
        )
    return target


def read_formats(tracefs: Path) -> dict[str, frozenset[str]]:
    """Fields of the tracepoints that tcctui uses, by name; what the kernel lacks is left out.

    Raises:
        TcctuiError: tracefs is there and can't be read.

    """
    formats = {}
    for name in (PROBE, *OPTIONAL):
        try:
            formats[name] = field_names((tracefs / "events" / name / "format").read_text())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise TcctuiError(
                f"{error.filename} can't be read: {error.strerror}.",
                "Reading tracepoints needs root, and a kernel that is not in lockdown.",
            ) from error
    return formats
