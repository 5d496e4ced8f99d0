"""Slots in which the kernel coalesces flows: free ones, and records left in them.

The program in bpf/tcc.c gives each flow a slot, folds its ACKs into it and writes a record of it
now and then. When a flow goes idle, what came since its last record stays in the slot: it is
fetched here, through shared memory; so is the end of a flow for which the ring had no room. The
kernel only ever takes slots; they are returned to its lists here too. No call per slot: numpy over
all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U32, U64, Array, Mask, among, distinct
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import joined, pick

MARK = np.dtype(
    [
        ("emitted_ns", "u8"),
        ("acks", "u4"),
        ("done", "u4"),
        ("reported", "u4"),
        ("fetched", "u4"),
        ("state", "u4"),
        ("owner", "u4"),
    ]
)
"""`struct mark`: the begin of the interval in which a slot's last record was due; its ACKs counted,
folded in, reported by records, fetched here; whether its flow is `LIVING`, `GONE` or
`GONE_UNREPORTED`; and half of its cookie, or 0 if it is to lose the slot."""

LIVING, GONE, GONE_UNREPORTED = 0, 1, 2
"""`enum slot_state`."""

FREE_SLOTS = np.dtype([("taken", "u4"), ("given", "u4"), ("slots", "u4", (1024,))])
"""`struct free_slots`: a ring of slots for one processor; it counts `taken`, we count `given`."""

IDLE_NS = 10_000_000_000
"""A slot that had no record for so long may be taken from its flow, where slots run short: 10 s."""

_LEAVE_NS = 1_000_000_000  # by then every program that had looked the slot up is through with it
_LISTED = FREE_SLOTS["slots"].shape[0]
_ENDS = ("sock_cookie", "skaddr", "saddr", "daddr", "sport", "dport")  # of a DESTROY event


NOT_ANY: U64 = np.empty(0, "u8")


class Waiting(NamedTuple):
    """Slots with something to fetch.

    `acks` is each slot's progress, `unreported` marks ACKs to be reported, `ended` an end to be
    reported.
    """

    slots: I64
    acks: U32
    unreported: Mask
    ended: Mask


class Slots:
    """Maintains the slots; used by one thread, while programs write to the same memory.

    `marks`, `pending` (not 0 where there is something to look at) and `events` have an entry for
    each slot, `lists` one for each processor; all are mapped from the kernel, those of slots as far
    as `reach` was asked for. `delete` removes cookies from the kernel's map of cookies to slots.
    """

    def __init__(
        self,
        marks: Array,
        pending: U64,
        events: Events,
        lists: Array,
        delete: Callable[[U64], None],
        *,
        reach: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._marks = marks
        self._pending = pending
        self._events = events
        self._lists = lists
        self._delete = delete
        self._reach = reach
        # The lowest come last and are handed out first: few flows, few slots to scan.
        self._free = np.arange(len(marks) - 1, -1, -1)
        self._n_free = len(marks)
        self._high = 0
        self._gone: I64 = np.empty(0, "i8")
        self._idle: I64 = np.empty(0, "i8")
        self._leaving: I64 = np.empty(0, "i8")
        self._left_ns = 0
        self.fetched: I64 = np.empty(0, "i8")
        """Slots of the events that `fetch` gave last, of ACKs alone, in their order."""
        self._level = min(_LISTED, max(1, len(marks) // (4 * len(lists))))

    @property
    def free(self) -> int:
        """Number of slots that neither a flow nor a processor's list has."""
        return self._n_free

    def waiting(
        self, now_ns: int, interval_ns: int, focus_ns: int = 0, focus: U64 = NOT_ANY
    ) -> Waiting:
        """Slots with what is of an interval that is over, or of flows that are gone.

        Intervals of the flows in `focus`, cookies, are `focus_ns` long, those of others
        `interval_ns`.
        """
        slots = np.flatnonzero(self._pending[: self._high] != 0)  # of bool: ten times cheaper
        # Before they are looked at: what comes from now on is for the next time.
        self._pending[slots] = 0
        # In this order: the last ACKs of a flow that is gone are done.
        state, done = self._marks["state"][slots], self._marks["done"][slots]
        marks = pick(self._marks, slots)
        unreported = _unreported(marks, done)
        gone = state != LIVING
        self._gone = slots[gone]
        self._pending[slots[unreported | gone | (marks["acks"] != done)]] = 1
        due = marks["emitted_ns"] + np.uint64(interval_ns) <= now_ns
        if len(focus) and focus_ns < interval_ns:
            focused = np.flatnonzero(among(marks["owner"], focus.astype("u4")))
            due[focused] = marks["emitted_ns"][focused] + np.uint64(focus_ns) <= now_ns
        # Its flow may have another slot by now, whose records are newer. What remains here was
        # counted as lost when the ring had no room for it.
        if len(self._leaving):
            due[among(slots, self._leaving)] = False
        unreported &= due | gone
        ended = state == GONE_UNREPORTED
        chosen = np.flatnonzero(unreported | ended)
        return Waiting(slots[chosen], done[chosen], unreported[chosen], ended[chosen])

    def fetch(self, waiting: Waiting) -> Events:
        """Fetch the events of waiting slots.

        Everything in the ring at the time of `waiting` must have been read, which includes earlier
        records of the same flows. A flow that has had ACKs since is left out: a record will report
        it. So events stay in order.

        Gives events that stand for the ACKs since each flow's last record, oldest first, followed
        by the ends of flows.
        """
        slots, acks, unreported, ended = waiting
        self.fetched = slots[:0]
        if not len(slots):
            return self._events[:0].copy()
        events = pick(self._events, slots)
        # Compared after the copy: an ACK is counted before it changes anything. The end of a flow
        # destroyed since may be in a record, which has been read already.
        still = (self._marks["acks"][slots] == acks) & (self._marks["reported"][slots] != acks)
        left = np.flatnonzero(unreported & still)
        self._marks["fetched"][slots[left]] = acks[left]
        # The next interval's first ACK may have had them reported just before it could see that.
        left = left[self._marks["reported"][slots[left]] != acks[left]]
        left = left[np.argsort(events["ts_ns"][left], kind="stable")]
        self.fetched, reported = slots[left], pick(events, left)
        if not ended.any():
            return reported
        gone = slots[ended]
        ends = _ends(pick(events, ended), self._marks["emitted_ns"][gone])
        self._marks["state"][gone] = GONE
        return joined([reported, pick(ends, np.argsort(ends["ts_ns"], kind="stable"))])

    def tend(self, now_ns: int) -> None:
        """Reclaim slots of destroyed sockets, and fill the lists that the kernel takes from."""
        if len(self._gone):
            # Destroyed or not, a leaving slot returns once, when its time is over.
            gone = distinct(self._gone)
            gone = gone[~among(gone, self._leaving)]
            held = self._marks[gone]
            self._take_back(gone[(held["state"] == GONE) & ~_unreported(held, held["done"])])
            self._gone = self._gone[:0]
        if len(self._leaving) and now_ns - self._left_ns > _LEAVE_NS:
            held = self._marks[self._leaving]
            kept = (held["state"] != LIVING) & _unreported(held, held["done"])
            kept |= held["state"] == GONE_UNREPORTED
            self._take_back(self._leaving[~kept])
            self._leaving = self._leaving[kept]
        self._fill_lists()
        if len(self._idle):
            if now_ns - self._left_ns > _LEAVE_NS:
                self._take_away(now_ns)
        elif self._n_free < len(self._marks) // 16 and not len(self._leaving):
            self._choose(now_ns)

    def _take_back(self, slots: I64) -> None:
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
            if slots.max() >= self._high:
                self._high = int(slots.max()) + 1
                self._reach(self._high)
            given = int(lists["given"][cpu])
            lists["slots"][cpu, (given + np.arange(count)) % _LISTED] = slots
            # Counted once they are there.
            lists["given"][cpu] = (given + count) & 0xFFFFFFFF

    def _choose(self, now_ns: int) -> None:
        """Choose flows that are long idle, or whose end nobody has reported, to take slots from.

        From now on the kernel tells each of their ACKs at once, should they have some after all. A
        program that has begun may still leave one in the slot: hence `_take_away` a while later.
        """
        slots = np.flatnonzero(self._are_idle(slice(self._high), now_ns))
        oldest = np.argsort(self._marks["emitted_ns"][slots], kind="stable")
        self._idle = slots[oldest[: len(self._marks) // 8]]
        self._left_ns = now_ns
        self._marks["owner"][self._idle] = 0

    def _take_away(self, now_ns: int) -> None:
        """Take the slots of the chosen flows, but of those that were not idle after all."""
        idle = self._are_idle(self._idle, now_ns) & (self._marks["owner"][self._idle] == 0)
        self._leaving, kept = self._idle[idle], self._idle[~idle]
        self._idle = self._idle[:0]
        self._left_ns = now_ns
        # Some came back meanwhile: they are nobody's, or another flow's.
        kept = kept[(self._marks["owner"][kept] == 0) & (self._marks["emitted_ns"][kept] > 0)]
        self._marks["owner"][kept] = self._events["sock_cookie"][kept] & np.uint64(0xFFFFFFFF)
        if len(self._leaving):
            self._delete(self._events["sock_cookie"][self._leaving])

    def _are_idle(self, which: I64 | slice, now_ns: int) -> Mask:
        marks = self._marks[which]
        idle = (marks["emitted_ns"] > 0) & (marks["emitted_ns"] + np.uint64(IDLE_NS) < now_ns)
        idle &= ~_unreported(marks, marks["done"]) & (marks["state"] == LIVING)
        return idle


def _unreported(marks: Array, done: U32) -> Mask:
    return (done != marks["reported"]) & (done != marks["fetched"])


def _ends(last: Events, when_ns: U64) -> Events:
    """DESTROY events, as the kernel would have written them, of flows with these last events."""
    ends = np.zeros(len(last), last.dtype)
    for name in _ENDS:
        ends[name] = last[name]
    ends["ts_ns"] = when_ns
    ends["kind"] = EventKind.DESTROY
    return ends
