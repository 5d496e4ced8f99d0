"""The line that a search is typed into."""

from __future__ import annotations

from textual.message import Message
from textual.widgets import Input

from tcctui.ui.style.printable import plain


class Box(Input):
    """A box in which only what can be shown is ever kept, also of what is pasted."""

    class AtEnd(Message):
        """The cursor was to go on to the right where there is nothing more."""

    def validate_value(self, value: str) -> str:
        """Replace what is not printable, each character by one."""
        return plain(value)

    def action_cursor_right(self, select: bool = False) -> None:
        """Go right, or say that there is nothing."""
        if self.cursor_position == len(self.value) and not select:
            self.post_message(self.AtEnd())
        super().action_cursor_right(select)
