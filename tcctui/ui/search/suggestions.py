"""The list below the search box: what may stand where one types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tcctui.query.completion import Completion, Suggestion
from tcctui.ui.style.printable import plain

LINES = 8
"""Most lines that are shown at once."""

MOST = 60
"""Most that are listed: who has more to choose from types another letter."""


def useful(found: Completion, text: str, *, asked: bool) -> Completion | None:
    """Leave out what is there already; None if there is nothing to list.

    Unless that was `asked` for nothing is listed where nothing is begun: behind a space, say.
    """
    there = text[found.start : found.end]
    choices = tuple(one for one in found.choices if one.text != there)
    begun = there or not text[: found.start][-1:].isspace()
    if not choices or not (asked or (text and begun)):
        return None
    return replace(found, choices=choices)


class Suggestions(OptionList, can_focus=False):
    """Lies over what is below the box and moves nothing; closed while there is nothing in it."""

    DEFAULT_CSS = f"""
    Suggestions {{
        overlay: screen;
        constrain: none inside;
        width: auto;
        max-width: 100%;
        height: auto;
        max-height: {LINES};
        min-width: 12;
        border: none;
        padding: 0;
        background: $panel;
        display: none;
        scrollbar-size-vertical: 1;
        & > .option-list--option {{ padding: 0 1; }}
        & > .option-list--option-highlighted {{
            color: $foreground; background: $panel-lighten-2; text-style: none;
        }}
        &.choosing > .option-list--option-highlighted {{
            color: $block-cursor-foreground; background: $block-cursor-background;
        }}
        &:ansi > .option-list--option-highlighted {{ text-style: underline; }}
        &:ansi.choosing > .option-list--option-highlighted {{ text-style: reverse; }}
    }}
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._completion: Completion | None = None
        self._listed: Sequence[Suggestion] = ()
        self.choosing = False
        """Whether somebody has begun to choose: then ↑ and ↓ are for the list alone."""

    @property
    def is_open(self) -> bool:
        """Whether it is to be seen."""
        return self._completion is not None

    def open(self, completion: Completion, at: int) -> None:
        """List what completes, below column `at` of the box."""
        self._completion = completion
        self._choose(False)
        listed = completion.choices[:MOST]
        if listed != self._listed:
            self._listed = listed
            width = max(len(plain(one.text)) for one in listed)
            self.set_options(
                Option(
                    Text.assemble(
                        plain(one.text).ljust(width),
                        "  ",
                        (plain(one.meaning), "dim"),
                        no_wrap=True,
                        overflow="ellipsis",
                    )
                )
                for one in listed
            )
        self.highlighted = 0
        self.styles.offset = (at, 0)
        self.display = True

    def close(self) -> bool:
        """Take it away; says whether it was there."""
        there, self._completion = self.is_open, None
        self.display = False
        self._choose(False)
        return there

    def move(self, by: int) -> bool:
        """Go to the next one, or the one before (-1); before the first nothing is chosen any more.

        Says whether that was a move in the list.
        """
        if not self.is_open or (by < 0 and not self.choosing):
            return False
        at = self.highlighted or 0
        if not self.choosing or (by < 0 and at == 0):
            self._choose(by > 0)  # the first one is highlighted from the beginning
        else:
            self.highlighted = min(at + by, len(self._listed) - 1)
        return True

    def taken(self, text: str, place: int | None = None) -> tuple[str, int] | None:
        """What `text` is with the suggestion that is highlighted or in a place; None without any.

        Gives the text, and where in it the cursor belongs.
        """
        place = self.highlighted if place is None else place
        if self._completion is None or place is None or place >= len(self._listed):
            return None
        before = text[: self._completion.start] + self._listed[place].text
        return before + text[self._completion.end :], len(before)

    def _choose(self, choosing: bool) -> None:
        self.choosing = choosing
        self.set_class(choosing, "choosing")
