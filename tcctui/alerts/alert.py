"""Alerts: flows, or groups of flows, of which a condition starts or stops to hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tcctui.alerts.condition import Condition, Found
from tcctui.alerts.lasting import Lasting
from tcctui.arrays import I64, Mask
from tcctui.fields.connection import ENDS, LOCAL, REMOTE
from tcctui.flows.frame import FlowReads
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.printable import plain
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


@dataclass(frozen=True)
class Alert:
    """Flow that matches a query, or did: from `raised_ns` to `cleared_ns` (0 while it matches).

    Times are nanoseconds since 1970. `values` are the queried columns by name, at the time the
    alert was raised. Unknown `cc` and `process` are empty, an unknown `pid` is 0.

    Or a `group` of flows, such as `net 10.0.3.0/24`: then `cookies` are its matching flows at that
    time, `cookie` the first of them, 0 without any; `values` are its aggregates that the condition
    is about, their number and that of all its connections, and the ends are empty.
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
    group: str = ""
    cookies: tuple[int, ...] = ()

    def who(self, arrow: str) -> str:
        """Both ends with an arrow between them, or the group."""
        return self.group or f"{self.local} {arrow} {self.remote}"


class Turns(NamedTuple):
    """Alerts raised and cleared by one check."""

    raised: Sequence[Alert]
    cleared: Sequence[Alert]

    def __bool__(self) -> bool:
        return bool(self.raised or self.cleared)


class Alerts:
    """Flows and groups that meet the conditions; used by one thread at a time.

    A query is the condition that a flow matches it. An alert is raised once, when its flow or group
    starts to meet a condition. It clears when that was not met for `calm_ns`, so that a fluttering
    value is one alert, or at once when the flow is gone or time has jumped. Then it may be raised
    again. Flows that don't match `only` don't count.
    """

    def __init__(
        self,
        conditions: Sequence[Query | Condition],
        only: Query = ALL,
        calm_ns: int = CALM_NS,
    ) -> None:
        self._conditions = [
            Condition.of(one) if isinstance(one, Query) else one for one in conditions
        ]
        self._only = only
        self._calm_ns = calm_ns
        self._looked_ns = 0
        self.fields = only.fields.union(*(one.fields for one in self._conditions))
        """Columns of all flows that a look needs."""
        self._held: list[Keys] = [_NOBODY for _ in conditions]
        self._lasting = [Lasting(one.for_ns) for one in self._conditions]
        self._calm: list[dict[int, int]] = [{} for _ in conditions]  # raised when, by key
        self._alerts: dict[tuple[int, int], Alert] = {}
        self._troubles: list[str] = []
        self.label: Callable[[int], str] = lambda _: ""
        """Names a row that stands for a group, by its cookie; empty for a flow."""
        self.past: deque[Alert] = deque(maxlen=REMEMBERED)
        """Cleared alerts, the oldest first; only the latest are kept."""

    @property
    def held(self) -> Sequence[Alert]:
        """Active alerts, the oldest first."""
        return list(self._alerts.values())

    @property
    def cookies(self) -> frozenset[int]:
        """Cookies of the flows with an active alert, of a group those that matched."""
        held = self._alerts.values()
        return frozenset(cookie for one in held for cookie in one.cookies or (one.cookie,))

    def look(self, known: FlowReads, wall_ns: int) -> Turns:
        """Check all flows at time `wall_ns`; gives the changes.

        At most `MOST_AT_ONCE` are raised for each condition.
        """
        raised: list[Alert] = []
        cleared: list[Alert] = []
        flows = known.flows(self.fields)
        jumped = not 0 <= wall_ns - self._looked_ns <= self._calm_ns
        self._looked_ns = wall_ns
        counts = self._counting(flows)
        for number, condition in enumerate(self._conditions):
            found = self._found(number, flows, counts)
            held, now = self._held[number], found.holding
            if jumped:
                self._lasting[number].reset()
            lasting = self._lasting[number].long_enough(now, wall_ns)
            over = self._over(number, now, found.there, jumped=jumped)
            for key in over.tolist():
                since_ns = self._calm[number].pop(key)
                alert = replace(self._alerts.pop((number, key)), cleared_ns=since_ns)
                cleared.append(alert)
                self.past.append(alert)
            new = now[lasting & ~np.isin(now, held, assume_unique=True)][:MOST_AT_ONCE]
            make = _of_groups if condition.grouped else _of_flows
            begun = make(condition, found, new, _Look(flows, known, wall_ns, self.label))
            self._alerts |= {(number, key): alert for key, alert in begun.items()}
            raised += begun.values()
            kept = np.setdiff1d(held, over, assume_unique=True)
            self._held[number] = np.union1d(kept, np.array([*begun], "u8"))
        return Turns(raised, cleared)

    def troubles(self) -> list[str]:
        """New errors since the last call, a sentence each."""
        told, self._troubles = self._troubles, []
        return told

    def _counting(self, flows: Flows) -> Mask:
        """Mask of the flows that count; a pattern that is too slow is left out from now on."""
        try:
            return self._only.mask(flows)
        except QueryError as mistake:
            self._given_up(self._only.text, mistake)
            self._only = replace(self._only, _match=lambda look: look.everything())
            return self._only.mask(flows)

    def _found(self, number: int, flows: Flows, counts: Mask) -> Found:
        """Subjects of a condition; a pattern that is too slow is left out from now on."""
        condition = self._conditions[number]
        try:
            return condition.found(flows, counts)
        except QueryError as mistake:
            self._given_up(condition.text, mistake)
            self._conditions[number] = condition.given_up()
            return self._conditions[number].found(flows, counts)

    def _given_up(self, text: str, mistake: QueryError) -> None:
        self._troubles.append(f"{text} is no longer checked: {mistake.reason}.")

    def _over(self, number: int, now: Keys, there: Keys, *, jumped: bool) -> Keys:
        """Subjects whose alert clears: gone, or without a match for long enough."""
        calm, since = np.setdiff1d(self._held[number], now, assume_unique=True), self._calm[number]
        self._calm[number] = since = {
            key: min(since.get(key, self._looked_ns), self._looked_ns) for key in calm.tolist()
        }
        until_ns = self._looked_ns - (0 if jumped else self._calm_ns)
        long_enough = np.array([at <= until_ns for at in since.values()], np.bool_)
        return calm[long_enough | ~np.isin(calm, there, assume_unique=True)]


class _Look(NamedTuple):
    """One check: of which flows, where more is known of them, and when."""

    flows: Flows
    known: FlowReads
    wall_ns: int
    label: Callable[[int], str]


def _of_flows(condition: Condition, found: Found, new: Keys, look: _Look) -> dict[int, Alert]:
    """Make alerts of flows, by their cookies; flows gone meanwhile are left out."""
    if not len(new):
        return {}
    flows, known, wall_ns, label = look
    rows: I64 = np.searchsorted(found.there, new)
    about = known.some_flows(new, (*ENDS, *_ABOUT))
    there = np.isin(new, about["cookie"])
    asked = sorted(condition.queried - TOLD_BY_ENDS)
    made = {}
    for at, row in enumerate(rows[there].tolist()):
        pid = value("pid", about["pid"][at])
        cookie = int(about["cookie"][at])
        made[cookie] = Alert(
            condition.text,
            cookie,
            endpoint(about, LOCAL, at),
            endpoint(about, REMOTE, at),
            wall_ns,
            cc=str(value("cc", about["cc"][at])),
            process=str(value("comm", about["comm"][at])),
            pid=pid if isinstance(pid, int) else 0,
            values={name: value(name, flows[name][row]) for name in asked},
            group=label(cookie),
        )
    return made


def _of_groups(condition: Condition, found: Found, new: Keys, look: _Look) -> dict[int, Alert]:
    """Make alerts of groups, by their ids."""
    flows, _, wall_ns, _ = look
    made = {}
    for key in new.tolist():
        members = flows["cookie"][found.members(key)]
        cookies = tuple(members[:MOST_AT_ONCE].tolist())
        made[key] = Alert(
            condition.text,
            cookies[0] if cookies else 0,
            "",
            "",
            wall_ns,
            values={
                **{name: value(name, told) for name, told in found.aggregates(key).items()},
                **{"matching": len(members), "connections": found.connections(key)},
            },
            group=plain(condition.label(flows, found, key)),
            cookies=cookies,
        )
    return made
