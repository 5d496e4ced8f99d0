"""From history buckets to the columns of a chart, with no dip lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcctui.flows.buckets import BUCKET_NS, LAST, MAX, MIN, SERIES, STAMP, Buckets
from tcctui.flows.snapshot import Extremes, FlowHistory


def resample(
    buckets: Buckets,
    *,
    values: Sequence[int],
    first: int,
    newest: int,
    step: int,
    columns: int,
    mss: int,
) -> FlowHistory:
    """Lay buckets onto at most `columns` columns of equal width.

    `buckets` ascend by stamp and are `step` recent buckets wide. `first` and `newest` are stamps of
    recent buckets: where the grid begins and what time it is. `values` (in the order of `SERIES`)
    are the newest ones, which hold all along a window without buckets.
    """
    # A whole number of buckets a column, beginning at multiples of it: a column's extremes don't
    # change as time goes on. The newest column is only partly filled.
    width = max(step, -(-(newest - first + 1) // max(1, columns)))
    width = -(-width // step) * step
    end = newest // width
    count = end - first // width + 1
    place = buckets[:, STAMP].astype("i8") * step // width - (end - count + 1)
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
        if np.isnan(last[0]):
            held = None
            if len(before):
                held = float(buckets[before[-1], LAST.start + index])
            elif not len(kept):
                held = float(values[index])
            if held is not None:
                low[0] = high[0] = last[0] = held
        series[name] = Extremes(low, high, last)
    return FlowHistory(count * width * BUCKET_NS / 1e9, series, mss)
