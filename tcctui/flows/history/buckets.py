"""Time buckets: a history's record of a stretch of time, as one row of numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.arrays import I64, U32, U64, Array, Indexes

SERIES = ("snd_cwnd", "ssthresh", "srtt_us", "in_flight")
"""The fields of which a bucket keeps minimum, maximum and last value."""

STAMP = 0
"""Column of a bucket's number: its time divided by its width."""

MIN, MAX, LAST = slice(1, 5), slice(5, 9), slice(9, 13)
"""Columns of the extremes and of the last values, in the order of `SERIES`."""

ACKED = 13
"""Column of the bytes acknowledged within the bucket, at most 2³² - 1."""

WIDTH = 14
"""Columns of a bucket; each is an unsigned 32-bit number."""

BUCKET_NS = 100_000_000
"""Nanoseconds in the narrowest bucket."""

Buckets = U32
"""An array of shape (n, `WIDTH`)."""

_MOST = np.uint64(0xFFFFFFFF)


Values = U32
"""An array of shape (n, len(SERIES)), with an entry for each of `SERIES`."""


def assembled(stamps: Array, acked: U64, *, low: Values, high: Values, last: Values) -> Buckets:
    """Buckets of these columns, with one entry in each for every bucket."""
    buckets = np.empty((len(stamps), WIDTH), "u4")
    buckets[:, STAMP] = stamps
    buckets[:, MIN], buckets[:, MAX], buckets[:, LAST] = low, high, last
    buckets[:, ACKED] = np.minimum(acked, _MOST)
    return buckets


def merge(buckets: Buckets, starts: Indexes) -> Buckets:
    """Merge runs of buckets into one each; a run begins at each of `starts`, oldest bucket first.

    The merged bucket has the stamp of the run's first one.
    """
    if len(starts) == len(buckets):
        return buckets.copy()
    merged = np.empty((len(starts), WIDTH), "u4")
    ends = _ends(starts, len(buckets)) - 1
    merged[:, STAMP] = buckets[starts, STAMP]
    merged[:, MIN] = np.minimum.reduceat(buckets[:, MIN], starts)
    merged[:, MAX] = np.maximum.reduceat(buckets[:, MAX], starts)
    merged[:, LAST] = buckets[ends, LAST]
    acked = np.add.reduceat(buckets[:, ACKED].astype("u8"), starts)
    merged[:, ACKED] = np.minimum(acked, _MOST)
    return merged


def run_starts(*keys: npt.NDArray[np.generic]) -> Indexes:
    """Starts of runs: 0, and every index at which one of the keys differs from its predecessor."""
    first, *others = keys
    changed = np.empty(len(first), bool)
    changed[:1] = True
    np.not_equal(first[1:], first[:-1], out=changed[1:])
    for key in others:
        changed[1:] |= key[1:] != key[:-1]
    return changed.nonzero()[0]


def row_runs(rows: Array) -> tuple[Indexes, Array, I64]:
    """Runs of one row: where they start, their rows, and their lengths."""
    starts = run_starts(rows)
    return starts, rows[starts], _ends(starts, len(rows)) - starts


def _ends(starts: Indexes, count: int) -> Indexes:
    """End of each run that begins at one of `starts`."""
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:]
    ends[-1:] = count
    return ends
