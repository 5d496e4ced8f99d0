"""A screen on which nothing changes is not painted again: over ssh that is what costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.events import Key, Resize
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.app.terminal_driver import TerminalDriver
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.dashboard.help import Help
from tcctui.ui.details.details import Details
from tcctui.ui.status.status_bar import StatusBar
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.fake_source import FakeSource, many, server
from tests.ui.rest import would_wait
from tests.ui.sampled import sampled_server, without_events
from tests.ui.screen import Clock, Desk, dashboard


def counted(
    monkeypatch: pytest.MonkeyPatch, kind: type[Widget], method: str, counts: Counter[str]
) -> None:
    """Count the calls of a method of a widget."""
    original: Callable[..., Any] = getattr(kind, method)

    def call(self: Widget, *args: Any) -> Any:
        counts[f"{kind.__name__}.{method}"] += 1
        return original(self, *args)

    monkeypatch.setattr(kind, method, call)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Lines painted, by widget."""
    counts: Counter[str] = Counter()
    for kind in (FlowTable, TimeChart, StatusBar, Details):
        counted(monkeypatch, kind, "render_line", counts)
    return counts


async def painted(desk: Desk, counts: Counter[str]) -> dict[str, int]:
    """Show several frames, twice over; gives the lines painted meanwhile.

    The first time is for what is still to be painted of the beginning.
    """
    for _ in range(2):
        await desk.idle()
        counts.clear()
        for _ in range(4):
            await desk.framed()
    return {name: count for name, count in counts.items() if name.endswith("render_line")}


def noted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note which lines of the table are painted from now on."""
    rows: list[int] = []
    render = FlowTable.render_line

    def note(table: FlowTable, y: int) -> Strip:
        rows.append(y)
        return render(table, y)

    monkeypatch.setattr(FlowTable, "render_line", note)
    return rows


@pytest.mark.parametrize("make", [server, sampled_server, without_events])
@pytest.mark.parametrize("paused", [False, True])
async def test_nothing_is_painted_where_nothing_changes(
    clock: Clock, counts: Counter[str], make: Callable[[], FakeSource], paused: bool
) -> None:
    """With a silent source and a clock that stands still no line of any part is painted again."""
    async with dashboard(make(), clock) as desk:
        if paused:
            await desk.travel("p")
        assert await painted(desk, counts) == {}


async def test_an_empty_screen_is_not_painted_again(clock: Clock, counts: Counter[str]) -> None:
    """The same goes for a table and charts that have only a sentence to show."""
    async with dashboard(FakeSource(), clock) as desk:
        assert await painted(desk, counts) == {}


async def test_the_cursor_paints_the_rows_it_leaves_and_enters(
    clock: Clock, counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cursor key paints two lines of the table; where it scrolls, all of them."""
    async with dashboard(many(100), clock, (80, 24)) as desk:
        await painted(desk, counts)
        await desk.press("down", "up")  # from now on the header says that the order is held
        rows = noted(monkeypatch)
        await desk.press("down")
        assert set(rows) == {1, 2}  # to look at the screen draws those that nobody has drawn yet
        assert desk.selected == 2
        rows.clear()
        await desk.press("pagedown")
        assert set(rows) == set(range(desk.table.size.height))
        assert desk.selected == desk.order[-1]


async def test_a_change_in_one_row_paints_that_row(
    clock: Clock, counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one flow of twelve changes, one line of the table is painted, not all."""
    async with dashboard(server(), clock, (80, 24)) as desk:  # no column of ages at this width
        for flow in desk.source.flows.values():
            flow.rate = 0
        await desk.run(2)
        await painted(desk, counts)
        rows = noted(monkeypatch)
        desk.source.flows[4].cwnd, desk.source.flows[4].rate = (99, 99), 1e-3
        desk.source.run(0.25)
        await desk.until(lambda: "99" in desk.column("cwnd"))
        assert set(rows) == {1 + desk.order.index(4)}


async def test_a_size_that_comes_back_at_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a terminal has lost while it was small for a moment is painted again, all of it."""
    counts: Counter[str] = Counter()
    async with dashboard(server(), clock, (160, 50)) as desk:
        full = Compositor.render_full_update

        def counted_full(self: Compositor, *args: Any, **options: Any) -> Any:
            counts["full"] += 1
            return full(self, *args, **options)

        monkeypatch.setattr(Compositor, "render_full_update", counted_full)
        for size in (Size(60, 10), Size(160, 50)):
            desk.pilot.app.post_message(Resize(size, size))
        await desk.idle()
        assert counts["full"]
        assert desk.screen.size == (160, 50)


@pytest.mark.parametrize("before", [(), ("question_mark",), ("slash",)])
async def test_ctrl_l_paints_all(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, before: tuple[str, ...]
) -> None:
    """Wherever the focus is, and although nothing has changed: another program has painted, too."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.press(*before)
        await desk.idle()
        updates: list[Any] = []
        original = Compositor.render_update

        def update(compositor: Compositor, *args: Any, **options: Any) -> Any:
            updates.append(original(compositor, *args, **options))
            return updates[-1]

        monkeypatch.setattr(Compositor, "render_update", update)
        await desk.press("ctrl+l")
        (painted,) = [one for one in updates if one is not None]
        console = desk.pilot.app.console
        segments = console.render(painted)
        text = "".join(segment.text for segment in segments if not segment.control)
        assert len(text.replace("\n", "")) == 80 * 24


async def test_a_dialog_that_opens_while_the_terminal_takes_a_frame_is_painted(
    clock: Clock,
) -> None:
    """It is painted as soon as the terminal has taken that, and not with a later frame."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        app = desk.pilot.app
        driver = object.__new__(TerminalDriver)
        vars(driver).update(_owner=app, _held=None, _frame=[], _missed=False)
        driver._hold()
        app.post_message(Key("question_mark", "?"))
        await would_wait()
        assert isinstance(app.screen, Help)
        paints = app.screen._update_timer
        assert app.screen._repaint_required
        assert not paints._active.is_set()
        driver._go_on()
        await would_wait()
        assert paints._active.is_set()
