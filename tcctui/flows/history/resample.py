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
    place = grid.column(begun)
    first, end = np.searchsorted(place, 0), np.searchsorted(begun, grid.newest, "right")
    at, kept = place[first:end], buckets[first:end]
    values = np.full((3, len(SERIES), grid.count), np.nan)
    if len(at):
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        ends = np.append(starts[1:], len(at)) - 1
        low = np.minimum.reduceat(kept[:, MIN], starts)
        high = np.maximum.reduceat(kept[:, MAX], starts)
        for number, part in enumerate((low, high, kept[ends, LAST])):
            values[number][:, at[starts]] = part.T
    if first and np.isnan(values[2, 0, 0]):
        values[:, :, 0] = buckets[first - 1, LAST]
    return {name: Extremes(*values[:, index]) for index, name in enumerate(SERIES)}


def acked(buckets: Buckets, step: int, grid: TimeGrid) -> Floats:
    """Bytes acknowledged in each column of a grid; `buckets` are as for `resample`."""
    begun = buckets[:, STAMP].astype("i8") * step
    place = grid.column(begun)
    inside = (place >= 0) & (begun <= grid.newest)
    return np.bincount(place[inside], buckets[inside, ACKED], grid.count).astype("f8")
