"""`tcctui trace --summary host`: totals, states, limits and the worst groups at the end."""

from __future__ import annotations

from tcctui.arrays import among
from tcctui.flows.groups.host_summary import FIELDS, as_json, as_text, summarized
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.wire.batch import Batch


class HostReport:
    """Keeps the newest summary of all flows, in place of one of each."""

    def __init__(self) -> None:
        self.all_known_ns: int | None = None
        """Of no use here."""
        self.only: Keys | None = None
        """Cookies of the connections to sum up; None for all."""
        self._flows: Flows | None = None

    def __len__(self) -> int:
        flows = self._chosen()
        return 0 if flows is None else flows.count

    def take(self, batch: Batch) -> None:
        """Keep nothing of a batch: the store has it."""

    def look(self, store: Store) -> None:
        """Copy the store's latest values."""
        self._flows = store.flows(FIELDS)

    def _chosen(self) -> Flows | None:
        flows = self._flows
        if flows is None or self.only is None:
            return flows
        rows = among(flows["cookie"], self.only)
        return Flows(flows.now_ns, {name: column[rows] for name, column in flows.items()})

    def as_json(self, seconds: float, lost: int, skipped: int) -> str:
        """Format as one JSON object."""
        flows = self._chosen()
        head = {"duration_s": round(seconds, 3), "lost": lost, "skipped": skipped}
        return as_json({} if flows is None else summarized(flows), **head)

    def as_text(self) -> str:
        """Format as text."""
        flows = self._chosen()
        return "" if flows is None else as_text(summarized(flows))
