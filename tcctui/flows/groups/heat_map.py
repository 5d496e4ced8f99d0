"""Heat map of round-trip times: shares of samples by time and, on a logarithmic scale, by RTT."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import Array, Floats, Indexes, Records
from tcctui.flows.groups.histogram import LEAST_BINS, edges_of

TIME = np.dtype([("stamp", "u4"), ("cookie", "u8"), ("srtt", "u4")])
"""One sample: a connection's last srtt, in microseconds, in one tenth of a second.

`stamp` is that tenth, since the clock's 0.
"""

STAMP_NS = 100_000_000
"""Nanoseconds of a stamp."""

FLOOR = 5
"""Samples of a column of time below which its shares say nothing."""


class HeatMap(NamedTuple):
    """Samples in k bins of srtt, as `histogram.Histogram` has them, and n columns of time.

    `counts` has shape (k, n), the last column ends now; `samples`, shape (n,), are the samples in
    each column. `edges`, shape (k + 1,), are microseconds; there is no bin without a sample.
    """

    edges: Floats
    counts: Indexes
    samples: Indexes

    def shares(self) -> Floats:
        """Part of each column's samples that a bin has, shape (k, n); NaN below `FLOOR` samples."""
        told = np.where(self.samples >= FLOOR, self.samples, np.nan)
        return self.counts / told

    def bin_of(self, value: float) -> int:
        """Bin of a value, or the nearest one; -1 without bins."""
        place = int(np.searchsorted(self.edges, value, side="right")) - 1
        return min(max(place, 0), len(self.counts) - 1)


def heat_map(times: Records, until_ns: int, seconds: float, columns: int, bins: int) -> HeatMap:
    """Count samples, of dtype `TIME`, of the last seconds in columns and at most `bins` bins."""
    end = until_ns / STAMP_NS
    since = end - seconds * 1e9 / STAMP_NS
    stamps = times["stamp"] + 0.5
    there = (stamps >= since) & (times["stamp"] < end) & (times["srtt"] > 0)
    srtt = times["srtt"][there]
    column = ((stamps[there] - since) * (columns / (end - since))).astype("i8")
    column = np.minimum(column, columns - 1)
    samples = np.bincount(column, minlength=columns)
    if not len(srtt):
        return HeatMap(np.empty(0), np.empty((0, columns), np.intp), samples)
    edges = edges_of(float(srtt.min()), float(srtt.max()), max(bins, LEAST_BINS))
    place: Array = np.searchsorted(edges, srtt, side="right") - 1
    counts = np.bincount(place * columns + column, minlength=(len(edges) - 1) * columns)
    return HeatMap(edges, counts.reshape(len(edges) - 1, columns), samples)
