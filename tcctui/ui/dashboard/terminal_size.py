"""How much room a terminal has, and what is said where that is too little."""

from __future__ import annotations

from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

LEAST = Size(80, 24)
"""Columns and lines of the smallest terminal that everything fits in."""

ROOMY = Size(120, 30)
"""Those of the smallest that has room for the details beside both charts."""


def is_roomy(size: Size) -> bool:
    """Whether there is room for everything at once."""
    return size.width >= ROOMY.width and size.height >= ROOMY.height


class TooSmall(Static):
    """Says so when there is too little room to show anything right."""

    _focused_before: Widget | None = None

    def cover(self, parts: Widget) -> None:
        """Come in place of the parts, or let them be seen again, with the focus they had."""
        width, height = self.app.size
        too_small = width < LEAST.width or height < LEAST.height
        if too_small and parts.display:
            self._focused_before = self.screen.focused  # what is not displayed can't keep it
        parts.display = not too_small
        if not too_small and self._focused_before is not None:
            self.screen.set_focus(self._focused_before)
            self._focused_before = None
        self.display = too_small
        self.update(
            f"This terminal is {width}×{height}.\n"
            f"tcctui needs {LEAST.width}×{LEAST.height}: make it larger, or press q."
        )
