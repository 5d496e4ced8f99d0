"""Origin of a recording made on this machine."""

from __future__ import annotations

import os
import platform
import socket
import time

from tcctui import __version__
from tcctui.recording.timeline import Origin
from tcctui.source import Source
from tcctui.sources.kernel.probe_format import probe_format


def live_origin(source: Source) -> Origin:
    """Describe a source that is open on this machine."""
    origin = Origin(
        host=platform.node(),
        description=source.description,
        kernel=os.uname().release,
        kernel_filter=source.kernel_filter,
        interval_ns=source.interval_ns,
        wall_offset_ns=_wall_offset_ns(source),
        version=__version__,
        tracepoint=_tracepoint(),
        interfaces=" ".join(f"{index}={name}" for index, name in socket.if_nameindex()),
    )
    return origin.named()


_AT_ONCE_NS = 1_000_000
_TRIES = 3


def clocks(source: Source) -> tuple[int, int]:
    """Present moment on a source's clock, and since 1970, both in nanoseconds."""
    for _ in range(_TRIES):
        before, wall, after = source.now_ns(), time.time_ns(), source.now_ns()
        if after - before < _AT_ONCE_NS:
            break
    return (before + after) // 2, wall


def _wall_offset_ns(source: Source) -> int:
    now_ns, wall_ns = clocks(source)
    return wall_ns - now_ns


def _tracepoint() -> str:
    """Text of tcp_probe's `format`; empty if it can't be read."""
    try:
        return probe_format()
    except OSError:
        return ""
