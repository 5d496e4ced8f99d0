"""Search in force: the last valid one, until another can be used."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from tcctui.arrays import Mask
from tcctui.fields.field import QUERY_NAME
from tcctui.query import ALL, Query, QueryError, is_unfinished
from tcctui.query.address_formula import any_of
from tcctui.query.evaluation import Flows
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.table.flow_table import FlowTable

_WORDS = frozenset({"cc", "proc", "comm", "process", "cgroup", "netns"})
"""Fields whose value is a part of a name: each further letter is a step closer to the goal."""

_LAST_VALUE = re.compile(rf'(?:^|[\s(!-])({QUERY_NAME})\s*(?::|[<>=!]=?)\s*[^\s"()]*$')


def may_grow(text: str) -> bool:
    """True if the last word is probably incomplete, so that it should not be applied yet.

    This is the case for the beginning of a field's name, and for a number, address or port that may
    get more digits or a unit: the rows of `port:4` or `srtt<8` are none of those of `port:443` and
    `srtt<80ms`.
    """
    if is_unfinished(text):
        return True
    last = _LAST_VALUE.search(text)
    return last is not None and last[1].lower() not in _WORDS


def guarded(query: Query, good: Query, failed: Callable[[QueryError], object]) -> Query:
    """Query that falls back to `good` if `query` fails, and reports it to `failed`."""

    def match(flows: Flows) -> Mask:
        try:
            return query.mask(flows)
        except QueryError as mistake:
            failed(mistake)
            return good.mask(flows)

    return query.answered_by(match, good)


def awaited(query: Query, good: Query, found: Callable[[bool], object]) -> Query:
    """Query that falls back to `good` while no flow matches `query`.

    `found` is called at each evaluation with True if one does.
    """

    def match(flows: Flows) -> Mask:
        mask = query.mask(flows)
        there = bool(mask.any())
        found(there)
        return mask if there else good.mask(flows)

    # The kernel delivers what both need.
    return query.answered_by(match, good, any_of([query.bounds, good.bounds]))


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


def show_only(table: FlowTable, query: Query) -> None:
    """Restrict the table to matches; show everything if the evaluation fails."""

    def give_up(mistake: QueryError) -> None:
        if table.base_query is given:
            table.base_query = ALL
            why = f"{mistake.reason[:1].upper()}{mistake.reason[1:]}: all flows are shown."
            tell(table, Notice("--filter holds no more", why, "warning", LONG))

    def failed(mistake: QueryError) -> None:
        table.call_later(give_up, mistake)  # not during an evaluation

    given = guarded(query, ALL, failed) if query.text.strip() else ALL
    table.base_query = given
