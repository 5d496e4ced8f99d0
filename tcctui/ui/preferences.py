"""The settings as they are now, and where changes of them go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tcctui.config.searches import Searches
from tcctui.config.settings import Settings

Keep = Callable[[Mapping[str, Any]], None]
"""Keeps changed fields of `Settings` for the next time. Raises TcctuiError."""


class Preferences:
    """What has been chosen, by the file and on the screen since.

    `problems` has a sentence for each thing in the file that does not hold.
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
        """What was searched for."""
        self.problems = problems
        self._keep = keep

    def change(self, **changes: Any) -> None:
        """Change fields of the settings, and keep them.

        Raises:
            TcctuiError: they hold, and could not be kept.

        """
        self.settings = replace(self.settings, **changes)
        if self._keep is not None:
            self._keep(changes)
