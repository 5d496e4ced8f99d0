"""Search for what meets a condition, in the state of all flows."""

from __future__ import annotations

import numpy as np

from tcctui.alerts.condition import Condition
from tcctui.alerts.lasting import Lasting
from tcctui.fields.connection import ENDS, LOCAL, REMOTE
from tcctui.flows.store import Store
from tcctui.query import ALL, Query
from tcctui.query.value_text import TOLD_BY_ENDS, endpoint, said, value

_MOST_NAMED = 10
"""Matching connections, or groups, that are named."""


class Sought:
    """A condition that ends a run, and what met it.

    Flows that don't match `only` don't count.
    """

    def __init__(self, condition: Query | Condition, only: Query | None = None) -> None:
        self.condition = Condition.of(condition) if isinstance(condition, Query) else condition
        self._only = ALL if only is None else only
        self._lasting = Lasting(self.condition.for_ns)
        self.lines: list[str] = []
        """Up to ten connections or groups that met it; empty before.

        A line has both ends and the queried values: `192.0.2.1:40000 > 192.0.2.2:443 | retrans 12`.
        """

    def search(self, store: Store) -> bool:
        """Search unless something was found; True if there is something."""
        if not self.lines:
            self.lines = self._matching(store)
        return bool(self.lines)

    def _matching(self, store: Store) -> list[str]:
        condition = self.condition
        flows = store.flows(condition.fields | self._only.fields)
        found = condition.found(flows, self._only.mask(flows))
        keys = found.holding
        keys = keys[self._lasting.long_enough(keys, flows.now_ns)]
        if not len(keys):
            return []
        named = keys[:_MOST_NAMED]
        if condition.grouped:
            lines = [
                " | ".join(
                    [
                        condition.label(flows, found, key),
                        *(said(name, told) for name, told in found.aggregates(key).items()),
                        f"{len(found.members(key)):,} of {found.connections(key):,} connections",
                    ]
                )
                for key in named.tolist()
            ]
        else:
            # Values that matched, not current ones: another thread may have changed the store.
            rows = np.searchsorted(found.there, named)
            ends = store.some_flows(named, ENDS)
            asked = sorted(condition.queried - TOLD_BY_ENDS)
            lines = []
            for place, row in enumerate(rows[: ends.count].tolist()):
                told = [said(name, value(name, flows[name][row])) for name in asked]
                both = f"{endpoint(ends, LOCAL, place)} > {endpoint(ends, REMOTE, place)}"
                lines.append(" ".join([both, *(["|", *told] if told else [])]))
        if len(keys) > _MOST_NAMED:
            lines.append(f"and {len(keys) - _MOST_NAMED:,} more")
        return lines
