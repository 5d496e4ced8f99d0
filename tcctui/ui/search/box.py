"""Input line of the search."""

from __future__ import annotations

from textual.message import Message
from textual.widgets import Input

from tcctui.ui.style.legible import plain


class Box(Input):
    """Box that keeps printable characters only, also of pasted text."""

    class AtEnd(Message):
        """The cursor was moved right at the end of the text."""

    def validate_value(self, value: str) -> str:
        """Replace each unprintable character by one printable."""
        return plain(value)

    def action_cursor_right(self, select: bool = False) -> None:
        """Move right, or report the end."""
        if self.cursor_position == len(self.value) and not select:
            self.post_message(self.AtEnd())
        super().action_cursor_right(select)
