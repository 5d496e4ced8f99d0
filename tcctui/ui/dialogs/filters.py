"""Saved filters: pick one, or save the current search as another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from tcctui.ui.dialogs.pick import Choice, Pick

SAVE = "save"
"""Value of the choice that saves the current search."""

NAMED = "named "
"""Prefix of a picked filter's name."""


class Filters(Pick):
    """Lists filters with their text. `forget` is called with the name of one to delete."""

    HINT = "Enter takes · Del deletes · Esc closes"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete", "forget", "Delete", priority=True),
    ]

    def __init__(
        self, filters: Mapping[str, str], search: str, forget: Callable[[str], None]
    ) -> None:
        """Offer to save `search`, unless it is empty."""
        save = [Choice(SAVE, "Save the present search as …", search)] if search else []
        named = [Choice(f"{NAMED}{name}", name, text) for name, text in filters.items()]
        super().__init__(
            "Filters", [*named, *save], nothing="None is saved: search first, then save it here"
        )
        self._forget = forget

    def action_forget(self) -> None:
        """Delete the highlighted one."""
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return
        value = options.get_option_at_index(options.highlighted).id or ""
        if value.startswith(NAMED):
            self._forget(value.removeprefix(NAMED))
            self._choices = [choice for choice in self._choices if choice.value != value]
            self.renew()
