"""What makes the dashboard the same each time: its host, its clock, its pace."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from tcctui.ui.dashboard import dashboard
from tcctui.ui.status import status_bar
from tcctui.ui.style import units
from tcctui.ui.table import flow_order
from tcctui.ui.time import player
from tests.ui.screen import Clock

HOST_NAME = "tcctui.ui.dashboard.dashboard.socket.gethostname"
"""Where the screen learns the host's name, for `monkeypatch.setattr`."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the screen look 10 times a second, and tell the time by a clock that stands still."""
    clock = Clock()
    monkeypatch.setattr(flow_order, "time", clock)
    monkeypatch.setattr(flow_order, "RESORT", 0.0)
    monkeypatch.setattr(status_bar, "time", clock)
    monkeypatch.setattr(player, "time", clock)
    utc = SimpleNamespace(strftime=time.strftime, localtime=time.gmtime)
    monkeypatch.setattr(units, "time", utc)
    monkeypatch.setattr(dashboard, "PACE", 0.1)
    monkeypatch.setattr(dashboard, "SLOW", 60.0)  # also on a machine that is busy
    monkeypatch.setattr(HOST_NAME, lambda: "web-3")
    return clock
