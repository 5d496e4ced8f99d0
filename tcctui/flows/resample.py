"""From history buckets to the columns of a chart, with no dip lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tcctui.flows.buckets import ACKED, LAST, MAX, MIN, SERIES, STAMP, Buckets, merge
from tcctui.flows.grid import Grid
from tcctui.flows.snapshot import Extremes


def until(
    buckets: Buckets, step: int, recent: Buckets, newest: int, values: Sequence[int]
) -> Buckets:
    """Buckets as they were within the recent bucket `newest`, which has got more events since.

    `buckets` are `step` recent ones wide; `recent` are those of the last minute. `values` (in the
    order of `SERIES`) are what was last known then, if anything happened in that bucket already.
    """
    stamps = recent[:, STAMP].astype("i8")
    if not (stamps >= newest).any():
        return buckets  # nothing has happened since
    begun = buckets[:, STAMP].astype("i8") * step
    open_since = newest // step * step
    rest = recent[(stamps >= open_since) & (stamps < newest)]
    if len(values):
        last = np.array([[newest, *values, *values, *values, 0]], "u4")
        rest = np.concatenate([rest, last])
    closed = buckets[begun < open_since]
    if not len(rest):
        return closed
    rest[:, STAMP] //= step
    return np.concatenate([closed, merge(rest, np.zeros(1, "i8"))])


def resample(buckets: Buckets, step: int, grid: Grid) -> dict[str, Extremes]:
    """Lay buckets onto a grid: one entry for each of `SERIES`.

    `buckets` ascend by stamp and are `step` recent buckets wide. What came later than the grid's
    present is left out. The first column, if nothing happened in it, has the last values from
    before the window.
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


def acked(buckets: Buckets, step: int, grid: Grid) -> npt.NDArray[np.float64]:
    """Bytes acknowledged in each column of a grid; `buckets` are as above."""
    begun = buckets[:, STAMP].astype("i8") * step
    place = grid.column(begun)
    inside = (place >= 0) & (begun <= grid.newest)
    return np.bincount(place[inside], buckets[inside, ACKED], grid.count).astype("f8")
