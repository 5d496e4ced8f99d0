"""Columns of an engine's answer as numpy arrays, in the names and types of a store's flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tcctui.arrays import Array, Floats
from tcctui.fields.every_field import BY_NAME
from tcctui.fleet.view import flow_columns
from tcctui.fleet.view.clock import OFFSET_NS
from tcctui.fleet.view.engine import Table, TableColumn
from tcctui.flows.columns import BBR_MODE, FIELDS, INSIDE, READ, UNKNOWN, nothing_read
from tcctui.flows.diagnosis.verdicts import CAUSES, LIMIT_NAMES
from tcctui.query.sql import by_word


def numbers(column: TableColumn, dtype: str, unknown: int | None = None) -> Array:
    """Numbers of a type; NULL is NaN, or of integers the number for unknown ones."""
    if column.null_count and np.dtype(dtype).kind != "f":
        column = column.fill_null(unknown or 0)
    values: Array = column.to_numpy()
    return values.astype(dtype, copy=False)


def texts(column: TableColumn) -> Array:
    """Texts as bytes; NULL is empty."""
    told = [(text or "").encode(errors="replace") for text in column.to_pylist()]
    return np.array(told, "S") if told else np.empty(0, "S1")


def addresses(column: TableColumn) -> tuple[Array, Array]:
    """Upper and lower half of addresses that come as 16 bytes each."""
    halves = np.frombuffer(b"".join(column.to_pylist()), ">u8").reshape(-1, 2).astype("u8")
    return halves[:, 0], halves[:, 1]


def codes(column: TableColumn, name: str) -> Array:
    """Codes of words; 0, or the code for unknown, where none is known."""
    field = BY_NAME[name]
    of_word = by_word(flow_columns.words(name, field.unknown))
    nothing = field.unknown or 0
    found = [of_word.get(word, nothing) if word else nothing for word in column.to_pylist()]
    return np.array(found, flow_columns.dtype(field))


_PLACE = {LIMIT_NAMES[cause]: place for place, cause in enumerate(CAUSES)}


def shares(maps: Sequence[Sequence[tuple[str, int]] | Mapping[str, int] | None]) -> Floats:
    """Shares of the causes in milliseconds by word, shape (n, len(CAUSES)); NaN without any."""
    found = np.zeros((len(maps), len(CAUSES)))
    for row, one in enumerate(maps):
        for word, count in dict(one or ()).items():
            if word in _PLACE:
                found[row, _PLACE[word]] += count
    total = found.sum(axis=1, keepdims=True)
    return np.where(total > 0, found / np.where(total > 0, total, 1), np.nan)


def of_flows(table: Table, now_ns: int) -> dict[str, Array]:
    """Columns of connections: those that came, and moments that follow from them."""
    columns: dict[str, Array] = {}
    for name, stored in flow_columns.LAST.items():
        field = BY_NAME[name]
        column = table.column(stored.name)
        if flow_columns.is_word(field):
            columns[name] = codes(column, name)
        elif stored.type == "LowCardinality(String)":
            columns[name] = texts(column)
        else:
            columns[name] = numbers(column, flow_columns.dtype(field), field.unknown)
    columns["own_cookie"] = columns["cookie"]
    columns["cookie"] = numbers(table.column("flow"), "u8")
    for end in "sd":
        high, low = addresses(table.column(f"{end}addr"))
        columns |= {f"{end}addr_hi": high, f"{end}addr_lo": low}
    columns["host"] = texts(table.column("host"))
    columns["boot_id"] = texts(table.column("boot"))
    columns["weight"] = numbers(table.column("weight"), "f8")
    columns["limit_shares"] = shares(table.column("limit_ms").to_pylist())
    # Ages and other values are those of the window: a search here finds what the engine's does.
    columns["opened_ns"] = columns["first_ns"] = now_ns - columns["age_ns"]
    seen_ns = numbers(table.column("seen"), "i8") * 1_000_000_000 - OFFSET_NS
    columns["sampled_ns"] = columns["last_ns"] = seen_ns
    return columns


def unknown(name: str, count: int) -> Array:
    """Column of flows that did not come: unknown throughout."""
    if name in INSIDE or name in READ or name == BBR_MODE:
        return nothing_read(name, count)
    if name in FIELDS:
        return np.full(count, UNKNOWN.get(name, 0), FIELDS[name])
    field = BY_NAME.get(name)
    if field is not None and field.dtype.startswith("S"):
        return np.zeros(count, "S1")
    return np.full(count, np.nan)
