"""Saved searches: pick, save, delete."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from tcctui.query import QueryError, parse
from tcctui.ui.dialogs import Ask, Choice, Pick, highlighted
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.preferences import Preferences, try_to_keep
from tcctui.ui.search.search_bar import SearchBar

SAVE = "save"
"""Value of the choice that saves the current search."""

NAMED = "named "
"""Prefix of a picked filter's name."""


_ANOTHER_WINDOW = Notice(
    "rwnd is the peer's window now",
    "save it with rcv_wnd (this end's) or snd_wnd",
    "warning",
)
_COMPARED = re.compile(r"\brwnd\s*[-+*/<>=!]|[-+*/<>=(]\s*rwnd\b")


def means_another_window(text: str) -> bool:
    """True if a query compares `rwnd`, which once named `rcv_wnd`, and not only `limit:rwnd`."""
    try:
        return "snd_wnd" in parse(text).fields and bool(_COMPARED.search(text))
    except QueryError:
        return False


class Filters(Pick):
    """Lists filters with their text. `forget` is called with the name of one to delete."""

    HINT = "Enter takes · Del deletes · Esc closes"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("delete", "forget", "Delete", priority=True)]

    def __init__(
        self, filters: Mapping[str, str], search: str, forget: Callable[[str], None]
    ) -> None:
        """Offer to save `search`, unless it is empty."""
        save = [Choice(SAVE, "Save the present search as …", search)] if search else []
        named = [Choice(f"{NAMED}{name}", name, text) for name, text in filters.items()]
        super().__init__(
            "Filters",
            [*named, *save],
            nothing="None is saved: search first, then save it here",
            opener="filters",
        )
        self._forget = forget

    def action_forget(self) -> None:
        """Delete the highlighted one."""
        value = highlighted(self.query_one(OptionList)) or ""
        if value.startswith(NAMED):
            self._forget(value.removeprefix(NAMED))
            self._choices = [choice for choice in self._choices if choice.value != value]
            self.renew()


def pick(bar: SearchBar, preferences: Preferences) -> None:
    """Search for a picked filter, or save the current search."""

    def picked(value: str | None) -> None:
        if value == SAVE:
            save(bar, preferences)
        elif value is not None:
            text = preferences.settings.filters[value.removeprefix(NAMED)]
            bar.search(text)
            if means_another_window(text):
                tell(bar, _ANOTHER_WINDOW)

    forget = partial(_forget, bar, preferences)
    bar.app.push_screen(Filters(preferences.settings.filters, bar.good.strip(), forget), picked)


def save(bar: SearchBar, preferences: Preferences) -> None:
    """Ask for a name for the search in the box."""
    text = bar.text.strip()
    try:
        parse(text)
    except QueryError as mistake:
        tell(bar, Notice("Not saved", f"There is a mistake in it: {mistake.reason}.", "warning"))
        return
    if not text:
        tell(bar, Notice("Nothing to save", "Type a search first.", "warning", BRIEF))
        return

    def named(name: str | None) -> None:
        if name is not None:
            filters = preferences.settings.filters
            again = (
                "It replaces the former filter of this name."
                if filters.get(name, text) != text
                else ""
            )
            if _change(bar, preferences, {**filters, name: text}):
                tell(bar, Notice(f"Saved as {name}", again, seconds=BRIEF))

    names = [name for name, known in preferences.settings.filters.items() if known == text]
    bar.app.push_screen(Ask("Name of this filter", text, answer="".join(names[:1])), named)


def _forget(bar: SearchBar, preferences: Preferences, name: str) -> None:
    filters = dict(preferences.settings.filters)
    filters.pop(name, None)
    _change(bar, preferences, filters)


def _change(bar: SearchBar, preferences: Preferences, filters: dict[str, Any]) -> bool:
    """Replace the filters; True if they are kept on disk, too."""
    failure = "Filters are kept until tcctui exits only"
    return try_to_keep(bar, preferences, failure, filters=filters)
