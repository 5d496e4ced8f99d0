"""Evaluation of a query over flows: results shared by several conditions are computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TypeAlias, TypeVar, cast

import numpy as np

from tcctui.arrays import Array, Indexes, Mask
from tcctui.flows.index import SPREAD

Flows: TypeAlias = Mapping[str, Array]
"""Columns by name, all of one length, always including `cookie`."""


T = TypeVar("T")


class Evaluation(Mapping[str, Array]):
    """Columns of flows, and what was made of them during one evaluation of a query."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows
        self._made: dict[Hashable, object] = {}
        self.count = len(flows["cookie"])

    def __getitem__(self, name: str) -> Array:
        return self._flows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._flows)

    def __len__(self) -> int:
        return len(self._flows)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Cached result for `key`, computed by `make` the first time."""
        if key not in self._made:
            self._made[key] = make()
        return cast("T", self._made[key])

    def of_each(self, name: str, of_value: Callable[[Array], Array]) -> Array:
        """Apply a function once per distinct value of a column, for few values and many flows."""
        values, place = self.once(("unique", name), lambda: _distinct(name, self[name]))
        return of_value(values)[place]

    def everything(self) -> Mask:
        """All flows."""
        return np.ones(self.count, np.bool_)

    def nothing(self) -> Mask:
        """No flow."""
        return np.zeros(self.count, np.bool_)


_known: dict[str, tuple[Array, tuple[Array, Indexes]]] = {}
"""Distinct values of the last column of each name that nobody writes to."""


def _distinct(name: str, texts: Array) -> tuple[Array, Indexes]:
    """The same as `distinct`, at once for a column that was there before and nobody writes to."""
    known = _known.get(name)
    if known is not None and known[0] is texts:
        return known[1]
    found = distinct(texts)
    if not texts.flags.writeable:
        _known[name] = texts, found
    return found


_BUCKETS = 1 << 14


def distinct(texts: Array) -> tuple[Array, Indexes]:
    """Values of a column of bytes, each at least once, and each flow's index among them.

    Without sorting where there are few: 100,000 texts of 16 bytes take 2 ms.
    """
    width = -(-texts.itemsize // 8)
    even = np.ascontiguousarray(texts.astype(f"S{8 * width}", copy=False))
    words = even.view(np.uint64).reshape(len(texts), width).T
    hashed = np.zeros(len(texts), np.uint64)
    for column in words:
        hashed ^= column
        hashed *= SPREAD
    bucket = (hashed >> np.uint64(50)).astype(np.intp)
    first = np.full(_BUCKETS, -1)
    first[bucket] = np.arange(len(texts))
    used = np.flatnonzero(first >= 0)
    rows = first[used]
    place = np.empty(_BUCKETS, np.intp)
    place[used] = np.arange(len(used))
    places: Indexes = place[bucket]
    # Compared as numbers, in a fifth of the time that texts take.
    if len(used) < _BUCKETS // 8 and all((word[rows][places] == word).all() for word in words):
        return texts[rows], places
    sorted_values, inverse = np.unique(texts, return_inverse=True)
    return sorted_values, inverse.reshape(-1)


class Subset(Evaluation):
    """Some of the flows of an evaluation; a column is cut on demand."""

    def __init__(self, whole: Evaluation, rows: Indexes) -> None:
        super().__init__({"cookie": whole["cookie"][rows]})
        self._whole = whole
        self._rows = rows

    def __getitem__(self, name: str) -> Array:
        return self.once(("column", name), lambda: self._whole[name][self._rows])
