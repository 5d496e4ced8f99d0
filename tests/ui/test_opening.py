"""The screen while its source is being opened, and what it asks of the source then."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import pytest
from textual.pilot import Pilot

from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.ui.app.app import TcctuiApp, run
from tests.ui.fake_source import FakeSource, server
from tests.ui.rest import at_rest
from tests.ui.screen import FOR_EVER, WIDE, Clock, dashboard, screen


async def shown(pilot: Pilot[None], text: str) -> bool:
    """Say whether a text comes onto the screen."""
    deadline = time.monotonic() + FOR_EVER
    while time.monotonic() < deadline:
        await at_rest(pilot.app)
        if any(text in line for line in screen(pilot)):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_screen_before_its_source(clock: Clock) -> None:
    """While the source is being opened the screen is there and says so; then come its rows."""
    go_on = threading.Event()

    def opened() -> FakeSource:
        assert go_on.wait(FOR_EVER)
        return server()

    async with TcctuiApp(opened, Store()).run_test(size=WIDE) as pilot:
        try:
            assert await shown(pilot, "Attaching to the kernel's tcp_probe")
        finally:
            go_on.set()
        assert await shown(pilot, "203.0.113.9:51514")


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
        assert await shown(pilot, "KeyError: 'maps'")


async def test_the_selected_flow_is_in_focus(clock: Clock) -> None:
    """Of the selected flow every ACK is asked for, and of the one selected next."""
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
