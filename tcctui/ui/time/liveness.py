"""Delay of a source that plays a pipe."""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable

from tcctui.recording.timeline import Origin
from tcctui.source import Source

_LATE = 5.0
"""Largest delay of a live source in seconds."""

_LONG_AGO_NS = 30_000_000_000
"""The same by the clocks of two machines, which may differ."""


@runtime_checkable
class Streamed(Protocol):
    """Source that plays another machine's recording."""

    @property
    def origin(self) -> Origin:
        """Origin of the recording: host, kernel, source, clock."""

    @property
    def behind_s(self) -> float:
        """Delay in seconds; 0 while it keeps up."""


def behind_s(source: Source) -> float:
    """Delay of a source in seconds."""
    return source.behind_s if isinstance(source, Streamed) else 0.0


def is_live(source: Source) -> bool:
    """True if a source delivers the present, as far as clocks can be compared."""
    if not isinstance(source, Streamed) or not source.now_ns():
        return True
    wall_ns = source.now_ns() + source.origin.wall_offset_ns
    return source.behind_s < _LATE and time.time_ns() - wall_ns < _LONG_AGO_NS
