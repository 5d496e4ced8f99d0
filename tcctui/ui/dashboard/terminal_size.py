"""Size requirements of the screen, and the notice on a terminal that is too small."""

from __future__ import annotations

from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

LEAST = Size(80, 24)
"""Smallest terminal that everything fits in, in columns and lines."""

ROOMY = Size(120, 30)
"""Smallest terminal with room for the details beside both charts."""


def is_roomy(size: Size) -> bool:
    """True if there is room for everything at once."""
    return size.width >= ROOMY.width and size.height >= ROOMY.height


class TooSmall(Static):
    """Notice for a terminal that is too small."""

    _focused_before: Widget | None = None

    def cover(self, parts: Widget) -> None:
        """Replace the parts, or show them again, with the focus they had."""
        width, height = self.app.size
        too_small = width < LEAST.width or height < LEAST.height
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
