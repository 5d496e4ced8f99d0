"""The screen is up to date without anybody asking: it ticks by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from tcctui.ui.dashboard import dashboard as screen_of_it
from tests.ui.sampled import sampled_server
from tests.ui.screen import FOR_EVER, Clock, Desk, dashboard, lines

PACE = 1.0
"""Seconds between two ticks: time enough for a tick on a slow machine."""


async def comes(condition: Callable[[], object]) -> bool:
    """Wait for something, and do nothing for it."""
    deadline = time.monotonic() + FOR_EVER
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return bool(condition())


def chart(desk: Desk) -> list[str]:
    """Lines of the chart of the selected flow."""
    return lines(desk.screen.query_one("#cwnd-chart"))


async def test_it_ticks_by_itself(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new value comes into the table, the chart goes on, the details are of now."""
    monkeypatch.setattr(screen_of_it, "PACE", PACE)
    async with dashboard(sampled_server(), clock, (160, 50)) as desk:
        charted, detailed = chart(desk), lines(desk.details)
        desk.source.run(5)
        desk.source.sample(1, snd_cwnd=1234, cc=b"cubic")
        assert await comes(lambda: "1234" in desk.column("cwnd"))
        assert await comes(lambda: chart(desk) != charted)
        assert await comes(lambda: lines(desk.details) != detailed)
