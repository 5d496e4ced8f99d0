"""Names in the newest samples, such as `comm`, side by side for a search of all rows."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Array
from tcctui.flows.index import Rows, grown
from tcctui.wire.samples import Samples

NAMES = frozenset({"comm", "cc"})
"""Names that a word is searched in; others are longer, and hardly ever asked of all rows."""


class Names:
    """Columns of names, kept from the first time that one is asked for.

    In memory samples are far apart: to read a name of each of 100,000 takes 4 ms. Names hardly ever
    change, and as long as none does, the array given is the same one.
    """

    def __init__(self) -> None:
        self._columns: dict[str, Array] = {}
        self._given: dict[str, tuple[Rows, Array]] = {}

    def of(self, samples: Samples, rows: Rows, name: str) -> Array:
        """The rows' names, not to be written to; `samples` are the newest ones of every row."""
        if name not in self._columns:
            self._columns[name] = samples[name].copy()
        given = self._given.get(name)
        if given is None or given[0] is not rows:
            given = self._given[name] = rows, self._columns[name][rows]
            given[1].flags.writeable = False
        return given[1]

    def put(self, rows: Rows, samples: Samples) -> None:
        """Take over what samples say, one for each row."""
        for name, column in self._columns.items():
            if not np.array_equal(column[rows], samples[name]):
                column[rows] = samples[name]
                self._given.pop(name, None)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._columns = {name: grown(column, rows) for name, column in self._columns.items()}

    def forget(self, rows: Rows) -> None:
        """Drop the rows' names."""
        for column in self._columns.values():
            column[rows] = b""
        self._given.clear()
