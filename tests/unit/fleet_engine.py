"""chDB as the engine of a fleet, in this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from chdb.session import Session
from clickhouse_connect.driver.binding import format_bind_value

from tcctui.fleet.collector.engine import own_name


class Engine:
    """ClickHouse's engine on a directory; only one at a time in a process."""

    version = "chDB"

    def __init__(self, directory: Path) -> None:
        session: Any = Session
        with own_name():
            self._session = session(str(directory))
        self._one = threading.Lock()  # parameters are the session's
        self.asked = 0
        """Queries so far."""

    def execute(self, statement: str) -> None:
        """Run a statement without a result."""
        self._session.query(statement)

    def query(self, sql: str, parameters: Mapping[str, object], seconds: float) -> pa.Table:
        """Run a query, as `fleet.client.Client` does."""
        self.asked += 1
        bound = {name: str(format_bind_value(value)) for name, value in parameters.items()}
        with self._one:
            return self._session.query(sql, "ArrowTable", params=bound)

    def close(self) -> None:
        """Let go of the directory."""
        self._session.close()
