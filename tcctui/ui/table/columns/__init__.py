"""Columns of the flow table, made of the table of fields: cells, width, order, and a search."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.fields import table
from tcctui.fields.connection import LONGEST_ENDPOINT
from tcctui.fields.field import UNUSUAL
from tcctui.ui.table.columns.column import TableColumn
from tcctui.ui.table.columns.made import column

__all__ = [
    "BY_NAME",
    "COLUMNS",
    "GROUPS",
    "LONGEST_ENDPOINT",
    "SPARKLINES",
    "UNUSUAL",
    "USUAL",
    "TableColumn",
]

USUAL = table.USUAL

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (title, tuple(field.key for field in fields if field.column))
    for title, fields in table.GROUPS
    if title
)
"""All columns by what they are about: a title, and names."""

_MADE = {field.key: column(field) for field in table.every() if field.column}

BY_NAME: Mapping[str, TableColumn] = MappingProxyType(
    {name: _MADE[name] for name in dict.fromkeys((*USUAL, *_MADE))}
)
"""Every column there is, the usual ones first."""

SPARKLINES = tuple(column for column in BY_NAME.values() if column.sparkline is not None)
"""The sparklines: their cells are drawn from histories."""

COLUMNS = tuple(BY_NAME[name] for name in USUAL if BY_NAME[name].sparkline is None)
"""The usual columns but the sparklines, from left to right."""
