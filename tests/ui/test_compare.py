"""Flows on shared axes: which, how they are laid, what the keys do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tcctui.demo import RECORDING
from tcctui.recording.file import Recording
from tcctui.ui.compare.compare import Compare
from tests.demo import BBR, CUBIC
from tests.ui.fake_source import FakeSource, server
from tests.ui.screen import Clock, Desk, dashboard, lines, recorded, replay


def compare(desk: Desk) -> Compare:
    """The view."""
    return desk.screen.query_one(Compare)


def legend(desk: Desk) -> list[str]:
    """What is said of the flows, without blanks around it."""
    return [line.strip() for line in lines(desk.screen.query_one("#compared"))]


async def pinned(desk: Desk, count: int) -> None:
    """Pin so many flows, from the top of the table."""
    desk.table.pinned = tuple(desk.order[:count])
    await desk.press("V")
    await drawn(desk)


async def drawn(desk: Desk) -> None:
    """Wait until all there is has been drawn."""
    await desk.looked()


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_pinned_flows_are_compared_in_place_of_the_charts(
    clock: Clock, size: tuple[int, int]
) -> None:
    """Two pinned flows have a line of their own with ends and values, and a curve in each chart."""
    async with dashboard(server(), clock, size) as desk:
        await pinned(desk, 2)
        assert compare(desk).display
        assert not desk.screen.query_one("#lower").display
        assert "last 60 s" in legend(desk)[0]
        assert "203.0" in legend(desk)[1]
        assert "198.51" in legend(desk)[2]
        assert "cwnd" in legend(desk)[1]
        left, right = (desk.screen.query_one(f"#compare-{side}") for side in ("left", "right"))
        assert right.display == (size[0] >= 120)
        chart = left.data  # type: ignore[attr-defined]
        assert len(chart.series) == 2
        assert len({one.style for one in chart.series}) == 2
        await desk.press("V")
        assert not compare(desk).display
        assert desk.screen.query_one("#lower").display


async def test_figures_of_the_flows_stand_side_by_side(clock: Clock) -> None:
    """Mean rate, srtt, retransmits and the time of each verdict, where there is room for them."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        await desk.run(3)
        await pinned(desk, 2)
        shown = desk.screen.query_one("#figures")
        await desk.until(lambda: len(lines(shown)) == 3 and "time limited by" in lines(shown)[0])
        _, *rows = lines(shown)
        assert [row.split()[0] for row in rows] == ["1", "2"]
        assert all("b/s" in row and row.count(" ms") == 2 for row in rows)
        await desk.resize(80, 24)
        await desk.until(lambda: not desk.screen.query_one("#figures").display)


async def test_escape_leaves_the_comparison_before_the_search(clock: Clock) -> None:
    """The crosshair goes first, then the comparison, then the search."""
    async with dashboard(server(), clock) as desk:
        await desk.find("443")
        await pinned(desk, 2)
        await desk.press("comma", "escape")
        assert compare(desk).display
        await desk.press("escape")
        assert not compare(desk).display
        assert desk.box.value == "443"


async def test_one_flow_is_nothing_to_compare(clock: Clock) -> None:
    """A notice says how to pin, and the charts stay."""
    async with dashboard(server(), clock) as desk:
        await pinned(desk, 1)
        await desk.noticed("Pin 2 to 4 flows with *")
        assert not compare(desk).display


async def test_of_many_pinned_flows_the_first_four_are_compared(clock: Clock) -> None:
    """There are four lines, and a notice says that there are more flows."""
    async with dashboard(server(), clock) as desk:
        await pinned(desk, 6)
        await desk.noticed("6 flows are pinned")
        assert compare(desk).cookies == desk.table.pinned[:4]
        assert len(legend(desk)) == 5


async def test_keys_of_the_charts_are_the_comparison_s(clock: Clock) -> None:
    """c, w, + and - and y change what is compared, and nothing of the charts that are hidden."""
    async with dashboard(server(), clock) as desk:
        await pinned(desk, 2)
        titles = []
        for _ in range(6):
            titles.append(lines(desk.screen.query_one("#compare-left"))[0].split()[0])
            await desk.press("c")
            await drawn(desk)
        assert titles == ["cwnd", "srtt", "acked", "in", "delivery", "cwnd"]
        await desk.press("w")
        assert compare(desk).pair.seconds == 10
        await desk.press("plus")
        assert compare(desk).pair.seconds == 5
        assert desk.charts.seconds == 60
        assert desk.charts.kind == 0


async def test_the_crosshair_reads_all_flows_out(clock: Clock) -> None:
    """Each flow's line says what it was there, and the first one when that was."""
    async with dashboard(server(), clock) as desk:
        await pinned(desk, 2)
        await desk.press(*["comma"] * 5)
        await drawn(desk)
        assert "at −" in legend(desk)[0]
        assert all("segments" in line for line in legend(desk)[1:])


async def test_pins_that_change_change_what_is_compared(clock: Clock) -> None:
    """* adds the selected flow and takes it away; with one left, the charts are back."""
    async with dashboard(server(), clock) as desk:
        await pinned(desk, 2)
        first = desk.table.pinned
        desk.table.select_flow(3)
        await desk.press("asterisk")
        assert compare(desk).cookies == (*first, 3)
        assert {*first, 3} <= {*desk.source.focused}
        await drawn(desk)
        assert len(legend(desk)) == 4
        for cookie in (3, first[0]):
            desk.table.select_flow(cookie)
            await desk.press("asterisk")
        assert not compare(desk).display
        assert desk.screen.query_one("#lower").display
        assert len(desk.source.focused) == 1, "no more than the selected one is sampled often"


async def test_flows_that_left_are_counted(clock: Clock) -> None:
    """Who compares flows of which one is forgotten sees the others, and how many have left."""
    async with dashboard(server(), clock) as desk:
        desk.table.pinned = (1, 2, 999)
        await desk.press("V")
        await drawn(desk)
        assert "1 left" in legend(desk)[0]
        assert len(legend(desk)) == 3


async def test_a_past_moment_is_compared_as_it_was(clock: Clock) -> None:
    """Paused and rewound, the values are those of then; live again, those of now."""
    async with dashboard(server(), clock) as desk:
        await pinned(desk, 2)
        live = legend(desk)[1:]
        await desk.travel("p", "left", "left", "left")
        await drawn(desk)
        then = legend(desk)[1:]
        assert then != live
        await desk.travel("p")
        await drawn(desk)
        assert legend(desk)[1:] == live


async def test_a_recording_is_compared_by_age(clock: Clock) -> None:
    """In a replay the whole lives of flows are laid on one beginning."""
    source: FakeSource = server()
    async with replay(recorded(source), source, clock, speed=0.1) as desk:
        await desk.travel("p", "end")
        await pinned(desk, 2)
        await desk.press("a")
        await desk.arrived()
        await drawn(desk)
        assert "By age" in legend(desk)[0]
        chart = desk.screen.query_one("#compare-left").data  # type: ignore[attr-defined]
        assert chart.elapsed
        assert len(chart.series) == 2


@pytest.fixture
def demo() -> Iterator[Recording]:
    """The recording that comes along."""
    with closing(Recording(RECORDING)) as recording:
        yield recording


@pytest.mark.parametrize(
    ("keys", "size"), [((), (160, 50)), (("a",), (80, 24))], ids=["time", "age"]
)
async def test_looks(
    clock: Clock,
    panel: Callable[..., None],
    demo: Recording,
    keys: tuple[str, ...],
    size: tuple[int, int],
) -> None:
    """Cubic and BBR over one path, at the same time and from their beginnings on."""
    at_ns = demo.span.first_ns + 50 * 10**9
    async with replay(demo, FakeSource(), clock, size, at_ns=at_ns, speed=0.1) as desk:
        await desk.travel("space")
        await desk.find(f"dport:{CUBIC},{BBR} rate>0")
        await desk.arrived()
        await desk.travel("asterisk", "down", "asterisk", "V", *keys)
        panel(desk, "Compare")
