"""Flows on shared axes: which, how they are laid, what the keys do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from textual.pilot import Pilot

from tcctui.demo import RECORDING
from tcctui.recording.file import Recording
from tcctui.ui.app.app import ReplayApp
from tcctui.ui.compare.compare import Compare
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.time.player import Player
from tests.demo import BBR, CUBIC
from tests.ui.fake_source import FakeSource, server
from tests.ui.rest import at_rest
from tests.ui.screen import FOR_EVER, Clock, Desk, dashboard, lines, notices, recorded, replay
from tests.ui.test_looks import Compare as Snapshot


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


async def test_escape_leaves_the_comparison_before_the_search(clock: Clock) -> None:
    """The crosshair goes first, then the comparison, then the search."""
    async with dashboard(server(), clock) as desk:
        await desk.search("443")
        await desk.press("enter")
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
        await desk.until(lambda: any("Pin 2 to 4 flows with *" in one for one in notices(desk)))
        assert not compare(desk).display


async def test_of_many_pinned_flows_the_first_four_are_compared(clock: Clock) -> None:
    """There are four lines, and a notice says that there are more flows."""
    async with dashboard(server(), clock) as desk:
        await pinned(desk, 6)
        await desk.until(lambda: any("6 flows are pinned" in one for one in notices(desk)))
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


async def settled(pilot: Pilot[None]) -> None:
    """Wait until the moment is there, and all is painted."""
    player = pilot.app.screen.query_one(Player)
    deadline = time.monotonic() + FOR_EVER
    assert isinstance(pilot.app.screen, Dashboard)
    await at_rest(pilot.app)
    while not player.settled:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
        pilot.app.screen.tick()
        await at_rest(pilot.app)
    pilot.app.screen.look()
    await at_rest(pilot.app)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
@pytest.mark.parametrize("alignment", ["time", "age"])
def test_looks(
    clock: Clock,
    snap_compare: Snapshot,
    demo: Recording,
    size: tuple[int, int],
    alignment: str,
) -> None:
    """Cubic and BBR over one path, at the same time and from their beginnings on."""

    async def compared(pilot: Pilot[None]) -> None:
        await pilot.press("space")
        await settled(pilot)
        await pilot.press("slash", *f"dport:{CUBIC},{BBR} rate>0", "enter")
        await settled(pilot)
        await pilot.press("asterisk", "down", "asterisk", "V")
        await settled(pilot)
        if alignment == "age":
            await pilot.press("a")
            await settled(pilot)

    app = ReplayApp(demo, at_ns=demo.span.first_ns + 50 * 10**9, speed=0.1)
    assert snap_compare(app, terminal_size=size, run_before=compared)
