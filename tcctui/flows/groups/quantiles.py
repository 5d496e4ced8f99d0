"""Quantiles, overall and per group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcctui.arrays import U32, Array, Floats, Indexes, Mask

_HALF, _LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


def quantiles(
    values: U32,
    shares: Sequence[float],
    known: Mask,
    *,
    number: Indexes | None = None,
    groups: int = 1,
) -> list[Floats]:
    """Quantiles of the `known` values of each group, shape (m,), one array for each of `shares`.

    `number` is each value's group, below `groups`; without it all are in group 0. A quantile is the
    smallest value with at least this share of the values at or below it, so that it is an existing
    value (NIST's nearest rank, numpy's inverted_cdf); NaN without known values. No Python call per
    group.
    """
    values = values[known]
    if number is None:
        ordered = np.sort(values)
        counts = np.array([len(values)])
    else:
        number = number[known]
        # As one number of 64 bits, which is sorted in a fifth of the time of two sorts by place.
        both = number.astype("u8") << _HALF | values
        both.sort()
        ordered = both & _LOWER
        counts = np.bincount(number, minlength=groups)
    starts = np.cumsum(counts) - counts
    return [_at(ordered, starts, counts, share) for share in shares]


def _at(ordered: Array, starts: Indexes, counts: Indexes, share: float) -> Floats:
    found = np.full(len(counts), np.nan)
    some = counts > 0
    # Rounded, as 0.95 · 20 must not become the 20th of 20 by the last bit of a float.
    rank = np.ceil(np.round(counts[some] * share, 6)).astype(np.intp)
    found[some] = ordered[starts[some] + np.maximum(rank, 1) - 1]
    return found
