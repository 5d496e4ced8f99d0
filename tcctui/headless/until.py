"""The condition of `trace --until`: a connection that matches a query."""

from __future__ import annotations

from tcctui.fields.connection import ENDS, LOCAL, REMOTE
from tcctui.flows.store import Store
from tcctui.query import Query
from tcctui.query.value_text import TOLD_BY_ENDS, endpoint, said, value

_MOST = 10
"""Connections that are named."""


class Until:
    """Search for matching connections, by the rules of the dashboard's search."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def found(self, store: Store) -> list[str]:
        """Lines for up to ten matching connections; empty without a match.

        A line has both ends and the queried values: `192.0.2.1:40000 > 192.0.2.2:443 | retrans 12`.
        """
        flows = store.flows(self._query.fields)
        mask = self._query.mask(flows)
        if not mask.any():
            return []
        asked = sorted(self._query.fields - TOLD_BY_ENDS)
        cookies = flows["cookie"][mask]
        # The values that matched, not the current ones: another thread may have changed the store.
        values = [flows[name][mask] for name in asked]
        ends = store.some_flows(cookies, ENDS)
        lines = []
        for place in range(min(len(cookies), _MOST)):
            told = [
                said(name, value(name, column[place]))
                for name, column in zip(asked, values, strict=True)
            ]
            both = f"{endpoint(ends, LOCAL, place)} > {endpoint(ends, REMOTE, place)}"
            lines.append(" ".join([both, *(["|", *told] if told else [])]))
        if len(cookies) > _MOST:
            lines.append(f"and {len(cookies) - _MOST:,} more")
        return lines
