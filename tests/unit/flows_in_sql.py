"""Flows as a table of an engine: a column for each of theirs, NULL where a value is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tcctui.fields.every_field import BY_NAME
from tcctui.fleet.view import flow_columns
from tcctui.flows.columns import missing
from tcctui.query import Query
from tcctui.query.sql import SqlColumn, Statement
from tcctui.wire.addresses import format_address
from tests.unit.fleet_engine import Engine
from tests.unit.query_model import Flows

_NUMBERS = count(1)


class FlowsInSql:
    """A table in an engine with the flows' columns, which queries are asked of."""

    def __init__(self, engine: Engine, flows: Flows, directory: Path) -> None:
        self._engine = engine
        self.name = f"flows_{next(_NUMBERS)}"
        self._columns: dict[str, SqlColumn] = {}
        stored: dict[str, pa.Array] = {"row": pa.array(range(len(flows["cookie"])), pa.uint32())}
        for name, values in flows.items():
            if not name.endswith(("_hi", "_lo")) and values.ndim == 1 and name != "limit_evidence":
                stored[name] = self._stored(name, values)
        for end in ("saddr", "daddr"):
            halves = zip(flows[f"{end}_hi"].tolist(), flows[f"{end}_lo"].tolist(), strict=True)
            stored[f"{end}_text"] = pa.array([_bits(high, low) for high, low in halves])
            self._columns[end] = SqlColumn(end, "S16")
        path = directory / f"{self.name}.arrows"
        table = pa.table(stored)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
        addresses = ", ".join(
            f"CAST(toUInt128({end}_text), 'IPv6') AS {end}" for end in ("saddr", "daddr")
        )
        engine.execute(
            f"CREATE TABLE {self.name} ENGINE = Memory AS SELECT *, {addresses}"
            f" FROM file('{path}', 'ArrowStream')"
        )

    def _stored(self, name: str, values: np.ndarray[Any, Any]) -> pa.Array:
        field = BY_NAME.get(name)
        words: Mapping[int, str] | None = None
        if field is not None and flow_columns.is_word(field):
            words = flow_columns.words(name, field.unknown)
        text = f"`{name}`"
        if values.dtype.kind == "S":
            text = f"ifNull({text}, '')"
            made = pa.array(values.tolist(), pa.binary())
        elif words is not None:
            text = f"ifNull({text}, '')"
            made = pa.array([words.get(code, "") for code in values.tolist()])
        else:
            unknown = missing(name, values)
            if not unknown.any() or name == "health":  # a number says so of health
                made, text = pa.array(values), f"assumeNotNull({text})"
            else:
                made = pa.array(values, mask=unknown)
        self._columns[name] = SqlColumn(text, values.dtype.str, words)
        return made

    def matches(self, query: Query) -> list[bool]:
        """Rows that a query chooses."""
        statement = Statement(self._columns)
        where = query.in_sql(statement)
        sql = f"SELECT {where} AS hit, toTypeName(hit) AS kind FROM {self.name} ORDER BY row"
        found = self._engine.query(sql, statement.parameters, math.inf)
        assert "Nullable" not in "".join({*found.column("kind").to_pylist()}), where
        return [bool(hit) for hit in found.column("hit").to_pylist()]


def _bits(high: int, low: int) -> str:
    assert format_address(high, low)
    return str(high << 64 | low)
