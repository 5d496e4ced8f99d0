"""SQL of how the round-trip times of a group are spread: its histograms of an hour, merged."""

from __future__ import annotations

from typing import NamedTuple

from tcctui.arrays import I64, Floats
from tcctui.fleet.tables.buckets import GAMMA, MIDDLE
from tcctui.fleet.view import group_statement
from tcctui.fleet.view.engine import Table
from tcctui.fleet.view.flow_statement import Asked
from tcctui.fleet.view.groupings import FleetGrouping
from tcctui.query import Query
from tcctui.query.sql import Statement


class Spread(NamedTuple):
    """Values in µs, ascending, and how often hosts saw each; each has the shape (n,)."""

    srtt_us: Floats
    counts: I64


def of_group(by: FleetGrouping, key: str, query: Query, at_s: int) -> Asked:
    """Buckets of srtt in the hour before a moment, and their counts.

    A connection counts once in each window of ten seconds.

    Raises:
        NotInSqlError: the query asks for values of single connections.

    """
    statement = Statement(group_statement.conditions())
    first_s = at_s - at_s % group_statement.STEP_S - group_statement.SPAN_S
    sql = (
        "SELECT pair.1 AS bucket, pair.2 AS count FROM (SELECT arrayJoin(arrayZip("
        "mapKeys(sumMap(srtt_histogram)), mapValues(sumMap(srtt_histogram)))) AS pair"
        f" FROM {group_statement.TABLE}"
        f" WHERE time >= toDateTime({statement.parameter('UInt32', first_s)})"
        f" AND time <= toDateTime({statement.parameter('UInt32', at_s)})"
        f" AND {by.key} = {statement.parameter('String', key)}"
        f" AND {query.in_sql(statement)}) ORDER BY bucket"
    )
    return Asked(sql, statement.parameters)


def spread(table: Table) -> Spread:
    """Values that stand for buckets: each is within `buckets.ACCURACY`."""
    buckets = table.column("bucket").to_numpy().astype("f8")
    return Spread(MIDDLE * GAMMA**buckets, table.column("count").to_numpy().astype("i8"))
