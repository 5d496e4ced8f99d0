"""Time buckets: a history's record of a stretch of time, as one row of numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.arrays import I64, U32, U64, Indexes

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


Values = tuple[U32, ...]
"""An array of one entry per event for each of `SERIES`."""


def from_events(
    starts: Indexes, stamp: U64, acked: U64, *, low: Values, high: Values, last: Values
) -> Buckets:
    """Fold events into buckets, one for each run of events that begins at one of `starts`.

    `stamp` and `acked` have one entry per event. `low` and `high` are each event's own extremes.
    """
    buckets = np.empty((len(starts), WIDTH), "u4")
    ends = np.append(starts[1:], len(stamp)) - 1
    buckets[:, STAMP] = stamp[starts]
    for column in range(len(SERIES)):
        buckets[:, MIN.start + column] = np.minimum.reduceat(low[column], starts)
        buckets[:, MAX.start + column] = np.maximum.reduceat(high[column], starts)
        buckets[:, LAST.start + column] = last[column][ends]
    buckets[:, ACKED] = np.minimum(np.add.reduceat(acked, starts), _MOST)
    return buckets


def merge(buckets: Buckets, starts: Indexes) -> Buckets:
    """Merge runs of buckets into one each; a run begins at each of `starts`, oldest bucket first.

    The merged bucket has the stamp of the run's first one.
    """
    if len(starts) == len(buckets):
        return buckets.copy()
    merged = np.empty((len(starts), WIDTH), "u4")
    ends = np.append(starts[1:], len(buckets)) - 1
    merged[:, STAMP] = buckets[starts, STAMP]
    merged[:, MIN] = np.minimum.reduceat(buckets[:, MIN], starts)
    merged[:, MAX] = np.maximum.reduceat(buckets[:, MAX], starts)
    merged[:, LAST] = buckets[ends, LAST]
    acked = np.add.reduceat(buckets[:, ACKED].astype("u8"), starts)
    merged[:, ACKED] = np.minimum(acked, _MOST)
    return merged


def run_starts(*keys: npt.NDArray[np.generic]) -> Indexes:
    """Starts of runs: 0, and every index at which one of the keys differs from its predecessor."""
    changed = np.zeros(len(keys[0]), bool)
    changed[:1] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changed)


def row_runs(rows: I64) -> tuple[Indexes, I64, I64]:
    """Runs of one row: where they start, their rows, and their lengths."""
    starts = run_starts(rows)
    return starts, rows[starts], np.diff(np.append(starts, len(rows)))
