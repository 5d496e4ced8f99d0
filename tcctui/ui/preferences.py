"""Current settings, and the recipient of their changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tcctui.config.searches import Searches
from tcctui.config.settings import Settings
from tcctui.errors import TcctuiError
from tcctui.terminal_type import Colours
from tcctui.ui.notices import Notice, tell

if TYPE_CHECKING:
    from textual.widget import Widget

Keep = Callable[[Mapping[str, Any]], None]
"""Keeps changed fields of `Settings` for the next run. Raises TcctuiError."""


class Preferences:
    """Settings from the file and the changes made on the screen.

    `problems` has a sentence for each mistake in the file.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        keep: Keep | None = None,
        problems: Sequence[str] = (),
        searches: Searches | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.searches = searches or Searches()
        """Search history."""
        self.problems = problems
        self.colours = Colours.ALL
        """Colours that the terminal can show."""
        self._keep = keep

    def change(self, **changes: Any) -> None:
        """Change fields of the settings, and keep them.

        Raises:
            TcctuiError: the changes are in force, but could not be kept.

        """
        self.settings = replace(self.settings, **changes)
        if self._keep is not None:
            self._keep(changes)


def keep(widget: Widget, preferences: Preferences, **changes: Any) -> None:
    """Keep settings that have changed; show a notice if that fails."""
    now = preferences.settings
    if any(getattr(now, name) != value for name, value in changes.items()):
        try_to_keep(widget, preferences, "Kept until tcctui exits only", **changes)


def try_to_keep(widget: Widget, preferences: Preferences, failure: str, **changes: Any) -> bool:
    """Keep settings, or show a notice with the title `failure`; True if they are kept."""
    try:
        preferences.change(**changes)
    except TcctuiError as error:
        tell(widget, Notice(failure, str(error), "warning"))
        return False
    return True
