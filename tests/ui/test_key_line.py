"""The line of keys: the mouse presses what it shows."""

from __future__ import annotations

from tcctui.ui.dashboard.key_line import KeyLine
from tests.ui.fake_source import server
from tests.ui.screen import Clock, Desk, dashboard, lines, painted, screen


def column(desk: Desk, word: str) -> int:
    """Where a word is in the line."""
    return lines(desk.screen.query_one(KeyLine))[0].index(word)


def ground(desk: Desk, word: str) -> object:
    """The colour behind a word."""
    at = 0
    for segment in painted(desk.screen.query_one(KeyLine))[0]:
        if at <= column(desk, word) < at + segment.cell_length:
            return None if segment.style is None else segment.style.bgcolor
        at += segment.cell_length
    raise AssertionError(word)


async def test_a_click_presses_the_key(clock: Clock) -> None:
    """On its name or its description; where there is no key, nothing happens."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        before = screen(desk.pilot)
        await desk.click(KeyLine, offset=(159, 0))
        assert screen(desk.pilot) == before
        assert desk.details.display
        await desk.click(KeyLine, offset=(column(desk, "Details"), 0))
        assert not desk.details.display
        await desk.click(KeyLine, offset=(column(desk, "d Details"), 0))
        assert desk.details.display


async def test_the_key_under_the_mouse_is_marked_and_explained(clock: Clock) -> None:
    """It alone has another ground and the tooltip, until the mouse leaves the line."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        line = desk.screen.query_one(KeyLine)
        usual = ground(desk, "Search")
        await desk.hover(KeyLine, offset=(column(desk, "Chart"), 0))
        assert ground(desk, "Chart") != usual == ground(desk, "Search")
        assert "Left chart" in str(line.tooltip)
        await desk.hover(desk.table)
        assert ground(desk, "Chart") == usual
        assert line.tooltip is None
