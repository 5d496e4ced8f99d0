"""Any key, at any time: nothing that somebody presses ends the program or makes it deaf."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from textual.app import App
from textual.events import Key
from textual.keys import key_to_character

from tcctui.alerts.alert import Alerts
from tcctui.query import parse
from tcctui.ui.actions import actions
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.compare.compare import Compare
from tcctui.ui.dashboard.alarm import Alarms
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player
from tests.ui.fake_source import FakeSource, Flow, server
from tests.ui.screen import Clock, Desk, dashboard, recorded, replay

OWNERS = (DashboardApp, Dashboard, Player, FlowTable, SearchBar, Compare)
"""Whose keys are pressed; those of dialogs are among them or among these."""

FURTHER = (
    *("escape", "enter", "up", "down", "pageup", "pagedown", "backspace", "delete", "home"),
    *("shift+up", "shift+down", "ctrl+r", "ctrl+c", "ctrl+q", "f1"),
    *"4:.()><~-|\"'x0msport",
)

AT_A_TIME = 4
"""Most keys that come before the screen has answered the first."""

KEYS = 75
"""How many are pressed in each of the four rounds: some seconds."""

DIALOGS_TO_LEAVE = 6
"""How often Esc has to be pressed at most."""


def keys() -> list[str]:
    """Every key that is bound, some more often than others: those that change much."""
    bound = [key for action in actions(OWNERS) for one in action.keys for key in one.split(",")]
    return [*bound, *FURTHER, *["asterisk", "V", "G", "slash", "p", "left", "escape", "enter"] * 2]


def name(key: str) -> Key:
    """Make the event that a terminal's driver makes."""
    if len(key) == 1:
        return Key(key, key)
    return Key(key, key_to_character(key))


class Monkey:
    """Presses keys at random, the same ones each time."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._chance = random.Random(seed)
        self._keys = keys()
        self.pressed: list[str] = []
        self._cookie = 100

    async def press(self, count: int) -> None:
        """Press so many keys while connections come and go; clicks and sizes are in between."""
        while len(self.pressed) < count:
            burst = self._chance.choices(self._keys, k=self._chance.randint(1, AT_A_TIME))
            for key in burst:
                self._desk.pilot.app.post_message(name(key))
            self.pressed += burst
            await self._desk.idle()
            assert self._desk.pilot.app.return_code is None, f"ended by {self.pressed[-20:]}"
            self._change()
            if self._chance.random() < 0.1:
                await self._click()
            elif self._chance.random() < 0.04:
                await self._resize()

    async def _click(self) -> None:
        width, height = self._desk.pilot.app.size
        at = self._chance.randrange(width), self._chance.randrange(height)
        self.pressed.append(f"click{at}")
        await self._desk.click(offset=at, times=self._chance.choice((1, 1, 2)))

    async def _resize(self) -> None:
        size = self._desk.pilot.app.size
        self.pressed.append("resize")
        await self._desk.resize(self._chance.choice((40, 80, 100)), 24)
        await self._desk.resize(*size)

    def _change(self) -> None:
        """Let connections send, faster and slower ones; some end and others begin."""
        source = self._desk.source
        there = [flow for flow in source.flows.values() if not flow.closed]
        for flow in there:
            flow.rate = self._chance.choice((0.0, 1e4, 1e6))
            flow.srtt_us = self._chance.choice((900, 20_000, 300_000))
        if len(there) > 3 and self._chance.random() < 0.2:
            source.destroy(self._chance.choice(there).cookie)
        if self._chance.random() < 0.2:
            self._cookie += 1
            remote = f"198.51.100.9:{self._cookie}"
            source.flows[self._cookie] = Flow(self._cookie, "10.0.3.7:443", remote)
        source.run(0.25)

    async def comes_back(self) -> None:
        """Leave every dialog, and see that the table does what a key says."""
        desk = self._desk
        app = desk.pilot.app
        for _ in range(DIALOGS_TO_LEAVE):
            await desk.press("escape")
        assert app.screen is desk.screen, f"{app.screen} is still there after {self.pressed}"
        desk.table.focus()
        await desk.press("g")
        await desk.until(lambda: not desk.table._view.still)
        order = desk.table._order
        if len(order) > 1:
            await desk.press("g", "down")
            await desk.until(lambda: order.selected_at == 1)


@pytest.fixture
def alarms() -> Alarms:
    """Let there be something to list."""
    return Alarms(Alerts([parse("srtt>200ms"), parse("cwnd>30")]))


@pytest.fixture(autouse=True)
def nothing_else(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is saved is saved here, and nobody quits."""
    monkeypatch.chdir(tmp_path)

    async def stays(self: App[None]) -> None:
        """Do not quit: that works is shown elsewhere."""

    monkeypatch.setattr(App, "action_quit", stays)


def long_enough() -> FakeSource:
    """Make connections with a past."""
    source = server()
    source.run(10)
    return source


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_of_what_goes_on(clock: Clock, size: tuple[int, int], alarms: Alarms) -> None:
    """Live, paused, compared, grouped, searched, in dialogs: keys do what they do, or nothing."""
    async with dashboard(long_enough(), clock, size, alarms=alarms) as desk:
        monkey = Monkey(desk, 6)
        await monkey.press(KEYS)
        await monkey.comes_back()


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_of_a_recording(clock: Clock, size: tuple[int, int], alarms: Alarms) -> None:
    """So it is while a recording is played."""
    source = long_enough()
    async with replay(recorded(source), source, clock, size, alarms=alarms) as desk:
        monkey = Monkey(desk, 7)
        await monkey.press(KEYS)
        await monkey.comes_back()


@pytest.mark.parametrize("page", ["pageup", "pagedown"])
@pytest.mark.parametrize("dialog", ["ctrl+p", "C"])
async def test_a_page_further_in_a_list_that_is_not_there_yet(
    clock: Clock, dialog: str, page: str
) -> None:
    """Who types faster than a list is laid out ends nothing."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        for _ in range(3):
            for key in (dialog, "up", page, "s", page, "down"):
                desk.pilot.app.post_message(name(key))
            await desk.idle()
            await desk.press("escape", "escape", "escape")
            assert desk.pilot.app.return_code is None
