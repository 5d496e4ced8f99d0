"""Statements that create the tables of a fleet.

On a cluster each table is three: `NAME_local`, replicated, on every shard; and `NAME`, which
distributes rows by host, so that a batch goes to one shard. What reads and writes knows `NAME`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tcctui.fields.field import Unit
from tcctui.fleet.tables.every_table import FLOW, GROUP, ROLLED_UP, ROLLED_UP_S, TABLES
from tcctui.fleet.tables.table import Stored, Table, Taken

_DEDUPLICATED = 100_000
"""Batches whose tokens a table remembers, for those that are sent again: some half an hour of 500
hosts, and days of one. 100 bytes of memory each.
"""

_WIDENED = {
    "Map(Int16, UInt32)": "Map(Int16, UInt64)",
    "Map(LowCardinality(String), UInt64)": "Map(String, UInt64)",
    "UInt32": "UInt64",
}
"""Types of sums: that of an aggregate (`sum`, `sumMap`) of the type in a row."""


class _Place(NamedTuple):
    """Suffix of the tables that hold rows, the clause for all servers, the engine's prefix."""

    suffix: str = ""
    everywhere: str = ""
    replicated: str = ""


def everything(cluster: str = "") -> list[str]:
    """Statements that create all tables, in order; each may be repeated."""
    place = _place(cluster)
    statements = [create(table, cluster) for table in TABLES]
    statements += [_roll_up_table(place), *_added(place), _roll_up_view(place)]
    if cluster:
        names = [table.name for table in (*TABLES, ROLLED_UP)]
        statements += [_distributed(name, cluster) for name in names]
    return statements


def create(table: Table, cluster: str = "", behind: str = "") -> str:
    """Statement that creates the table that holds rows; `behind` is added to its name."""
    place = _place(cluster)
    # Of conditions on a column that the key has, the index uses this one alone, however far behind
    # an expression of it.
    in_time = any("(time)" in name for name in table.order)
    primary = tuple(name for name in table.order if name != "time") if in_time else ()
    return _table(
        f"{table.name}{place.suffix}{behind}",
        [definition(column) for column in table.columns],
        engine=f"{place.replicated}MergeTree",
        everywhere=place.everywhere,
        primary=_names(primary),
        order=_names(table.order),
        expires=f"{_seconds(table.column('time'))} + INTERVAL {table.days} DAY",
    )


class Reordering(NamedTuple):
    """Change of a table's sorting key: `due` counts tables that lack it; and its statements."""

    due: str
    statements: list[str]


def reordered(table: Table, behind: str, cluster: str = "") -> Reordering:
    """Put an empty table with the new sorting key in the old one's place, at once.

    What was there stays under the name with `behind` at its end, until its rows have expired: those
    of a week are too many to be copied.
    """
    place = _place(cluster)
    name = f"{table.name}{place.suffix}"
    due = (
        f"SELECT count() FROM system.tables WHERE database = currentDatabase()"
        f" AND name = {literal(name)} AND NOT startsWith(sorting_key, {literal(table.order[0])})"
    )
    exchange = f"EXCHANGE TABLES {quoted(name)} AND {quoted(name + behind)}{place.everywhere}"
    return Reordering(due, [create(table, cluster, behind), exchange])


def with_columns(cluster: str = "") -> list[str]:
    """Statements that add columns which tables of an older tcctui lack; each may be repeated."""
    place = _place(cluster)
    view = _alter(f"{ROLLED_UP.name}_view", place, f"MODIFY QUERY {_roll_up(place)}")
    statements = [*_added(place), view]
    if cluster:
        statements += [_adding(one.name, place, map(_plain, one.columns)) for one in TABLES]
        statements.append(_adding(ROLLED_UP.name, place, map(_summed, ROLLED_UP.columns)))
    return statements


def _added(place: _Place) -> Iterator[str]:
    """Statements that add columns to the tables that hold rows."""
    for table in TABLES:
        yield _adding(f"{table.name}{place.suffix}", place, map(definition, table.columns))
    yield _adding(f"{ROLLED_UP.name}{place.suffix}", place, _rolled_up_columns())


def _adding(name: str, place: _Place, columns: Iterable[str]) -> str:
    return _alter(name, place, ", ".join(f"ADD COLUMN IF NOT EXISTS {one}" for one in columns))


def definition(column: Stored) -> str:
    """Name, type and codec of a column."""
    return f"{_plain(column)} CODEC({_codec(column)}) COMMENT {literal(column.meaning)}"


def column_type(column: Stored) -> str:
    """Type of a column, as ClickHouse spells it."""
    return f"Nullable({column.type})" if column.nullable else column.type


def quoted(name: str) -> str:
    """Quote an identifier."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def literal(text: str) -> str:
    """Quote a string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def on_cluster(cluster: str) -> str:
    """Clause that runs a statement on all servers of a cluster; empty without one."""
    return f" ON CLUSTER {quoted(cluster)}" if cluster else ""


def _place(cluster: str) -> _Place:
    return _Place("_local", on_cluster(cluster), "Replicated") if cluster else _Place()


def _plain(column: Stored) -> str:
    return f"{quoted(column.name)} {column_type(column)}"


_TOTALS = {
    *(one.field.name for one in FLOW.columns if one.field and one.taken is Taken.GROWTH),
    "age_ns",
}
_VARYING = {Unit.SEGMENTS, Unit.MICROSECONDS, Unit.BYTES_PER_SECOND}


def _codec(column: Stored) -> str:
    """Codec of a column, the smallest of those that were measured.

    A row of flow_10s has 60 bytes so, 67 with ZSTD(1) alone or ZSTD(3), 101 with LZ4: 115,200 rows
    of 1,920 simulated connections, chDB 4.4, system.parts_columns. Delta is for totals, T64 for
    what varies within a few bits; constants are smallest without either.
    """
    if column.name == "time":
        return "DoubleDelta, ZSTD(1)"
    if column.taken is Taken.GROWTH:
        return "T64, ZSTD(1)"
    if column.field is not None and column.type.startswith(("UInt", "Int")):
        if column.field.name in _TOTALS:
            return "Delta, ZSTD(1)"
        if column.field.unit in _VARYING:
            return "T64, ZSTD(1)"
    return "ZSTD(1)"


def _table(
    name: str,
    columns: list[str],
    *,
    engine: str,
    everywhere: str,
    order: str,
    expires: str,
    primary: str = "",
) -> str:
    window = "" if engine.startswith("Replicated") else "non_"
    lines = ",\n".join(f"    {column}" for column in columns)
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted(name)}{everywhere}\n(\n{lines}\n)\n"
        f"ENGINE = {engine}\nPARTITION BY toYYYYMMDD(time)\n"
        + (f"PRIMARY KEY ({primary})\n" if primary else "")
        + f"ORDER BY ({order})\nTTL {expires}\n"
        f"SETTINGS ttl_only_drop_parts = 1, {window}replicated_deduplication_window ="
        f" {_DEDUPLICATED}"
    )


def _alter(name: str, place: _Place, what: str) -> str:
    return f"ALTER TABLE {quoted(name)}{place.everywhere} {what}"


def _seconds(time: Stored) -> str:
    """Time in whole seconds, as a TTL takes it."""
    return "time" if time.type.startswith("DateTime(") else "toDateTime(time)"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(name if "(" in name else quoted(name) for name in names)


# Rolled up


def _rolled_up_columns() -> Iterator[str]:
    for column in ROLLED_UP.columns:
        yield f"{_summed(column)} CODEC({_codec(column)}) COMMENT {literal(column.meaning)}"


def _summed(column: Stored) -> str:
    if not column.summed:
        return _plain(column)
    kind = _WIDENED.get(column.type, column.type)
    return f"{quoted(column.name)} SimpleAggregateFunction({column.summed}, {kind})"


def _roll_up_table(place: _Place) -> str:
    keys = tuple(column.name for column in ROLLED_UP.columns if not column.summed)
    order = ROLLED_UP.order + tuple(name for name in keys if name not in ROLLED_UP.order)
    return _table(
        f"{ROLLED_UP.name}{place.suffix}",
        list(_rolled_up_columns()),
        engine=f"{place.replicated}AggregatingMergeTree",
        everywhere=place.everywhere,
        primary=_names(ROLLED_UP.order),
        order=_names(order),
        expires=f"time + INTERVAL {ROLLED_UP.days} DAY",
    )


def _roll_up_view(place: _Place) -> str:
    view = quoted(f"{ROLLED_UP.name}_view")
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view}{place.everywhere}"
        f" TO {quoted(ROLLED_UP.name + place.suffix)} AS\n{_roll_up(place)}"
    )


def _roll_up(place: _Place) -> str:
    begin = f"toStartOfInterval(source.time, INTERVAL {ROLLED_UP_S} SECOND) AS time"
    keys = [
        column.name for column in ROLLED_UP.columns if not column.summed and column.name != "time"
    ]
    sums = [
        f"{column.summed}(source.{quoted(column.name)}) AS {quoted(column.name)}"
        for column in ROLLED_UP.columns
        if column.summed
    ]
    kept = [f"source.{quoted(name)} AS {quoted(name)}" for name in keys]
    by = ", ".join(("time", *map(quoted, keys)))
    return (
        f"SELECT {', '.join((begin, *kept, *sums))}"
        f" FROM {quoted(GROUP.name + place.suffix)} AS source GROUP BY {by}"
    )


def _distributed(name: str, cluster: str) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted(name)}{on_cluster(cluster)}"
        f" AS {quoted(name + '_local')}\n"
        f"ENGINE = Distributed({quoted(cluster)}, currentDatabase(), {quoted(name + '_local')},"
        " sipHash64(host))"
    )
