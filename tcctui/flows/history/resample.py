"""Resampling of history buckets to a chart's columns, preserving every extreme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcctui.arrays import Floats, Records
from tcctui.flows.history.buckets import ACKED, LAST, MAX, MIN, SERIES, STAMP, Buckets, merge
from tcctui.flows.history.time_grid import TimeGrid
from tcctui.flows.snapshot import Extremes


@dataclass(frozen=True, eq=False)
class Lived:
    """A flow's whole life up to some time: buckets `step` recent ones wide, and marks.

    `born_ns` is when its connection began; `marks` are as in `MarkLog.own`.
    """

    buckets: Buckets
    step: int
    born_ns: int
    marks: Records

    def until(
        self, known: Buckets, width: int, recent: Buckets, newest: int
    ) -> tuple[Buckets, int]:
        """The life until the recent bucket `newest`, and the width of its buckets.

        A bucket of the life that extends beyond `newest` is replaced from `known`, whose buckets
        are `width` recent ones wide, or from `recent`.
        """
        begun = self.buckets[:, STAMP].astype("i8") * self.step
        open_since = newest // self.step * self.step
        if width > self.step:
            known, width = recent, 1
        stamps = known[:, STAMP].astype("i8") * width
        rest = known[(stamps >= open_since) & (stamps <= newest)]
        closed = self.buckets[begun < open_since]
        if not len(rest):
            return closed, self.step
        rest[:, STAMP] = open_since // self.step
        return np.concatenate([closed, merge(rest, np.zeros(1, "i8"))]), self.step


def resample(buckets: Buckets, step: int, grid: TimeGrid) -> dict[str, Extremes]:
    """Place buckets on a grid: one entry for each of `SERIES`.

    `buckets` ascend by stamp and are `step` recent buckets wide. Those after the grid's present are
    left out. If the first column is empty, it has the last values from before the window.
    """
    begun = buckets[:, STAMP].astype("i8") * step
    buckets, begun = buckets[begun <= grid.newest], begun[begun <= grid.newest]
    place = grid.column(begun)
    inside = (place >= 0) & (place < grid.count)
    at = place[inside]
    before = np.flatnonzero(place < 0)
    kept = buckets[inside]

    series = {}
    for index, name in enumerate(SERIES):
        low, high, last = np.full((3, grid.count), np.nan)
        np.fmin.at(low, at, kept[:, MIN.start + index].astype("f8"))
        np.fmax.at(high, at, kept[:, MAX.start + index].astype("f8"))
        last[at] = kept[:, LAST.start + index]  # ascending: of several, the newest stays
        if np.isnan(last[0]) and len(before):
            low[0] = high[0] = last[0] = buckets[before[-1], LAST.start + index]
        series[name] = Extremes(low, high, last)
    return series


def acked(buckets: Buckets, step: int, grid: TimeGrid) -> Floats:
    """Bytes acknowledged in each column of a grid; `buckets` are as for `resample`."""
    begun = buckets[:, STAMP].astype("i8") * step
    place = grid.column(begun)
    inside = (place >= 0) & (begun <= grid.newest)
    return np.bincount(place[inside], buckets[inside, ACKED], grid.count).astype("f8")
