"""Questions that the dashboard asks of an engine, and the rows that answer them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from tcctui.fleet.schema.labels import TABLE as LABELS
from tcctui.fleet.tables.buckets import ACCURACY
from tcctui.fleet.view import (
    flow_statement,
    group_statement,
    histories,
    hosts,
    srtt_statement,
)
from tcctui.fleet.view.arrow_columns import of_flows
from tcctui.fleet.view.clock import moment_ns, seconds
from tcctui.fleet.view.engine import Engine, Table
from tcctui.fleet.view.flow_statement import Asked
from tcctui.fleet.view.group_rows import of_groups
from tcctui.fleet.view.groupings import GROUPINGS, grouping
from tcctui.fleet.view.hosts import Host
from tcctui.fleet.view.rows import Histories, Rows
from tcctui.flows.frame import Past
from tcctui.flows.snapshot import FlowHistory
from tcctui.query import Query
from tcctui.query.sql import NotInSqlError, Statement
from tcctui.ui.view import Times

SECONDS = 20.0
"""Time allowed to an answer."""

VERSIONS = itertools.count(1)
"""Numbers of changes."""


class Question(NamedTuple):
    """Rows to show: connections, or groups `by` one of `GROUPINGS`, that match a query."""

    by: str
    query: Query

    def __eq__(self, other: object) -> bool:
        """The same rows are asked for."""
        return isinstance(other, Question) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str, frozenset[str]]:
        return self.by, self.query.text, self.query.fields


def answer(engine: Engine, question: Question, at_s: int, past: Histories) -> Rows:
    """Ask for rows at a moment, in seconds since 1970.

    Groups are summed up exactly; where the query asks for values of single connections, they are
    estimated from samples.

    Raises:
        NotInSqlError: the query asks for what hosts do not send.
        TcctuiError: there is no answer.

    """
    now_ns = moment_ns(at_s)
    if not question.by:
        table = _asked(engine, flow_statement.flows(question.query, at_s))
        columns = of_flows(table, now_ns)
    else:
        by = grouping(question.by)
        try:
            asked = group_statement.groups(by, question.query, at_s)
        except NotInSqlError:
            asked = group_statement.estimated(by, question.query, at_s)
        table = _asked(engine, asked)
        columns = of_groups(table, by, now_ns)
    matching = int(table.column("matching")[0].as_py()) if len(table) else 0
    more = matching - len(table)
    return Rows(columns, now_ns, version=next(VERSIONS), histories=past, more=more)


def history(
    engine: Engine, question: Question, rows: Rows, past: Past, present_s: float = inf
) -> FlowHistory | None:
    """Ask for a row's history up to the rows' moment; None where the row is not there.

    `present_s` is the present in seconds since 1970: windows may not be over by then.

    Raises:
        TcctuiError: there is no answer.

    """
    at = rows.place(past.cookie)
    if at is None:
        return None
    last_s = seconds(rows.now_ns)
    if question.by:
        first_s = last_s - (past.seconds or histories.LONGEST_OF_GROUPS_S)
        key, by = str(rows.column("key")[at]), grouping(question.by)
        try:
            asked = histories.of_group(
                by, key, question.query, first_s, last_s, columns=past.columns
            )
        except NotInSqlError:
            return None
        table = _asked(engine, asked)
        return histories.group_history(table, first_s, last_s, past.columns, present_s)
    age_s = (rows.now_ns - int(rows.column("first_ns")[at])) / 1e9
    longest = min(histories.LONGEST_S, max(age_s, 60.0))
    first_s = last_s - (longest if past.seconds is None else past.seconds)
    host, boot = (rows.column(name)[at].decode() for name in ("host", "boot_id"))
    cookie, step = int(rows.column("own_cookie")[at]), group_statement.WINDOW_S
    asked = histories.of_flow(host, boot, cookie, int(first_s) - step, last_s)
    return histories.flow_history(_asked(engine, asked), first_s, last_s, past.columns, step)


def srtt_times(engine: Engine, question: Question, rows: Rows, cookie: int) -> Times:
    """Ask how the round-trip times of a group were spread in the hour before the rows' moment.

    Raises:
        TcctuiError: there is no answer.

    """
    at = rows.place(cookie)
    if at is None:
        return Times(np.empty(0), "The group is gone")
    label = rows.column("group")[at].decode()
    key, by = str(rows.column("key")[at]), grouping(question.by)
    try:
        asked = srtt_statement.of_group(by, key, question.query, seconds(rows.now_ns))
    except NotInSqlError:
        return Times(
            np.empty(0), f"{label}, of which the search chooses connections by their values"
        )
    found = srtt_statement.spread(_asked(engine, asked))
    of = f"{label} in an hour, each connection every 10 s"
    return Times(found.srtt_us, of, found.counts, ACCURACY)


def known_hosts(engine: Engine, at_s: int) -> list[Host]:
    """Ask for the hosts.

    Raises:
        TcctuiError: there is no answer.

    """
    return hosts.read(_asked(engine, hosts.hosts(at_s)))


Labels = Mapping[str, Mapping[str, Sequence[str]]]
"""Hosts by a label's name and value."""

_MOST_LABELLED = 20_000


def labels(engine: Engine) -> Labels:
    """Ask for the labels that a user has given to hosts.

    Raises:
        TcctuiError: there is no answer.

    """
    sql = (
        "SELECT label.1 AS name, label.2 AS value, groupArray(host) AS hosts FROM (SELECT host,"
        f" arrayJoin(arrayZip(mapKeys(labels), mapValues(labels))) AS label FROM {LABELS} FINAL"
        f" LIMIT {_MOST_LABELLED}) GROUP BY name, value ORDER BY name, value"
    )
    table = _asked(engine, Asked(sql, {}))
    found: dict[str, dict[str, list[str]]] = {}
    columns = (table.column(column).to_pylist() for column in ("name", "value", "hosts"))
    for name, value, labelled in zip(*columns, strict=True):
        found.setdefault(name, {})[value] = sorted(labelled)
    return found


_VALUES = {
    **{"proc": "comm", "cgroup": "cgroup", "cc": "cc", "netns": "netns_name", "host": "host"},
    **{"port": "toString(service_port)", "dst": "toString(prefix)"},
}
"""Fields of the language, and what groups have of them."""

_MOST_VALUES = 50


def values(engine: Engine, at_s: int) -> dict[str, list[str]]:
    """Ask for the most frequent values of fields in the last hour.

    Raises:
        TcctuiError: there is no answer.

    """
    counted = ", ".join(
        f"topK({_MOST_VALUES})({value}) AS {name}_top" for name, value in _VALUES.items()
    )
    statement = Statement({})
    first = statement.parameter("UInt32", at_s - group_statement.SPAN_S)
    last = statement.parameter("UInt32", at_s)
    sql = (
        f"SELECT {counted} FROM {group_statement.TABLE} WHERE time >= toDateTime({first})"
        f" AND time <= toDateTime({last})"
    )
    table = _asked(engine, Asked(sql, statement.parameters))
    found = {name: table.column(f"{name}_top")[0].as_py() for name in _VALUES}
    found["port"] = [one for one in found["port"] if one != "0"]
    net = GROUPINGS["net"]
    found["dst"] = [net.label(one) for one in found["dst"] if net.query(one)]
    return {name: [one for one in known if one] for name, known in found.items()}


def oldest_s(engine: Engine) -> int:
    """Ask for the oldest window, in seconds since 1970; 0 without any.

    Raises:
        TcctuiError: there is no answer.

    """
    sql = f"SELECT toUnixTimestamp(min(time)) AS oldest FROM {group_statement.TABLE}"
    table = _asked(engine, Asked(sql, {}))
    return int(table.column("oldest")[0].as_py() or 0) if len(table) else 0


def _asked(engine: Engine, asked: Asked) -> Table:
    return engine.query(asked.sql, asked.parameters, SECONDS)
