"""What the terminal was sent, piece by piece, is what the screen is."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.strip import Strip

from tcctui.ui.app.terse import Rendition, _after
from tcctui.ui.dashboard.direct_compositor import LinesUpdate, _rendition, differing
from tcctui.ui.notices import Notice, tell
from tcctui.ui.style.kept_lines import cropped
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, dashboard

KEYS = (
    *("down", "down", "up", "pagedown", "home", "end", "w", "y", "c", "comma", "d", "asterisk"),
    *("question_mark", "escape", "escape", "escape", "slash", "p", "left", "E", "less_than_sign"),
    *("F", "V", "3", "0"),
)

_PARTS = re.compile("\x1b\\[([0-9;]*)([Hm])")

Cell = tuple[str, Rendition]


def looks(text: str, style: Rendition) -> list[Cell]:
    """Cells of a text: of a blank the ground is seen, and a wide character's second is empty."""
    cells: list[Cell] = []
    for character in text:
        own = style._replace(foreground="") if character == " " else style
        cells += [(character, own), *[("", own)] * (cell_len(character) - 1)]
    return cells


class Terminal:
    """Shows what it is sent; knows text, CUP and SGR."""

    def __init__(self, app: App[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self._app = app
        self.lines: dict[int, dict[int, Cell]] = {}
        self.direct = 0
        display = App._display

        def shown(one: App[Any], screen: Any, update: Any) -> None:
            if update is not None and not one._batch_count:
                self.direct += isinstance(update, LinesUpdate)
                self._take(update.render_segments(one.console))
            display(one, screen, update)

        monkeypatch.setattr(App, "_display", shown)
        app.refresh()

    def _take(self, sent: str) -> None:
        x = y = 0
        style = Rendition()
        texts = _PARTS.split(sent)
        for numbers, kind, text in zip(texts[1::3], texts[2::3], texts[3::3], strict=True):
            if kind == "H":
                y, x = (int(number) - 1 for number in numbers.split(";"))
            else:
                style = _after(style, numbers)
            for cell in looks(text.replace("\n", ""), style):
                self.lines.setdefault(y, {})[x] = cell
                x += 1
        assert style == Rendition(), "the next text begins as it was"

    def wrong(self) -> list[tuple[int, int, Cell | None, Cell]]:
        """Cells that are not as a full repaint has them."""
        found = []
        colours = self._app.console._color_system or ColorSystem.TRUECOLOR
        for y, strip in enumerate(self._app.screen._compositor.render_strips()):
            x = 0
            for text, style, _ in strip:
                ansi = "" if style is None else _rendition(style, colours)
                for cell in looks(text, _after(Rendition(), ansi)):
                    there = self.lines.get(y, {}).get(x)
                    if there != cell:
                        found.append((x, y, there, cell))
                    x += 1
        return found


def source() -> FakeSource:
    """Flows with values that change."""
    flows = [
        Flow(
            number,
            f"10.0.3.7:{440 + number}",
            f"198.51.100.{number}:{20_000 + number}",
            cwnd=(10, 20 + number),
            rate=1e5 * number,
        )
        for number in range(1, 41)
    ]
    made = FakeSource(flows)
    made.run(20)
    return made


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
@pytest.mark.parametrize("seed", range(2))
async def test_what_was_sent_is_what_is_there(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], seed: int
) -> None:
    """With any keys, dialogs and notices over it, while values change."""
    dice = random.Random(seed)
    async with dashboard(source(), clock, size) as desk:
        terminal = Terminal(desk.pilot.app, monkeypatch)
        await desk.idle()
        for number in range(60):
            for flow in desk.source.flows.values():
                if dice.random() < 0.3:
                    flow.cwnd = dice.randint(1, 9), dice.randint(10, 99)
            desk.source.run(0.5)
            clock.now += 0.5
            if number % 20 == 10:
                tell(desk.screen, Notice("Something", "was said", "warning", seconds=600))
            if number % 20 == 14:
                desk.pilot.app.clear_notifications()
            key = dice.choice(KEYS) if dice.random() < 0.6 else "none"
            if key != "none":
                await desk.press(key)
            desk.look()
            await desk.idle()
            await desk.until(lambda: not terminal.wrong())  # a scroll bar may follow its text
        assert terminal.direct > 10, "many updates are lines by themselves"


async def test_rows_beside_a_scroll_bar(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scroll bar that grows, and whole rows beside it, are lines by themselves.

    Rows are drawn as wide as they are shown.
    """
    async with dashboard(source(), clock, (80, 24)) as desk:
        assert desk.table.drawn_size.width == desk.table.scrollable_size.width < 80
        updates: list[object] = []
        monkeypatch.setattr(App, "_display", lambda _, __, update: updates.append(update))
        desk.table.vertical_scrollbar.window_virtual_size += 40
        await desk.idle()
        assert updates
        await desk.press("down")
        assert {type(one) for one in updates if one is not None} == {LinesUpdate}


@pytest.mark.parametrize("text", ["abc", "日本語", "a日b"])
def test_any_part_of_a_line(text: str) -> None:
    """A part that cuts through segments and wide characters has as many cells as it is to have."""
    line = Strip([Segment(text, Style(bold=True)), Segment("x y"), Segment(text)])
    for x1 in range(line.cell_length):
        for x2 in range(x1 + 1, line.cell_length + 1):
            found, expected = cropped(line, x1, x2), line.crop(x1, x2)
            assert sum(one.cell_length for one in found) == x2 - x1
            assert "".join(one.text for one in found) == expected.text


RED, BLUE = Style(color="red"), Style(color="blue")


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        ([("ab", RED), ("cd", BLUE)], [("ab", RED), ("cd", BLUE)], (4, [])),
        ([("ab", RED), ("cd", BLUE)], [("ab", RED), ("cx", BLUE)], (3, [("x", BLUE)])),
        ([("ab", RED), ("cd", BLUE)], [("xb", RED), ("cd", BLUE)], (0, [("xb", RED)])),
        ([("ab", RED), ("cd", BLUE)], [("ab", BLUE), ("cd", BLUE)], (0, [("ab", BLUE)])),
        ([("a", RED), ("b", RED)], [("a", RED), ("漢", RED)], (1, [("漢", RED)])),
        ([("abc", RED)], [("ab", RED), ("c", BLUE)], (2, [("c", BLUE)])),
    ],
)
def test_of_a_line_what_has_changed_is_sent(
    before: list[tuple[str, Style]],
    now: list[tuple[str, Style]],
    sent: tuple[int, list[tuple[str, Style]]],
) -> None:
    """Segments that are as before at either end of a line are left out, and equal characters."""
    x, text = differing([Segment(*one) for one in before], [Segment(*one) for one in now])
    assert (x, [(one.text, one.style) for one in text]) == sent
