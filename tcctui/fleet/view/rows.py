"""Rows of a fleet at one instant: what an engine answered, immutable, as a store has its flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from tcctui.arrays import Array, Floats
from tcctui.fields.connection import ENDS
from tcctui.fleet.view.arrow_columns import unknown
from tcctui.flows import derived
from tcctui.flows.diagnosis.verdicts import CAUSES, EVIDENCE
from tcctui.flows.frame import FlowKey, Past, Sparkline
from tcctui.flows.index import Keys
from tcctui.flows.labels import both_endpoints, with_states
from tcctui.flows.snapshot import FlowHistory, Flows, Totals

Histories = Callable[[Past], "FlowHistory | None"]
"""Histories of rows as far as they are there; asks for those that are not."""


class Rows:
    """Columns of rows, in the names and types of a store; a `frame.Reads`.

    Columns that did not come are made on demand: unknown, or worked out of others. `more` is the
    number of rows that there was no room for.
    """

    def __init__(
        self,
        columns: Mapping[str, Array],
        now_ns: int,
        *,
        version: int,
        histories: Histories = lambda _: None,
        more: int = 0,
    ) -> None:
        order = np.argsort(columns["cookie"], kind="stable")
        self._columns = {name: column[order] for name, column in columns.items()}
        for column in self._columns.values():
            column.setflags(write=False)
        self.now_ns = now_ns
        self.version: int = version
        self.more = more
        self._histories = histories
        self.cookies: Keys = self._columns["cookie"]

    def __len__(self) -> int:
        return len(self.cookies)

    def column(self, name: str) -> Array:
        """A whole column, in the order of the cookies."""
        found = self._columns.get(name)
        if found is None:
            found = self._made(name)
            found.setflags(write=False)
            self._columns[name] = found
        return found

    def _made(self, name: str) -> Array:
        if name == "limit_shares":
            return np.full((len(self), len(CAUSES)), np.nan)
        if name == "limit_evidence":
            return np.zeros(len(self), EVIDENCE)
        if name == "text":
            lines = both_endpoints({end: self.column(end) for end in ENDS})
            return with_states(lines, self.column("state"))
        needs = derived.needs(frozenset({name}))
        if needs == {name}:
            return unknown(name, len(self))
        return derived.follow(Flows(self.now_ns, {need: self.column(need) for need in needs}), name)

    def place(self, cookie: int) -> int | None:
        """Index of a row; None where it is not there."""
        at = int(np.searchsorted(self.cookies, np.uint64(cookie)))
        return at if at < len(self) and int(self.cookies[at]) == cookie else None

    def key(self, cookie: int) -> FlowKey:
        """Host and the host's own cookie of a row."""
        at = self.place(cookie)
        if at is None:
            return FlowKey("", cookie)
        return FlowKey(self.column("host")[at].decode(), int(self.column("own_cookie")[at]))

    # frame.Reads

    def flows(self, names: Iterable[str]) -> Flows:
        """Columns of all rows; see `Store.flows`."""
        return Flows(self.now_ns, {name: self.column(name) for name in {*names, "cookie"}})

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Columns of some rows; see `Store.some_flows`."""
        wanted = np.asarray(cookies, "u8")
        at = np.searchsorted(self.cookies, wanted)
        at = np.minimum(at, max(0, len(self) - 1))
        there = at[self.cookies[at] == wanted] if len(self) else at[:0]
        return Flows(self.now_ns, {name: self.column(name)[there] for name in {*names, "cookie"}})

    def totals(self) -> Totals:
        """Number of rows; events are not counted here."""
        return Totals(0, len(self), 0)

    def history(self, cookie: int, seconds: float | None, columns: int) -> FlowHistory | None:
        """History of a row, where it has been fetched."""
        return self._histories(Past(cookie, seconds, columns))

    def sparklines(self, cookies: Keys, asked: Sequence[Sparkline]) -> list[Floats]:
        """Nothing: windows of ten seconds are too few for them."""
        return [np.full((len(cookies), line.columns), np.nan) for line in asked]
