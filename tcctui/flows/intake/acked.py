"""Bytes acknowledged per flow, from events, samples, or both.

Events have steps: the advance of snd_una since the event before; their sum lacks everything before
the first. Samples have the kernel's own total (tcpi_bytes_acked), but only now and then. The
difference of the two is an unknown constant of the flow: at least a sample's total less all events
up to a later one, and at most its total less all events before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcctui.arrays import I64, U64, Array, Floats, Indexes
from tcctui.flows.columns import UNKNOWN, FlowColumns
from tcctui.flows.index import Rows, grown
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples, is_known

SILENT_NS = 250_000_000
"""Lag of the newest event behind the newest sample from which on events are missing.

tcp_probe is silent outside ESTABLISHED, and for flows that the kernel's filter drops. The lag is
longer than samples are late, so that no bytes are counted twice.
"""

GONE_SILENT_NS = 1_000_000_000
"""Lag from which on samples make the flow's history; with events none are needed."""

HELD_NS = 30_000_000_000
"""Validity of a rate between samples: a flow that leaves the screen is sampled with all others,
every 10 s at the latest. After that the rate is unknown.
"""

_APART_NS = 500_000_000

_ARRAYS = ("told", "_least", "_most", "_ahead", "_when", "_total", "_rate", "_until")


@dataclass(frozen=True, eq=False)
class _Steps:
    """Steps of a batch of events and their times, grouped by row; `first` are each row's first."""

    rows: Rows
    steps: U64
    first: Indexes
    when: U64

    @cached_property
    def _order(self) -> Indexes:
        """Places of the rows in ascending order: sought in it is each part of a batch's samples."""
        return np.argsort(self.rows)

    def later(self, rows: Rows, when: I64) -> I64:
        """Bytes reported after the first event that is later than a time, for each row and time."""
        found = np.zeros(len(rows), "i8")
        order = self._order
        place = np.searchsorted(self.rows, rows, sorter=order)
        place = order[np.minimum(place, len(order) - 1)]
        there = np.flatnonzero(self.rows[place] == rows)
        if not len(there):
            return found
        place = place[there]
        lengths = np.append(self.first, len(self.steps))[place + 1] - self.first[place]
        begins = np.cumsum(lengths) - lengths
        events = np.arange(int(lengths.sum())) + np.repeat(self.first[place] - begins, lengths)
        beyond = self.when[events].astype("i8") > np.repeat(when[there], lengths)
        beyond[1:] &= beyond[:-1]
        beyond[begins] = False
        found[there] = np.add.reduceat(self.steps[events] * beyond, begins).astype("i8")
        return found


class Acked:
    """Counters of all rows. It maintains `bytes_acked` of the columns, and `acked_before`.

    `bytes_acked` does not decrease, but where a sample shows that it was bounded too high.
    """

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self.told: U64 = np.zeros(0, "u8")
        """Bytes reported by events, by row."""
        # Bytes acknowledged before the first event, at least and at most (-1: no sample says).
        self._least = np.zeros(0, "i8")
        self._most = np.zeros(0, "i8")
        self._ahead = np.zeros(0, "u8")  # bytes in the history that no event has reported yet
        # Three reads of the kernel's total: two for the rate, and the newest.
        self._when = np.zeros((0, 3), "i8")
        self._total = np.zeros((0, 3), "u8")
        self._rate = np.zeros(0)
        self._until = np.zeros(0, "i8")  # when the rate expires
        self._steps: list[_Steps] = []  # of the newest batch of events, a row in one of them

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        before = len(self.told)
        for name in _ARRAYS:
            setattr(self, name, grown(getattr(self, name), rows))
        self._most[before:] = -1

    def forget(self, rows: Rows) -> None:
        """Reset the rows."""
        self.told[rows] = 0
        self.forget_samples(rows)

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    def forget_samples(self, rows: Rows) -> None:
        """Forget what samples reported of the rows."""
        for array in (self._least, self._ahead, self._when, self._total, self._rate, self._until):
            array[rows] = 0
        self._most[rows] = -1
        self._columns["bytes_acked"][rows] = self.told[rows]
        self._columns["acked_before"][rows] = 0

    def by_events(self, rows: Rows, steps: U64, first: Indexes, last: Indexes, when: U64) -> U64:
        """Count what events report; gives the part of each step not yet reported by samples.

        `steps` and `when` have one entry per event, grouped by row: `first` and `last` are the
        indexes of each row's first and last event.
        """
        self._steps.append(_Steps(rows, steps, first, when))
        first_ns = when[first]
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

    def end_of_batch(self) -> None:
        """Let go of the batch's events: no more samples come with them."""
        self._steps = []

    def by_samples(self, rows: Rows, samples: Samples) -> U64:
        """Count what samples report, one for each row; gives the bytes reported by them alone."""
        there = is_known(samples, "bytes_acked")
        if np.count_nonzero(there) < len(rows):
            news = np.zeros(len(rows), "u8")
            if there.any():
                news[there] = self.by_samples(rows[there], pick(samples, there))
            return news
        total = samples["bytes_acked"].astype("i8")
        when = samples["ts_ns"].astype("i8")
        told, last = self.told[rows].astype("i8"), self._columns["last_ns"][rows]
        before = np.maximum(total - told, 0)
        first = self._when[rows, 2] == 0
        if np.count_nonzero(first):
            earlier = first & (self._columns["opened_ns"][rows] == 0)
            self._columns["acked_before"][rows[earlier]] = before[earlier]
        older = when < last
        least, most = self._least[rows], self._most[rows]
        if np.count_nonzero(older):
            # The events of a batch come before its samples: what they report after the sample's
            # time was not acknowledged then.
            later = np.zeros(len(rows), "i8")
            for steps in self._steps:
                later += steps.later(rows, when)
            least = np.maximum(least, np.maximum(total - told + later, 0) * older)
            self._least[rows] = least
        closer = ~older & ((most < 0) | (before < most))
        if np.count_nonzero(closer):
            self._most[rows] = most = np.where(closer, before, most)
        # A sample's time is the one from which on it may have been made: of what events told since,
        # some may be in its total. One that is newer than all events is right.
        bound = most >= 0
        self._least[rows] = least = np.where(bound, np.minimum(least, most), least)
        shown = self._columns["bytes_acked"]
        counted = np.maximum(total, told + least).astype("u8")
        right = np.maximum(total, told).astype("u8")
        shown[rows] = np.where(older, np.maximum(shown[rows], counted), right)
        self._look(rows, when, total)
        silent = when > last + GONE_SILENT_NS
        if not np.count_nonzero(silent):
            return np.zeros(len(rows), "u8")
        only = total - most - told - self._ahead[rows].astype("i8")
        news = (np.maximum(only, 0) * silent).astype("u8")
        self._ahead[rows] += news
        return news

    def _look(self, rows: Rows, when: I64, total: I64) -> None:
        """Update the rows' rates between samples, half a second apart or more."""
        times, totals = self._when[rows].T, self._total[rows].T.view("i8")
        apart = when - times[1] >= _APART_NS
        for looks, newest in ((times, when), (totals, total)):
            np.copyto(looks[0], looks[1], where=apart)
            looks[2] = newest
        first = times[0] > 0
        since = np.where(first, times[0], times[1])
        grew = np.maximum(total - np.where(first, totals[0], totals[1]), 0)
        rate = grew * 1e9 / np.maximum(when - since, 1)
        self._rate[rows] = np.where(since > 0, rate, np.nan)
        self._until[rows] = when + HELD_NS
        for looks in (times, totals):
            np.copyto(looks[1], looks[2], where=apart)
        self._when[rows], self._total[rows] = times.T, totals.T

    def sampled(self, rows: Rows) -> U64:
        """The kernel's newest total of rows: the column `acked_sampled`."""
        unknown = np.uint64(UNKNOWN["acked_sampled"])
        return np.where(self._when[rows, 2] > 0, self._total[rows, 2], unknown)

    def rates(self, by_events: Floats, now_ns: int) -> Floats:
        """Bytes per second of every row, given the rate by events."""
        columns = self._columns
        only = columns["sampled_ns"] > columns["last_ns"] + SILENT_NS
        if not only.any():
            return by_events
        sampled = np.where(self._until > now_ns, self._rate, np.nan)
        sampled[columns["closed_ns"] > 0] = 0
        sampled[self._when[:, 2] == 0] = np.nan  # the kernel does not report its total
        never = columns["last_ns"] == 0
        both = np.where(never, sampled, np.fmax(sampled, by_events))
        return np.where(only, both, by_events)
