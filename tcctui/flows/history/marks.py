"""Marks of events on the time axis: retransmits, losses, resets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, Array, Records
from tcctui.flows.history.buckets import BUCKET_NS, run_starts
from tcctui.flows.history.ring_log import RingLog
from tcctui.flows.history.time_grid import TimeGrid
from tcctui.flows.index import Keys
from tcctui.wire.events import CaState
from tcctui.wire.tracepoints import MARKS, TRACEPOINTS, MarkKind

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

_LOGGED = 1 << 17

_RECENT = 1 << 12  # number of the newest marks searched for the same 100 ms

_MARK = np.dtype([("cookie", "u8"), ("stamp", "u4"), ("count", "u4"), ("kind", "u1")], align=True)

_COUNTED = [mark.kind for mark in MARKS if mark.counted]  # states chatter: once in 100 ms is one


class MarkLog:
    """The last marks of all flows, 131,072 of them: one for each flow, kind and 100 ms."""

    def __init__(self) -> None:
        self.log = RingLog(_MARK, _LOGGED)

    def add(self, cookies: Keys, when_ns: Array, kinds: U8, counts: Array | None = None) -> None:
        """Add occurrences in any order; `counts` is their number, once by default."""
        if not len(cookies):
            return
        stamps = when_ns.astype("i8") // BUCKET_NS
        counts = np.ones(len(cookies), "i8") if counts is None else counts.astype("i8")
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

    def own(self, cookie: int, since_ns: int) -> Records:
        """Copy a flow's marks since `since_ns`, when its connection began."""
        marks = self.log.written
        own = marks[marks["cookie"] == np.uint64(cookie)]
        return own[own["stamp"] >= since_ns // BUCKET_NS]


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
    odd = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads neighbouring numbers
    moment = marks["stamp"].astype("u8") << np.uint64(8) | marks["kind"]
    return marks["cookie"] * odd ^ moment
