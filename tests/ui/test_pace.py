"""How often the screen asks for a frame: no more often than it helps, and never in vain."""

from __future__ import annotations

import pytest
from textual.events import AppBlur, AppFocus

from tcctui.config.settings import Settings
from tcctui.flows.frame import Frame, FrameRequest
from tcctui.ui.dashboard.pace import AT_REST, MOVING, SHORT_WINDOW, UNFOCUSED, Pace
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.flow_order import RESORT, SETTLE
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, Desk, dashboard


def test_pace_goes_by_what_is_done_and_shown() -> None:
    """Twice a second at rest; faster after a key or in a short window, slower unfocused."""
    pace = Pace()
    assert pace.seconds(100.0, 60.0, focused=True) == AT_REST
    assert pace.seconds(100.0, None, focused=True) == AT_REST
    assert pace.seconds(100.0, SHORT_WINDOW, focused=True) == MOVING
    pace.moved(100.0)
    assert pace.seconds(101.0, 60.0, focused=True) == MOVING
    assert pace.seconds(104.0, 60.0, focused=True) == AT_REST
    assert pace.seconds(101.0, SHORT_WINDOW, focused=False) == UNFOCUSED
    assert Pace(2.0).seconds(101.0, SHORT_WINDOW, focused=False) == 2.0


def watched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[FrameRequest]:
    """Give the list that gets all further requests for frames."""
    asked: list[FrameRequest] = []
    frame = desk.store.frame

    def noted(request: FrameRequest) -> Frame:
        asked.append(request)
        return frame(request)

    monkeypatch.setattr(desk.store, "frame", noted)
    return asked


async def at_rest(desk: Desk, clock: Clock) -> None:
    """Let so much time pass that none moves a row."""
    for seconds in (SETTLE, RESORT, RESORT):
        clock.now += seconds + 0.1
        await desk.looked()


async def test_nothing_is_asked_for_where_nothing_changed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick asks for a frame after events and after a second of their clock, else for none."""
    source = FakeSource([Flow(1, "10.0.0.1:443", "192.0.2.1:40001")])
    source.run(20)
    async with dashboard(source, clock) as desk:
        await at_rest(desk, clock)
        asked = watched(desk, monkeypatch)
        for _ in range(3):
            desk.look()
        assert not asked
        source.run(0.5)
        await desk.looked()
        assert len(asked) == 1
        source.flows[1].closed = True
        source.run(2)  # no event: ages and charts go on
        await desk.looked()
        assert len(asked) >= 2
        asked.clear()
        await desk.press("down")
        assert asked


async def test_without_flows_nothing_is_asked_for_at_all(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty screen stays as it is however much time passes; the first flow appears."""
    source = FakeSource()
    async with dashboard(source, clock) as desk:
        source.run(60)  # the first batches are shown at once
        await at_rest(desk, clock)
        asked = watched(desk, monkeypatch)
        source.run(60)
        await desk.looked()
        assert not asked
        source.flows[1] = Flow(1, "10.0.0.1:443", "192.0.2.1:40001")
        await desk.run(1)
        assert desk.order == [1]


async def test_the_focus_of_the_terminal_decides(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the pace is lower; with it a frame comes at once, and the status line says so."""
    for name, seconds in (("AT_REST", 0.5), ("MOVING", 0.25), ("UNFOCUSED", 1.0)):
        monkeypatch.setattr("tcctui.ui.dashboard.pace." + name, seconds)
    source = FakeSource([Flow(1, "10.0.0.1:443", "192.0.2.1:40001")])
    async with dashboard(source, clock, (240, 40)) as desk:
        clock.now += 60
        await desk.until(lambda: "2 fps" in desk.status)
        desk.pilot.app.post_message(AppBlur())
        await desk.until(lambda: "1 fps" in desk.status)
        frames = desk.dashboard.frames
        desk.pilot.app.post_message(AppFocus())
        await desk.until(lambda: "4 fps" in desk.status)
        assert desk.dashboard.frames > frames


async def test_a_setting_decides_for_good(clock: Clock) -> None:
    """With `refresh` in the settings the pace is that, whatever is done."""
    preferences = Preferences(Settings(refresh=2.0))
    async with dashboard(FakeSource(), clock, (240, 40), preferences=preferences) as desk:
        await desk.press("down")
        assert desk.dashboard.pace == 2.0
        await desk.until(lambda: "0.5 fps" in desk.status)
