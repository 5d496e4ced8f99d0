"""Size requirements of the screen, and the notice on a terminal that is too small."""

from __future__ import annotations

from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

LEAST = Size(60, 16)
"""Smallest terminal with room for the table, in columns and lines."""

WITH_CHARTS = Size(80, 24)
"""Smallest terminal with room for charts below the table."""

ROOMY = Size(120, 30)
"""Smallest terminal with room for the details beside both charts."""


def is_roomy(size: Size) -> bool:
    """True if there is room for everything at once."""
    return _holds(size, ROOMY)


def has_charts(size: Size) -> bool:
    """True if there is room for more than the table."""
    return _holds(size, WITH_CHARTS)


def _holds(size: Size, least: Size) -> bool:
    return size.width >= least.width and size.height >= least.height


class TooSmall(Static):
    """Notice for a terminal that is too small."""

    _focused_before: Widget | None = None

    def cover(self, parts: Widget) -> None:
        """Replace the parts, or show them again, with the focus they had."""
        width, height = self.app.size
        too_small = not _holds(self.app.size, LEAST)
        if too_small and parts.display:
            self._focused_before = self.screen.focused  # a hidden widget can't keep it
        parts.display = not too_small
        if not too_small and self._focused_before is not None:
            self.screen.set_focus(self._focused_before)
            self._focused_before = None
        self.display = too_small
        if too_small:
            self.update(
                f"This terminal is {width}×{height}.\n"
                f"tcctui needs {LEAST.width}×{LEAST.height}: make it larger, or press q."
            )
