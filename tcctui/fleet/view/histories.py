"""Histories of single rows, from their windows in a stretch of time, on a chart's grid."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tcctui.arrays import Array, Floats, Indexes
from tcctui.fleet.tables.every_table import FLOW, GROUP
from tcctui.fleet.view import arrow_columns, group_statement
from tcctui.fleet.view.engine import Table
from tcctui.fleet.view.flow_statement import Asked
from tcctui.fleet.view.groupings import FleetGrouping
from tcctui.fleet.view.histogram_sql import quantile
from tcctui.flows.history.marks import NO_MARKS
from tcctui.flows.snapshot import Extremes, FlowHistory
from tcctui.query import Query
from tcctui.query.sql import Statement
from tcctui.ui.chart import chart_kinds

_LAST = {
    **{"snd_cwnd": "snd_cwnd", "ssthresh": "ssthresh", "srtt_us": "srtt_us"},
    **{"in_flight": "in_flight", "acked_rate": "rate", "delivery_rate": "delivery_rate"},
    **{"pacing_rate": "pacing_rate", "bbr_bw": "bbr_bw"},
}
"""Series, and the stored columns of their last values."""

_EXTREMES = {
    "snd_cwnd": ("snd_cwnd_min", "snd_cwnd_max"),
    "srtt_us": ("srtt_us_min", "srtt_us_max"),
    "in_flight": ("in_flight", "in_flight_max"),
}

LONGEST_S, LONGEST_OF_GROUPS_S = 86400, 7 * 86400
"""Seconds that a chart of a whole life reaches back."""

_LATE_S = 10
"""Seconds from a window's end until hosts have sent its rows, on average: they spread it."""

_FINE_S = 900
"""Longest chart of a group in windows of ten seconds; others have those that were rolled up."""


def of_flow(host: str, boot_id: str, cookie: int, first_s: int, last_s: int) -> Asked:
    """Windows of one connection, in order."""
    statement = Statement({})
    wanted = [*_LAST.values(), *(name for pair in _EXTREMES.values() for name in pair)]
    names = ", ".join(dict.fromkeys((*wanted, "limit", "mss")))
    sql = (
        f"SELECT toUnixTimestamp(time) AS at, {names} FROM {FLOW.name}"
        f" WHERE host = {statement.parameter('String', host)}"
        f" AND boot_id = {statement.parameter('UUID', boot_id)}"
        f" AND cookie = {statement.parameter('UInt64', cookie)}"
        f" AND time > toDateTime({statement.parameter('UInt32', first_s)})"
        f" AND time <= toDateTime({statement.parameter('UInt32', last_s)}) ORDER BY time"
    )
    return Asked(sql, statement.parameters)


class Windows(NamedTuple):
    """Table with windows of groups, and their length in seconds."""

    table: str
    step_s: int


def windows(seconds: float) -> Windows:
    """Windows that a chart of so many seconds has."""
    if seconds <= _FINE_S:
        return Windows(GROUP.name, group_statement.WINDOW_S)
    return Windows(group_statement.TABLE, group_statement.STEP_S)


def of_group(
    by: FleetGrouping, key: str, query: Query, first_s: float, last_s: float, *, columns: int
) -> Asked:
    """Windows of one group, in order, and those of the day before.

    Medians and 95th percentiles of srtt, bytes acknowledged, segments sent and retransmitted.
    Windows are those that a chart of so many columns shows: of each the last one that begins in it,
    or before. Days are read as fast as hours then, for tables are in the order of time.

    Raises:
        NotInSqlError: the query asks for values of single connections.

    """
    statement = Statement(group_statement.conditions())
    table, step_s = windows(last_s - first_s)
    ends = first_s + np.arange(1, columns + 1) * (last_s - first_s) / columns
    shown = np.unique(np.ceil(ends / step_s) - 1).astype("i8") * step_s
    both = np.concatenate([shown, shown - group_statement.BEFORE_S])
    times = statement.parameter("Array(UInt32)", both.tolist())
    sql = (
        f"SELECT toUnixTimestamp(time) AS at, sumMap(srtt_histogram) AS srtt,"
        f" {quantile('srtt', 0.5)} AS low, {quantile('srtt', 0.95)} AS high,"
        " sum(bytes_acked_growth) AS acked, sum(data_segs_out_growth) AS sent,"
        f" sum(total_retrans_growth) AS again FROM {table}"
        f" WHERE time IN (SELECT toDateTime(arrayJoin({times})))"
        f" AND {by.chosen.format(statement.parameter('String', key))}"
        f" AND {query.in_sql(statement)} GROUP BY time ORDER BY time"
    )
    return Asked(sql, statement.parameters)


def flow_history(
    table: Table, first_s: float, last_s: float, columns: int, step_s: int
) -> FlowHistory:
    """Put windows of a connection on a grid."""
    grid = _Grid(arrow_columns.numbers(table.column("at"), "f8"), first_s, last_s, columns, step_s)

    def values(name: str) -> Floats:
        return grid.laid(arrow_columns.numbers(table.column(name), "f8"))

    series = {}
    for name, stored in _LAST.items():
        last = values(stored)
        low, high = (values(one) for one in _EXTREMES.get(name, (stored, stored)))
        series[name] = Extremes(np.fmin(low, last), np.fmax(high, last), last)
    mss = values("mss")
    known = mss[~np.isnan(mss)]
    limits = grid.laid(arrow_columns.codes(table.column("limit"), "limit").astype("f8"))
    return FlowHistory(
        last_s - first_s,
        series,
        int(known.max(initial=0)),
        NO_MARKS,
        np.nan_to_num(limits).astype("u1"),
    )


def group_history(
    table: Table, first_s: float, last_s: float, columns: int, present_s: float
) -> FlowHistory:
    """Put windows of a group on a grid: srtt from its median to its 95th percentile.

    The day before has series of its own, at the same times of day. A window that is not over
    counts for as long as hosts have sent of it, once that is half of it.
    """
    step_s = windows(last_s - first_s).step_s
    nothing = np.full(columns, np.nan)
    series = dict.fromkeys(_LAST, Extremes(nothing, nothing, nothing))
    begun = arrow_columns.numbers(table.column("at"), "f8")
    over = np.clip(present_s - _LATE_S - begun, 0, step_s)
    acked, sent, again, low, high = (
        np.where(over >= step_s / 2, arrow_columns.numbers(table.column(name), "f8"), np.nan)
        for name in ("acked", "sent", "again", "low", "high")
    )
    rate = acked / np.maximum(over, 1)
    percent = 100 * again / np.where(sent > 0, sent, np.nan)
    for named, shift in ((str, 0), (chart_kinds.before, group_statement.BEFORE_S)):
        grid = _Grid(begun + shift, first_s, last_s, columns, step_s)
        if shift and not grid.there.any():
            continue
        middle = grid.laid(low)
        series[named("srtt_us")] = Extremes(middle, middle if shift else grid.laid(high), middle)
        for name, values in (("acked_rate", rate), (chart_kinds.RETRANSMITTED, percent)):
            laid = grid.laid(values)
            series[named(name)] = Extremes(laid, laid, laid)
    return FlowHistory(last_s - first_s, series, 0, NO_MARKS, np.zeros(columns, "u1"))


class _Grid:
    """Columns of time, each with the last window that it has a part of."""

    def __init__(
        self, begun: Floats, first_s: float, last_s: float, columns: int, step_s: int
    ) -> None:
        width = (last_s - first_s) / columns
        edges = first_s + np.arange(columns) * width
        at: Indexes = np.searchsorted(begun, edges + width, side="left") - 1
        there = at >= 0
        there[there] &= begun[at[there]] + step_s > edges[there]
        self._at, self.there = at, there

    def laid(self, values: Array) -> Floats:
        """Values of windows; NaN where there is none, or its value is unknown."""
        found: Any = np.full(len(self._at), np.nan)
        found[self.there] = values[self._at[self.there]]
        return found
