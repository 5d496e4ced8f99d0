"""ClickHouse, or a collector, as the receiver of a relay's rows."""

from __future__ import annotations

from tcctui.fleet.client import Client
from tcctui.fleet.collector.journal import Segment
from tcctui.fleet.collector.statement import Statement
from tcctui.fleet.relay.merging import merged


class Inserting:
    """Inserts batches as few larger ones, by a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def version(self) -> str:
        """Version of the engine."""
        return self._client.version

    def store(self, segment: Segment) -> None:
        """Insert the batches of a segment, once: the same segment has the same tokens.

        Raises:
            Unreachable: they may be stored later.
            Refused: they will not be accepted.
            EngineError: one of them is no Arrow stream.

        """
        table = f"{segment.table} ({segment.columns})" if segment.columns else segment.table
        streams = merged(sorted(segment.directory.glob("*.arrows")))
        for number, stream in enumerate(streams):
            self._client.insert(table, stream, f"{segment.name}/{number}")

    def greet(self, statement: Statement, form: str) -> bytes:
        """Answer to a statement of a client that connects."""
        return self._client.raw(statement.text, form)
