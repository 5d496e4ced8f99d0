"""Playhead: position on a timeline, its movement, and its description."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypedDict

from tcctui.recording.timeline import Span
from tcctui.ui.style import units

SPEEDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, math.inf)
"""Playback speeds; the last is the maximum."""

_FASTEST = 1000.0
"""Smallest stride of the maximum speed in seconds, however long a moment takes."""

_QUICK, _SLOW = 0.1, 0.5
"""Duration of work on a moment, below which strides get longer, and above which shorter."""

_LONGEST = 86_400.0
"""Largest stride of the maximum speed in seconds."""


class Playhead:
    """Moment within `span`, which may grow or lose its beginning. `speed` may be infinite."""

    def __init__(
        self, span: Callable[[], Span], at_ns: int, *, speed: float = 1.0, loop: bool = False
    ) -> None:
        self._span = span
        self._loop = loop
        self._stride = _FASTEST * _QUICK
        self.speed = speed
        self.playing = False
        self.at_ns = at_ns
        self.go(at_ns)

    @property
    def span(self) -> Span:
        """Current first and last moment."""
        return self._span()

    @property
    def ended(self) -> bool:
        """True at the end."""
        return not self.playing and self.at_ns >= self.span.last_ns

    @property
    def dropped(self) -> bool:
        """True if its moment is no longer in the timeline."""
        return self.at_ns < self.span.first_ns

    def go(self, at_ns: int) -> None:
        """Go to a moment, or to the nearest available one."""
        first_ns, last_ns = self.span
        self.at_ns = max(first_ns, min(at_ns, last_ns))

    def step(self, seconds: float) -> None:
        """Step forward or back."""
        self.go(self.at_ns + round(seconds * 1e9))

    def play(self) -> None:
        """Start moving; from the end, restart at the beginning."""
        if self.ended:
            self.go(self.span.first_ns)
        self.playing = True

    def faster(self, steps: int) -> None:
        """Take the next higher of `SPEEDS` (1), or the next lower one (-1)."""
        if steps > 0:
            self.speed = min((one for one in SPEEDS if one > self.speed), default=SPEEDS[-1])
        else:
            self.speed = max((one for one in SPEEDS if one < self.speed), default=SPEEDS[0])

    def advance(self, seconds: float, worked: float) -> None:
        """Let `seconds` pass; `worked` is the time spent on the newest moment."""
        if not self.playing:
            return
        if math.isinf(self.speed):
            factor = 2.0 if worked < _QUICK else 0.5 if worked > _SLOW else 1.0
            least = _FASTEST * max(worked, _QUICK)
            self._stride = min(max(self._stride * factor, least), _LONGEST)
            self.step(self._stride)
        else:
            self.step(seconds * self.speed)
        if self.at_ns >= self.span.last_ns:
            self.playing = False
            if self._loop:
                self.play()


class Position(TypedDict):
    """Fields of `Status`."""

    state: str
    along: str
    beside: str
    underway: bool


NOW = Position(state="", along="", beside="", underway=False)
"""Live: empty."""


def _wall(wall_ns: int, digits: int, *, dated: bool = False) -> str:
    return units.zoned(wall_ns, digits, dated=dated) if wall_ns else ""


def ago(head: Playhead, at_ns: int, wall_ns: int, *, underway: bool = False) -> Position:
    """Time of `at_ns`, its distance from now, and the past: ❚❚ 14:05:03.2 CET · −12 s of 4 min.

    `wall_ns` is the same since 1970, 0 if unknown. With `underway` that is not on the screen yet.
    """
    first_ns, last_ns = head.span
    back = f"−{units.span(max(0, last_ns - at_ns) / 1e9)}"
    dated = last_ns - at_ns >= units.DATED_NS
    wall = _wall(wall_ns, 0 if dated else 1, dated=dated)
    return Position(
        state=f"❚❚ {wall} · {back}" if wall else f"❚❚ {back}",
        along="",
        beside=f" of {units.span((last_ns - first_ns) / 1e9)}",
        underway=underway,
    )


def played(head: Playhead, at_ns: int, wall_ns: int, *, underway: bool = False) -> Position:
    """Speed of a recording and position of `at_ns`: ▶ 2× 14:05:03 CET · 1:03 of 10:00."""
    first_ns, last_ns = head.span
    speed = "max" if math.isinf(head.speed) else f"{head.speed:.4g}×"
    state = f"▶ {speed}"
    if not head.playing:
        state = "■ end of the recording" if head.ended else "❚❚"
        state += "" if head.speed == 1 else f" {speed}"
    wall = _wall(wall_ns, 0 if head.playing else 1)
    far = units.position(max(0, at_ns - first_ns) / 1e9)
    return Position(
        state=state,
        along=f" {wall}" if wall else "",
        beside=f"{far} of {units.position((last_ns - first_ns) / 1e9)}",
        underway=underway,
    )


def old(wall_ns: int) -> Position:
    """Time of old data from a stream: ▶ 14:05:03 CET."""
    return NOW | Position(state="▶", along=f" {_wall(wall_ns, 0)}", beside="", underway=False)
