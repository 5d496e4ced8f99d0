"""Whether the kernel delivers only what the search may match."""

from __future__ import annotations

from tcctui.query import ALL, Query
from tcctui.source import Source
from tcctui.ui.notices import Notice

TOOLTIP = (
    "Let the kernel deliver only what the search can match, by addresses and ports; again:"
    " everything. What is not delivered is not there when the search is cleared, nor to go"
    " back to, nor recorded."
)


class Narrowing:
    """Keeps the source as narrow as the search, while that is wanted."""

    def __init__(self) -> None:
        self.on = False
        self._query = ALL
        self._source: Source | None = None

    def opened(self, source: Source) -> None:
        """Begin with a source: what was wanted before there was one holds for it."""
        self._source = source
        if self.on and source.can_narrow:
            source.narrow(self._query)
        self.on = self.on and source.can_narrow

    def search(self, query: Query) -> None:
        """Follow a changed search."""
        self._query = query
        if self.on and self._source is not None:
            self._source.narrow(query)

    def toggle(self, *, live: bool = True) -> Notice:
        """Begin or end it; says what that means where the screen does not show it.

        `live` is whether there is a source to come, should there be none yet.
        """
        if not live or (self._source is not None and not self._source.can_narrow):
            return Notice(
                "Nothing to narrow",
                "This was recorded: what the kernel was to deliver has been decided.",
                "warning",
            )
        self.on = not self.on
        if self._source is not None:
            self._source.narrow(self._query if self.on else None)
        if not self.on:
            return Notice("The kernel delivers everything again", "Flows come back one by one.")
        return Notice(
            "The kernel delivers what the search can match",
            "All else is gone for as long as this is on: it can't be gone back to. K ends it.",
        )
