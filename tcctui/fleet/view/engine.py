"""Engine that a fleet's dashboard asks, and the tables that it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

Table: TypeAlias = Any
"""A `pyarrow.Table`, which ships no types; what comes is read without importing it."""

TableColumn: TypeAlias = Any
"""A `pyarrow.ChunkedArray`."""


class Engine(Protocol):
    """Engine that answers questions, from any thread: see `fleet.client.Client`."""

    def query(self, sql: str, parameters: Mapping[str, object], seconds: float) -> Table:
        """Run a query, whose `{name:Type}` are `parameters`.

        Raises:
            TcctuiError: there is no answer, or a refusal.

        """
