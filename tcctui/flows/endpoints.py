"""The two ends of every flow: which addresses, and how they read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.events import Events
from tcctui.flows.columns import FlowColumns
from tcctui.flows.index import Rows
from tcctui.flows.labels import endpoints, state_name

_ADDRESSES = (
    ("saddr_hi", "saddr", 0),
    ("saddr_lo", "saddr", 1),
    ("daddr_hi", "daddr", 0),
    ("daddr_lo", "daddr", 1),
)


class Endpoints:
    """Both ends of every row's flow; their text is made when asked for, and then kept."""

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self._names = np.empty(0, object)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        if rows > len(self._names):
            new = np.full(rows, None, object)
            new[: len(self._names)] = self._names
            self._names = new

    def forget(self, rows: Rows) -> None:
        """Drop the rows' text: their addresses change."""
        self._names[rows] = None

    def differ(self, rows: Rows, events: Events) -> npt.NDArray[np.bool_]:
        """Say which events, one for each row, have other addresses or ports than the rows."""
        columns = self._columns
        differ = columns["sport"][rows] != events["sport"]
        differ |= columns["dport"][rows] != events["dport"]
        for column, field, half in _ADDRESSES:
            differ |= columns[column][rows] != events[field][:, half]
        return differ

    def set(self, rows: Rows, events: Events) -> None:
        """Take the rows' addresses from events, one for each; ports are the caller's."""
        for column, field, half in _ADDRESSES:
            self._columns[column][rows] = events[field][:, half]
        self.forget(rows)

    def searchable(self, rows: Rows) -> npt.NDArray[np.object_]:
        """One lower-case line per row: `local remote state`."""
        self._make(rows[[name is None for name in self._names[rows]]])
        states = [state_name(state).lower() for state in range(256)]
        texts = np.empty(len(rows), object)
        texts[:] = [
            f"{name} {states[state]}"
            for name, state in zip(self._names[rows], self._columns["state"][rows], strict=True)
        ]
        return texts

    def _make(self, rows: Rows) -> None:
        columns = self._columns
        local = endpoints(*(columns[name][rows] for name in ("saddr_hi", "saddr_lo", "sport")))
        remote = endpoints(*(columns[name][rows] for name in ("daddr_hi", "daddr_lo", "dport")))
        self._names[rows] = [f"{one} {other}" for one, other in zip(local, remote, strict=True)]
