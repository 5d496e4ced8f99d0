"""Alerts: flows that start or stop matching a query."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np

from tcctui.arrays import I64, Mask
from tcctui.fields.connection import ENDS, LOCAL, REMOTE
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.query import ALL, Query, QueryError
from tcctui.query.value_text import TOLD_BY_ENDS, Value, endpoint, value

MOST_AT_ONCE = 500
"""Limit on alerts raised per check; the rest follow at the next ones."""

CALM_NS = 5 * 10**9
"""Nanoseconds without a match after which an alert clears."""

REMEMBERED = 1000
"""Number of cleared alerts still listed."""

_ABOUT = ("cc", "comm", "pid")
_NOBODY: Keys = np.empty(0, "u8")


class Flowing(Protocol):
    """Flow columns to check: of the store, or of a moment of a recording."""

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns of all flows."""

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows."""


@dataclass(frozen=True)
class Alert:
    """Flow that matches a query, or did: from `raised_ns` to `cleared_ns` (0 while it matches).

    Times are nanoseconds since 1970. `values` are the queried columns by name, at the time the
    alert was raised. Unknown `cc` and `process` are empty, an unknown `pid` is 0.
    """

    query: str
    cookie: int
    local: str
    remote: str
    raised_ns: int
    cleared_ns: int = 0
    cc: str = ""
    process: str = ""
    pid: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)


class Turns(NamedTuple):
    """Alerts raised and cleared by one check."""

    raised: Sequence[Alert]
    cleared: Sequence[Alert]

    def __bool__(self) -> bool:
        return bool(self.raised or self.cleared)


class Alerts:
    """Flows that match the queries; used by one thread at a time.

    An alert is raised once, when its flow starts to match. It clears when the flow has not matched
    for `calm_ns`, so that a fluttering value is one alert, or at once when the flow is gone or time
    has jumped. Then it may be raised again. Flows that don't match `only` don't count.
    """

    def __init__(self, queries: Sequence[Query], only: Query = ALL, calm_ns: int = CALM_NS) -> None:
        self._queries = list(queries)
        self._only = only
        self._calm_ns = calm_ns
        self._looked_ns = 0
        self.fields = only.fields.union(*(query.fields for query in queries))
        """Columns of all flows that a look needs."""
        self._held: list[Keys] = [_NOBODY for _ in queries]
        self._calm: list[dict[int, int]] = [{} for _ in queries]  # raised when, by cookie
        self._alerts: dict[tuple[int, int], Alert] = {}
        self._troubles: list[str] = []
        self.past: deque[Alert] = deque(maxlen=REMEMBERED)
        """Cleared alerts, the oldest first; only the latest are kept."""

    @property
    def held(self) -> Sequence[Alert]:
        """Active alerts, the oldest first."""
        return list(self._alerts.values())

    @property
    def cookies(self) -> frozenset[int]:
        """Cookies of the flows with an active alert."""
        return frozenset(cookie for _, cookie in self._alerts)

    def look(self, known: Flowing, wall_ns: int) -> Turns:
        """Check all flows at time `wall_ns`; gives the changes.

        At most `MOST_AT_ONCE` are raised for each query.
        """
        raised: list[Alert] = []
        cleared: list[Alert] = []
        flows = known.flows(self.fields)
        jumped = not 0 <= wall_ns - self._looked_ns <= self._calm_ns
        self._looked_ns = wall_ns
        counts, self._only = self._asked(self._only, flows, otherwise=True)
        for number, query in enumerate(self._queries):
            mask, self._queries[number] = self._asked(query, flows, otherwise=False)
            mask &= counts
            held, now = self._held[number], flows["cookie"][mask]
            over = self._over(number, now, flows["cookie"], jumped=jumped)
            for cookie in over.tolist():
                since_ns = self._calm[number].pop(cookie)
                alert = replace(self._alerts.pop((number, cookie)), cleared_ns=since_ns)
                cleared.append(alert)
                self.past.append(alert)
            new = np.flatnonzero(mask)[~np.isin(now, held, assume_unique=True)][:MOST_AT_ONCE]
            begun = _alerts(query, flows, new, known, wall_ns)
            self._alerts |= {(number, alert.cookie): alert for alert in begun}
            raised += begun
            kept = np.setdiff1d(held, over, assume_unique=True)
            added = np.array([alert.cookie for alert in begun], "u8")
            self._held[number] = np.union1d(kept, added)
        return Turns(raised, cleared)

    def troubles(self) -> list[str]:
        """New errors since the last call, a sentence each."""
        told, self._troubles = self._troubles, []
        return told

    def _asked(self, query: Query, flows: Flows, *, otherwise: bool) -> tuple[Mask, Query]:
        """Matching flows, and the query for the next check: without a pattern that is too slow."""
        try:
            return query.mask(flows), query
        except QueryError as mistake:
            self._troubles.append(f"{query.text} is no longer checked: {mistake.reason}.")
            given_up = replace(query, _match=lambda look: np.full(len(look["cookie"]), otherwise))
            return given_up.mask(flows), given_up

    def _over(self, number: int, now: Keys, there: Keys, *, jumped: bool) -> Keys:
        """Flows whose alert clears: gone, or without a match for long enough."""
        calm, since = np.setdiff1d(self._held[number], now, assume_unique=True), self._calm[number]
        self._calm[number] = since = {
            cookie: min(since.get(cookie, self._looked_ns), self._looked_ns)
            for cookie in calm.tolist()
        }
        until_ns = self._looked_ns - (0 if jumped else self._calm_ns)
        long_enough = np.array([at <= until_ns for at in since.values()], np.bool_)
        return calm[long_enough | ~np.isin(calm, there, assume_unique=True)]


def _alerts(query: Query, flows: Flows, rows: I64, known: Flowing, wall_ns: int) -> list[Alert]:
    """Make alerts of newly matching flows; flows gone meanwhile are left out."""
    if not len(rows):
        return []
    about = known.some_flows(flows["cookie"][rows], (*ENDS, *_ABOUT))
    there = np.isin(flows["cookie"][rows], about["cookie"])
    asked = sorted(query.fields - TOLD_BY_ENDS)
    found = []
    for at, row in enumerate(rows[there].tolist()):
        pid = value("pid", about["pid"][at])
        found.append(
            Alert(
                query.text,
                int(about["cookie"][at]),
                endpoint(about, LOCAL, at),
                endpoint(about, REMOTE, at),
                wall_ns,
                cc=str(value("cc", about["cc"][at])),
                process=str(value("comm", about["comm"][at])),
                pid=pid if isinstance(pid, int) else 0,
                values={name: value(name, flows[name][row]) for name in asked},
            )
        )
    return found
