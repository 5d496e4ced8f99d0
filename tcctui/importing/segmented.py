"""Running values of many sequences that stand one behind the other in one array."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Array, Indexes, Mask

_ROOM = 1 << 42
"""Range of values that a sequence may have."""


NEVER = np.iinfo("i8").max
"""Index of what does not happen."""


def earliest(count: int, begin: Indexes, end: Indexes, values: I64) -> I64:
    """Least value of the ranges that cover each of `count` places; NEVER where none does.

    Range n is of the places from `begin[n]` to before `end[n]`, and has `values[n]`. Each is taken
    as two ranges of a power of two, and these are halved, level by level.
    """
    some = (begin < end) & (begin >= 0) & (end <= count)
    begin, end, values = begin[some], end[some], values[some]
    found = np.full(count, NEVER, "i8")
    if not len(begin):
        return found
    # The exponent of a float is exact here: 2ᵉ⁻¹ ≤ length < 2ᵉ.
    level = np.frexp((end - begin).astype("f8"))[1] - 1
    for power in range(int(level.max()), -1, -1):
        mine = level == power
        for at in (begin[mine], end[mine] - (1 << power)):
            np.minimum.at(found, at, values[mine])
        half = 1 << power >> 1
        if half:
            found[half:] = np.minimum(found[half:], found[:-half].copy())
    return found


class Sequences(NamedTuple):
    """Sequences in one array: index of each one's `first` entry, and what number each is `of`."""

    first: Indexes
    of: I64

    def highest(self, values: I64, initial: int = 0) -> I64:
        """Highest value so far of each sequence, at least `initial`; values within ±2⁴¹."""
        within = np.clip(values, -(_ROOM >> 1), (_ROOM >> 1) - 1)
        above = np.maximum(within, initial) + self.of * _ROOM
        return np.asarray(np.maximum.accumulate(above) - self.of * _ROOM)

    def total(self, values: Array) -> I64:
        """Sum of each sequence's values so far, this one included."""
        sums = np.cumsum(values, dtype="i8")
        return sums - (sums - values)[self.first][self.of]

    def lowest(self, values: I64) -> I64:
        """Lowest value of each sequence that is not negative; NEVER without one."""
        if not len(values):
            return values
        return np.minimum.reduceat(np.where(values < 0, NEVER, values), self.first)

    def before(self, values: Array, initial: int | float = 0) -> Array:
        """Value of the entry before, `initial` at each sequence's first."""
        found = np.empty_like(values)
        found[1:] = values[:-1]
        found[self.first] = initial
        return found

    def latest(self, where: Mask) -> I64:
        """Index of the newest entry, itself included, where a mask is True; -1 before the first."""
        index = np.where(where, np.arange(len(where)), -1)
        newest = np.maximum.accumulate(index)
        return np.where(newest < self.first[self.of], -1, newest)

    def keys(self, values: I64, which: Indexes) -> I64:
        """Numbers that ascend from sequence to sequence, and within one with its values."""
        within = np.clip(values, -(_ROOM >> 1), (_ROOM >> 1) - 1)
        return self.of[which] * _ROOM + within
