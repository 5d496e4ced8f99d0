"""Style sheets are parsed once for a theme: that is a tenth of a start."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual.css.parse import parse

from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, dashboard


async def test_each_is_parsed_once_for_a_theme(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a start, after the theme was applied behind the first widgets, and with dialogs, too."""
    parsed: Counter[tuple[object, ...]] = Counter()

    def counted(*sheet: Any, **more: Any) -> Any:
        sheet_and_rank = (*sheet, more["tie_breaker"])
        parsed[sheet_and_rank] += 1
        return parse(*sheet, **more)

    monkeypatch.setattr("textual.css.stylesheet.parse", counted)
    source = FakeSource([Flow(1, "10.0.0.1:443", "10.0.0.2:5000")])
    async with dashboard(source, clock, (80, 24)) as desk:
        app = desk.pilot.app
        assert len(parsed) > 10
        app.refresh_css()  # as Textual does it for the theme
        await desk.press("?", "escape", "C", "escape")
        assert set(parsed.values()) == {1}
        app.theme = "textual-light" if app.theme != "textual-light" else "textual-dark"
        await desk.idle()
        await desk.press("?", "escape")
        assert max(parsed.values()) == 2
