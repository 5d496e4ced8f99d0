"""Which search holds: the last good one, until another can be used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tcctui.query import ALL, Query, QueryError
from tcctui.ui.search.fallback import awaited, guarded


class Holding:
    """Keeps what is typed, and what holds meanwhile.

    `search` is called with what is to be searched for, of which `failed` hears that it can't be,
    and `found` at each look whether any flow matches it while somebody still types.
    """

    def __init__(
        self,
        search: Callable[[Query], object],
        failed: Callable[[Query, QueryError], object],
        found: Callable[[Query, bool], object],
    ) -> None:
        self._search, self._failed, self._found = search, failed, found
        self.good = ALL
        """What holds: what is on the screen."""
        self.waiting: Query | None = None
        """What was typed, and is not searched for yet."""
        self._awaited: Query | None = None
        self._before = ALL

    def want(self, query: Query | None) -> None:
        """Have this searched for next; None is nothing."""
        self.waiting, self._awaited = query, None

    def apply(self) -> None:
        """Search for what is wanted, whatever that finds."""
        query, good = self.waiting or self._awaited, self.good
        self.want(None)
        if query is not None:
            self.good = query
            self._ask(query, query, good)

    def try_out(self) -> None:
        """Search for what is wanted as soon as that finds anything: it may not be all there."""
        query, self.waiting = self.waiting, None
        if query is not None:
            self._awaited = query
            found = partial(self._found, query)
            self._ask(query, awaited(query, self.good, found), self.good)

    def _ask(self, query: Query, asked: Query, good: Query) -> None:
        self._before = good
        self._search(guarded(asked, good, partial(self._failed, query)))

    def is_awaited(self, query: Query) -> bool:
        """Whether it is waited for that this finds something."""
        return self._awaited is query

    def go_back(self, query: Query) -> bool:
        """Let what was before hold again, unless something else does; says whether it does."""
        if query is not self.good and query is not self._awaited:
            return False
        self.want(None)
        self.good = self._before
        self._search(self.good)
        return True
