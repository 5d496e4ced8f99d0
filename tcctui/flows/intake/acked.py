"""How many bytes of each flow were acknowledged, told by events, by samples, or by both.

Events tell steps: how far snd_una went since the event before, so that their sum lacks what was
before the first. Samples tell the kernel's own total (tcpi_bytes_acked), but now and then. The
difference of the two is a constant of the flow, but not known: it is at least what a sample has
more than all events up to a later one, and at most what it has more than all events before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.columns import FlowColumns
from tcctui.flows.index import Rows, grown
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples, value

SILENT_NS = 250_000_000
"""Where the newest event is older by this than the newest sample, events don't tell of the flow.

tcp_probe is silent outside ESTABLISHED, and where the kernel's filter leaves the flow out. It is
longer than samples are late, so that a flow is not counted by both.
"""

GONE_SILENT_NS = 1_000_000_000
"""Where it is older by this, samples make the flow's history; with events it needs none of them."""

HELD_NS = 30_000_000_000
"""How long a rate between samples is taken for the present one: a flow that leaves the screen is
sampled with all others, every 10 s at the latest. After that nothing is known."""

_APART_NS = 500_000_000

_ARRAYS = ("told", "_least", "_most", "_ahead", "_when", "_total", "_rate", "_until")

Counts = npt.NDArray[np.uint64]


class Acked:
    """The counters of all rows. `bytes_acked` of the columns is kept by it, and never goes back."""

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self.told: Counts = np.zeros(0, "u8")
        """Bytes that events told of, by row."""
        # Bytes acknowledged before the first event, at least and at most (-1: no sample says).
        self._least = np.zeros(0, "i8")
        self._most = np.zeros(0, "i8")
        self._ahead = np.zeros(0, "u8")  # bytes in the history that no event has told of yet
        # Three looks at the kernel's total: two that the rate is worked out from, and the newest.
        self._when = np.zeros((0, 3), "i8")
        self._total = np.zeros((0, 3), "u8")
        self._rate = np.zeros(0)
        self._until = np.zeros(0, "i8")  # when the rate says nothing any more

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        if rows == len(self.told):
            return
        before = len(self.told)
        for name in _ARRAYS:
            setattr(self, name, grown(getattr(self, name), rows))
        self._most[before:] = -1

    def forget(self, rows: Rows) -> None:
        """Begin anew with the rows."""
        self.told[rows] = 0
        self.forget_samples(rows)

    @property
    def kept(self) -> Mapping[str, npt.NDArray[Any]]:
        """What there is of each row, by name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    def forget_samples(self, rows: Rows) -> None:
        """Forget what samples told of the rows."""
        for array in (self._least, self._ahead, self._when, self._total, self._rate, self._until):
            array[rows] = 0
        self._most[rows] = -1
        self._columns["bytes_acked"][rows] = self.told[rows]

    def by_events(
        self,
        rows: Rows,
        steps: Counts,
        first: npt.NDArray[np.intp],
        last: npt.NDArray[np.intp],
        first_ns: npt.NDArray[np.uint64],
    ) -> Counts:
        """Count what events tell; gives what of each event's step no sample has told before.

        `steps` has one entry per event, grouped by row: `first` and `last` are where each row's
        events begin and end, and `first_ns` is when they begin.
        """
        totals = np.add.reduceat(steps, first)
        began = self.told[rows] + steps[first]
        self.told[rows] += totals
        shown, total = self._columns["bytes_acked"], self.told[rows].astype("i8")
        sampled_ns = self._columns["sampled_ns"][rows]
        if sampled_ns.any():
            sample = self._total[rows, 2].astype("i8")
            later = (sampled_ns > 0) & (sampled_ns <= first_ns.astype("i8"))
            least = np.where(later, sample - began.astype("i8"), 0)
            self._least[rows] = least = np.maximum(self._least[rows], least)
            total += least
        shown[rows] = np.maximum(shown[rows], total.astype("u8"))
        ahead = self._ahead[rows]
        if not ahead.any():
            return steps
        sums = np.cumsum(steps)
        sums -= np.repeat(sums[first] - steps[first], last - first + 1)
        left = np.minimum(steps, sums - np.minimum(sums, np.repeat(ahead, last - first + 1)))
        self._ahead[rows] = ahead - np.minimum(ahead, totals)
        return left

    def by_samples(self, rows: Rows, samples: Samples) -> Counts:
        """Count what samples tell, one for each row; gives the bytes that only they tell of."""
        news = np.zeros(len(rows), "u8")
        known = ~np.isnan(value(samples, "bytes_acked"))
        if not known.all():
            news[known] = self.by_samples(rows[known], pick(samples, known))
            return news
        if not len(rows):
            return news
        total = samples["bytes_acked"].astype("u8")
        when = samples["ts_ns"].astype("i8")
        told, last = self.told[rows].astype("i8"), self._columns["last_ns"][rows]
        before = np.maximum(total.astype("i8") - told, 0)
        older = when < last
        self._least[rows] = np.maximum(self._least[rows], np.where(older, before, 0))
        most = self._most[rows]
        closer = ~older & ((most < 0) | (before < most))
        self._most[rows] = most = np.where(closer, before, most)
        shown = self._columns["bytes_acked"]
        least = (told + self._least[rows]).astype("u8")
        shown[rows] = np.maximum(np.maximum(shown[rows], total), least)
        only = total.astype("i8") - most - told - self._ahead[rows].astype("i8")
        news = np.where(when > last + GONE_SILENT_NS, np.maximum(only, 0), 0).astype("u8")
        self._ahead[rows] += news
        self._look(rows, when, total)
        return news

    def _look(self, rows: Rows, when: npt.NDArray[np.int64], total: Counts) -> None:
        """Work out the rows' rates between samples, half a second apart or more."""
        apart = when - self._when[rows, 1] >= _APART_NS
        moved = rows[apart]
        self._when[moved, 0], self._total[moved, 0] = self._when[moved, 1], self._total[moved, 1]
        older = np.where(self._when[rows, 0] > 0, 0, 1)
        since = self._when[rows, older]
        grew = np.maximum(total.astype("i8") - self._total[rows, older].astype("i8"), 0)
        rate = grew * 1e9 / np.maximum(when - since, 1)
        self._rate[rows] = np.where(since > 0, rate, np.nan)
        self._until[rows] = when + HELD_NS
        self._when[moved, 1], self._total[moved, 1] = when[apart], total[apart]
        self._when[rows, 2], self._total[rows, 2] = when, total

    def rates(self, by_events: npt.NDArray[np.float64], now_ns: int) -> npt.NDArray[np.float64]:
        """Bytes per second of every row, given what events tell of it."""
        columns = self._columns
        only = columns["sampled_ns"] > columns["last_ns"] + SILENT_NS
        if not only.any():
            return by_events
        sampled = np.where(self._until > now_ns, self._rate, np.nan)
        sampled[columns["closed_ns"] > 0] = 0
        sampled[self._when[:, 2] == 0] = np.nan  # the kernel does not tell its total
        never = columns["last_ns"] == 0
        both = np.where(never, sampled, np.fmax(sampled, by_events))
        return np.where(only, both, by_events)
