"""Notices: one line each, beside whatever is in use."""

from __future__ import annotations

from typing import Literal

import pytest
from textual.containers import Vertical
from textual.widget import Widget

from tcctui.ui.notices import Notice, tell
from tests.ui.fake_source import server
from tests.ui.screen import Clock, Desk, dashboard, lines, screen

LONG = "It is long: " + "word " * 60


def toasts(desk: Desk) -> list[Widget]:
    """The notices on the screen."""
    return list(desk.pilot.app.screen.query("Toast").results(Widget))


@pytest.mark.parametrize("key", ["question_mark", "C", "o", "f", "Y", "G", "H", "ctrl+p"])
async def test_no_notice_covers_a_dialog(clock: Clock, key: str) -> None:
    """A dialog gives up a line to what there is to tell, before it opens and while it is open."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.press("down")
        tell(desk.screen, Notice("Before", LONG))
        await desk.press(key)
        tell(desk.pilot.app.screen, Notice("Meanwhile", LONG, "warning"))
        await desk.until(lambda: len(toasts(desk)) == 2)
        dialog = desk.pilot.app.screen.query(Vertical).first()
        for toast in toasts(desk):
            assert toast.region.height == 1
            assert not toast.region.overlaps(dialog.region)
            assert desk.pilot.app.screen.region.contains_region(toast.region)
        assert desk.text.count("Before  It is long") == desk.text.count("! Meanwhile  It is") == 1
        await desk.press("escape")
        await desk.until(lambda: desk.pilot.app.screen is desk.screen)
        await desk.until(lambda: desk.text.count("Before  It is long") == 1)


@pytest.mark.parametrize(
    ("severity", "sign"), [("information", "S"), ("warning", "! S"), ("error", "✕ S")]
)
async def test_a_notice_is_one_line(
    clock: Clock, severity: Literal["information", "warning", "error"], sign: str
) -> None:
    """Whatever there is to say, and in how many lines, keys and status stay in sight."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        tell(desk.screen, Notice("Short", "one\ntwo [b]three[/b] \x1b[1m", severity))
        tell(desk.screen, Notice("Long", LONG, severity))
        await desk.until(lambda: len(toasts(desk)) == 2)
        short, long = (lines(toast) for toast in toasts(desk))
        assert [line.strip() for line in short] == [
            f"{sign}hort  one · two [b]three[/b] \N{REPLACEMENT CHARACTER}[1m"
        ]
        (line,) = long
        assert line.strip().endswith("…")
        assert len(line) == 80
        assert "Quit" in screen(desk.pilot)[-1]
        assert "live" in desk.status


async def test_a_notice_that_is_shown_is_not_shown_again(clock: Clock) -> None:
    """A key pressed three times says once what is the matter."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        for _ in range(3):
            tell(desk.screen, Notice("Only one", "of these"))
            await desk.until(lambda: toasts(desk))
        tell(desk.screen, Notice("Another", "of these"))
        await desk.until(lambda: any("Another" in lines(toast)[0] for toast in toasts(desk)))
        assert [lines(toast)[0].split()[0] for toast in toasts(desk)] == ["Only", "Another"]
