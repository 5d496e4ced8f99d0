"""Present values of flows, for suggestions."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.fields.connection import ENDS
from tcctui.flows.snapshot import Flows
from tcctui.ui.style.legible import legible
from tcctui.ui.view import CurrentView
from tcctui.wire.addresses import format_address
from tcctui.wire.tcp_states import STATE_NAMES

Live = Mapping[str, Sequence[str]]
"""Values by their field, the most frequent first."""

COLUMNS: tuple[str, ...] = (*("cc", "comm", "cgroup", "netns_name", "state"), *ENDS)
"""Columns that they are counted in."""

MOST = 50
"""Limit on values of a field: enough to choose from by a few letters."""

PAUSE = 0.5
"""Seconds between two counts."""

_NAMES = {"cc": "cc", "proc": "comm", "cgroup": "cgroup", "netns": "netns_name"}


class Present:
    """Caches the present values.

    `count` may be called in any thread, and belongs in one of its own: with 10,000 flows it takes
    longer than a key press may. `values` is the last count.
    """

    def __init__(self, view: CurrentView) -> None:
        self._view = view
        self._counted = -math.inf
        self.values: Live = {}

    @property
    def due(self) -> bool:
        """True if it is time to count again; never while a moment is being computed."""
        return not self._view.still and time.monotonic() - self._counted >= PAUSE

    def count(self) -> None:
        """Count now; where there is no flow yet, the next count need not wait."""
        now, flows = time.monotonic(), self._view.flows(COLUMNS)
        self.values = counted(flows)
        self._counted = now if flows.count else -math.inf


def counted(flows: Flows) -> dict[str, list[str]]:
    """Values of the fields in `flows`' `COLUMNS`, the most frequent first, at most `MOST` each.

    Values without a name (no process found, no namespace but the first) are left out.
    """
    values = {field: _texts(flows[column]) for field, column in _NAMES.items()}
    values["state"] = list(
        dict.fromkeys(
            STATE_NAMES[state].lower()
            for state in _commonest(flows["state"])
            if state in STATE_NAMES
        )
    )
    ends = flows["sport"], flows["dport"]
    for field, ports in zip(("sport", "dport", "port"), (*ends, np.concatenate(ends)), strict=True):
        values[field] = [str(port) for port in _commonest(ports)]
    local, remote = (_addresses(flows, end) for end in "sd")
    for field, addresses in zip(
        ("src", "dst", "ip"), (local, remote, np.concatenate([local, remote])), strict=True
    ):
        values[field] = [format_address(high, low) for high, low in _pairs(addresses)]
    return values


def _texts(column: npt.NDArray[np.bytes_]) -> list[str]:
    return [legible(name) for name in _commonest(column) if name]


def _commonest(column: npt.NDArray[Any]) -> list[Any]:
    values, counts = np.unique(column, return_counts=True)
    commonest = values[np.argsort(-counts, kind="stable")[:MOST]]
    listed: list[Any] = commonest.tolist()
    return listed


def _addresses(flows: Flows, end: str) -> npt.NDArray[np.uint64]:
    """Both halves of each address, shape (n, 2)."""
    return np.stack([flows[f"{end}addr_hi"], flows[f"{end}addr_lo"]], axis=1)


def _pairs(addresses: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """The most frequent rows."""
    order = np.lexsort((addresses[:, 1], addresses[:, 0]))
    ordered = addresses[order]
    new = np.ones(len(ordered), np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    counts = np.diff(starts, append=len(ordered))
    for row in ordered[starts[np.argsort(-counts, kind="stable")[:MOST]]].tolist():
        yield row[0], row[1]
