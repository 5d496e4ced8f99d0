"""What draws the charts is slow to load: the screen is there before, and is not held up by it."""

from __future__ import annotations

import threading

import pytest

from tcctui.ui.chart import plot
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.fake_source import FakeSource
from tests.ui.screen import Clock, dashboard


async def test_loaded_behind_the_first_frame(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading begins when the screen has been painted, without a flow to chart, in a thread."""
    painted = threading.Event()
    found: list[tuple[bool, threading.Thread]] = []
    render = FlowTable.render_line

    def render_line(table: FlowTable, y: int) -> object:
        painted.set()
        return render(table, y)

    monkeypatch.setattr(FlowTable, "render_line", render_line)
    monkeypatch.setattr(
        plot, "load", lambda: found.append((painted.is_set(), threading.current_thread()))
    )
    async with dashboard(FakeSource(), clock) as desk:
        await desk.until(lambda: found)
    ((after_painting, thread),) = found
    assert after_painting
    assert thread is not threading.main_thread()
