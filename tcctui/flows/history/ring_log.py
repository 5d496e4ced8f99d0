"""Log of the newest records of one type."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from tcctui.arrays import I64, Records
from tcctui.flows.index import grown


class RingLog:
    """The last `most` records that were appended; older ones are overwritten.

    The system commits memory when it is first written: an empty log costs nothing.
    """

    def __init__(self, kind: np.dtype[np.void], most: int) -> None:
        self._most = most
        self.records = np.zeros(most, kind)
        """Record n is at index n modulo `most`."""
        self.count = 0
        """Number of records appended so far."""

    def __deepcopy__(self, memo: dict[int, Any]) -> RingLog:
        """Copy the records written so far; room for more is allocated when needed."""
        twin = copy(self)
        memo[id(self)] = twin
        twin.records = self.written.copy()
        return twin

    @property
    def written(self) -> Records:
        """The records that are there, in no order."""
        return self.records[: min(self.count, self._most)]

    @property
    def nbytes(self) -> int:
        """Bytes of the records written so far."""
        return self.written.nbytes

    def newest(self, count: int) -> I64:
        """Indexes of the newest records, oldest first."""
        return np.arange(max(0, self.count - count), self.count) % self._most

    def append(self, made: Records) -> None:
        """Append records, of many the newest."""
        made = made[-self._most :]
        if not len(made):
            return
        if len(self.records) < self._most:
            self.records = grown(self.records, self._most)
        self.records[(self.count + np.arange(len(made))) % self._most] = made
        self.count += len(made)
