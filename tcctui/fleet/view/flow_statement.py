"""SQL of the connections of a fleet: each as its last window says, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tcctui.fleet.tables.every_table import FLOW
from tcctui.fleet.view import flow_columns
from tcctui.query import Query
from tcctui.query.sql import Statement

FRESH_S = 60
"""Seconds for which a connection is shown after its last window began."""

MOST = 5000
"""Rows that are fetched at the most: the worst."""

_UNKNOWN_HEALTH = 255


class Asked(NamedTuple):
    """A statement and its parameters."""

    sql: str
    parameters: Mapping[str, object]


def newest(statement: Statement, at_s: int) -> str:
    """Subquery of each connection's last window before a moment, in seconds since 1970."""
    first, last = statement.parameter("UInt32", at_s - FRESH_S), statement.parameter("UInt32", at_s)
    return (
        f"(SELECT *, {flow_columns.FLOW_ID} AS flow FROM {FLOW.name}"
        f" WHERE time > toDateTime({first}) AND time <= toDateTime({last})"
        " ORDER BY time DESC LIMIT 1 BY host, boot_id, cookie)"
    )


def newest_of_hosts(statement: Statement, at_s: int) -> str:
    """Subquery of the connections in each host's last window before a moment.

    Those of one window stand for all connections. `heaviest` is the largest weight in a host: 1
    where each connection has a row; `heaviest_of_all` that in all hosts.
    """
    first, last = statement.parameter("UInt32", at_s - FRESH_S), statement.parameter("UInt32", at_s)
    there = f"time > toDateTime({first}) AND time <= toDateTime({last})"
    return (
        f"(SELECT *, {flow_columns.FLOW_ID} AS flow,"
        " max(weight) OVER (PARTITION BY host) AS heaviest, max(weight) OVER () AS heaviest_of_all"
        f" FROM {FLOW.name} WHERE {there} AND (host, time) IN"
        f" (SELECT host, max(time) FROM {FLOW.name} WHERE {there} GROUP BY host))"
    )


def flows(query: Query, at_s: int) -> Asked:
    """Connections that match as they were last, at most `MOST`; `matching` counts them all.

    Worst first: by signs of health, then by what was retransmitted, then by rate.

    Raises:
        NotInSqlError: the query asks for what is not stored.

    """
    statement = Statement(flow_columns.conditions())
    source = newest(statement, at_s)
    where = query.in_sql(statement)
    columns = [f"`{stored.name}`" for stored in flow_columns.LAST.values()]
    others = (
        *("saddr", "daddr", "flow", "host", "toString(boot_id) AS boot", "weight", "limit_ms"),
        *("toUnixTimestamp(time) AS seen", "count() OVER () AS matching"),
    )
    sql = (
        f"SELECT {', '.join((*columns, *others))} FROM {source} WHERE {where}"
        f" ORDER BY if(health = {_UNKNOWN_HEALTH}, 0, health) DESC,"
        " ifNull(retrans_percent_10s, 0) DESC, ifNull(rate, 0) DESC, flow"
        f" LIMIT {MOST}"
    )
    return Asked(sql, statement.parameters)
