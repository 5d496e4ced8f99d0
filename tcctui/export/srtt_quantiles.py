"""Quantiles of srtt for each flow, weighted, in memory that follows flows and not events.

A histogram with buckets of equal ratio: DDSketch (Masson, Rim, Lee, VLDB 2019), whose quantiles are
off by no more than 1 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcctui.arrays import I64, Array, Floats
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.index import Rows

_ERROR = 0.01
_RATIO = (1 + _ERROR) / (1 - _ERROR)
_BITS = 12
"""Bits of a bucket's number: 2³² µs is in bucket 1109."""

_MOST = 1 << 18  # entries collected before they are merged

_BUCKET = np.dtype([("key", "u8"), ("weight", "i8")])


class SrttQuantiles:
    """Weights of srtt values, by row and bucket."""

    def __init__(self) -> None:
        self._buckets = np.empty(0, _BUCKET)  # sorted by key
        self._new: list[Array] = []
        self._count = 0

    def add(self, rows: Rows, srtt: I64, weights: I64) -> None:
        """Add a value and its weight for each of `rows`; values are positive, in microseconds."""
        bucket = np.ceil(np.log(srtt) / np.log(_RATIO)).astype("u8")
        new = np.empty(len(rows), _BUCKET)
        new["key"], new["weight"] = rows.astype("u8") << np.uint64(_BITS) | bucket, weights
        self._new.append(_merged(new))
        self._count += len(self._new[-1])
        if self._count > _MOST:
            self._merge()

    def _merge(self) -> None:
        self._buckets = _merged(np.concatenate([self._buckets, *self._new]))
        self._new, self._count = [], 0

    def of(self, rows: Rows, shares: Sequence[float]) -> list[Floats]:
        """Quantiles of these rows in microseconds, an array for each of `shares`; NaN if unknown.

        A quantile is the smallest value with at least this share of the weight at or below it.
        """
        self._merge()
        keys, weights = self._buckets["key"], self._buckets["weight"]
        sums = np.append(0, np.cumsum(weights))
        first = np.searchsorted(keys, rows.astype("u8") << np.uint64(_BITS))
        behind = np.searchsorted(keys, (rows.astype("u8") + np.uint64(1)) << np.uint64(_BITS))
        whole = sums[behind] - sums[first]
        known = whole > 0
        found = []
        for share in shares:
            rank = np.maximum(np.ceil(np.round(whole * share, 6)), 1)
            place = np.searchsorted(sums, sums[first] + rank) - 1
            bucket = np.append(keys, np.uint64(0))[np.minimum(place, len(keys))] & np.uint64(
                (1 << _BITS) - 1
            )
            middle = 2 * _RATIO ** bucket.astype("f8") / (1 + _RATIO)
            found.append(np.where(known, middle, np.nan))
        return found


def _merged(buckets: Array) -> Array:
    if not len(buckets):
        return buckets
    buckets = buckets[np.argsort(buckets["key"], kind="stable")]
    starts = run_starts(buckets["key"])
    merged = buckets[starts]
    merged["weight"] = np.add.reduceat(buckets["weight"], starts)
    return merged
