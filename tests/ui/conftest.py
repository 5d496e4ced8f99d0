"""What makes the dashboard the same each time: its host, its clock, its pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from pytest_textual_snapshot import SVGImageExtension  # type: ignore[import-untyped]
from syrupy.assertion import SnapshotAssertion
from textual._styles_cache import StylesCache
from textual.widgets import Input

from tcctui.ui.chart import axis_lines
from tcctui.ui.dashboard import dashboard, pace
from tcctui.ui.status import status_bar
from tcctui.ui.style import units
from tcctui.ui.table import flow_order
from tcctui.ui.time import player
from tests.ui.looks import panel_text
from tests.ui.rest import LoopPolicy
from tests.ui.screen import Clock, Desk

asyncio.set_event_loop_policy(LoopPolicy())
axis_lines.load()  # charts are drawn at once in every test, not only behind the first one

HOST_NAME = "tcctui.ui.dashboard.dashboard.socket.gethostname"
"""Where the screen learns the host's name, for `monkeypatch.setattr`."""

NEVER = 3600.0
"""Seconds that no test lasts."""


def _utc(seconds: float) -> time.struct_time:
    """Local time of a machine whose zone is UTC."""
    return time.struct_time((*time.gmtime(seconds), "UTC", 0))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Let the screen look when a test says so, and tell the time by a clock that stands still."""
    clock = Clock()
    monkeypatch.setattr(flow_order, "time", clock)
    monkeypatch.setattr(flow_order, "RESORT", 0.0)
    monkeypatch.setattr(status_bar, "time", clock)
    monkeypatch.setattr(player, "time", clock)
    utc = SimpleNamespace(strftime=time.strftime, localtime=_utc)
    monkeypatch.setattr(units, "time", utc)
    for reason in ("AT_REST", "MOVING", "UNFOCUSED"):
        monkeypatch.setattr(pace, reason, NEVER)  # `Desk.look` and `Desk.until` do
    monkeypatch.setattr(dashboard, "SLOW", NEVER)  # no frame is so slow that rows keep their places
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", NEVER)  # `at_rest` paints
    monkeypatch.setattr(Input, "_toggle_cursor", lambda box: None)  # it would blink, twice a second
    monkeypatch.setattr("tcctui.memory.settle", lambda: None)  # what is frozen is never freed
    monkeypatch.setattr(HOST_NAME, lambda: "web-3")
    yield clock
    StylesCache.get_inner_outer.cache_clear()  # it holds what widgets of 30 screens have painted


@pytest.fixture
def panel(snapshot: SnapshotAssertion) -> Callable[..., None]:
    """Compare parts of the screen, by their selectors, with what a person has looked at."""

    def compare(desk: Desk, *selectors: str) -> None:
        assert "\n\n".join(panel_text(desk.pilot.app, one) for one in selectors) == snapshot

    return compare


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> Callable[[Desk], None]:
    """Compare the whole screen with a picture that a person has looked at."""

    def compare(desk: Desk) -> None:
        shown = desk.pilot.app.export_screenshot(simplify=True)
        assert shown == snapshot.use_extension(SVGImageExtension)

    return compare
