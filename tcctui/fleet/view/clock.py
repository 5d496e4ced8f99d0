"""Clock of a fleet's view: that of the wall, a second behind it."""

from __future__ import annotations

OFFSET_NS = 1_000_000_000
"""Added to a moment of the view gives nanoseconds since 1970; 0 would be an unknown offset."""


def moment_ns(at_s: float) -> int:
    """Moment of the view, of seconds since 1970."""
    return int(at_s * 1_000_000_000) - OFFSET_NS


def seconds(at_ns: int) -> int:
    """Seconds since 1970, of a moment of the view."""
    return (at_ns + OFFSET_NS) // 1_000_000_000
