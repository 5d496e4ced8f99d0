"""Growth of every connection's counters from one window to the next.

A connection that began while the agent ran counts from its beginning, any other one from when it
was first seen. It ends once, with its last values, and what came in after them counts then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U32, Array, Floats, Mask, Records, among, distinct
from tcctui.fields.connection import ENDS
from tcctui.fleet.agent.services import incoming, listening, namespaces
from tcctui.fleet.tables.every_table import FLOW
from tcctui.fleet.tables.table import Taken
from tcctui.flows.columns import missing
from tcctui.flows.history.window import Ended, Seen
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.wire.tcp_states import WITHOUT_CONNECTION
from tcctui.wire.tracepoints import MarkKind

COUNTERS: Mapping[str, str] = {
    column.field.name: column.field.dtype
    for column in FLOW.columns
    if column.field is not None and column.taken is Taken.GROWTH
}
"""Columns of flows whose growth is told, and their types."""

NAMES = frozenset(
    {
        *(*ENDS, *COUNTERS, "cookie", "state", "netns", "comm", "cgroup", "cc", "netns_name"),
        *("opened_ns", "first_ns", "closed_ns", "sampled_ns", "acked_before", "acked_sampled"),
        *("srtt_us", "min_rtt"),
    }
)
"""Columns of every flow that are read at a window's end."""

_FINAL_NS = 1_000_000_000
"""Nanoseconds within which the last values of a socket come, if they do."""


class Lately(NamedTuple):
    """All connections of a window: n arrays of one entry for each.

    `flows` are `NAMES`; the first are those that are no longer in the store, of which `gone` has
    more columns. `growth` are counters by name, NaN where nothing is known. `low`, `high` and
    `limit_ms` are as in `window.Seen`; `life_ms` is `limit_ms` of all windows. `opened`: began
    within the window. `ended`: ended, and is not counted again. `living`: open at the end. `there`:
    was open at any time in the window. `incoming`: its service is here. `resets` and `timeouts` are
    numbers of marks, `reset` tells of connections with a reset in this window or the one before.
    """

    now_ns: int
    flows: Mapping[str, Array]
    gone: Sequence[Flows]
    growth: Mapping[str, Floats]
    low: U32
    high: U32
    limit_ms: Floats
    life_ms: Floats
    opened: Mask
    ended: Mask
    living: Mask
    there: Mask
    incoming: Mask
    resets: Floats
    timeouts: Floats
    reset: Mask

    @property
    def left(self) -> int:
        """Number of the connections that are no longer in the store."""
        return sum(flows.count for flows in self.gone)


class _Before(NamedTuple):
    """State of connections at the last window's end, by ascending cookies."""

    cookies: Keys
    counted: Mapping[str, Floats]
    begun: Mask
    incoming: Mask
    ended: Mask
    life_ms: Floats


class Growth:
    """Works out each window's `Lately`.

    With `lifecycle`, the kernel tells when connections open. Without, what is first sampled in a
    namespace that was sampled before has been opened meanwhile.
    """

    def __init__(self, *, lifecycle: bool) -> None:
        self._lifecycle = lifecycle
        self._before: _Before | None = None
        self._namespaces: Array = np.empty(0, "u8")
        self._reset: Keys = np.empty(0, "u8")

    def take(self, ended: Ended) -> Lately:
        """Take in a window that is over."""
        listened = listening(ended.known.flows)
        parts = [_connections(seen) for seen in (*ended.left, ended.known)]
        left = sum(part.flows.count for part in parts[:-1])
        flows = {
            name: np.concatenate([part.flows[name] for part in parts]) for name in parts[-1].flows
        }
        limit_ms = np.concatenate([part.limit_ms for part in parts])
        place = self._places(flows["cookie"])
        known = place >= 0

        def before(name: str, otherwise: Array) -> Array:
            if self._before is None:
                return otherwise
            return np.where(known, getattr(self._before, name)[place], otherwise)

        begun = before("begun", self._begun(flows))
        growth, counted = self._grown(flows, place, begun)
        counted_ends = before("ended", np.zeros(len(place), bool))
        over = flows["closed_ns"] > 0
        final = flows["sampled_ns"] >= flows["closed_ns"]
        over &= final | (flows["closed_ns"] < ended.known.flows.now_ns - _FINAL_NS)
        over[:left] = True
        ends = over & ~counted_ends
        living = flows["closed_ns"] == 0
        living[:left] = False
        is_incoming = before("incoming", incoming(flows, listened))
        life_ms = limit_ms.copy()
        if self._before is not None:
            life_ms[known] += self._before.life_ms[place[known]]
        resets = _marks(ended.marks, MarkKind.RESET, flows["cookie"])
        resetting = distinct(ended.marks["cookie"][ended.marks["kind"] == MarkKind.RESET])
        reset = among(flows["cookie"], np.concatenate([self._reset, resetting]))
        found = Lately(
            ended.known.flows.now_ns,
            flows,
            [part.flows for part in parts[:-1]],
            growth,
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.high for part in parts]),
            limit_ms,
            life_ms,
            opened=begun & ~known,
            ended=ends,
            living=living,
            there=~counted_ends,
            incoming=is_incoming,
            resets=resets,
            timeouts=_marks(ended.marks, MarkKind.RTO, flows["cookie"]),
            reset=reset,
        )
        here = _Before(
            flows["cookie"][left:],
            {name: column[left:] for name, column in counted.items()},
            begun[left:],
            is_incoming[left:],
            (counted_ends | ends)[left:],
            life_ms[left:],
        )
        self._before = here if len(here.cookies) else None
        netns = namespaces(ended.known.flows)
        self._namespaces = distinct(np.concatenate([self._namespaces, netns]))
        self._reset = resetting
        return found

    def _places(self, cookies: Keys) -> I64:
        """Place of each connection in the last window, -1 without one.

        Of several with one key, one after the other, the first was there.
        """
        if self._before is None:
            return np.full(len(cookies), -1, "i8")
        keys = self._before.cookies
        place = np.minimum(np.searchsorted(keys, cookies), len(keys) - 1)
        there = keys[place] == cookies
        order = np.argsort(cookies, kind="stable")
        again = np.zeros(len(cookies), bool)
        again[order[1:]] = cookies[order[1:]] == cookies[order[:-1]]
        return np.where(there & ~again, place, -1)

    def _begun(self, flows: Mapping[str, Array]) -> Mask:
        """Connections that began while the agent ran, of those that are new."""
        begun: Mask = flows["opened_ns"] > 0
        closed = flows["closed_ns"]
        netns = namespaces(flows)
        meanwhile = among(netns, self._namespaces) & (netns > 0)
        if self._lifecycle:  # the kernel's word was lost, or came before the agent did
            meanwhile &= (closed > 0) & (closed <= flows["first_ns"])
        return begun | meanwhile

    def _grown(
        self, flows: Mapping[str, Array], place: I64, begun: Mask
    ) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Growth of each counter, and its values to count from at the next window's end."""
        growth, counted = {}, {}
        for name, dtype in COUNTERS.items():
            now = acked(flows) if name == "bytes_acked" else flows[name].astype("f8")
            since = np.where(begun, 0.0, np.nan)
            if name == "bytes_acked":  # it counts from when it was first seen
                now -= np.where(begun, 0, flows["acked_before"])
                since = np.zeros(len(now))
            if self._before is not None:
                since = np.where(place >= 0, self._before.counted[name][place], since)
            grew = now - since
            # 32 bits begin anew after the highest number, or with the socket's next connection.
            wrapped = (grew < 0) & (since > 2.0**31) if dtype == "u4" else np.zeros(len(now), bool)
            grew = np.where(wrapped, grew + 2.0**32, np.where(grew < 0, now, grew))
            growth[name] = np.where(np.isnan(since) & ~np.isnan(now), 0.0, grew)
            counted[name] = np.where(np.isnan(now), since, now)
        return growth, counted


def acked(flows: Mapping[str, Array]) -> Floats:
    """Bytes acknowledged: the kernel's own total, and that of events where none was sampled."""
    sampled = flows["acked_sampled"]
    return np.where(missing("acked_sampled", sampled), flows["bytes_acked"], sampled).astype("f8")


def _connections(seen: Seen) -> Seen:
    """Leave out listeners, and requests that have no socket of their own yet."""
    flows = seen.flows
    states = np.array([int(state) for state in WITHOUT_CONNECTION], "u1")
    kept = ~among(flows["state"], states) & (flows["dport"] > 0)
    if kept.all():
        return seen
    columns = {name: column[kept] for name, column in flows.items()}
    chosen = type(flows)(flows.now_ns, columns)
    return Seen(chosen, seen.low[kept], seen.high[kept], seen.limit_ms[kept])


def _marks(marks: Records, kind: MarkKind, cookies: Keys) -> Floats:
    """Number of marks of a kind of each connection; of several with one key, the last one's."""
    found = np.zeros(len(cookies))
    marks = marks[marks["kind"] == kind]
    if not len(marks) or not len(cookies):
        return found
    order = np.argsort(cookies, kind="stable")
    place = np.searchsorted(cookies[order], marks["cookie"], "right") - 1
    at = order[np.maximum(place, 0)]
    there = (place >= 0) & (cookies[at] == marks["cookie"])
    np.add.at(found, at[there], marks["count"][there])
    return found
