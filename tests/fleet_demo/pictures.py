"""`python -m tests.fleet_demo.pictures URL PASSWORD-FILE SSH`: the README's pictures of a fleet."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from textual.app import App
from textual.pilot import Pilot

from tcctui.fleet.client import Address, connect
from tcctui.fleet.ssh import words
from tcctui.fleet.view.fleet_app import FleetApp
from tcctui.fleet.visit import Wanted, visit
from tcctui.ui.app.host_screen import HostScreen
from tcctui.ui.chart.charts import Charts
from tcctui.ui.table.flow_table import FlowTable
from tcctui.wire.events import TcpState

FOLDER = Path(__file__).parents[2] / "screenshots"
_SIZE = (150, 42)
_PATIENCE = 120.0
_LIVE_S = 25.0
"""Seconds of a live host, for charts that have something."""

_MOST_ROWS, _MORE_BYTES = 60, 1_500_000
"""Rows among which a connection is looked for that has more bytes than one of those that end soon.
"""


async def take(url: str, password_file: Path, ssh: str) -> None:
    """Take the first screen, the worst net's connections, and the live host of one."""
    engine = connect(Address(url, "people", password_file))

    def live(wanted: Wanted) -> None:
        visit(app, wanted, words(ssh))

    app = FleetApp(engine, "collector:8123", live=live)
    async with app.run_test(size=_SIZE) as pilot:

        def table() -> FlowTable:
            return app.screen.query_one(FlowTable)

        await _until(pilot, lambda: table().known > 0)
        await pilot.press("g")
        await _drawn(pilot)
        await _save(app, "fleet")
        await pilot.press("enter")
        await _until(pilot, lambda: not app.fleet.question.by)
        await pilot.press("g")
        for _ in range(_MOST_ROWS):
            if _stays(app, table().selected or 0):
                break
            await pilot.press("down")
        await _drawn(pilot)
        await _save(app, "fleet-net")
        await pilot.press("enter")
        await _until(pilot, lambda: isinstance(app.screen, HostScreen) and table().known > 0)
        end = time.monotonic() + _LIVE_S
        await _until(pilot, lambda: time.monotonic() > end)
        await _save(app, "fleet-host")
        await pilot.press("escape")


def _stays(app: FleetApp, cookie: int) -> bool:
    """True of an open connection that is one of those that go on for minutes."""
    flows = app.fleet.some_flows(np.array([cookie], "u8"), ["state", "bytes_acked"])
    opened = flows["state"].tolist() == [TcpState.ESTABLISHED]
    return opened and int(flows["bytes_acked"][0]) > _MORE_BYTES


async def _until(pilot: Pilot[None], look: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not look():
        if time.monotonic() > end:
            raise TimeoutError("the screen does not get there")
        await pilot.pause(0.2)


async def _drawn(pilot: Pilot[None]) -> None:
    await pilot.pause(1)
    await _until(pilot, lambda: pilot.app.screen.query_one(Charts).pair.right.data is not None)
    await pilot.pause(1)


async def _save(app: App[None], name: str) -> None:
    picture = re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="tcctui"))
    await asyncio.to_thread((FOLDER / f"{name}.svg").write_text, picture)
    print(f"{FOLDER.name}/{name}.svg", file=sys.stderr)


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    asyncio.run(take(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
