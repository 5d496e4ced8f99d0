"""Columns of the flow table, made of the table of fields: cells, width, order, and a search."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.fields import every_field
from tcctui.fields.connection import LONGEST_ENDPOINT
from tcctui.ui.table.columns.column import TableColumn
from tcctui.ui.table.columns.from_fields import columns

__all__ = [
    "BY_NAME",
    "COLUMNS",
    "GROUPS",
    "LONGEST_ENDPOINT",
    "SPARKLINES",
    "USUAL",
    "TableColumn",
]

USUAL = every_field.USUAL

_GROUPS = tuple(
    (title, tuple(column for field in fields for column in columns(field)))
    for title, fields in every_field.GROUPS
    if title
)

GROUPS = tuple((title, tuple(column.name for column in made)) for title, made in _GROUPS)
"""All columns by what they are about: a title, and names."""

_MADE = {column.name: column for _, made in _GROUPS for column in made}

BY_NAME: Mapping[str, TableColumn] = MappingProxyType(
    {name: _MADE[name] for name in dict.fromkeys((*USUAL, *_MADE))}
)
"""Every column there is, the usual ones first."""

SPARKLINES = tuple(column for column in BY_NAME.values() if column.sparkline is not None)
"""The sparklines: their cells are drawn from histories."""

COLUMNS = tuple(BY_NAME[name] for name in USUAL if BY_NAME[name].sparkline is None)
"""The usual columns but the sparklines, from left to right."""
