"""Running values of many sequences that stand one behind the other in one array."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Array, Indexes, Mask

_ROOM = 1 << 42
"""Range of values that a sequence may have."""


class Sequences(NamedTuple):
    """Sequences in one array: index of each one's `first` entry, and what number each is `of`."""

    first: Indexes
    of: I64

    def highest(self, values: I64, initial: int = 0) -> I64:
        """Highest value so far of each sequence, at least `initial`; values within ±2⁴¹."""
        within = np.clip(values, -(_ROOM >> 1), (_ROOM >> 1) - 1)
        above = np.maximum(within, initial) + self.of * _ROOM
        return np.asarray(np.maximum.accumulate(above) - self.of * _ROOM)

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
