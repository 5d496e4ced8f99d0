"""Search in force: the last valid one, until another can be used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tcctui.query import ALL, Query, QueryError
from tcctui.ui.search.fallback import awaited, guarded


class Holding:
    """Typed search, and the search in force meanwhile.

    `search` is called with the query to apply; `failed` if its evaluation fails, and `found` at
    each evaluation with True if any flow matches while the user is still typing.
    """

    def __init__(
        self,
        search: Callable[[Query], object],
        failed: Callable[[Query, QueryError], object],
        found: Callable[[Query, bool], object],
    ) -> None:
        self._search, self._failed, self._found = search, failed, found
        self.good = ALL
        """Query in force on the screen."""
        self.waiting: Query | None = None
        """Typed query that is not in force yet."""
        self._awaited: Query | None = None
        self._before = ALL

    def want(self, query: Query | None) -> None:
        """Set the next query; None for none."""
        self.waiting, self._awaited = query, None

    def apply(self) -> None:
        """Apply it, whatever it finds."""
        query, good = self.waiting or self._awaited, self.good
        self.want(None)
        if query is not None:
            self.good = query
            self._ask(query, query, good)

    def try_out(self) -> None:
        """Apply it as soon as it finds anything: it may be incomplete."""
        query, self.waiting = self.waiting, None
        if query is not None:
            self._awaited = query
            found = partial(self._found, query)
            self._ask(query, awaited(query, self.good, found), self.good)

    def _ask(self, query: Query, asked: Query, good: Query) -> None:
        self._before = good
        self._search(guarded(asked, good, partial(self._failed, query)))

    def is_awaited(self, query: Query) -> bool:
        """True while this query is applied on condition that it finds something."""
        return self._awaited is query

    def go_back(self, query: Query) -> bool:
        """Return to the previous query unless another is in force; True if it did."""
        if query is not self.good and query is not self._awaited:
            return False
        self.want(None)
        self.good = self._before
        self._search(self.good)
        return True
