"""Which row a key is in, for many keys at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


def grown(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """Copy an array of rows with room for `rows` of them; the new ones are zero.

    Unlike numpy's resize, it leaves the new part to the system until it is written to.
    """
    new = np.zeros((rows, *array.shape[1:]), array.dtype)
    new[: len(array)] = array
    return new


class KeyIndex:
    """Maps 64-bit keys to rows, with no Python call per key: sorted keys beside their rows."""

    def __init__(self) -> None:
        self._keys: Keys = np.empty(0, "u8")
        self._rows: Rows = np.empty(0, "i8")

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def rows(self) -> Rows:
        """The row of each key, in the order of the keys; never changed afterwards."""
        return self._rows

    def lookup(self, keys: Keys) -> Rows:
        """Give the row of each key, -1 where it has none."""
        if not len(self._keys):
            return np.full(len(keys), -1, "i8")
        place = np.searchsorted(self._keys, keys)
        place[place == len(self._keys)] = 0
        return np.where(self._keys[place] == keys, self._rows[place], -1)

    def put(self, keys: Keys, rows: Rows) -> None:
        """Map each key to its row; of one that is there, or is given twice, the last row counts."""
        merged = np.concatenate([self._keys, keys])
        order = np.argsort(merged, kind="stable")
        merged = merged[order]
        last = np.ones(len(merged), bool)
        last[:-1] = merged[1:] != merged[:-1]
        self._keys = merged[last]
        self._rows = np.concatenate([self._rows, rows])[order][last]

    def remove_rows(self, rows: Rows) -> None:
        """Forget every key that maps to one of the rows."""
        kept = ~np.isin(self._rows, rows)
        self._keys, self._rows = self._keys[kept], self._rows[kept]
