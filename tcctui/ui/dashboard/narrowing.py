"""Restriction of the kernel's delivery to possible matches of the search."""

from __future__ import annotations

from tcctui.query import ALL, Query
from tcctui.source import Source
from tcctui.ui.notices import Notice


class Narrowing:
    """Keeps the source as narrow as the search, while enabled."""

    def __init__(self) -> None:
        self.on = False
        self._query = ALL
        self._half_open = False
        self._source: Source | None = None

    def opened(self, source: Source) -> None:
        """Start with a source, in the mode chosen before it was open."""
        self._source = source
        source.look_for(self._query, half_open=self._half_open)
        if self.on and source.can_narrow:
            source.narrow(self._query)
        self.on = self.on and source.can_narrow

    def search(self, query: Query) -> None:
        """Follow a changed search."""
        self._query = query
        if self._source is not None:
            self._source.look_for(query, half_open=self._half_open)
        if self.on and self._source is not None:
            self._source.narrow(query)

    def show_half_open(self, shown: bool) -> None:
        """Follow whether a column shows the half-open connections of listeners."""
        if shown != self._half_open:
            self._half_open = shown
            if self._source is not None:
                self._source.look_for(self._query, half_open=shown)

    def toggle(self, *, live: bool = True) -> Notice:
        """Switch it on or off; the result explains the effect if the screen does not show it.

        `live` is True if a source is still to come, should there be none yet.
        """
        if not live or (self._source is not None and not self._source.can_narrow):
            return Notice(
                "Nothing to narrow",
                "This is a recording: the kernel's part was decided then.",
                "warning",
            )
        self.on = not self.on
        if self._source is not None:
            self._source.narrow(self._query if self.on else None)
        if not self.on:
            return Notice("The kernel delivers everything again", "Flows come back one by one.")
        return Notice(
            "The kernel delivers possible matches only",
            "Everything else is lost meanwhile, for rewinding too. K ends it.",
        )
