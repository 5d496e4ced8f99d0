"""The dashboard in a terminal that is not there, and what a person would see on it."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from textual.events import Key, MouseDown, MouseEvent, MouseMove, MouseUp, Paste
from textual.geometry import Region
from textual.keys import key_to_character
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from tcctui.flows.store import HISTORY_MEMORY, Store
from tcctui.pump import poll
from tcctui.recording.timeline import Origin, Timeline
from tcctui.rewind.live_sink import LiveSink
from tcctui.rewind.rewind_log import RewindLog
from tcctui.source import Source
from tcctui.ui.app.app import ReplayApp, TcctuiApp
from tcctui.ui.chart.chart_pair import ChartPair
from tcctui.ui.chart.charts import Charts
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.details.details import Details
from tcctui.ui.status.status_bar import StatusBar
from tcctui.ui.table.columns import COLUMNS, SPARKLINES, TableColumn
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.layout import GAP, Placed, fit
from tcctui.ui.time.player import Player
from tests.ui.fake_source import FakeSource
from tests.ui.looks import screen_text
from tests.ui.rest import at_rest, resized

WIDE = (240, 40)
"""Columns and lines that all of the table's columns fit in."""

FOR_EVER = 120.0
"""Seconds after which what is waited for will not come, however slow the machine is."""

Target = Widget | type[Widget] | str | None
"""Where the mouse goes: a widget, or what `query_one` finds; None is the screen."""


@dataclass
class Clock:
    """Stands in for the `time` module where the screen asks how long ago something was."""

    now: float = 5_000.0
    cpu: float = 1.0

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.cpu


@dataclass
class Desk:
    """A running dashboard: its parts, its keys, and its source."""

    pilot: Pilot[None]
    screen: Screen[Any]
    source: FakeSource
    store: Store
    clock: Clock

    @property
    def dashboard(self) -> Dashboard:
        assert isinstance(self.screen, Dashboard)
        return self.screen

    @property
    def table(self) -> FlowTable:
        return self.screen.query_one(FlowTable)

    @property
    def charts(self) -> ChartPair:
        return self.screen.query_one(Charts).pair

    @property
    def details(self) -> Details:
        return self.screen.query_one(Details)

    @property
    def player(self) -> Player:
        return self.screen.query_one(Player)

    @property
    def box(self) -> Input:
        return self.screen.query_one(Input)

    @property
    def status(self) -> str:
        return lines(self.screen.query_one(StatusBar))[0]

    @property
    def text(self) -> str:
        """The text of the whole screen, whichever is the topmost."""
        return "\n".join(screen_text(self.pilot.app))

    @property
    def caption(self) -> str:
        return lines(self.screen.query_one("#caption"))[0].strip()

    @property
    def charted(self) -> int | None:
        """The cookie that the charts' caption names; None if it names none."""
        named = re.search(r"cookie (\d+)", self.caption)
        return int(named[1]) if named else None

    async def press(self, *keys: str) -> None:
        """Press keys, by their names in Textual, each when the one before has had its effect."""
        for key in keys:
            self.pilot.app.post_message(Key(key, "/" if key == "slash" else key_to_character(key)))
            await self.idle()

    async def idle(self) -> None:
        """Wait until nothing is left to do, and all is painted."""
        await at_rest(self.pilot.app)

    async def click(self, target: Target = None, *, times: int = 1, **how: Any) -> bool:
        """Press the mouse's button and let go of it; False if something else is in the way.

        `target` and `how` are those of `mouse`. A second click is one of two only with `times`.
        """
        app, hit, how = self.pilot.app, False, {"button": 1, **how}
        for again in range(times):
            app.CLICK_CHAIN_TIME_THRESHOLD = FOR_EVER if again else -1  # type: ignore[misc]
            hit = await self.mouse(MouseDown, target, **how)
            await self.mouse(MouseUp, target, **how)
        return hit

    async def hover(self, target: Target = None, **how: Any) -> bool:
        """Move the mouse there; False if something else is in the way."""
        return await self.mouse(MouseMove, target, **how)

    async def mouse(
        self,
        event: type[MouseEvent],
        target: Target = None,
        *,
        offset: tuple[int, int] = (0, 0),
        button: int = 0,
        shift: bool = False,
        control: bool = False,
    ) -> bool:
        """Let the mouse do something at an offset from a widget, or from the screen.

        It comes as from a terminal. Waits for its effect; False if another widget was there.
        """
        app = self.pilot.app
        widget: Widget = app.screen
        if target is not None:
            widget = target if isinstance(target, Widget) else app.screen.query_one(target)
        x, y = widget.region.offset + offset
        assert app.size.region.contains(x, y), f"({x}, {y}) is not on the screen"
        hit = target is None or app.get_widget_at(x, y)[0] is widget
        app.post_message(event(None, x, y, 0, 0, button, shift, False, control, x, y))
        await self.idle()
        return hit

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, and wait until all has its place in it."""
        await resized(self.pilot, width, height)

    async def search(self, text: str) -> None:
        """Put a text into the search box, at once, and stay there."""
        await self.press("slash")
        self.box.value = ""
        await self.paste(text)
        await self.until(lambda: self.box.value == text)

    async def find(self, text: str) -> None:
        """Search for a text, go back to the table, and wait until that is on the screen."""
        await self.search(text)
        await self.see("enter")

    async def see(self, *keys: str) -> None:
        """Press keys, and wait until all that the source has given is on the screen."""
        await self.press(*keys)
        await self.looked()

    async def paste(self, text: str) -> None:
        """Paste a text, as a terminal does."""
        self.pilot.app.post_message(Paste(text))
        await self.idle()

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the parts look until something holds; shows the screen where it never does."""
        deadline = time.monotonic() + FOR_EVER
        await self.idle()
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError("never came true:\n" + "\n".join(screen(self.pilot)))
            await asyncio.sleep(0.01)
            self.look()
            await self.idle()

    async def noticed(self, *words: str) -> str:
        """Wait until a notice has these words, and give it."""

        def found() -> list[str]:
            return [one for one in notices(self) if all(word in one for word in words)]

        await self.until(found)
        return found()[0]

    def look(self) -> None:
        """Let the dashboard tick, as it does four times a second."""
        if self.pilot.app.return_code is None:
            self.dashboard.tick()

    async def looked(self) -> None:
        """Wait until all that the source has given is on the screen."""
        await self.until(lambda: self.source.taken_in)
        self.look()
        await self.idle()

    async def framed(self) -> None:
        """Have one frame made, and wait until it is painted."""
        frames = self.dashboard.frames
        self.dashboard.look()
        await self.idle()
        assert self.dashboard.frames > frames

    async def travel(self, *keys: str) -> None:
        """Press keys that go through time, and wait until their moment is on the screen."""
        await self.press(*keys)
        await self.arrived()

    async def arrived(self) -> None:
        """Wait until the moment that is wanted is on the screen."""
        await self.until(lambda: self.player.settled)
        await self.looked()
        await self.until(lambda: self.player.settled)

    async def run(self, seconds: float) -> None:
        """Let the connections send for a while, and wait until that is on the screen."""
        self.source.run(seconds)
        await self.looked()

    @property
    def columns(self) -> list[Placed]:
        """Where the header says that the columns are."""
        header = lines(self.table)[0]
        starts: list[tuple[TableColumn, int]] = []
        behind = 0
        for column in (*COLUMNS, *SPARKLINES):
            at = header.find(column.title, behind)
            if at >= 0:
                behind = at + len(column.title)
                starts.append((column, at if column.left else behind - column.width))
        ends = [start - GAP for _, start in starts[1:]]
        ends.append(starts[-1][1] + starts[-1][0].width)
        return [
            Placed(column, start, end - start)
            for (column, start), end in zip(starts, ends, strict=True)
        ]

    def place(self, name: str) -> Placed:
        """Where the header says that a column is."""
        (place,) = (place for place in self.columns if place.column.name == name)
        return place

    def column(self, name: str) -> list[str]:
        """The cells of one column, from the top, without blanks around them."""
        place = self.place(name)
        start, end = place.start, place.start + place.width
        cells = [strip.crop(start, end).text for strip in painted(self.table)[1:]]
        return [cell.strip() for cell in cells if cell.strip()]

    @property
    def order(self) -> list[int]:
        """The cookies of the flows on the screen, from the top, by their remote endpoints."""
        width = self.place("remote").width
        shown = {
            fit(flow.remote, width, True).strip(): cookie
            for cookie, flow in self.source.flows.items()
        }
        return [shown[text] for text in self.column("remote")]

    @property
    def selected(self) -> int | None:
        """The cookie of the flow whose row is highlighted, None if there is no such row."""
        ground = self.table.styles_of("cursor").bgcolor
        rows = [
            row
            for row, strip in enumerate(painted(self.table)[1:])
            if any(segment.style and segment.style.bgcolor == ground for segment in strip)
        ]
        assert len(rows) < 2, f"rows {rows} are all highlighted"
        return self.order[rows[0]] if rows else None


@asynccontextmanager
async def dashboard(
    source: FakeSource,
    clock: Clock,
    size: tuple[int, int] = WIDE,
    history_memory: int = HISTORY_MEMORY,
    **options: Any,
) -> AsyncIterator[Desk]:
    """Run the whole application on a source, and wait until what it has is on the screen.

    `options` are the application's.
    """
    store = Store(history_memory)
    app = TcctuiApp(lambda: source, store, **{"live_origin": origin, **options})
    async with app.run_test(size=size, notifications=True) as pilot:
        desk = Desk(pilot, pilot.app.screen, source, store, clock)
        await desk.until(lambda: source.reads)
        await desk.looked()
        yield desk


@asynccontextmanager
async def replay(
    timeline: Timeline,
    source: FakeSource,
    clock: Clock,
    size: tuple[int, int] = WIDE,
    **options: Any,
) -> AsyncIterator[Desk]:
    """Run the application on what was recorded of a source; `options` are the application's."""
    app = ReplayApp(timeline, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        desk = Desk(pilot, pilot.app.screen, source, Store(0), clock)
        await desk.arrived()
        yield desk


WALL_OFFSET_NS = 1_790_000_000 * 10**9
"""What makes the source's clock say 14:30 or so."""


def origin(source: Source) -> Origin:
    """Say where the events are from, as the sources of the kernel's do."""
    return Origin(socket.gethostname(), source.description, wall_offset_ns=WALL_OFFSET_NS)


def recorded(source: FakeSource, budget: int = 64 << 20) -> RewindLog:
    """Take all that a source has into a log."""
    log = RewindLog(budget, origin(source))
    feed = LiveSink(source, Store(), log)
    while not source.taken_in:
        feed.take(poll(source, 0))
    feed.finish()
    return log


def notices(desk: Desk) -> list[str]:
    """The text of each notice on the screen."""
    toasts = desk.pilot.app.screen.query("Toast").results(Widget)
    return [" ".join(" ".join(lines(one)).split()) for one in toasts]


def painted(widget: Widget) -> list[Strip]:
    """A widget as it was painted last: what had no repaint is shown as it was before."""
    return widget.render_lines(Region(0, 0, *widget.outer_size))


def lines(widget: Widget) -> list[str]:
    """The text of a widget as it was painted last."""
    return [strip.text for strip in painted(widget)]


def undated(shown: list[str]) -> list[str]:
    """Call the right ends of the charts now, without the tick that has no room beside a time."""
    named = [re.sub(r"\d\d:\d\d:\d\d UTC( *)$", r"         now\1", line) for line in shown]
    return [re.sub(r"-\d\d s( {1,12}now *)$", r"     \1", line) for line in named]


def chart(desk: Desk, name: str) -> list[str]:
    """The lines of one of the charts, whose right end is now."""
    return undated(lines(desk.screen.query_one(f"#{name}-chart")))


def screen(pilot: Pilot[None]) -> list[str]:
    """The text of the whole screen."""
    return screen_text(pilot.app)
