"""The slots in which the kernel coalesces flows: which are free, and what is left in them.

The program in bpf/tcc.c gives each flow a slot, folds its ACKs into it and writes a record of it
now and then. When a flow goes quiet, what came since its last record stays in the slot: it is taken
out here, through the memory that both share. The kernel only ever takes slots; putting them back in
the lists it takes them from is done here too. No call for a slot: numpy over all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.events import Events, pick

MARK = np.dtype(
    [("emitted_ns", "u8"), ("acks", "u4"), ("done", "u4"), ("told", "u4"), ("gone", "u4")]
)
"""`struct mark`: when a slot's last record was due, its ACKs counted, folded in and told."""

FREE_SLOTS = np.dtype([("taken", "u4"), ("given", "u4"), ("slots", "u4", (1024,))])
"""`struct free_slots`: a ring of slots for one processor; it counts `taken`, we count `given`."""

IDLE_NS = 10_000_000_000
"""A slot that had no record for so long may be taken from its flow, where slots run short: 10 s."""

_LEAVE_NS = 50_000_000  # by then every program that had looked the slot up is through with it
_LISTED = FREE_SLOTS["slots"].shape[0]

Slot = npt.NDArray[np.int64]


class Slots:
    """Looks after the slots; used by one thread, while programs write to the same memory.

    `marks` and `events` have an entry for each slot, `lists` one for each processor; all are mapped
    from the kernel. `delete` takes cookies out of the kernel's map of cookies to slots.
    """

    def __init__(
        self,
        marks: npt.NDArray[Any],
        events: Events,
        lists: npt.NDArray[Any],
        delete: Callable[[npt.NDArray[np.uint64]], None],
    ) -> None:
        self._marks = marks
        self._events = events
        self._lists = lists
        self._delete = delete
        # The lowest come last and are given away first: few flows, few slots to look through.
        self._free = np.arange(len(marks) - 1, -1, -1)
        self._n_free = len(marks)
        self._high = 0
        self._leaving: Slot = np.empty(0, "i8")
        self._left_ns = 0
        self._level = min(_LISTED, max(1, len(marks) // (4 * len(lists))))

    @property
    def free(self) -> int:
        """Slots that neither a flow nor a processor's list has."""
        return self._n_free

    def fetch(self, now_ns: int, interval_ns: int) -> Events:
        """Take out what flows left in their slots that had no record for `interval_ns`.

        Gives events that stand for the ACKs since each flow's last record, oldest first. Records
        from before `now_ns` must have been read by then: these are newer.
        """
        marks = self._marks[: self._high]
        untold = marks["done"] != marks["told"]
        untold &= (marks["emitted_ns"] + np.uint64(interval_ns) <= now_ns) | (marks["gone"] != 0)
        slots = np.flatnonzero(untold)
        if not len(slots):
            return self._events[:0].copy()
        done = marks["done"][slots]
        events = pick(self._events, slots)
        # An ACK that came meanwhile was counted before it changed anything: its flow is not quiet.
        still = marks["acks"][slots] == done
        marks["told"][slots[still]] = done[still]
        kept = np.flatnonzero(still)
        return pick(events, kept[np.argsort(events["ts_ns"][kept], kind="stable")])

    def tend(self, now_ns: int) -> None:
        """Take slots of destroyed sockets back, and fill the lists that the kernel takes from."""
        marks = self._marks[: self._high]
        gone = np.flatnonzero(marks["gone"])
        if len(self._leaving) and now_ns - self._left_ns > _LEAVE_NS:
            gone = np.union1d(gone, self._leaving)
            self._leaving = gone[:0]
        if len(gone):
            told = marks["done"][gone] == marks["told"][gone]
            self._take_back(gone[told])
        self._fill_lists()
        if self._n_free < len(self._marks) // 16 and not len(self._leaving):
            self._reclaim(now_ns)

    def _take_back(self, slots: Slot) -> None:
        self._marks[slots] = 0
        self._free[self._n_free : self._n_free + len(slots)] = slots[::-1]
        self._n_free += len(slots)

    def _fill_lists(self) -> None:
        lists = self._lists
        left = lists["given"] - lists["taken"]
        for cpu in np.flatnonzero(left <= self._level // 2):
            count = min(self._level - int(left[cpu]), self._n_free)
            if not count:
                return
            self._n_free -= count
            slots = self._free[self._n_free : self._n_free + count][::-1]
            given = lists["given"][cpu]
            lists["slots"][cpu, (given + np.arange(count, dtype="u4")) % _LISTED] = slots
            # Counted once they are there.
            lists["given"][cpu] = given + np.uint32(count)
            self._high = max(self._high, int(slots.max()) + 1)

    def _reclaim(self, now_ns: int) -> None:
        """Take slots from flows that are long idle, or whose end nobody has told."""
        marks = self._marks[: self._high]
        idle = (marks["emitted_ns"] > 0) & (marks["emitted_ns"] + np.uint64(IDLE_NS) < now_ns)
        idle &= (marks["done"] == marks["told"]) & (marks["gone"] == 0)
        slots = np.flatnonzero(idle)
        oldest = np.argsort(marks["emitted_ns"][slots], kind="stable")
        self._leaving = slots[oldest[: len(self._marks) // 8]]
        self._left_ns = now_ns
        if len(self._leaving):
            self._delete(self._events["sock_cookie"][self._leaving])
