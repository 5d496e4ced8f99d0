"""The crosshair: where it stands, what it reads out, and what it costs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from textual.widget import Widget

from tcctui.ui.chart import time_axis
from tcctui.ui.chart.plot import cell_of, share
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.fake_source import server
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, Desk, chart, dashboard, lines, painted


def column(desk: Desk, name: str) -> int | None:
    """Where the line is on one of the charts, from its plot's right edge; None where it is not."""
    chart = desk.screen.query_one(f"#{name}-chart", TimeChart)
    ground = chart.styles_of("crosshair").bgcolor
    at = set()
    for strip in painted(chart):
        x = 0
        for segment in strip:
            if segment.style and segment.style.bgcolor == ground:
                at.add(x)
            x += len(segment.text)
    if not at:
        return None
    (place,) = at
    return chart.outer_size.width - 2 - place  # a blank on either side is no part of the plot


async def test_keys_move_it(clock: Clock) -> None:
    """`,` shows it at the right edge of both charts and moves it left, `.` right, Esc ends it."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        caption = desk.caption
        for key, place in (
            *((",", 0), (",", 1), (",", 2), (".", 1), (".", 0), (".", 0)),
            *((",", 1), ("escape", None), (".", 0)),
        ):
            await desk.press({",": "comma", ".": "full_stop"}.get(key, key))
            assert (column(desk, "cwnd"), column(desk, "srtt")) == (place, place)
            assert (desk.caption == caption) == (place is None)


async def test_it_reads_out_what_was_then(clock: Clock) -> None:
    """Time of day, how long ago, and the values, marks and limit of that column of time."""
    source = sampled_server()
    async with dashboard(source, clock, (240, 50)) as desk:
        await desk.travel("p", "down")
        await desk.press("comma")
        assert desk.caption.startswith("14:30:39.9 UTC · −0.0 s · cwnd 31–34 · ssthresh 20 · in")
        assert "srtt 52.1–54.7 ms" in desk.caption
        said = set()
        for _ in range(30):
            await desk.press("comma")
            said |= set(desk.caption.split(" · "))
        assert {"▼ recovery", "◆ RTO", "limited by cwnd", "limited by recovery"} <= said
        ago = re.search(r"−([\d.]+) s", desk.caption)
        assert ago
        assert 15 < float(ago[1]) < 30


async def test_the_values_are_those_of_the_curve(clock: Clock) -> None:
    """Of a window that climbs evenly, each column reads out what it was at that time."""
    source = server()
    source.flows[1].period = 1000.0
    source.flows[1].cwnd = (0, 100_000)
    source.run(60)
    async with dashboard(source, clock, (160, 50)) as desk:
        await desk.travel("p")
        for _ in range(20):
            await desk.press("comma")
            found = re.search(r"−([\d.]+) s · cwnd (?:(\d+)–)?(\d+) ", desk.caption)
            assert found, desk.caption
            expected = 9000 - 100 * float(found[1])
            assert int(found[2] or found[3]) - 150 <= expected <= int(found[3]) + 150


async def test_the_mouse_moves_it(clock: Clock) -> None:
    """It is below the mouse on the chart that this is over, at the same time on the other one."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        for name, other in (("cwnd", "srtt"), ("srtt", "cwnd")):
            chart = desk.screen.query_one(f"#{name}-chart", TimeChart)
            left, cells = chart.plot_area
            await desk.hover(chart, offset=(1 + left + cells - 10, 5))
            place = column(desk, other)
            assert column(desk, name) == 9
            assert place is not None
            assert abs(place - 9) <= 1
        await desk.hover(desk.table, offset=(5, 5))
        assert column(desk, "cwnd") is None


async def test_moving_it_paints_the_charts_alone(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move paints lines of the charts, which are not drawn anew, and no other part."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        await desk.travel("p")
        await desk.press("comma", "comma")
        counts: Counter[str] = Counter()
        watched = ((FlowTable, "render_line"), (TimeChart, "render_line"), (TimeChart, "_lines_of"))
        for kind, method in watched:
            one = getattr(kind, method)

            def call(
                self: Widget,
                *args: object,
                original: Callable[..., object] = one,
                told: str = f"{kind.__name__}.{method}",
            ) -> object:
                counts[told] += 1
                return original(self, *args)

            monkeypatch.setattr(kind, method, call)
        await desk.press("comma")
        assert set(counts) == {"TimeChart.render_line"}


async def test_it_stands_where_nothing_is_drawn(clock: Clock) -> None:
    """Without a flow the keys do nothing, and on a small screen with details one chart has it."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.see("d", "comma", "comma")
        assert column(desk, "cwnd") == 1
        assert re.match(r"14:30:\d\d\.\d UTC · cwnd ", desk.caption)
        await desk.press("escape")
        await desk.search("port:1")
        await desk.until(lambda: "hides all" in "".join(lines(desk.table)))
        await desk.press("enter", "comma")
        assert column(desk, "cwnd") is None
        assert "No flow is selected" in "\n".join(chart(desk, "cwnd"))


@pytest.mark.parametrize("cells", [1, 2, 20, 77, 300])
def test_shares_and_cells(cells: int) -> None:
    """A cell's share is that of no other cell of a plot."""
    assert [cell_of(share(cell, cells), cells) for cell in range(cells)] == [*range(cells)]


@pytest.mark.parametrize(("columns", "cells"), [(1, 1), (1, 40), (30, 40), (77, 40), (400, 40)])
def test_columns_of_a_cell(columns: int, cells: int) -> None:
    """Cells have columns in order, from the first to the last, and none is left out."""
    spans = [time_axis.columns_of(columns, cells, cell) for cell in range(cells)]
    assert spans[-1][1] == columns - 1
    assert all(0 <= first <= last for first, last in spans)
    assert np.diff([last for _, last in spans]).min(initial=0) >= 0
    assert {at for first, last in spans for at in range(first, last + 1)} == {*range(columns)}
