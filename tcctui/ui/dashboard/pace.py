"""Time between two frames: as short as somebody who looks can use, and no shorter."""

from __future__ import annotations

from dataclasses import dataclass

AT_REST, MOVING, UNFOCUSED = 0.5, 0.25, 1.0
"""Seconds between two frames: while no key is pressed; while the user moves, or a short window is
shown; and while another window has the focus."""

SHORT_WINDOW = 10.0
"""Longest window of a chart, in seconds, that moves visibly four times a second."""

_MOVES = 3.0
"""Seconds for which one key keeps the screen at the faster pace."""


@dataclass
class Pace:
    """Chooses the time until the next frame; `fixed` seconds where the user has set it."""

    fixed: float | None = None
    _moving_until: float = 0.0

    def moved(self, now: float) -> None:
        """The user did something, at a time of the clock."""
        self._moving_until = now + _MOVES

    def seconds(self, now: float, window: float | None, *, focused: bool) -> float:
        """Seconds until the next frame; `window` is what charts show, None for a whole life."""
        if self.fixed is not None:
            return self.fixed
        if not focused:
            return UNFOCUSED
        short = window is not None and window <= SHORT_WINDOW
        return MOVING if short or now < self._moving_until else AT_REST
