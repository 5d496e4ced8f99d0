"""Histogram of round-trip times, in bins of equal width on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tcctui.arrays import Array, Floats, Indexes
from tcctui.flows.groups.quantiles import quantiles

SHARES = (0.5, 0.9, 0.95, 0.99)
"""Reported quantiles, by share."""


def _steps(per_decade: int) -> tuple[float, ...]:
    return tuple(round(10 ** (step / per_decade), 2) for step in range(per_decade))


_SCALES: Sequence[tuple[float, ...]] = (
    _steps(100),
    _steps(50),
    # Preferred numbers (ISO 3, ISO 497): R20, R10, R5, rounded.
    (
        *(1, 1.12, 1.25, 1.4, 1.6, 1.8, 2, 2.24, 2.5, 2.8),
        *(3.15, 3.55, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9),
    ),
    (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8),
    (1, 1.6, 2.5, 4, 6.3),
    (1, 2, 5),
    (1,),
)
"""Lower edges of bins in every decade, the finest scale first."""

LEAST_BINS = 10
"""Decades that 32-bit times can span, and the smallest number of bins."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Values in k bins: `counts`, shape (k,), of those from `edges[i]` to below `edges[i + 1]`.

    `unknown` is the number of missing values. `low`, `high` and `at`, for each of `SHARES`, are in
    the values' unit; NaN without any value, and then there is no bin.
    """

    edges: Floats
    counts: Indexes
    unknown: int
    low: float
    high: float
    at: tuple[float, ...]

    @property
    def known(self) -> int:
        """Number of known values."""
        return int(self.counts.sum())

    def bin_of(self, value: float) -> int:
        """Bin of a value, or the nearest one; -1 without bins."""
        place = int(np.searchsorted(self.edges, value, side="right")) - 1
        return min(max(place, 0), len(self.counts) - 1)


def histogram(values: Array, bins: int, times: Array | None = None) -> Histogram:
    """Distribute values, whole numbers of which 0 is missing, over `bins` at the most.

    Edges are round numbers, so that they stay while values come and go, on the finest scale that
    fits. `bins` are `LEAST_BINS` or more. With `times`, each value stands for as many.
    """
    if times is not None:
        return _weighted(values, times, bins)
    known = values > 0
    there = values[known]
    unknown = len(values) - len(there)
    if not len(there):
        nothing = np.empty(0, np.intp)
        return Histogram(np.empty(0), nothing, unknown, math.nan, math.nan, (math.nan,) * 4)
    low, high = float(there.min()), float(there.max())
    edges = edges_of(low, high, max(bins, LEAST_BINS))
    place = np.searchsorted(edges, there, side="right") - 1
    at = tuple(float(found[0]) for found in quantiles(values, SHARES, known))
    counts = np.bincount(place, minlength=len(edges) - 1)
    return Histogram(edges, counts, unknown, low, high, at)


def _weighted(values: Array, times: Array, bins: int) -> Histogram:
    known = (values > 0) & (times > 0)
    unknown = round(float(times[values <= 0].sum()))
    order = np.argsort(values[known], kind="stable")
    there, weights = values[known][order].astype("f8"), times[known][order].astype("f8")
    if not len(there):
        return histogram(np.zeros(unknown, "u4"), bins)
    low, high = float(there[0]), float(there[-1])
    edges = edges_of(low, high, max(bins, LEAST_BINS), _SCALES[1:])  # values may be buckets of 4 %
    place = np.searchsorted(edges, there, side="right") - 1
    counts = np.bincount(place, weights, len(edges) - 1).round().astype(np.intp)
    sums = np.cumsum(weights)
    ranks = np.round(np.array(SHARES) * sums[-1], 6)
    at = there[np.minimum(np.searchsorted(sums, ranks), len(there) - 1)]
    return Histogram(edges, counts, unknown, low, high, tuple(at.tolist()))


def edges_of(
    low: float, high: float, bins: int, scales: Sequence[tuple[float, ...]] = _SCALES
) -> Floats:
    """Edges of the finest scale that covers low to high with this many bins; shape (bins + 1,)."""
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    for scale in scales:
        # A decade more at both ends: the logarithm may be off by a bit.
        edges = np.array(
            [
                round(step * 10.0**decade, 9)
                for decade in range(first - 1, last + 3)
                for step in scale
            ]
        )
        begin = int(np.searchsorted(edges, low, side="right")) - 1
        end = int(np.searchsorted(edges, high, side="right"))
        if end - begin <= bins:
            break
    return edges[begin : end + 1]
