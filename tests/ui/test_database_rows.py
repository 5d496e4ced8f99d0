"""Rows of a database: the screen shows whatever answers `frame.View`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from tcctui.arrays import Floats
from tcctui.flows.columns import DERIVED, FIELDS, SAMPLED
from tcctui.flows.frame import THIS_HOST, FlowKey, Frame, FrameRequest, Sparkline, cut
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.sorting import SortKey
from tcctui.ui.view import CurrentView
from tcctui.wire.inside import NO_INSIDES, Insides
from tcctui.wire.samples import SOCKET
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.rest import at_rest
from tests.ui.screen import WIDE, Clock, dashboard, lines


def quoted(name: str) -> str:
    """Give a name as SQL takes it: `limit` is one of its own words."""
    return f'"{name}"'


class Database:
    """Flows in a table of DuckDB: numbers as they are, all else as its bytes."""

    def __init__(self, store: Store) -> None:
        flows = store.flows(FIELDS.keys() | SAMPLED | DERIVED)
        self._now_ns, self._totals = flows.now_ns, store.totals()
        self._types = {name: (flows[name].dtype, flows[name].shape[1:]) for name in flows}
        self._sql = duckdb.connect()
        held = [self._held(flows[name], number=self._is_number(name)) for name in flows]
        columns = ", ".join(f"unnest(${at}) AS {quoted(name)}" for at, name in enumerate(flows, 1))
        self._sql.execute(f"CREATE TABLE flows AS SELECT {columns}", held)

    @staticmethod
    def _held(column: npt.NDArray[Any], *, number: bool) -> list[Any]:
        if number:
            return column.tolist()
        data = np.ascontiguousarray(column).view("u1").reshape(len(column), -1)
        return [row.tobytes() for row in data]

    def _is_number(self, name: str) -> bool:
        dtype, shape = self._types[name]
        return dtype.kind in "uif" and not shape

    def _select(self, names: Iterable[str], where: str = "", *values: Any) -> Flows:
        read = sorted({*names, "cookie"})
        query = f"SELECT {', '.join(map(quoted, read))} FROM flows {where} ORDER BY cookie"
        rows = self._sql.execute(query, values).fetchall()
        columns = {}
        for at, name in enumerate(read):
            dtype, shape = self._types[name]
            told = [row[at] for row in rows]
            columns[name] = (
                np.array(told, dtype)
                if self._is_number(name)
                else np.frombuffer(b"".join(told), dtype).reshape(-1, *shape)
            )
        return Flows(self._now_ns, columns)

    version = 1

    def frame(self, request: FrameRequest) -> Frame:
        return cut(self, request)

    def insides(self, cookie: int) -> Insides:
        return NO_INSIDES

    def unchanged(self, frame: Frame) -> bool:
        return frame.holds(self.version, self._now_ns)

    def flows(self, names: Iterable[str]) -> Flows:
        return self._select(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        return self._select(names, "WHERE cookie IN (SELECT unnest(?))", cookies.tolist())

    def totals(self) -> Totals:
        return self._totals

    def history(self, cookie: int, seconds: float | None, columns: int) -> FlowHistory | None:
        return None

    def sparklines(self, cookies: Keys, asked: Sequence[Sparkline]) -> list[Floats]:
        return [np.full((len(cookies), line.columns), np.nan) for line in asked]

    def key(self, cookie: int) -> FlowKey:
        return FlowKey(THIS_HOST, cookie)

    def sockets(self, cookies: Keys) -> npt.NDArray[np.void]:
        return np.empty(0, SOCKET)

    def hold(self, cookies: Iterable[int]) -> None:
        """Nothing is forgotten."""


@pytest.mark.parametrize(
    ("search", "expected"),
    [("", [5, 4, 3, 2, 1]), ("port:40001 or (cwnd > 120 and not port:40004)", [5, 3, 1])],
)
async def test_rows_of_a_database_look_like_live_ones(
    search: str, expected: list[int], clock: Clock
) -> None:
    """Each cell is the one that the store gives, in the same order, searched and sorted."""
    source = FakeSource(
        Flow(cookie, "10.0.0.1:443", f"192.0.2.7:{40_000 + cookie}", cwnd=(50 * cookie, 60))
        for cookie in range(1, 6)
    )
    source.run(2)
    shown = []
    async with dashboard(source, clock) as desk:
        for view in (CurrentView(desk.store), CurrentView(Database(desk.store))):
            app = DashboardApp(view)
            async with app.run_test(size=WIDE):
                table = app.dashboard.query_one(FlowTable)
                table.choose_order((SortKey("cwnd", descending=True),))
                table.flow_query = parse(search)
                app.dashboard.look()
                await at_rest(app)
                shown.append([re.sub("[▁-█]", " ", line).rstrip() for line in lines(table)])
    live, stored = shown
    assert stored == live
    assert re.findall(r"192\.0\.2\.7:4000(\d)", "\n".join(live)) == [str(one) for one in expected]
