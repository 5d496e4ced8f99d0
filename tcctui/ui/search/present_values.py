"""Present values of flows, for suggestions."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tcctui.fields.connection import ENDS
from tcctui.flows.snapshot import Flows
from tcctui.query.evaluation import distinct
from tcctui.right_of_way import give_way
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

PAUSE, _SHARE = 0.5, 20
"""Seconds between two counts, and the ratio of that time to a count's own, at least."""

_ELSEWHERE = 30.0
"""Seconds between two times that another machine counts."""

_NAMES = {"cc": "cc", "proc": "comm", "cgroup": "cgroup", "netns": "netns_name"}


class Present:
    """Caches the present values.

    `count` may be called in any thread, and belongs in one of its own: with 10,000 flows it takes
    longer than a key press may. `values` is the last count.
    """

    def __init__(self, view: CurrentView) -> None:
        self._view = view
        self._due_at = -math.inf
        self.values: Live = {}

    @property
    def due(self) -> bool:
        """True if it is time to count again; never while a moment is being computed."""
        return not self._view.still and time.monotonic() >= self._due_at

    def count(self) -> None:
        """Count now; where there is no flow yet, the next count need not wait."""
        self._due_at = math.inf
        pause = -math.inf
        try:
            give_way()  # it is a letter that asks for this
            if self._view.own_groups is not None:
                self.values = self._view.own_groups.values()
                pause = _ELSEWHERE if self.values else PAUSE
                return
            worked, flows = time.thread_time(), self._view.flows(COLUMNS)
            self.values = counted(flows)
            if flows.count:
                pause = max(PAUSE, _SHARE * (time.thread_time() - worked))
        finally:
            self._due_at = time.monotonic() + pause


def counted(flows: Flows) -> dict[str, list[str]]:
    """Values of the fields in `flows`' `COLUMNS`, the most frequent first, at most `MOST` each.

    Values without a name (no process found, no namespace but the first) are left out.
    """
    values = {field: _texts(flows[column]) for field, column in _NAMES.items()}
    values["state"] = _states(flows["state"])
    ends = flows["sport"], flows["dport"]
    for field, ports in zip(("sport", "dport", "port"), (ends[:1], ends[1:], ends), strict=True):
        values[field] = _ports(*ports)
    local, remote = (_of_end(flows, end) for end in "sd")
    for field, addresses in (("src", local), ("dst", remote), ("ip", _together(local, remote))):
        values[field] = addresses.texts()
    return values


Counts = npt.NDArray[np.intp]


def _texts(column: npt.NDArray[np.bytes_]) -> list[str]:
    names, place = distinct(column)
    by_name = np.argsort(names)
    counts = np.bincount(place, minlength=len(names))[by_name]
    return [legible(name) for name in _commonest(names[by_name], counts) if name]


def _ports(*columns: npt.NDArray[np.uint16]) -> list[str]:
    counts = np.bincount(np.concatenate(columns))
    present = np.flatnonzero(counts)
    return [str(port) for port in _commonest(present, counts[present])]


def _states(column: npt.NDArray[np.uint8]) -> list[str]:
    counts = np.bincount(column)
    present = np.flatnonzero(counts)
    known = [state for state in _commonest(present, counts[present]) if state in STATE_NAMES]
    return list(dict.fromkeys(STATE_NAMES[state].lower() for state in known))


def _commonest(values: npt.NDArray[Any], counts: Counts) -> list[Any]:
    listed: list[Any] = values[np.argsort(-counts, kind="stable")[:MOST]].tolist()
    return listed


class _Addresses(NamedTuple):
    """Distinct addresses in their order: both halves of each, and how many flows have it."""

    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    counts: Counts

    def texts(self) -> list[str]:
        """The most frequent ones."""
        chosen = np.argsort(-self.counts, kind="stable")[:MOST]
        halves = zip(self.high[chosen].tolist(), self.low[chosen].tolist(), strict=True)
        return [format_address(*address) for address in halves]


def _of_end(flows: Flows, end: str) -> _Addresses:
    high, low = flows[f"{end}addr_hi"], flows[f"{end}addr_lo"]
    if not high.any():  # of IPv4 alone
        low, counts = np.unique(low, return_counts=True)
        return _Addresses(np.zeros(len(low), "u8"), low, counts)
    return _together(_Addresses(high, low, np.ones(len(low), np.intp)))


def _together(*parts: _Addresses) -> _Addresses:
    high, low, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((low, high))
    high, low, counts = high[order], low[order], counts[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    starts = np.flatnonzero(new)
    summed = np.add.reduceat(counts, starts) if len(starts) else counts
    return _Addresses(high[starts], low[starts], summed)
