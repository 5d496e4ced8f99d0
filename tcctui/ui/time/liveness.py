"""What comes through a pipe: whether it is of now, or how late."""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable

from tcctui.recording.timeline import Origin
from tcctui.source import Source

_LATE = 5.0
"""Seconds of delay beyond which nothing is live."""

_LONG_AGO_NS = 30_000_000_000
"""The same by the clocks of two machines, which may differ."""


@runtime_checkable
class Streamed(Protocol):
    """A source that plays what another machine records, or has recorded."""

    @property
    def origin(self) -> Origin:
        """Where it is recorded."""

    @property
    def behind_s(self) -> float:
        """Seconds that it is behind; 0 while it keeps up."""


def behind_s(source: Source) -> float:
    """How many seconds a source is late."""
    return source.behind_s if isinstance(source, Streamed) else 0.0


def is_live(source: Source) -> bool:
    """Whether what a source delivers has just happened, as far as clocks tell."""
    if not isinstance(source, Streamed) or not source.now_ns():
        return True
    wall_ns = source.now_ns() + source.origin.wall_offset_ns
    return source.behind_s < _LATE and time.time_ns() - wall_ns < _LONG_AGO_NS
