"""The summary of all connections: what it says, and what is copied of it."""

from __future__ import annotations

import json

from textual.widgets import Static

from tests.ui.fake_source import server
from tests.ui.screen import Clock, dashboard, notices


async def test_it_sums_up_what_the_search_shows(clock: Clock) -> None:
    """It names the worst groups of all connections, or of those that match; its key closes it."""
    async with dashboard(server(), clock, (120, 50)) as desk:
        await desk.press("i")
        assert "12 connections" in desk.text
        assert "web-3" in desk.text
        for part in ("LIMITED", "PROCESSES", "PEERS", "NETS", "PORTS"):
            assert part in desk.text
        await desk.press("i")
        assert "PEERS" not in desk.text
        await desk.find("dst:203.0.113.0/24")
        await desk.press("i")
        assert "2 connections" in desk.text
        assert "of those that match: dst:203.0.113.0/24" in desk.text


async def test_it_is_copied_as_text_and_as_json(clock: Clock) -> None:
    """Y copies what is shown, Y the same as JSON."""
    async with dashboard(server(), clock, (120, 50)) as desk:
        await desk.press("i", "y")
        shown = str(desk.pilot.app.screen.query_one(Static).content)
        assert desk.pilot.app.clipboard == shown
        await desk.press("Y")
        told = json.loads(desk.pilot.app.clipboard)
        assert (told["host"], told["connections"], told["query"]) == ("web-3", 12, None)
        assert any("JSON" in one for one in notices(desk))


async def test_it_is_of_the_moment_on_the_screen(clock: Clock) -> None:
    """In the past it is that moment's, with its time."""
    async with dashboard(server(), clock, (120, 50)) as desk:
        await desk.travel("space", "home", "shift+right")
        await desk.press("i", "Y")
        told = json.loads(desk.pilot.app.clipboard)
        assert told["connections"] == len(desk.order)
        assert told["time"].startswith("2026-")
        assert told["states"] == {"ESTAB": told["connections"]}


async def test_a_key_waits_for_the_moment_that_is_being_computed(clock: Clock) -> None:
    """While a recording is played there always is one: a key that reads rows is not lost."""
    async with dashboard(server(), clock, (120, 50)) as desk:
        await desk.travel("space", "home", "shift+right")
        view = desk.pilot.app.dashboard._view  # type: ignore[attr-defined]
        for key, shown in (("i", "PEERS"), ("Y", "both ends")):
            view.still = True
            await desk.press(key)
            assert shown not in desk.text
            view.show(view.moment)
            await desk.until(lambda shown=shown: shown in desk.text)  # type: ignore[misc]
            await desk.press("escape")
