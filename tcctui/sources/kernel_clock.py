"""CLOCK_MONOTONIC as the kernel's programs read it, also inside a time namespace."""

from __future__ import annotations

import os
import time
from pathlib import Path

_OFFSETS = Path("/proc/self/timens_offsets")
_OWN, _CHILDREN = "/proc/self/ns/time", "/proc/self/ns/time_for_children"


def offset_ns() -> int:
    """Nanoseconds by which this process's CLOCK_MONOTONIC is ahead of the machine's.

    bpf_ktime_get_ns (kernel/bpf/helpers.c) counts on the machine's, clock_gettime on that of the
    time namespace (time_namespaces(7)). The file tells the namespace of this process's children
    (proc_timens_show_offsets, kernel/time/namespace.c): this process's own, unless it has made one
    for them and not entered it; then the offset is taken for 0.
    """
    try:
        if os.readlink(_OWN) != os.readlink(_CHILDREN):
            return 0
        lines = _OFFSETS.read_text().splitlines()
    except OSError:  # no time namespaces before Linux 5.6
        return 0
    for line in lines:
        clock, seconds, nanoseconds = line.split()
        if clock in ("monotonic", "1"):  # the number on kernels before 5.7
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return 0


_OFFSET_NS = offset_ns()  # a process with this module's threads can't change its namespace


def now_ns() -> int:
    """Nanoseconds of the machine's CLOCK_MONOTONIC: the clock of all events and samples."""
    return time.monotonic_ns() - _OFFSET_NS
