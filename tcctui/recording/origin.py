"""Origin of a recording made on this machine."""

from __future__ import annotations

import os
import platform
import time

from tcctui import __version__
from tcctui.recording.timeline import Origin
from tcctui.source import Source
from tcctui.sources.kernel.probe_format import probe_format


def live_origin(source: Source) -> Origin:
    """Describe a source that is open on this machine."""
    return Origin(
        host=platform.node(),
        description=source.description,
        kernel=os.uname().release,
        kernel_filter=source.kernel_filter,
        interval_ns=source.interval_ns,
        wall_offset_ns=_wall_offset_ns(),
        version=__version__,
        tracepoint=_tracepoint(),
    )


def _wall_offset_ns() -> int:
    """Nanoseconds from CLOCK_MONOTONIC to the time since 1970."""
    before = time.monotonic_ns()
    wall = time.time_ns()
    return wall - (before + time.monotonic_ns()) // 2


def _tracepoint() -> str:
    """Text of tcp_probe's `format`; empty if it can't be read."""
    try:
        return probe_format()
    except OSError:
        return ""
