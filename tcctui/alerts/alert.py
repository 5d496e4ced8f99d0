"""Alerts: which flows begin to match a query, and which no longer do."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.query import ALL, Query, QueryError
from tcctui.query.evaluation import Mask
from tcctui.query.value_text import ENDS, LOCAL, REMOTE, TOLD_BY_ENDS, Value, endpoint, value

MOST_AT_ONCE = 500
"""Alerts that are raised at one look; of more, the others are at the next ones."""

CALM_NS = 5 * 10**9
"""Nanoseconds for which a flow has to match no longer until its alert clears."""

REMEMBERED = 1000
"""Alerts that have cleared, and are listed nevertheless."""

_ABOUT = ("cc", "comm", "pid")
_NOBODY: Keys = np.empty(0, "u8")


class Flowing(Protocol):
    """What is known of flows: the store, or a moment of a recording."""

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns of all flows."""

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows."""


@dataclass(frozen=True)
class Alert:
    """A flow that matches a query, or did: from `raised_ns` to `cleared_ns` (0 while it does).

    Times are nanoseconds since 1970. `values` are what was asked for, by the columns' names, as it
    was when it began to match. `cc` and `process` are empty where they are not known, `pid` is 0.
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
    """What has changed from one look to the next."""

    raised: Sequence[Alert]
    cleared: Sequence[Alert]

    def __bool__(self) -> bool:
        return bool(self.raised or self.cleared)


class Alerts:
    """Which flows match which of some queries. Not for several threads at once.

    An alert is raised once, when its flow begins to match. It clears when the flow has not matched
    for `calm_ns`, so that a value that flutters around what was asked for is one alert; or at once
    when the flow is no longer known, or time has jumped. Then it may be raised again. What does not
    match `only` does not count.
    """

    def __init__(self, queries: Sequence[Query], only: Query = ALL, calm_ns: int = CALM_NS) -> None:
        self._queries = list(queries)
        self._only = only
        self._calm_ns = calm_ns
        self._looked_ns = 0
        self._fields = only.fields.union(*(query.fields for query in queries))
        self._held: list[Keys] = [_NOBODY for _ in queries]
        self._calm: list[dict[int, int]] = [{} for _ in queries]  # since when, by cookie
        self._alerts: dict[tuple[int, int], Alert] = {}
        self._troubles: list[str] = []
        self.past: deque[Alert] = deque(maxlen=REMEMBERED)
        """Those that have cleared, the oldest first; of many, the last ones."""

    @property
    def held(self) -> Sequence[Alert]:
        """Those that hold now, the oldest first."""
        return list(self._alerts.values())

    @property
    def cookies(self) -> frozenset[int]:
        """Of the flows that there is an alert about."""
        return frozenset(cookie for _, cookie in self._alerts)

    def look(self, known: Flowing, wall_ns: int) -> Turns:
        """Look at all flows, now that it is `wall_ns`; gives what has changed.

        At most `MOST_AT_ONCE` are raised for each query.
        """
        raised: list[Alert] = []
        cleared: list[Alert] = []
        flows = known.flows(self._fields)
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
        """What went wrong since this was asked last, a sentence each."""
        told, self._troubles = self._troubles, []
        return told

    def _asked(self, query: Query, flows: Flows, *, otherwise: bool) -> tuple[Mask, Query]:
        """Which flows match, and what to ask the next time: not again what takes too long."""
        try:
            return query.mask(flows), query
        except QueryError as mistake:
            self._troubles.append(f"{query.text} is not looked for any more: {mistake.reason}.")
            given_up = replace(query, _match=lambda look: np.full(len(look["cookie"]), otherwise))
            return given_up.mask(flows), given_up

    def _over(self, number: int, now: Keys, there: Keys, *, jumped: bool) -> Keys:
        """Whose alert is over: flows that have gone, or that have not matched for long enough."""
        calm, since = np.setdiff1d(self._held[number], now, assume_unique=True), self._calm[number]
        self._calm[number] = since = {
            cookie: min(since.get(cookie, self._looked_ns), self._looked_ns)
            for cookie in calm.tolist()
        }
        until_ns = self._looked_ns - (0 if jumped else self._calm_ns)
        long_enough = np.array([at <= until_ns for at in since.values()], np.bool_)
        return calm[long_enough | ~np.isin(calm, there, assume_unique=True)]


def _alerts(
    query: Query, flows: Flows, rows: npt.NDArray[np.int64], known: Flowing, wall_ns: int
) -> list[Alert]:
    """Say of flows that have begun to match who they are; those that have gone are left out."""
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
