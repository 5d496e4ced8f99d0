"""Tracepoints as this kernel has them: where tracefs is, their fields, the flags that follow."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.wire.tracepoints import (
    BY_KIND,
    ENDS,
    EVENT_KINDS,
    SOCKADDRS,
    TRACEPOINTS,
    EventKind,
    Tracepoint,
)

_PROBE = int(EventKind.PROBE)

TRACEFS = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
"""Mount points of tracefs, in the order that libbcc's users expect."""

PROBE = BY_KIND[EventKind.PROBE].name

LOST_COUNTERS = -(-(EVENT_KINDS + 3) // 8) * 8
"""Counters of lost records on each processor: one for each kind, and for the three that go with
tcp_probe's (`wire.inside`), in whole cache lines of 64 bytes.

bpf/tcc.c is compiled with this number, so that both sides step from processor to processor by it.
"""

_FIELD = re.compile(r"^\s*field:(?P<declaration>[^;]+);\s*offset:(?P<offset>\d+);", re.MULTILINE)
_NAME = re.compile(r"(\w+)\s*(?:\[.*\])?$")
_IDENTITY = re.compile(r"^ID:\s*(\d+)", re.MULTILINE)


def field_names(text: str) -> frozenset[str]:
    """Names of the fields that a tracepoint's `format` file declares."""
    names = (_NAME.search(field["declaration"].strip()) for field in _FIELD.finditer(text))
    return frozenset(name[1] for name in names if name)


def identity(text: str) -> int:
    """Number of a tracepoint, by which perf_event_open(2) knows it, from its `format` file.

    Raises:
        ValueError: there is none in it.

    """
    found = _IDENTITY.search(text)
    if found is None:
        raise ValueError("a tracepoint's format has no ID")
    return int(found[1])


def kind_flags() -> list[str]:
    """Give bpf/tcc.c the numbers of the kinds of events, and how many counters there are of each.

    Raises:
        ValueError: the kinds are not numbered from 0 on, or do not fit into a record's byte.

    """
    kinds = [int(row.kind) for row in TRACEPOINTS]
    if kinds != list(range(min(EVENT_KINDS, 256))):
        raise ValueError(f"kinds of events have to be numbered from 0 to 255 at most: {kinds}")
    return [
        *(f"-DEVENT_{row.kind.name}={row.kind:d}" for row in TRACEPOINTS),
        f"-DEVENT_KINDS={EVENT_KINDS}",
        f"-DEVENT_INSIDE={EVENT_KINDS}",
        f"-DEVENT_ALGORITHM={EVENT_KINDS + 1}",
        f"-DEVENT_ACK={EVENT_KINDS + 2}",
        f"-DTCC_LOST_COUNTERS={LOST_COUNTERS}",
    ]


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
    missing = [name for name in BY_KIND[EventKind.PROBE].fields if name not in probe]
    if missing:
        raise TcctuiError(
            f"This kernel's tcp_probe lacks {', '.join(missing)}.",
            "tcctui needs Linux 5.8 or newer.",
        )
    without = lacking(formats)
    found = [f"-DTCC_NO_{row.kind.name}" for row in without]
    for row in TRACEPOINTS:
        if row in without:
            continue
        has = formats[row.name]
        found += [f"-DTCC_{row.kind.name}_HAS_{name.upper()}" for name in row.extras if name in has]
        if row.sockaddrs and "sport" not in has:
            found.append(f"-DTCC_{row.kind.name}_HAS_SOCKADDRS")
    return found


def lacking(formats: Mapping[str, frozenset[str]]) -> list[Tracepoint]:
    """Of the tracepoints that can be done without, those that a kernel has not as needed."""
    return [
        row
        for row in TRACEPOINTS
        if row.kind != _PROBE and not _suffices(row, formats.get(row.name, frozenset()))
    ]


def _suffices(row: Tracepoint, fields: frozenset[str]) -> bool:
    needed = row.fields
    if row.sockaddrs:
        needed += ENDS if "sport" in fields else SOCKADDRS
    return fields.issuperset(needed)


def find_tracefs() -> Path | None:
    """Mount point of tracefs, or None. The search under debugfs may mount it there."""
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
    target = TRACEFS[0]
    # libbcc looks below debugfs with access(2), which grants no capability to a user but root.
    if found == target or (found and os.geteuid() == 0):
        return found
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"nodev", os.fsencode(target), b"tracefs", 0, None) != 0:
        raise TcctuiError(
            f"tracefs is not mounted on {target} and can't be: {os.strerror(ctypes.get_errno())}.",
            f"Run: sudo mount -t tracefs nodev {target}",
        )
    return target


def read_formats(tracefs: Path) -> dict[str, frozenset[str]]:
    """Fields of the tracepoints that tcctui uses, by name; what the kernel lacks is left out.

    Raises:
        TcctuiError: tracefs is there and can't be read.

    """
    return {name: field_names(text) for name, text in format_texts(tracefs).items()}


def format_texts(tracefs: Path) -> dict[str, str]:
    """`format` files of the tracepoints that tcctui uses; what the kernel lacks is left out.

    Raises:
        TcctuiError: tracefs is there and can't be read.

    """
    texts = {}
    for name in (row.name for row in TRACEPOINTS):
        try:
            texts[name] = (tracefs / "events" / name / "format").read_text()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise TcctuiError(
                f"{error.filename} can't be read: {error.strerror}.",
                "Reading tracepoints needs root or CAP_DAC_READ_SEARCH, and a kernel that is not"
                " in lockdown.",
            ) from error
    return texts
