"""Suggestions below the search box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tcctui.ui.style.legible import plain

if TYPE_CHECKING:
    from tcctui.query.completion import Completion, Suggestion

MOST = 60
"""Limit on entries: with more to choose from, another letter is typed."""


def useful(found: Completion, text: str, *, asked: bool) -> Completion | None:
    """Completion without the present text; None if nothing remains.

    Unless `asked` for, there are no suggestions where no word has begun, as after a space.
    """
    there = text[found.start : found.end]
    choices = tuple(one for one in found.choices if one.text != there)
    begun = there or not text[: found.start][-1:].isspace()
    if not choices or not (asked or (text and begun)):
        return None
    return replace(found, choices=choices)


class Suggestions(OptionList, can_focus=False):
    """Overlay below the box; closed while it is empty."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._completion: Completion | None = None
        self._listed: Sequence[Suggestion] = ()
        self.choosing = False
        """True once the user has begun to choose: then ↑ and ↓ belong to the list."""

    @property
    def is_open(self) -> bool:
        """True while visible."""
        return self._completion is not None

    def open(self, completion: Completion, at: int) -> None:
        """List a completion, below column `at` of the box."""
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
        """Close it; True if it was open."""
        there, self._completion = self.is_open, None
        self.display = False
        self._choose(False)
        return there

    def move(self, by: int) -> bool:
        """Move to the next entry, or the previous one (-1); before the first none is chosen.

        True if that was a move in the list.
        """
        if not self.is_open or (by < 0 and not self.choosing):
            return False
        at = self.highlighted or 0
        if not self.choosing or (by < 0 and at == 0):
            self._choose(by > 0)  # the first one is highlighted initially
        else:
            self.highlighted = min(at + by, len(self._listed) - 1)
        return True

    def taken(self, text: str, place: int | None = None) -> tuple[str, int] | None:
        """Text with the highlighted suggestion, or that at an index; None without any.

        Gives the text, and the cursor's place in it.
        """
        place = self.highlighted if place is None else place
        if self._completion is None or place is None or place >= len(self._listed):
            return None
        before = text[: self._completion.start] + self._listed[place].text
        return before + text[self._completion.end :], len(before)

    def _choose(self, choosing: bool) -> None:
        self.choosing = choosing
        self.set_class(choosing, "choosing")
