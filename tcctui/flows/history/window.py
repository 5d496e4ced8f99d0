"""One window of time of all flows: extremes, time by limit, marks, departures.

A store without one pays nothing for it; see `Store`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, U32, Array, Floats, Records
from tcctui.flows.diagnosis.verdicts import VERDICTS
from tcctui.flows.history.buckets import MAX, MIN, SERIES, Buckets, row_runs
from tcctui.flows.index import Keys, Rows, grown
from tcctui.flows.snapshot import Flows
from tcctui.wire.records import joined

LIMITS = tuple(verdict.name for verdict in VERDICTS)
"""Names of the columns of `Seen.limit_ms`."""

HAPPENED = np.dtype([("cookie", "u8"), ("ns", "i8"), ("count", "u4"), ("kind", "u1")])
"""Occurrences of a mark: flow, moment on the events' clock, number and `MarkKind`."""

_MOST_MARKS = 1 << 18
"""Marks that are kept of a window; later ones are left out."""

_NOTHING = np.uint32(0xFFFFFFFF)

_NEVER_ZERO = np.array([name != "in_flight" for name in SERIES])  # there, 0 is unknown


class Seen(NamedTuple):
    """Flows and their window; arrays have one entry for each flow.

    `low` and `high`, shape (n, len(SERIES)), are extremes over the window's ACKs, in the order of
    `buckets.SERIES`; `low` exceeds `high` where there was none. `limit_ms`, shape (n, len(LIMITS)),
    are milliseconds that each verdict limited the flow, as far as it was sampled.
    """

    flows: Flows
    low: U32
    high: U32
    limit_ms: Floats


class Ended(NamedTuple):
    """A window that is over.

    `known` are the flows that the store has, in the order of their cookies; `left` those that left
    it within the window, each as it was then, in order. A flow may be in both: its key was used
    anew. `marks` are of `HAPPENED`.
    """

    known: Seen
    left: tuple[Seen, ...]
    marks: Records


class Window:
    """Part of a store: what happened to each row since the window began.

    `names` are the columns of flows that are given for each window; of those that left there are
    `details`, too.
    """

    def __init__(self, names: frozenset[str], details: frozenset[str] = frozenset()) -> None:
        self._names, self._all = names, names | details
        self.copy: Callable[[Rows, frozenset[str]], Flows]
        """Copies columns of some rows; set by the store."""
        self._low: U32 = np.zeros((0, len(SERIES)), "u4")
        self._high: U32 = np.zeros((0, len(SERIES)), "u4")
        self._limit_ns = np.zeros((0, len(LIMITS)), "f4")
        self._left: list[Seen] = []
        self._marks: list[Records] = []
        self._marked = 0

    # As a part of the store

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        before = len(self._low)
        self._low, self._high = grown(self._low, rows), grown(self._high, rows)
        self._low[before:] = _NOTHING
        self._limit_ns = grown(self._limit_ns, rows)

    def forget(self, rows: Rows) -> None:
        """Keep what the flows of these rows were: they leave."""
        if len(rows):
            self._left.append(self._taken(rows, self.copy(rows, self._all)))

    def buckets(self, rows: Rows, buckets: Buckets) -> None:
        """Take in buckets, grouped by row."""
        if not len(rows):
            return
        starts, rows, _ = row_runs(rows)
        low = buckets[:, MIN].copy()
        low[(low == 0) & _NEVER_ZERO] = _NOTHING
        self._low[rows] = np.minimum(self._low[rows], np.minimum.reduceat(low, starts))
        high = np.maximum.reduceat(buckets[:, MAX], starts)
        self._high[rows] = np.maximum(self._high[rows], high)

    def limited(self, rows: Rows, shares: Floats, ns: I64) -> None:
        """Take in the shares of each verdict in `ns` nanoseconds of some rows, each once."""
        self._limit_ns[rows] += (shares * ns[:, None]).astype("f4")

    def marked(self, cookies: Keys, when_ns: Array, kinds: U8, counts: I64) -> None:
        """Take in occurrences of marks."""
        if self._marked >= _MOST_MARKS:
            return
        made = np.empty(len(cookies), HAPPENED)
        made["cookie"], made["ns"], made["kind"] = cookies, when_ns, kinds
        made["count"] = np.minimum(counts, 0xFFFFFFFF)
        self._marked += len(made)
        self._marks.append(made)

    # For the reader

    def end(self, rows: Rows) -> Ended:
        """End the window, of the rows of all flows, and begin the next one."""
        known = self._taken(rows, self.copy(rows, self._names))
        marks = joined(self._marks) if self._marks else np.empty(0, HAPPENED)
        ended = Ended(known, tuple(self._left), marks)
        self._left, self._marks, self._marked = [], [], 0
        return ended

    def _taken(self, rows: Rows, flows: Flows) -> Seen:
        seen = Seen(flows, self._low[rows], self._high[rows], self._limit_ns[rows] / 1e6)
        self._low[rows], self._high[rows], self._limit_ns[rows] = _NOTHING, 0, 0
        return seen
