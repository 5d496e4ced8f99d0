"""Marks of events on the time axis: retransmits, losses, resets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, Array, Floats, Records
from tcctui.flows.history.buckets import BUCKET_NS, run_starts
from tcctui.flows.history.host_seconds import HostSeconds
from tcctui.flows.history.ring_log import RingLog
from tcctui.flows.history.time_grid import TimeGrid
from tcctui.flows.index import SPREAD, Keys
from tcctui.wire.events import CaState
from tcctui.wire.tracepoints import MARKS, TRACEPOINTS, MarkKind

_RETRANSMIT = int(MarkKind.RETRANSMIT)

NO_KIND = 0xFF


def _table(kinds: Mapping[int, int]) -> U8:
    table = np.full(256, NO_KIND, "u1")
    for number, kind in kinds.items():
        table[number] = kind
    return table


OF_CA_STATE = _table(
    {CaState.LOSS: MarkKind.RTO, CaState.RECOVERY: MarkKind.RECOVERY, CaState.CWR: MarkKind.CWR}
)
"""Kind of mark for entering each `CaState`, or `NO_KIND`."""

OF_EVENT = _table({row.kind: row.mark for row in TRACEPOINTS if row.mark is not None})
"""Kind of mark for each `EventKind`, or `NO_KIND`."""


class Marks(NamedTuple):
    """Marks of a flow on a chart's grid; ascending by column, arrays of one length.

    `column` is the index in the grid, `kind` a `MarkKind`, `count` the number of occurrences.
    """

    column: I64
    kind: U8
    count: I64  # type: ignore[assignment]  # tuple.count is of no use here


NO_MARKS = Marks(np.empty(0, "i8"), np.empty(0, "u1"), np.empty(0, "i8"))

_RTO = int(MarkKind.RTO)

_LOGGED = 1 << 17

_RECENT = 1 << 12  # number of the newest marks searched for the same 100 ms

_MARK = np.dtype([("cookie", "u8"), ("stamp", "u4"), ("count", "u4"), ("kind", "u1")], align=True)

_COUNTED = [mark.kind for mark in MARKS if mark.counted]  # states chatter: once in 100 ms is one


class MarkLog:
    """The last marks of all flows, 131,072 of them: one for each flow, kind and 100 ms."""

    def __init__(self, seconds: HostSeconds | None = None) -> None:
        self.log = RingLog(_MARK, _LOGGED)
        self._seconds = HostSeconds() if seconds is None else seconds
        self.heard: Callable[[Keys, Array, U8, I64], object] | None = None
        """Called with all that is added: cookies, moments, kinds and counts."""

    def add(self, cookies: Keys, when_ns: Array, kinds: U8, counts: Array | None = None) -> None:
        """Add occurrences in any order; `counts` is their number, once by default."""
        if not len(cookies):
            return
        stamps = when_ns.astype("i8") // BUCKET_NS
        counts = np.ones(len(cookies), "i8") if counts is None else counts.astype("i8")
        self._seconds.add_marks(when_ns, kinds, counts)
        if self.heard is not None:
            self.heard(cookies, when_ns, kinds, counts)
        order = np.lexsort((kinds, stamps, cookies))
        cookies, stamps, kinds = cookies[order], stamps[order], kinds[order]
        starts = run_starts(cookies, stamps, kinds)
        made = np.zeros(len(starts), _MARK)
        made["cookie"], made["stamp"], made["kind"] = cookies[starts], stamps[starts], kinds[starts]
        made["count"] = np.minimum(np.add.reduceat(counts[order], starts), 0xFFFF_FFFF)
        self.log.append(self._fold(made))

    def _fold(self, made: Records) -> Records:
        """Add to the counts of existing marks; gives the rest."""
        marks, recent = self.log.records, self.log.newest(_RECENT)
        keys = _keys(marks[recent])
        order = np.argsort(keys)
        place = np.searchsorted(keys[order], wanted := _keys(made))
        place[place == len(keys)] = 0
        there = np.zeros(len(made), bool)
        if len(keys):
            found = recent[order[place]]
            there = marks["cookie"][found] == made["cookie"]
            there &= keys[order[place]] == wanted
            marks["count"][found[there]] += made["count"][there]
        return made[~there]

    def counts(self, kind: MarkKind, cookies: Keys, since_ns: int, until_ns: int) -> Floats:
        """Occurrences of a kind of each of the flows since `since_ns`; one read of the whole log.

        Those after `until_ns` are left out.
        """
        marks = self.log.written
        stamps = marks["stamp"]
        found = marks[
            (marks["kind"] == kind)
            & (stamps >= since_ns // BUCKET_NS)
            & (stamps <= until_ns // BUCKET_NS)
        ]
        if not len(found):
            return np.zeros(len(cookies))
        marked, place = np.unique(found["cookie"], return_inverse=True)
        sums = np.append(np.bincount(place, found["count"]), 0.0)
        at = np.searchsorted(marked, cookies)
        at[at == len(marked)] = 0
        return np.where(marked[at] == cookies, sums[at], 0.0)

    def lately(self, kind: MarkKind, since_ns: int) -> Mapping[str, Array]:
        """Copy the marks of a kind since `since_ns`: an array for each of their numbers."""
        marks = self.log.written
        late = (marks["kind"] == kind) & (marks["stamp"] >= max(since_ns, 0) // BUCKET_NS)
        return {name: marks[name][late] for name in _MARK.names or ()}

    def go_on_from(self, kept: Mapping[str, Array]) -> None:
        """Begin with marks that `lately` gave; with none where they are damaged, or lacking."""
        numbers = self.lately(MarkKind.RTO, 0)
        if not set(kept) >= set(numbers):
            return
        shapes = {kept[name].shape for name in numbers}
        if len(shapes) > 1 or any(kept[name].dtype != numbers[name].dtype for name in numbers):
            return
        made = np.zeros(shapes.pop(), _MARK)
        for name in numbers:
            made[name] = kept[name]
        if made.ndim == 1 and (made["kind"] == _RTO).all():
            self.log.append(made)

    def own(self, cookie: int, since_ns: int) -> Records:
        """Copy a flow's marks since `since_ns`, when its connection began."""
        marks = self.log.written
        own = marks[marks["cookie"] == np.uint64(cookie)]
        return own[own["stamp"] >= since_ns // BUCKET_NS]

    def retransmits(self, since_ns: int, until_ns: int) -> tuple[Keys, I64]:
        """Cookies and counts of the newest marks of retransmits between two moments."""
        marks = self.log.records[self.log.newest(_RECENT)]
        stamps = marks["stamp"]
        then = (stamps >= since_ns // BUCKET_NS) & (stamps < until_ns // BUCKET_NS)
        marks = marks[then & (marks["kind"] == _RETRANSMIT)]
        return marks["cookie"], marks["count"].astype("i8")


def laid(own: Records, grid: TimeGrid) -> Marks:
    """Place one flow's marks, as from `MarkLog.own`, on a grid."""
    inside, column = grid.inside(own["stamp"].astype("i8") * BUCKET_NS)
    own = own[inside]
    order = np.lexsort((own["kind"], column))
    own, column = own[order], column[order]
    if not len(own):
        return NO_MARKS
    starts = run_starts(column, own["kind"])
    counts = np.where(np.isin(own["kind"], _COUNTED), own["count"], 1)
    return Marks(column[starts], own["kind"][starts], np.add.reduceat(counts.astype("i8"), starts))


def _keys(marks: Records) -> Keys:
    """Hash of each flow, kind and 100 ms; collisions are very rare."""
    moment = marks["stamp"].astype("u8") << np.uint64(8) | marks["kind"]
    return marks["cookie"] * SPREAD ^ moment
