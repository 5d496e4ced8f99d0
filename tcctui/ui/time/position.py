"""Description of the moment shown, for the status line."""

from __future__ import annotations

import math
from typing import TypedDict

from tcctui.ui.style import units
from tcctui.ui.time.playhead import Playhead


class Position(TypedDict):
    """Fields of `Status`."""

    state: str
    along: str
    beside: str
    underway: bool


NOW = Position(state="", along="", beside="", underway=False)
"""Live: empty."""


def _wall(at_ns: int, wall_offset_ns: int, digits: int) -> str:
    return units.wall_clock(at_ns + wall_offset_ns, digits) if wall_offset_ns else ""


def ago(head: Playhead, at_ns: int, wall_offset_ns: int, *, underway: bool = False) -> Position:
    """Distance of `at_ns` from now, and the available past: ❚❚ −12 s of 4 min 10 s · 14:05:03.2.

    With `underway` that is not on the screen yet.
    """
    first_ns, last_ns = head.span
    back = units.span(max(0, last_ns - at_ns) / 1e9)
    return Position(
        state=f"❚❚ −{back}",
        along=f" of {units.span((last_ns - first_ns) / 1e9)}",
        beside=_wall(at_ns, wall_offset_ns, 1),
        underway=underway,
    )


def played(head: Playhead, at_ns: int, wall_offset_ns: int, *, underway: bool = False) -> Position:
    """Speed of a recording and position of `at_ns`: ▶ 2× 14:05:03 · 1:03 of 10:00."""
    first_ns, last_ns = head.span
    speed = "max" if math.isinf(head.speed) else f"{head.speed:.4g}×"
    state = f"▶ {speed}"
    if not head.playing:
        state = "■ end of the recording" if head.ended else "❚❚"
        state += "" if head.speed == 1 else f" {speed}"
    wall = _wall(at_ns, wall_offset_ns, 0 if head.playing else 1)
    far = units.position(max(0, at_ns - first_ns) / 1e9)
    return Position(
        state=state,
        along=f" {wall}" if wall else "",
        beside=f"{far} of {units.position((last_ns - first_ns) / 1e9)}",
        underway=underway,
    )


def old(moment_ns: int, wall_offset_ns: int) -> Position:
    """Time of old data from a stream: ▶ 14:05:03."""
    return NOW | Position(
        state="▶",
        along=f" {_wall(moment_ns, wall_offset_ns, 0)}",
        beside="",
        underway=False,
    )
