"""Where on a timeline one is, and how that moves."""

from __future__ import annotations

import math
from collections.abc import Callable

from tcctui.recording.timeline import Span

SPEEDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, math.inf)
"""Seconds of a recording in a second; the last one is as fast as it goes."""

_FASTEST = 1000.0
"""The least that is as fast as it goes, whatever the work on a moment takes."""

_QUICK, _SLOW = 0.1, 0.5
"""Seconds of work on a moment, below which strides get longer, and above which shorter."""

_LONGEST = 86_400.0
"""Seconds that it goes on by at most, where it is as fast as it goes."""


class Playhead:
    """A moment within `span`, which may grow or lose its beginning. `speed` may be infinite."""

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
        """From where to where it can go now."""
        return self._span()

    @property
    def ended(self) -> bool:
        """Whether it stands at the end."""
        return not self.playing and self.at_ns >= self.span.last_ns

    @property
    def dropped(self) -> bool:
        """Whether the timeline no longer reaches back to where it stands."""
        return self.at_ns < self.span.first_ns

    def go(self, at_ns: int) -> None:
        """Go to a moment, or to the nearest there is."""
        first_ns, last_ns = self.span
        self.at_ns = max(first_ns, min(at_ns, last_ns))

    def step(self, seconds: float) -> None:
        """Go on, or back."""
        self.go(self.at_ns + round(seconds * 1e9))

    def play(self) -> None:
        """Let it move; from the beginning, where it stands at the end."""
        if self.ended:
            self.go(self.span.first_ns)
        self.playing = True

    def faster(self, steps: int) -> None:
        """Take the next greater of `SPEEDS` (1), or the next smaller one (-1)."""
        if steps > 0:
            self.speed = min((one for one in SPEEDS if one > self.speed), default=SPEEDS[-1])
        else:
            self.speed = max((one for one in SPEEDS if one < self.speed), default=SPEEDS[0])

    def advance(self, seconds: float, worked: float) -> None:
        """Let so many seconds pass; `worked` is how long the newest moment took to work out."""
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
