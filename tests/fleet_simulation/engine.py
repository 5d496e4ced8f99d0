"""chDB with the tables of a fleet, in a directory of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import chdb.session

from tcctui.fleet.collector.engine import own_name
from tcctui.fleet.schema import ddl

_SESSION: Any = chdb.session.Session  # its functions have no types


class Engine:
    """The engine, closed at the end of the context."""

    def __init__(self, directory: str) -> None:
        with own_name():
            self._session = _SESSION(directory)
        self.run(*ddl.everything())

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def run(self, *statements: str) -> None:
        """Run statements that have no answer."""
        for statement in statements:
            with own_name():  # an insert changes it, too
                self._session.query(statement)

    def insert(self, table: str, body: bytes) -> None:
        """Insert an Arrow stream that zstd has compressed."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            self.run(
                f"INSERT INTO {table} FROM INFILE '{file.name}' COMPRESSION 'zstd'"
                " FORMAT ArrowStream"
            )

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[list[Any]]:
        """Rows of a query's answer; numbers of 64 bits come as texts."""
        answer = self._session.query(sql, "JSONCompact", params=dict(parameters or {}))
        rows: list[list[Any]] = json.loads(answer.bytes())["data"]
        return rows

    def stored(self, table: str) -> tuple[int, int]:
        """Rows and bytes on disk of a table."""
        parts = f"FROM system.parts WHERE active AND table = '{table}'"
        ((rows, size),) = self.rows(f"SELECT sum(rows), sum(bytes_on_disk) {parts}")
        return int(rows), int(size)
