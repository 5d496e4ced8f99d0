"""Some seconds of the soak: `make soak HOURS=1` is the whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.soak.counts import wrong
from tests.soak.soak import run

pytestmark = pytest.mark.kernel

FORGETFUL = """
import sys
from tcctui.rewind.live_sink import LiveSink
take = LiveSink.take
told = []
def some(self, batch):
    if len(batch.events):
        told.append(1)
    if len(batch.events) == 0 or len(told) % 2:
        take(self, batch)
LiveSink.take = some
from tcctui.cli import main
raise SystemExit(main(sys.argv[1:]))
"""
"""A dashboard that drops every other batch of events, and does not count it."""


def test_some_seconds(tmp_path: Path) -> None:
    """Under churn, floods, resizes and keys, every event is kept, or counted as lost or skipped."""
    figures = run(4, 1, tmp_path, least=2000)
    assert wrong(figures) == []
    assert figures.seen > 1000
    assert figures.acts["traffic"] > 0


def test_a_dashboard_that_forgets_is_found(tmp_path: Path) -> None:
    """What is neither kept nor counted breaks the identity."""
    figures = run(4, 1, tmp_path, (sys.executable, "-c", FORGETFUL), least=2000)
    assert "events are missing, of which" in " ".join(wrong(figures))
