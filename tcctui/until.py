"""Whether what is waited for has happened: whether any connection matches a query."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tcctui.addresses import format_endpoint
from tcctui.events import CaState
from tcctui.flows.bbr import PHASE_NAMES
from tcctui.flows.causes import LIMIT_NAMES
from tcctui.flows.query import Query
from tcctui.flows.snapshot import Flows
from tcctui.flows.states import STATE_NAMES
from tcctui.flows.store import Store
from tcctui.plain import plain

_MOST = 10
"""Connections that are named."""

_ENDS = ("saddr_hi", "saddr_lo", "sport", "daddr_hi", "daddr_lo", "dport")

_TOLD_ALREADY = frozenset({*_ENDS, "cookie", "text"})

_NAMES: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "state": STATE_NAMES,
        "ca_state": {state: state.name.lower() for state in CaState},
        "limit": LIMIT_NAMES,
        "bbr_phase": PHASE_NAMES,
    }
)


class Until:
    """Looks for connections that match a query, as the dashboard's search does."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def found(self, store: Store) -> list[str]:
        """Say which match now, a line for each, ten at most; empty if none does.

        A line has both ends and the values that were asked for:
        `192.0.2.1:40000 > 192.0.2.2:443 | total_retrans 12`.
        """
        flows = store.flows(self._query.fields)
        mask = self._query.mask(flows)
        if not mask.any():
            return []
        asked = sorted(self._query.fields - _TOLD_ALREADY)
        cookies = flows["cookie"][mask]
        # The values that matched, not those of now: another thread may have changed the store.
        values = [flows[name][mask] for name in asked]
        ends = store.some_flows(cookies, _ENDS)
        lines = []
        for place in range(min(len(cookies), _MOST)):
            told = [_told(name, column[place]) for name, column in zip(asked, values, strict=True)]
            lines.append(" ".join([_both_ends(ends, place), *(["|", *told] if told else [])]))
        if len(cookies) > _MOST:
            lines.append(f"and {len(cookies) - _MOST:,} more")
        return lines


def _both_ends(flows: Flows, at: int) -> str:
    local, remote = (
        format_endpoint(*(int(flows[name][at]) for name in names))
        for names in (_ENDS[:3], _ENDS[3:])
    )
    return f"{local} > {remote}"


def _told(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return f"{name} {plain(value.decode(errors='replace'))}"
    number = np.asarray(value).item()
    if name in _NAMES:
        return f"{name} {_NAMES[name].get(int(number), number)}"
    return f"{name} {number:g}" if isinstance(number, float) else f"{name} {number}"
