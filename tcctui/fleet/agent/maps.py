"""Columns of maps, such as histograms: all keys and values side by side, and where a row begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tcctui.arrays import Array, Floats, Indexes
from tcctui.fleet.tables.buckets import GAMMA
from tcctui.flows.history.buckets import run_starts

_WIDTH = np.log(GAMMA)
_OFFSET, _BUCKETS = 1 << 15, 1 << 16


class Maps(NamedTuple):
    """A map in each of n rows: row i has the keys and values from `offsets[i]` to `offsets[i + 1]`.

    `offsets` has n + 1 entries.
    """

    offsets: Array
    keys: Sequence[str] | Array
    values: Array


def by_word(numbers: Floats, words: Sequence[str]) -> Maps:
    """Maps from words to numbers of shape (n, len(words)), rounded; zeros are left out."""
    rounded = np.rint(numbers).astype("u8")
    rows, places = np.nonzero(rounded)
    return Maps(
        _offsets(rows, len(numbers)), [words[at] for at in places.tolist()], rounded[rows, places]
    )


def histograms(number: Indexes, values: Array, rows: int) -> Maps:
    """Numbers of values by bucket (`tables.buckets`), of each of `rows` rows.

    `number` is each value's row. Values that are NaN, 0 or less are left out.
    """
    known = values > 0
    buckets = np.ceil(np.log(values[known]) / _WIDTH).astype("i8")
    keys = np.sort(number[known].astype("i8") * _BUCKETS + buckets + _OFFSET)
    starts = run_starts(keys)
    counts = np.diff(np.append(starts, len(keys)))
    found = keys[starts]
    return Maps(
        _offsets(found // _BUCKETS, rows),
        (found % _BUCKETS - _OFFSET).astype("i2"),
        counts.astype("u4"),
    )


def middle(bucket: int) -> float:
    """Value that stands for a bucket."""
    return 2 / (1 + GAMMA) * math.pow(GAMMA, bucket)


def _offsets(rows: Array, count: int) -> Array:
    return np.searchsorted(rows, np.arange(count + 1)).astype("i4")
