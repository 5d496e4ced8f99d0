"""The rows on the screen as a table for other tools, with units in the names of columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tcctui.arrays import Array
from tcctui.export import arrow_tables
from tcctui.export.arrow_tables import Column, Table
from tcctui.fields.every_field import BY_NAME as FIELDS
from tcctui.fields.field import Field, Unit
from tcctui.files.new_file import new_file, refusal
from tcctui.fleet.view.clock import OFFSET_NS
from tcctui.flows.columns import missing
from tcctui.flows.snapshot import Flows
from tcctui.ui.table.cells import MISSING
from tcctui.ui.table.columns import BY_NAME, TableColumn

ALWAYS = ("host", "local", "remote", "weight"), ("group", "flows", "flows_error")
"""Columns that are always written: of connections, and of groups."""

_UNITS = {
    Unit.PERCENT: "_percent",
    Unit.BYTES_PER_SECOND: "_bytes_per_s",
    Unit.PER_SECOND: "_per_s",
}


def needs(shown: Iterable[str], *, groups: bool) -> tuple[list[TableColumn], set[str]]:
    """Columns to write, and the flow columns that they are made of."""
    columns = [BY_NAME[name] for name in dict.fromkeys((*ALWAYS[groups], *shown))]
    columns = [column for column in columns if column.sparkline is None]
    return columns, {name for column in columns for name in column.needs}


def table(flows: Flows, columns: Sequence[TableColumn]) -> Table:
    """Table of rows: numbers as they are, in the unit of their name; null where unknown."""
    now_ns = np.full(flows.count, flows.now_ns + OFFSET_NS, "i8")
    made: dict[str, Column] = {"time": arrow_tables.times(now_ns)}
    for column in columns:
        field = FIELDS.get(column.sort[0]) if len(column.sort) == 1 else None
        if field is not None and field.unit not in (Unit.CODE, Unit.NAME, Unit.ENDPOINT):
            made[_named(field)] = _numbers(field, flows[field.name])
        else:
            texts = [b"" if one == MISSING else one.encode() for one in column.cells(flows)]
            made[column.name] = arrow_tables.texts(np.array(texts or [b""], "S")[: flows.count])
    return arrow_tables.table(made)


def _named(field: Field) -> str:
    ending = _UNITS.get(field.unit, "")
    return field.export if field.export.endswith(ending) else f"{field.export}{ending}"


def _numbers(field: Field, values: Array) -> Column:
    unknown = missing(field.name, values)
    if values.dtype.kind == "f":
        return arrow_tables.floats(np.where(unknown, np.nan, values))
    return arrow_tables.whole(values, unknown)


def write(rows: Table, path: Path) -> Path:
    """Write a table in the format of the name's suffix, to a new file.

    Raises:
        TcctuiError: the directory or the disk refuses it.

    """
    try:
        with new_file(path, force=False) as file:
            writer = arrow_tables.WRITERS[path.suffix](file, rows.schema)
            writer.write_table(rows)
            writer.close()
    except OSError as error:
        raise refusal(path, error) from error
    return path
