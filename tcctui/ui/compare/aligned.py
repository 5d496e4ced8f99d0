"""Histories of several flows on one axis: time, or age."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.flows.snapshot import Extremes
from tcctui.ui.chart.chart_data import extremes_in


class Axis(NamedTuple):
    """Begin and end of an axis in seconds, and its number of columns.

    An axis of time ends with 0, which is now; one of age begins with 0, the beginning of each flow.
    """

    first: float
    last: float
    columns: int


def by_time(seconds: float, columns: int) -> Axis:
    """The last seconds."""
    return Axis(-seconds, 0.0, columns)


def by_age(seconds: float, columns: int) -> Axis:
    """The first seconds of each flow."""
    return Axis(0.0, seconds, columns)


def aligned(past: Extremes, seconds: float, ends: float, axis: Axis, over: float) -> Extremes:
    """Resample columns that span the `seconds` until `ends` on the axis to the axis' own.

    Several in one are merged to their extremes and last value; a gap between two is NaN, in which
    the value before holds. The last value from before the axis is in its first column. From `over`
    on, where the flow has ended or is not yet that old, all is infinite: off the chart.
    """
    count = len(past.last)
    middle = ends + (np.arange(count) + 0.5 - count) * (seconds / max(count, 1))
    place = np.floor((middle - axis.first) * (axis.columns / (axis.last - axis.first)))
    known = ~np.isnan(past.last)
    inside = known & (place >= 0) & (place < axis.columns)
    at = place[inside].astype(np.int64)
    low, high, last = np.full((3, axis.columns), np.nan)
    np.fmin.at(low, at, past.low[inside])
    np.fmax.at(high, at, past.high[inside])
    last[at] = past.last[inside]  # ascending: of several, the newest stays
    before = np.flatnonzero(known & (place < 0))
    if len(before) and axis.columns and np.isnan(last[0]):
        low[0] = high[0] = last[0] = past.last[before[-1]]
    begun = axis.first + np.arange(axis.columns) * ((axis.last - axis.first) / axis.columns)
    gone = begun >= over
    for values in (low, high, last):
        values[gone] = np.inf
    return Extremes(low, high, last)


def value_at(curve: Extremes, first: int, last: int) -> tuple[float, float] | None:
    """Minimum and maximum in columns `first` to `last`, or the last value before them.

    None if there is none, as before the flow's first and after its end.
    """
    if last < 0 or not len(curve.last) or np.isinf(curve.last[last]):
        return None
    return extremes_in(curve, first, last)
