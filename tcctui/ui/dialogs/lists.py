"""Navigation in lists that may not have been laid out yet."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.widgets import OptionList


def go(options: OptionList, way: str) -> None:
    """Move by `cursor_up`, `cursor_down`, `page_up` or `page_down`.

    Textual 8.2.8 raises if a page is requested before the list has been laid out: such a key then
    has no effect.
    """
    with suppress(LookupError):
        getattr(options, f"action_{way}")()


class Palette(CommandPalette):
    """Command palette, whose keys may arrive before its list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page('page_down')", "Next page", show=False),
        Binding("pageup", "page('page_up')", "Previous page", show=False),
    ]

    def action_page(self, way: str) -> None:
        """Page through the list, if it is ready."""
        for options in self.query(OptionList):
            go(options, way)
