"""The screens of a fleet's dashboard: how long their questions take over simulated hosts.

Asked as the dashboard asks, of `tcctui collector` over HTTP; the answers are decoded.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tcctui.fleet.client import Address, Client, connect
from tcctui.fleet.tables.every_table import FLOW, GROUP, ROLLED_UP, ROLLED_UP_S
from tcctui.fleet.tables.table import WINDOW_S
from tcctui.fleet.view import questions
from tcctui.fleet.view.questions import Question
from tcctui.fleet.view.rows import Rows
from tcctui.flows.frame import Past
from tcctui.query import ALL, Query, parse
from tests.bench.report import Section, Target, number, ratio
from tests.fleet_simulation.flows import Flows
from tests.fleet_simulation.groups import WORSE_PREFIX, Fleet, prefix
from tests.unit.collector_process import Collector, public_directory

HOSTS, GROUPS, DAYS, ROWS, HOURS, ROUNDS = 500, 51, 7, 64, 4, 9

WANTED_S = 1.0
"""Seconds in which the first screen is to be there."""

_DAY_S, _HOUR_S = 86_400, 3600
_AT_ONCE = 1 << 17
"""Rows of a statement that makes them: what a statement of the collector may take."""

_COLUMNS = 100
"""Columns of a chart."""


class Asked(NamedTuple):
    """Something that a person does: rows by a grouping (empty: connections) that match a text.

    `ago_s` goes back in time. Of `history_s` seconds, the chart of the first row is asked for, too.
    """

    what: str
    by: str
    text: str = ""
    ago_s: int = 0
    history_s: float | None = None


FIRST = Asked("first screen: nets, and the chart of the worst", "net", history_s=_HOUR_S)

ASKED = (
    FIRST,
    Asked("nets", "net"),
    *(Asked(f"by {by}", by) for by in ("port", "process", "host")),
    Asked("nets of a process", "net", "proc:nginx"),
    Asked("nets of a port", "net", "port:443"),
    Asked("nets of a host", "net", "host:host-00001"),
    Asked("hosts of a net", "host", "dst:10.0.7.0/24"),
    Asked("rewind: nets two days ago", "net", ago_s=2 * _DAY_S),
    Asked("a net over 24 h", "net", history_s=_DAY_S),
    Asked("a net over the days", "net", history_s=(DAYS - 1) * _DAY_S),
    Asked("a process over the days", "process", history_s=(DAYS - 1) * _DAY_S),
    Asked("connections", ""),
    Asked("connections of a net", "", "dst:10.0.7.0/24"),
    Asked("connections of a host, and a chart", "", "host:host-00001", history_s=300),
    Asked("rewind: connections two hours ago", "", ago_s=2 * _HOUR_S),
    Asked("estimates: nets of slow connections", "net", "srtt>30ms"),
)
"""Questions; the first is the screen's at the start."""


def measure(
    hosts: int = HOSTS,
    groups_: int = GROUPS,
    days: float = DAYS,
    hours: float = HOURS,
    rounds: int = ROUNDS,
) -> Section:
    """Have the collector make the rows, and ask each question some times, in turn."""
    now_s = int(time.time()) // ROLLED_UP_S * ROLLED_UP_S
    lately_s = min(_HOUR_S, int(days * _DAY_S) // ROLLED_UP_S * ROLLED_UP_S)
    windows = int(days * _DAY_S - lately_s) // ROLLED_UP_S
    begin_s = now_s - lately_s - windows * ROLLED_UP_S
    before = Fleet(hosts, groups_, windows, begin_s, ROLLED_UP_S)
    last = lately_s // WINDOW_S
    lately = Fleet(hosts, groups_, last, now_s - lately_s, WINDOW_S, worse=last)
    count = max(int(hours * _HOUR_S) // WINDOW_S, 1)
    flows = Flows(hosts, ROWS, count, now_s - count * WINDOW_S)
    with public_directory() as directory, Collector(directory / "store") as collector:
        client = connect(Address(collector.url))
        made_s = _run(client, before.inserts(ROLLED_UP.name, _AT_ONCE))
        made_s += _run(client, lately.inserts(GROUP.name, hosts * groups_))
        made_s += _run(client, flows.inserts(_AT_ONCE))
        remark = (
            f"{hosts:,} hosts with {groups_} groups each for {days:g} days, the last hour as agents"
            f" send it, and {ROWS} connections each for {hours:g} hours, made in"
            f" {number(made_s)} s."
        )
        section = asked_of(collector, client, now_s - WINDOW_S, rounds, remark)
        client.close()
    return section


def asked_of(collector: Collector, client: Client, now_s: int, rounds: int, remark: str) -> Section:
    """Ask each question some times, in turn, of what there is."""
    took: dict[Asked, list[float]] = {asked: [] for asked in ASKED}
    cpu: dict[Asked, list[float]] = {asked: [] for asked in ASKED}
    found: dict[Asked, Rows] = {}
    stored = {table.name: _stored(client, table.name) for table in (ROLLED_UP, GROUP, FLOW)}
    for _ in range(rounds):
        for asked in ASKED:
            used, begun = collector.cpu_seconds(), time.perf_counter()
            found[asked] = _answer(client, asked, now_s)
            took[asked].append(time.perf_counter() - begun)
            cpu[asked].append(collector.cpu_seconds() - used)
    rows = []
    for asked in ASKED:
        p50, p95 = np.quantile(took[asked], (0.5, 0.95))
        used = float(np.median(cpu[asked]))
        figures = (number(used * 1e3), number(p50 * 1e3), number(p95 * 1e3))
        rows.append((ratio(used / WANTED_S), asked.what, *figures, f"{len(found[asked]):,}"))
    tables = ", ".join(
        f"{count:,} rows of {name} with {size / max(count, 1):.0f} bytes each"
        for name, (count, size) in stored.items()
    )
    return Section(
        "Questions of a fleet's dashboard",
        ("of 1 s", "question", "ms of CPU", "ms, p50", "ms, p95", "rows"),
        rows,
        [Target("CPU time of the first screen", float(np.median(cpu[FIRST])), WANTED_S, " s")],
        [
            f"{remark} In the collector: {tables}. The one prefix that became worse,"
            f" {prefix(WORSE_PREFIX)}, {_place(found[FIRST])} of nets."
            " Of an engine that has a core for itself nobody waits longer than the CPU time."
        ],
    )


def _answer(client: Client, asked: Asked, now_s: int) -> Rows:
    question = Question(asked.by, _query(asked.text))
    rows = questions.answer(client, question, now_s - asked.ago_s, lambda _: None)
    if asked.history_s is not None and len(rows):
        worst = int(np.nan_to_num(rows.column("worse"), nan=-np.inf).argmax())
        past = Past(int(rows.cookies[worst]), asked.history_s, _COLUMNS)
        questions.history(client, question, rows, past)
    return rows


def _place(rows: Rows) -> str:
    worse = np.nan_to_num(rows.column("worse"), nan=-np.inf)
    if not len(rows):
        return "is not there"
    first = rows.column("group")[worse.argmax()].decode()
    return f"is first ({first})" if first.startswith(f"10.0.{WORSE_PREFIX}.") else "is not first"


def _run(client: Client, statements: Iterable[str]) -> float:
    begun = time.perf_counter()
    for statement in statements:
        client.execute(statement)
    return time.perf_counter() - begun


def _stored(client: Client, table: str) -> tuple[int, int]:
    """Rows and bytes on disk of a table."""
    parts = f"FROM system.parts WHERE active AND table = '{table}'"
    found = client.query(f"SELECT sum(rows), sum(bytes_on_disk) {parts}", {}, 10)
    return int(found.column(0)[0].as_py()), int(found.column(1)[0].as_py())


def _query(text: str) -> Query:
    return parse(text) if text else ALL
