"""Function calls of one tick of the dashboard: exact, where times of noisy machines are not.

Everybody who has the screen open pays for a tick. A change that makes it dearer says so in
`tick_cost.json`; so does one that makes it cheaper, or another one could take that back unseen.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import rich
import textual

import tcctui
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, Desk, dashboard

NOTED = Path(__file__).with_name("tick_cost.json")
TICKS = 12
COUNTED = tuple(str(Path(str(one.__file__)).parent) + "/" for one in (tcctui, textual, rich))
"""Folders whose functions count; those of tests and of asyncio wait, now longer and now shorter."""

DEARER, CHEAPER = 1.1, 0.8
"""Parts of what is noted between which a count needs no word."""


def flows(count: int) -> FakeSource:
    """Connections with many values, which have been watched for a minute."""
    source = FakeSource(
        Flow(
            cookie,
            "10.0.3.7:443",
            f"198.51.100.{cookie % 250}:{20_000 + cookie}",
            cwnd=(10 + cookie % 50, 60 + cookie % 90),
            rate=(count - cookie + 1) * 1e4,
        )
        for cookie in range(1, count + 1)
    )
    source.run(60)
    return source


async def calls(desk: Desk, step: Callable[[], Awaitable[None]], seconds: float) -> int:
    """Calls in the screen's thread for a step, on average; so much happens before each."""
    profile = cProfile.Profile()
    for _ in range(TICKS):
        if seconds:
            desk.source.run(seconds)
        desk.clock.now += seconds
        while not desk.source.taken_in:
            await asyncio.sleep(0.001)
        profile.enable()
        await step()
        profile.disable()
    files = ((one.callcount, getattr(one.code, "co_filename", "")) for one in profile.getstats())
    return sum(count for count, file in files if file.startswith(COUNTED)) // TICKS


def check(what: str, counted: int) -> None:
    """Compare a count with what is noted."""
    noted = json.loads(NOTED.read_text())[what]
    said = f"{what}: {counted} calls, not {noted}; if that is meant, note it in {NOTED.name}"
    assert noted * CHEAPER <= counted <= noted * DEARER, said


@pytest.mark.parametrize(
    ("what", "count", "seconds"),
    [("no flow", 0, 0.5), ("nothing new", 20, 0.0), ("20 flows", 20, 0.5), ("400 flows", 400, 0.5)],
)
async def test_calls_of_a_tick(clock: Clock, what: str, count: int, seconds: float) -> None:
    """A tick takes no more calls than noted, by a tenth; with nothing new it takes next to none."""
    async with dashboard(flows(count), clock, (160, 50)) as desk:

        async def tick() -> None:
            desk.dashboard.tick()
            await desk.idle()

        for _ in range(4):  # the selection settles, and the order
            clock.now += 1.5
            await tick()
        check(what, await calls(desk, tick, seconds))


async def test_calls_of_a_key(clock: Clock) -> None:
    """A key that selects the next row takes no more calls than noted, by a tenth."""
    async with dashboard(flows(400), clock, (160, 50)) as desk:

        async def press() -> None:
            await desk.press("down")

        await press()
        check("a key", await calls(desk, press, 0.0))
