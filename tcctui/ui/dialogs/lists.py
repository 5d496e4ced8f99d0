"""Going through lists that may have been filled just now."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.widgets import OptionList


def go(options: OptionList, way: str) -> None:
    """Go `cursor_up`, `cursor_down`, `page_up` or `page_down`.

    Textual 8.2.8 raises where a page is asked for before the list has been laid out: such a key
    does nothing then.
    """
    with suppress(LookupError):
        getattr(options, f"action_{way}")()


class Palette(CommandPalette):
    """The palette of commands, whose keys may come before its list does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page('page_down')", "Next page", show=False),
        Binding("pageup", "page('page_up')", "Previous page", show=False),
    ]

    def action_page(self, way: str) -> None:
        """Go a page further in the list, if it is there."""
        for options in self.query(OptionList):
            go(options, way)
