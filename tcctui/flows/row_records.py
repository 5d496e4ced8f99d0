"""Records of rows: several numbers of each, which a part of the store keeps together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tcctui.arrays import Array
from tcctui.flows.index import Rows, grown


class RowRecords:
    """A record for each row, all zero at first. `prefix` begins its fields' names in keyframes."""

    def __init__(self, kind: npt.DTypeLike, prefix: str = "") -> None:
        self.records = np.zeros(0, kind)
        self._prefix = prefix

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self.records = grown(self.records, rows)

    def forget(self, rows: Rows) -> None:
        """Reset the rows."""
        piece = np.dtype((np.void, self.records.dtype.itemsize))
        self.records.view(piece)[rows] = np.zeros(1, piece)

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {
            f"{self._prefix}{name}": self.records[name] for name in self.records.dtype.names or ()
        }
