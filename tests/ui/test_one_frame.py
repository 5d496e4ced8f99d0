"""All that is on the screen is of one instant, however much happens meanwhile."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tcctui.flows.frame import Frame, FrameRequest
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.dashboard import pace
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.table.sorting import SortKey
from tests.ui.fake_source import FakeSource, Flow, server
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, Desk, chart, dashboard, lines
from tests.unit.restless import Restless

COOKIES = np.arange(1, 13, dtype="u8")


def source() -> FakeSource:
    """Twelve connections."""
    made = FakeSource(
        Flow(cookie, "10.0.0.1:443", f"192.0.2.7:{40_000 + cookie}", cwnd=(50, 50))
        for cookie in COOKIES.tolist()
    )
    made.run(1)
    return made


async def restless(desk: Desk) -> Restless:
    """Sort by cwnd; from then on all windows change behind each thing that the screen reads."""
    desk.table.choose_order((SortKey("cwnd", descending=True),))
    changes = Restless(desk.store, COOKIES, desk.source.now_ns())
    changes.change()
    await desk.framed()
    return changes


def charted(desk: Desk) -> int:
    """The present cwnd, as the chart's legend says it."""
    legend = chart(desk, "cwnd")[0]
    found = re.search(r"cwnd\D*(\d+)", legend)
    assert found is not None, legend
    return int(found[1])


def detailed(desk: Desk) -> int:
    """The present cwnd, as the details say it."""
    (line,) = (line for line in lines(desk.details) if line.strip().startswith("cwnd"))
    return int(line.split()[1])


async def test_a_row_never_contradicts_its_place(clock: Clock) -> None:
    """Rows are in the order of their own cells, and charts and details say what the row says."""
    async with dashboard(source(), clock) as desk:
        await restless(desk)
        for turn in range(12):
            if turn == 6:
                await desk.press("down")  # the order is held: only what is in sight is read
            clock.now += 10
            await desk.framed()
            cells = [int(cell) for cell in desk.column("cwnd")]
            assert cells == sorted(cells, reverse=True)
            assert len(set(cells)) == len(COOKIES)
            at = desk.order.index(desk.selected or 0)
            assert cells[at] == charted(desk) == detailed(desk)


async def test_a_cursor_key_reads_once(clock: Clock) -> None:
    """The row, the charts and the details that a key brings are of one instant, too."""
    async with dashboard(source(), clock) as desk:
        changes = await restless(desk)
        await desk.press("down")
        for _ in range(6):
            await desk.press("down")
            at = desk.order.index(desk.selected or 0)
            cells = [int(cell) for cell in desk.column("cwnd")]
            assert cells[at] == charted(desk) == detailed(desk)
        assert changes.turns


async def test_one_tick_is_one_frame(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick reads the store once for all parts, and each of them paints once."""
    async with dashboard(source(), clock) as desk:
        assert isinstance(desk.screen, Dashboard)
        asked: list[FrameRequest] = []
        frame = desk.store.frame

        def noted(request: FrameRequest) -> Frame:
            asked.append(request)
            with pytest.MonkeyPatch.context() as within:
                for name, read in reads.items():
                    within.setattr(desk.store, name, read)
                return frame(request)

        monkeypatch.setattr(desk.store, "frame", noted)
        names = ("flows", "some_flows", "history", "sparklines", "totals")
        reads = {name: getattr(desk.store, name) for name in names}
        for name in names:
            monkeypatch.setattr(desk.store, name, lambda *_, name=name: pytest.fail(name))
        desk.screen.tick()
        assert len(asked) == 1
        await desk.framed()
        assert len(asked) >= 2


async def test_it_ticks_by_itself(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new value comes into the table, the chart goes on, the details are of now."""
    for reason in ("AT_REST", "MOVING"):  # time enough for a tick on a slow machine
        monkeypatch.setattr(pace, reason, 1.0)
    async with dashboard(sampled_server(), clock, (160, 50)) as desk:
        monkeypatch.setattr(Desk, "look", lambda self: None)  # nobody else has it tick
        drawn, told = chart(desk, "cwnd"), lines(desk.details)
        desk.source.run(5)
        desk.source.sample(1, snd_cwnd=1234, cc=b"cubic")
        await desk.until(lambda: "1234" in desk.column("cwnd"))
        await desk.until(lambda: chart(desk, "cwnd") != drawn)
        await desk.until(lambda: lines(desk.details) != told)


async def test_a_frame_without_any_chart(clock: Clock) -> None:
    """Where both charts are gone, as while they are taken apart, a frame is shown all the same."""
    async with dashboard(server(), clock) as desk:
        for one in desk.screen.query(TimeChart):
            one.display = False
        await desk.idle()
        frames = desk.dashboard.frames
        desk.dashboard.look()
        assert desk.dashboard.frames > frames
