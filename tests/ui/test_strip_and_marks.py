"""What is below the curves: marks on the axis of time, the strip of limits, and the legend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.ui.chart import time_axis
from tcctui.ui.chart.chart_data import NO_MARKS, ChartMarks
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.style.signs import LIMITS, MARKS
from tcctui.ui.table.flow_table import FlowTable
from tcctui.wire.events import EventKind
from tcctui.wire.tracepoints import MarkKind
from tests.ui.fake_source import server
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, chart, dashboard, painted


def drawn(runs: list[time_axis.Run]) -> str:
    """A line as text."""
    return "".join(text for text, _ in runs)


def test_signs_are_told_apart_without_colours() -> None:
    """No two limits and no two marks have a glyph in common, and every one has its sign."""
    for signs, kinds in ((LIMITS, {*Limit} - {Limit.UNKNOWN}), (MARKS, {*MarkKind})):
        assert set(signs) == kinds
        assert len({sign.glyph for sign in signs.values()}) == len(signs)


@given(
    limits=st.lists(st.sampled_from([*Limit]), min_size=1, max_size=150),
    cells=st.integers(1, 80),
)
def test_the_strip_shows_every_limit_where_it_was(limits: list[Limit], cells: int) -> None:
    """As wide as the plot, it has each column's limit in its cell, or a worse one of that cell."""
    strip = drawn(time_axis.strip(np.array(limits, "u1"), cells))
    assert len(strip) == cells
    glyphs = {sign.glyph: limit for limit, sign in LIMITS.items()} | {" ": Limit.UNKNOWN}
    columns = len(limits)
    for cell, glyph in enumerate(strip):
        first = cell * columns // cells
        behind = max(first + 1, (cell + 1) * columns // cells)
        there = set(limits[first:behind])
        assert glyphs[glyph] in there
        assert glyphs[glyph] == Limit.RECOVERY or Limit.RECOVERY not in there


def test_the_most_important_mark_of_a_cell_is_drawn() -> None:
    """Of several marks in one cell it is reset, RTO, recovery, CWR, retransmit, in this order."""
    order = (MarkKind.RESET, MarkKind.RTO, MarkKind.RECOVERY, MarkKind.CWR, MarkKind.RETRANSMIT)
    for at in range(len(order)):
        marks = ChartMarks(np.full(len(order) - at, 5), np.array(order[at:][::-1]))
        line = drawn(time_axis.axis((), marks, 10, 10))
        assert line == "─" * 5 + MARKS[order[at]].glyph + "─" * 4


@given(columns=st.integers(1, 300), cells=st.integers(1, 100), data=st.data())
def test_a_mark_is_where_its_column_is(columns: int, cells: int, data: st.DataObject) -> None:
    """A mark is in the cell of its column of time, and marks off the chart are nowhere."""
    column = data.draw(st.integers(-3, columns + 3))
    marks = ChartMarks(np.array([column]), np.array([MarkKind.RTO]))
    at = drawn(time_axis.axis((), marks, columns, cells)).find(MARKS[MarkKind.RTO].glyph)
    if 0 <= column < columns:
        assert column * cells / columns - 1 <= at <= (column + 1) * cells / columns
    else:
        assert at < 0


def test_the_legend_has_what_is_there_and_fits() -> None:
    """The legend names the glyphs on the screen, no other, and gives way to the width."""
    nothing = time_axis.legend(np.zeros(3, "u1"), NO_MARKS)
    assert nothing == ()
    limits = np.array([Limit.CWND, Limit.RECOVERY, Limit.UNKNOWN], "u1")
    marks = ChartMarks(np.array([1, 2]), np.array([MarkKind.RECOVERY, MarkKind.RETRANSMIT]))
    legend = time_axis.legend(limits, marks)
    assert [text for text, _ in legend] == [
        *("limited by", "█ cwnd", "▒▼ recovery"),
        *("marks", "• retransmit"),
    ]
    for room in range(60):
        shown = time_axis.fitted(legend, room)
        assert len(drawn(shown).rstrip()) <= room
    assert drawn(time_axis.fitted(legend, 31)).split() == [
        *("█", "cwnd"),
        *("▒▼", "recovery"),
        *("•", "retransmit"),
    ]


async def test_strip_and_marks_are_below_the_curves(clock: Clock) -> None:
    """The selected flow's limits are below the left chart, its marks on both axes, and named."""
    async with dashboard(sampled_server(), clock, (120, 40)) as desk:
        await desk.see("down")
        *_, axis, _, strip = chart(desk, "cwnd")
        for kind in (MarkKind.RECOVERY, MarkKind.RTO, MarkKind.RESET):
            assert MARKS[kind].glyph in axis
            assert MARKS[kind].glyph in chart(desk, "srtt")[-3]
        assert "█" in strip
        assert "▒" in strip
        legend = chart(desk, "srtt")[-1]
        assert "█ cwnd" in legend
        assert "▒▼ recovery" in legend
        assert "◆ RTO" in legend
        assert "░" not in legend
        # Under the moment of the mark the strip says recovery.
        assert strip[axis.index("▼")] in "▒█"


async def test_the_column_and_the_strip_have_the_same_colour(clock: Clock) -> None:
    """A cause has one colour, in the table and in the strip."""
    async with dashboard(sampled_server(), clock, (120, 40)) as desk:
        table = desk.table.styles_of("limit-rwnd").color
        widget = desk.screen.query_one("#cwnd-chart", TimeChart)
        assert widget.styles_of("limit-rwnd").color == table
        cells = [s for strip in painted(desk.table) for s in strip if s.text.strip() == "rwnd"]
        assert [cell.style.color for cell in cells if cell.style] == [table]
        assert desk.screen.query_one(FlowTable) is desk.table


async def test_the_limit_of_each_flow_is_in_its_row(clock: Clock) -> None:
    """Each flow's word is in its row, and a dash where it was never sampled."""
    async with dashboard(sampled_server(), clock, (80, 40)) as desk:
        words = dict(zip(desk.order, desk.column("limit"), strict=True))
        assert words[3] in ("app", "receives")
        assert (words[1], words[5], words[6], words[4]) == ("cwnd", "rwnd", "sndbuf", "–")


async def test_c_goes_through_window_rates_and_what_is_in_flight(clock: Clock) -> None:
    """`c` shows cwnd, then rates with BBR's, then bytes in flight, and cwnd again."""
    async with dashboard(sampled_server(), clock, (200, 50)) as desk:
        assert "cwnd 60" in chart(desk, "cwnd")[0]
        await desk.see("c")
        for part in ("deliv", "acked", "paced 96", "bw 96", "Mb/s"):
            assert part in chart(desk, "cwnd")[0]
        await desk.see("c")
        assert "in flight" in chart(desk, "cwnd")[0]
        assert "KiB" in chart(desk, "cwnd")[0]
        await desk.see("c")
        assert "cwnd 60" in chart(desk, "cwnd")[0]


async def test_rates_that_nothing_told_are_not_drawn(clock: Clock) -> None:
    """Of a flow that was never sampled there is the rate that was acknowledged, and no other."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        await desk.see("c")
        header = chart(desk, "cwnd")[0]
        assert "acked" in header
        for part in ("deliv", "paced", "bw"):
            assert part not in header


async def test_charts_stand_still_while_paused(clock: Clock) -> None:
    """Marks, limits and rates of a paused view are those of that moment."""
    async with dashboard(sampled_server(), clock, (120, 40)) as desk:
        await desk.see("down", "c")
        await desk.travel("p")
        before = chart(desk, "cwnd"), chart(desk, "srtt")
        desk.source.tell(2, EventKind.SEND_RESET)
        desk.source.sample(2, rwnd_limited=10**9, busy_time=2 * 10**9, delivery_rate=10**9)
        await desk.run(2)
        assert (chart(desk, "cwnd"), chart(desk, "srtt")) == before
        await desk.travel("p")
        assert (chart(desk, "cwnd"), chart(desk, "srtt")) != before


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_flow_without_samples_has_no_strip_to_show(
    clock: Clock, size: tuple[int, int]
) -> None:
    """Where nothing is known of limits, the strip and the legend are blank."""
    async with dashboard(server(), clock, size) as desk:
        assert chart(desk, "cwnd")[-1].strip() == ""
        assert chart(desk, "srtt")[-1].strip() == ""
