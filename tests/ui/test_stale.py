"""Only what changed is painted: what is on the screen is nevertheless what a full repaint gives."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region
from textual.widget import Widget

from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.table.flow_order import HOLD
from tcctui.wire.events import TcpState
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, Desk, dashboard

Cells = list[tuple[str, Any]]

KEYS = (
    *("up", "down", "down", "pageup", "pagedown", "home", "end", "tab", "shift+tab", "escape"),
    *("asterisk", "F", "less_than_sign", "greater_than_sign", "r", "enter", "E"),
)


def painted(part: Widget, y: int) -> Cells:
    """A line as it would be painted now, cell by cell; the second of a wide character is empty."""
    cells: Cells = []
    for text, style, _ in part.render_line(y):
        for character in text:
            looks = ground(style) if character == " " else style
            cells.append((character, looks))
            cells.extend([("", looks)] * (cell_len(character) - 1))
    return cells


def ground(style: Style | None) -> Any:
    """What is seen of a style where nothing is written."""
    return style and (style.bgcolor, style.reverse, style.underline, style.strike)


class Terminal:
    """What has been painted of a part of the screen, as a terminal keeps it: region by region."""

    def __init__(self, part: Widget, monkeypatch: pytest.MonkeyPatch) -> None:
        self._part = part
        self._asked: list[Region] = []
        self._lines: list[Cells] = []
        refresh = part.refresh

        def noting(*regions: Region, **options: Any) -> Widget:
            self._asked.extend(regions or [self._whole])
            return refresh(*regions, **options)

        monkeypatch.setattr(part, "refresh", noting)
        self._asked.append(self._whole)

    @property
    def _whole(self) -> Region:
        return Region(0, 0, *self._part.outer_size)

    def stale(self) -> list[str]:
        """Paint what was asked for; give the lines that are not as a full repaint makes them."""
        now = [painted(self._part, y) for y in range(self._part.size.height)]
        if len(self._lines) != len(now):
            self._lines = [[] for _ in now]
        inner = Region(0, 0, *self._part.size)
        left, top = self._part.gutter.left, self._part.gutter.top
        for asked in self._asked:
            # Regions count from the part's corner, its lines from behind the padding.
            x, y, width, height = asked.translate((-left, -top)).intersection(inner)
            for line in range(y, y + height):
                self._lines[line][x : x + width] = now[line][x : x + width]
        self._asked.clear()
        return [
            f"{y}: {''.join(text for text, _ in kept)!r} is {''.join(text for text, _ in new)!r}"
            for y, (kept, new) in enumerate(zip(self._lines, now, strict=True))
            if kept != new
        ]


def source() -> FakeSource:
    """Forty flows of a few nets."""
    flows = [
        Flow(
            cookie,
            f"10.0.0.1:{443 if cookie % 3 else 80}",
            f"203.0.{cookie % 4}.{cookie}:{1000 + cookie}",
            cwnd=(2, 9 + cookie),
            rate=10.0 ** (3 + cookie % 5),
            srtt_us=900 * cookie,
        )
        for cookie in range(1, 41)
    ]
    made = FakeSource(flows)
    made.run(2)
    return made


async def values(desk: Desk, dice: random.Random) -> None:
    """Let some flows become others in all ways, some end, and some begin."""
    for cookie in dice.sample([*desk.source.flows], 8):
        flow = desk.source.flows[cookie]
        flow.rate = dice.choice([0, 1e-3, 1e3, 9.99e4, 1e5, 1.23e9])
        flow.srtt_us = dice.choice([7, 999, 1000, 99_999, 4_000_000])
        flow.cwnd = dice.choice([(1, 1), (10, 99), (9, 12_345)])
        if dice.random() < 0.3:
            desk.source.sample(
                cookie,
                comm=dice.choice([b"nginx", "日本語".encode(), "wäsche".encode(), b""]),
                cc=dice.choice([b"cubic", b"bbr"]),
                total_retrans=dice.choice([0, 1, 999, 123_456]),
                data_segs_out=1_000_000,
            )
    if dice.random() < 0.3:
        desk.source.state(cookie, TcpState.CLOSE_WAIT)
    if dice.random() < 0.3 and len(desk.source.flows) > 20:
        desk.source.destroy(cookie)
        del desk.source.flows[cookie]
    if dice.random() < 0.3:
        new = max(desk.source.flows) + 1
        desk.source.flows[new] = Flow(new, "[2001:db8::1]:443", f"[2001:db8:7::{new:x}]:{new}")
    await desk.run(dice.choice([0.25, 0.25, 1, 5]))


async def key(desk: Desk, dice: random.Random) -> None:
    """Press some keys."""
    await desk.press(*dice.choices(KEYS, k=dice.randint(1, 3)))


async def properties(desk: Desk, dice: random.Random) -> None:
    """Have alerts, groups, pins, the theme or the columns change, or the order go on."""
    table, cookies = desk.table, [*desk.source.flows]
    match dice.randrange(6):
        case 0:
            table.marked = frozenset(dice.sample(cookies, dice.choice([0, 4, 10])))
        case 1:
            table.grouped_by = dice.choice(["", "net", "port", "process", "cc"])
        case 2:
            table.pinned = tuple(dice.sample(cookies, dice.randrange(4)))
        case 3:
            desk.pilot.app.theme = dice.choice(["nord", "textual-dark", "textual-light"])
            await desk.idle()
        case 4:
            names = ["remote", "process", "rate", "limit", "srtt", "cc", "state", "retrans_pct"]
            dice.shuffle(names)
            table.show_columns(dice.choice([(), tuple(names)]), {"process": dice.randint(4, 15)})
        case 5:
            desk.clock.now += HOLD + 0.1
            await desk.framed()


ACTIONS: tuple[Callable[[Desk, random.Random], Awaitable[None]], ...] = (
    *(values, values, key, key),
    properties,
)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
@pytest.mark.parametrize("seed", range(3))
async def test_nothing_stale_is_left_on_the_screen(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], seed: int
) -> None:
    """Whatever changes together, in values, marks, groups, pins, cursors or the theme's colours."""
    dice = random.Random(seed)
    async with dashboard(source(), clock, size) as desk:
        terminal = Terminal(desk.table, monkeypatch)
        terminal.stale()
        for _ in range(40):
            done = [dice.choice(ACTIONS) for _ in range(dice.randint(1, 3))]
            for act in done:
                await act(desk, dice)
            await desk.idle()
            assert not terminal.stale(), [act.__name__ for act in done]


CHART_KEYS = ("w", "plus", "minus", "y", "c", "comma", "comma", "full_stop", "escape", "down", "d")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
async def test_nothing_stale_is_left_in_the_charts(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """Of a chart, too, only lines that changed are painted, whatever moves its axes and cursor."""
    dice = random.Random(7)
    async with dashboard(source(), clock, size) as desk:
        charts = [*desk.screen.query(TimeChart)]
        terminals = [Terminal(chart, monkeypatch) for chart in charts]
        for _ in range(40):
            pressed = dice.choice(CHART_KEYS)
            if dice.random() < 0.5:
                await values(desk, dice)
            await desk.press(pressed)
            await desk.idle()
            for chart, terminal in zip(charts, terminals, strict=True):
                assert not (chart.display and terminal.stale()), pressed
