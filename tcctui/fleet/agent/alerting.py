"""Alerts of the agent: each that is raised is a row of `mark`."""

from __future__ import annotations

from tcctui.alerts.alert import Alerts
from tcctui.fleet.agent.rows import Alerted
from tcctui.flows.store import Store
from tcctui.wire.batch import Batch

APART_NS = 1_000_000_000
"""Nanoseconds between two looks at all connections."""


class Raised:
    """A sink that keeps alerts of a store's connections until they are taken."""

    def __init__(self, alerts: Alerts, store: Store, wall_offset_ns: int) -> None:
        self._alerts = alerts
        self._store = store
        self._look_ns = 0
        self._raised: list[Alerted] = []
        self.wall_offset_ns = wall_offset_ns
        """Added to the events' clock, it is nanoseconds since 1970."""

    def take(self, batch: Batch) -> None:
        """Look for alerts, if it is time to."""
        if batch.now_ns < self._look_ns:
            return
        self._look_ns = batch.now_ns + APART_NS
        turns = self._alerts.look(self._store, batch.now_ns + self.wall_offset_ns)
        self._raised += [
            Alerted(alert.raised_ns // 1_000_000, alert.query, alert.cookie)
            for alert in turns.raised
        ]

    def taken(self) -> list[Alerted]:
        """Give those raised since the last call."""
        raised, self._raised = self._raised, []
        return raised

    def troubles(self) -> list[str]:
        """New errors since the last call, a sentence each."""
        return self._alerts.troubles()
