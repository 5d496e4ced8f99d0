"""SQL of the groups of a fleet: an hour of them beside the same hour of the day before."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tcctui.fleet.tables import estimates
from tcctui.fleet.tables.every_table import GROUP
from tcctui.fleet.view import flow_columns, flow_statement
from tcctui.fleet.view.flow_statement import Asked
from tcctui.fleet.view.groupings import FleetGrouping
from tcctui.fleet.view.histogram_sql import quantile
from tcctui.query import Query
from tcctui.query.sql import SqlColumn, Statement, endpoint

TABLE, STEP_S, WINDOW_S = "group_5m", 300, 10
"""Table that is read, the seconds of a row in it, and those between two counts of connections."""

SPAN_S, BEFORE_S = 3600, 86400
"""Seconds that are summed up, and how long before them the same are compared with."""

GREW = 1.1
"""Ratio to the day before from which on a group got worse, whatever else of it got better."""

_ENDED = "closed"
"""Stored word of the state of connections that ended in the window."""

MOST = 2000
"""Groups that are fetched at the most: the worst."""


@cache
def conditions() -> Mapping[str, SqlColumn]:
    """Columns that a condition on groups may name; others are of single connections."""
    names = {name: SqlColumn(name, "S64") for name in ("comm", "cgroup", "cc", "netns_name")}
    return {
        **names,
        "host": SqlColumn("host", "S64"),
        "daddr": SqlColumn("prefix", "S16"),
        "sport": SqlColumn("if(incoming, service_port, 0)", "u2"),
        "dport": SqlColumn("if(incoming, 0, service_port)", "u2"),
        "text": SqlColumn(endpoint("prefix", "service_port"), "S"),
    }


_PERCENT = "if({1} > 0, least(100. * {0} / {1}, 100.), NULL)"


def groups(by: FleetGrouping, query: Query, at_s: int) -> Asked:
    """Groups of all connections that match, in the hour before a moment, worst first.

    `covered` are seconds that there is something of. `worse` compares with the day before.

    Raises:
        NotInSqlError: the query asks for values of single connections.

    """
    statement = Statement(conditions())
    first, last, before = (
        f"toDateTime({statement.parameter('UInt32', moment)})"
        for moment in (at_s - at_s % STEP_S - SPAN_S, at_s, BEFORE_S)
    )
    before = before.removeprefix("toDateTime(").removesuffix(")")
    where = query.in_sql(statement)
    sums = (
        *("flows", "opened", "closed", "reset", "timeouts"),
        *("bytes_acked_growth", "data_segs_out_growth", "total_retrans_growth"),
        "delivered_ce_growth",
    )
    summed = ", ".join(
        f"sumIf({name}, late) AS {name}_now, sumIf({name}, NOT late) AS {name}_then"
        for name in sums
    )
    inner = (
        f"SELECT {by.key} AS key, {summed},"
        " sumMapIf(srtt_histogram, late) AS srtt_now,"
        " sumMapIf(srtt_histogram, NOT late) AS srtt_then,"
        " sumMapIf(min_rtt_histogram, late) AS min_rtt_now,"
        " sumMapIf(limit_ms, late) AS limits,"
        " toUnixTimestamp(minIf(time, late)) AS begun"
        f" FROM (SELECT *, time >= {first} AS late FROM {TABLE}"
        f" WHERE (time >= {first} AND time <= {last})"
        f" OR (time >= {first} - {before} AND time <= {last} - {before}))"
        f" WHERE {where} GROUP BY key HAVING flows_now + opened_now > 0"
    )
    hour = statement.parameter("UInt32", SPAN_S)
    # Of a fleet that began within those windows: since its first one, not since they begin.
    begun = (
        f"ifNull((SELECT toUnixTimestamp(time) FROM {GROUP.name} WHERE time >= {first}"
        f" AND time <= {last} ORDER BY time LIMIT 1), 0)"
    )
    covered = f"{statement.parameter('UInt32', at_s)} - greatest(min(begun) OVER (), {begun})"
    then, now = (_PERCENT.format(f"total_retrans_growth_{one}", f"data_segs_out_growth_{one}")
                 for one in ("then", "now"))  # fmt: skip
    sql = (
        f"SELECT key, bitAnd(cityHash64('{by.name}', key), 9223372036854775807) AS row,"
        f" greatest({covered}, {WINDOW_S}) AS covered,"
        f" flows_now * {WINDOW_S} / covered AS flows, 0. AS flows_error,"
        f" opened_now + flows AS seen, opened_then + flows_then * {WINDOW_S} / {hour} AS seen_then,"
        " opened_now AS opened, closed_now AS closed, reset_now AS reset, timeouts_now AS timeouts,"
        " bytes_acked_growth_now AS acked, data_segs_out_growth_now AS sent,"
        " total_retrans_growth_now AS again, delivered_ce_growth_now AS marked,"
        f" {quantile('srtt_now', 0.5)} AS srtt, {quantile('srtt_now', 0.95)} AS srtt_p95,"
        f" {quantile('srtt_then', 0.5)} AS srtt_before,"
        f" {quantile('min_rtt_now', 0.5)} AS min_rtt,"
        f" if({estimates.shown('seen')}, {_most('limits')}, '') AS limit, limits,"
        " arrayFilter(ratio -> isNotNull(ratio),"
        f" [srtt / srtt_before, ({now} + 0.1) / ({then} + 0.1)]) AS ratios,"
        f" if(arrayMax(ratios) >= {GREW}, arrayMax(ratios), arrayMin(ratios)) AS ratio,"
        f" if({estimates.shown('seen')} AND {estimates.shown('seen_then')} AND notEmpty(ratios),"
        " 100 * (ratio - 1), NULL) AS worse, count() OVER () AS matching"
        f" FROM ({inner})"
        f" ORDER BY worse DESC NULLS LAST, seen DESC, key LIMIT {MOST}"
    )
    return Asked(sql, statement.parameters)


def estimated(by: FleetGrouping, query: Query, at_s: int) -> Asked:
    """The same of connections that match a query on their own values, from samples.

    Of each host's last window, with the error of their number (`tables.estimates`): it is 0 where
    no connection was left to chance, and NULL where too few rows tell it: then there is no verdict.
    Connections that ended in the window are counted if the query asks for states. There is no
    comparison.

    Raises:
        NotInSqlError: the query asks for what is not stored.

    """
    statement = Statement(flow_columns.conditions())
    source = flow_statement.newest_of_hosts(statement, at_s)
    where = query.in_sql(statement)
    # Without a condition on hosts, those without a row that matches may have connections that do.
    heaviest = "heaviest" if "host" in query.fields else "heaviest_of_all"
    largest = "max(heaviest)" if by.name == "host" else f"max(max({heaviest})) OVER ()"
    here = "1" if "state" in query.fields else f"state != '{_ENDED}'"
    scaled = "toUInt64(round(100 * weight))"  # quantiles take whole numbers

    def of_values(share: float, value: str) -> str:
        known = f"isNotNull({value}) AND {here}"
        found = f"quantileExactWeightedIf({share})(ifNull({value}, 0), {scaled}, {known})"
        return f"if(countIf({known}) > 0, {found}, NULL)"

    def weighted(value: str) -> str:
        return f"sum(weight * ifNull({value}, 0))"

    inner = (
        f"SELECT {by.of_flows} AS key, {estimates.total(here)} AS flows,"
        f" multiIf({largest} = 1, 0., {estimates.enough(here)},"
        f" 100 * {estimates.error(here, 'heaviest')} / flows, NULL) AS flows_error,"
        " sumMap(map(toString(limit), toFloat64(weight))) AS limits,"
        f" {weighted('rate')} AS rate, {weighted('data_segs_out_growth')} AS sent,"
        f" {weighted('total_retrans_growth')} AS again, {weighted('timeouts_10s')} AS timeouts,"
        f" {weighted('delivered_ce_growth')} AS marked,"
        f" {of_values(0.5, 'srtt_us')} AS srtt, {of_values(0.95, 'srtt_us')} AS srtt_p95,"
        f" {of_values(0.5, 'min_rtt_us')} AS min_rtt"
        f" FROM {source} WHERE {where} GROUP BY key HAVING flows > 0"
    )
    sql = (
        f"SELECT key, bitAnd(cityHash64('{by.name}', key), 9223372036854775807) AS row,"
        " 1 AS covered, flows, flows_error, flows AS seen, 0 AS opened, 0 AS closed, 0 AS reset,"
        " timeouts, rate AS acked, sent, again, marked, srtt, srtt_p95, min_rtt,"
        f" if({estimates.shown('flows', 'flows_error')}, {_most('limits')}, '') AS limit, limits,"
        " CAST(NULL AS Nullable(Float64)) AS worse, count() OVER () AS matching"
        f" FROM ({inner}) ORDER BY again / greatest(sent, 1) DESC, flows DESC, key LIMIT {MOST}"
    )
    return Asked(sql, statement.parameters)


def _most(counts: str) -> str:
    """Word with the largest count; empty without any."""
    values = f"mapValues({counts})"
    return f"toString(mapKeys({counts})[indexOf({values}, arrayMax({values}))])"
