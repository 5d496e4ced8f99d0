"""The screen while its source is being opened, and what it asks of the source then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import NoReturn

import pytest
from textual.pilot import Pilot

from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.ui.app.app import TcctuiApp, run
from tcctui.ui.chart import axis_lines
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.fake_source import FakeSource, server
from tests.ui.screen import FOR_EVER, WIDE, Clock, Desk, dashboard, screen


async def shown(pilot: Pilot[None], clock: Clock, text: str) -> None:
    """Wait until a text is on the screen."""
    desk = Desk(pilot, pilot.app.screen, FakeSource(), Store(0), clock)
    await desk.until(lambda: any(text in line for line in screen(pilot)))


async def test_a_screen_before_its_source(clock: Clock) -> None:
    """While the source is being opened the screen is there and says so; then come its rows."""
    go_on = threading.Event()

    def opened() -> FakeSource:
        assert go_on.wait(FOR_EVER)
        return server()

    async with TcctuiApp(opened, Store()).run_test(size=WIDE) as pilot:
        try:
            await shown(pilot, clock, "Attaching to the kernel's tcp_probe")
        finally:
            go_on.set()
        await shown(pilot, clock, "203.0.113.9:51514")


async def test_charts_are_loaded_behind_the_first_rows(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading plotext, which is slow, begins in a thread behind the first rows, which don't wait.

    Without a flow it is not loaded, and once it is there the curves are drawn.
    """
    painted, loaded = threading.Event(), threading.Event()
    found: list[tuple[bool, threading.Thread]] = []
    render = FlowTable.render_line

    def render_line(table: FlowTable, y: int) -> object:
        if table.known:
            painted.set()
        return render(table, y)

    def load() -> None:
        found.append((painted.is_set(), threading.current_thread()))
        loaded.set()

    monkeypatch.setattr(FlowTable, "render_line", render_line)
    monkeypatch.setattr(axis_lines, "load", load)
    monkeypatch.setattr(axis_lines, "loaded", loaded.is_set)
    empty = FakeSource()
    async with dashboard(empty, clock):
        assert not found
    app = TcctuiApp(server, Store())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, clock, "┤")
    ((after_painting, thread),) = found
    assert after_painting
    assert thread is not threading.main_thread()


async def test_rows_are_in_the_first_frame(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading begins before there is a screen, and nothing is painted without what came by then."""
    painted: list[int] = []
    render = FlowTable.render_line

    def render_line(table: FlowTable, y: int) -> object:
        painted.append(table.known)
        return render(table, y)

    async def read() -> None:
        while not store.totals().flows:
            await asyncio.sleep(0.001)

    async def on_load(app: TcctuiApp) -> None:
        loaded(app)
        await asyncio.wait_for(read(), FOR_EVER)

    loaded = TcctuiApp.on_load
    monkeypatch.setattr(TcctuiApp, "on_load", on_load)
    monkeypatch.setattr(FlowTable, "render_line", render_line)
    store = Store()
    async with TcctuiApp(server, store).run_test(size=WIDE) as pilot:
        await shown(pilot, clock, "203.0.113.9:51514")
    assert all(painted)


def test_a_source_that_can_not_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen ends, and whoever ran it gets the reason."""

    def refused() -> NoReturn:
        raise TcctuiError("The kernel refuses.", "Ask again.")

    headless: Callable[..., None] = TcctuiApp.run
    monkeypatch.setattr(TcctuiApp, "run", lambda app: headless(app, headless=True))
    with pytest.raises(TcctuiError, match="The kernel refuses"):
        run(refused, 8 << 20, rewind_memory=16 << 20)


async def test_a_defect_while_opening(clock: Clock) -> None:
    """What nobody expected is told on the screen, as later failures are."""

    def broken() -> NoReturn:
        raise KeyError("maps")

    async with TcctuiApp(broken, Store()).run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot, clock, "KeyError: 'maps'")


async def test_the_selected_flow_is_in_focus(clock: Clock) -> None:
    """The selected flow is asked for in detail, and then the one selected next."""
    async with dashboard(server(), clock) as desk:
        await desk.until(lambda: desk.source.focused == (1,))
        await desk.press("down")
        await desk.until(lambda: desk.source.focused == (2,))


async def test_the_resolution_in_force(clock: Clock) -> None:
    """The status line says the interval, also when it has grown, and when there is none."""
    async with dashboard(server(), clock) as desk:
        assert " 10 ms " in desk.status
        for interval_ns, text in ((40_000_000, " 40 ms "), (0, " every ACK ")):
            desk.source.interval_ns = interval_ns
            await desk.looked()
            await desk.until(lambda text=text: text in desk.status)  # type: ignore[misc]
