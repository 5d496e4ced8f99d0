"""An algorithm's own state on the screen: the curve ahead of cwnd, the details, a column."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.ui.chart.chart_kinds import KINDS
from tcctui.ui.chart.chart_pair import ChartPair
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.wire import private_layout
from tcctui.wire.inside import NO_INSIDES, Asked, Insides
from tests.ui.fake_source import FakeSource, server
from tests.ui.screen import Clock, Desk, dashboard, lines
from tests.unit.events import SECOND
from tests.unit.private_state import CUBIC, HZ, record

SIZE = (160, 50)
ON_THE_CURVE = {
    **{"last_max_cwnd": 9900, "bic_origin_point": 9900, "bic_K": 5 * 1024, "last_cwnd": 9000},
    **{"tcp_cwnd": 50, "delay_min": 20_000, "epoch_start": 1000},
}
RECOVERY = {"last_max_cwnd": 9900}


@pytest.fixture(autouse=True)
def no_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test know of another one's layouts."""
    monkeypatch.setattr(private_layout, "_kept", {})


def told(source: FakeSource, cookie: int, **values: int) -> None:
    """Let a flow's cubic have these values from now on."""
    ts_ns = source._made_ns + round(0.9 * SECOND)
    key = private_layout.keep(7, CUBIC)
    made = {"jiffies": 1000 + 2 * HZ, "cookie": cookie, "ts_ns": ts_ns, "key": key}
    source.insides = Insides(NO_INSIDES.sockets, record(CUBIC, values, **made))
    source.run(1)


def chart(desk: Desk) -> TimeChart:
    """The chart of cwnd."""
    return desk.screen.query_one("#cwnd-chart", TimeChart)


async def test_the_curve_ahead(clock: Clock) -> None:
    """The chart goes on into the future on cubic's curve; in recovery it keeps the room for it."""
    source = server()
    async with dashboard(source, clock, SIZE) as desk:
        cookie = desk.charted
        assert cookie is not None
        assert not source.asked & Asked.SOCKET_OF_ALL
        whole = chart(desk).plot_area
        assert "W(t)" not in lines(chart(desk))[0]
        told(source, cookie, **ON_THE_CURVE)
        await desk.until(lambda: "W(t)" in lines(chart(desk))[0])
        left, cells = chart(desk).plot_area
        assert left == whole[0]
        assert abs(cells - whole[1] / 1.2) <= 1
        assert "now" in lines(chart(desk))[-2]
        assert "+12 s" in lines(chart(desk))[-2]
        beyond = [line[1 + left + cells :].strip("⠀ ") for line in lines(chart(desk))[1:-3]]
        assert any(beyond), "the curve"
        text = " ".join(" ".join(lines(desk.details)).split())
        for part in ("W_max 9900", "K 5000 ms", "on the curve since 2020 ms", "curve at 9890"):
            assert part in text
        told(source, cookie, **RECOVERY)
        await desk.until(lambda: "no curve" in " ".join(lines(desk.details)))
        await desk.until(lambda: "W(t) –" in lines(chart(desk))[0])
        assert chart(desk).plot_area == (left, cells)
        data = chart(desk).data
        assert data is not None
        assert data.ahead is not None
        assert np.isnan(data.ahead.curve.last).all()
        await desk.press("c")
        assert chart(desk).plot_area[1] > cells, "rates have no curve"


async def test_a_column_asks_for_all(clock: Clock) -> None:
    """State of all flows is read while a column, or a search, is about it, and not longer."""
    source = server()
    async with dashboard(source, clock, SIZE) as desk:
        assert not source.asked & Asked.ALGORITHM_OF_ALL
        desk.table.show_columns(("local", "ca.last_max_cwnd"), {})
        await desk.until(lambda: source.asked & Asked.ALGORITHM_OF_ALL)
        assert not source.asked & Asked.SOCKET_OF_ALL
        cookie = desk.charted
        assert cookie is not None
        told(source, cookie, **ON_THE_CURVE)
        await desk.until(lambda: any("9900" in line for line in lines(desk.table)))
        desk.table.show_columns((), {})
        await desk.until(lambda: not source.asked & Asked.ALGORITHM_OF_ALL)


async def test_a_column_has_a_chart(clock: Clock) -> None:
    """A member that a column shows is one of the left chart's quantities, over time, in its unit.

    It is gone with its column.
    """
    source = server()
    async with dashboard(source, clock, SIZE) as desk:
        cookie = desk.charted
        assert cookie is not None
        pair = desk.screen.query_one("#charts ChartPair", ChartPair)
        desk.table.show_columns(("local", "ca.last_max_cwnd", "ca.bic_K"), {})
        await desk.until(lambda: pair.kinds == len(KINDS) + 2)
        for w_max in (9900, 7000, 8000):
            told(source, cookie, **ON_THE_CURVE | {"last_max_cwnd": w_max})
            await desk.see()
        for _ in KINDS:
            await desk.press("c")
        await desk.until(lambda: "ca.last_max_cwnd" in lines(chart(desk))[0])
        assert "segments" in lines(chart(desk))[0]
        data = chart(desk).data
        assert data is not None
        (drawn,) = data.series
        known = drawn.last[~np.isnan(drawn.last)]
        assert known.tolist() == [9900, 7000, 8000]
        await desk.press("c")
        await desk.until(lambda: "ca.bic_K" in lines(chart(desk))[0])
        assert "5000 ms" in lines(chart(desk))[0]
        desk.table.show_columns(("local", "ca.bic_K"), {})
        await desk.until(lambda: pair.kinds == len(KINDS) + 1)
        assert "ca.bic_K" in lines(chart(desk))[0], "it stays"
        desk.table.show_columns((), {})
        await desk.until(lambda: pair.kinds == len(KINDS))
        await desk.until(lambda: "cwnd" in lines(chart(desk))[0])


async def test_a_member_s_chart_in_the_past(clock: Clock) -> None:
    """At a moment of the past the chart has what was read until then."""
    source = server()
    async with dashboard(source, clock, SIZE) as desk:
        cookie = desk.charted
        assert cookie is not None
        desk.table.show_columns(("local", "ca.last_max_cwnd"), {})
        for w_max in (9900, 7000, 8000):
            told(source, cookie, **ON_THE_CURVE | {"last_max_cwnd": w_max})
            await desk.see()
        await desk.travel("space", "left")
        for _ in KINDS:
            await desk.press("c")
        await desk.until(lambda: " 7000  segments" in lines(chart(desk))[0])
