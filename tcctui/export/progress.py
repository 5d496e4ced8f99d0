"""Progress bar on standard error."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_APART = 0.1  # seconds between two pictures of the bar
_WIDTH = 30


class Progress:
    """Bar on one line if `out` is a terminal; else nothing."""

    def __init__(self, what: str, *, out: TextIO | None = None, wanted: bool = True) -> None:
        self._out = sys.stderr if out is None else out
        self._what = what
        self._shown = wanted and self._out.isatty()
        self._drawn = 0.0
        self._begun = time.monotonic()

    def show(self, share: float, note: str = "") -> None:
        """Show a share of the whole."""
        now = time.monotonic()
        if not self._shown or now - self._drawn < _APART:
            return
        self._drawn = now
        share = min(max(share, 0.0), 1.0)
        done = round(share * _WIDTH)
        left = ""
        if share > 0.05 and now - self._begun > 1:
            left = f", {(now - self._begun) * (1 / share - 1):.0f} s left"
        bar = "█" * done + "░" * (_WIDTH - done)
        self._out.write(f"\r\x1b[K{self._what} {bar} {share:4.0%} {note}{left}")
        self._out.flush()

    def clear(self) -> None:
        """Erase the bar."""
        if self._shown and self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()
