"""From history buckets to the columns of a chart, with no dip lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcctui.flows.buckets import BUCKET_NS, LAST, MAX, MIN, SERIES, STAMP, Buckets, merge
from tcctui.flows.snapshot import Extremes, FlowHistory


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


def resample(
    buckets: Buckets,
    *,
    first: int,
    newest: int,
    step: int,
    columns: int,
    mss: int,
) -> FlowHistory:
    """Lay buckets onto at most `columns` columns of equal width.

    `buckets` ascend by stamp and are `step` recent buckets wide. `first` and `newest` are stamps of
    recent buckets: where the grid begins and what time it is; what came later is left out. The
    first column, if nothing happened in it, has the last values from before the window.
    """
    # A whole number of buckets a column, beginning at multiples of it: a column's extremes don't
    # change as time goes on. The newest column is only partly filled.
    # However the window lies on those multiples, it has no more columns than asked for.
    width = max(step, -(-(newest - first) // max(1, columns - 1) // step) * step)
    end = newest // width
    count = end - first // width + 1
    begun = buckets[:, STAMP].astype("i8") * step
    buckets, begun = buckets[begun <= newest], begun[begun <= newest]
    place = begun // width - (end - count + 1)
    inside = (place >= 0) & (place < count)
    at = place[inside]
    before = np.flatnonzero(place < 0)
    kept = buckets[inside]

    series = {}
    for index, name in enumerate(SERIES):
        low, high, last = np.full((3, count), np.nan)
        np.fmin.at(low, at, kept[:, MIN.start + index].astype("f8"))
        np.fmax.at(high, at, kept[:, MAX.start + index].astype("f8"))
        last[at] = kept[:, LAST.start + index]  # ascending: of several, the newest stays
        if np.isnan(last[0]) and len(before):
            low[0] = high[0] = last[0] = buckets[before[-1], LAST.start + index]
        series[name] = Extremes(low, high, last)
    return FlowHistory(count * width * BUCKET_NS / 1e9, series, mss)
