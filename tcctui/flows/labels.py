"""Endpoints and states as text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.addresses import format_endpoint
from tcctui.flows.columns import Column, FlowColumns
from tcctui.flows.index import Rows
from tcctui.flows.states import STATE_NAMES


def endpoints(high: Column, low: Column, ports: Column) -> list[str]:
    """Text of many endpoints, `address:port`, from columns of address halves and ports."""
    return [
        format_endpoint(*endpoint)
        for endpoint in zip(high.tolist(), low.tolist(), ports.tolist(), strict=True)
    ]


def state_name(state: int) -> str:
    """Name of a TCP state as ss prints it."""
    return STATE_NAMES.get(state, f"state {state}")


class EndpointNames:
    """The text of every row's two endpoints, made when it is asked for and kept until forgotten."""

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
