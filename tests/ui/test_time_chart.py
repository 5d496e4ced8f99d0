"""The chart: what is drawn of a series, and how it looks at all sizes and in all colours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.app import App, ComposeResult

from tcctui.ui.chart import axes, plot
from tcctui.ui.chart.chart_data import ChartData, Quantity, Series
from tcctui.ui.chart.time_chart import TimeChart
from tests.ui.rest import at_rest, resized

NAN = np.nan
BRAILLE_BITS = ((0, 3), (0, 2), (0, 1), (1, 3), (1, 2), (1, 1), (0, 0), (1, 0))
"""Column, and row from the bottom, of the dot of each bit of a braille character, from bit 0."""


class ChartApp(App[None]):
    """Nothing but a chart."""

    def __init__(self, title: str = "window", unit: str = "segments") -> None:
        super().__init__()
        self.chart = TimeChart(Quantity(title, unit, lambda value: f"{value:.0f}"))

    def compose(self) -> ComposeResult:
        yield self.chart


def series(
    values: npt.ArrayLike,
    style: str = "cwnd",
    low: npt.ArrayLike | None = None,
    high: npt.ArrayLike | None = None,
) -> Series:
    """Return a series named after its style, with no extent in its columns unless it is given."""
    last = np.asarray(values, np.float64)
    return Series(
        style.replace("-", " "),
        last if low is None else np.asarray(low, np.float64),
        last if high is None else np.asarray(high, np.float64),
        last,
        style,
    )


def sawtooth(columns: int) -> ChartData:
    """Return three series that look like congestion control."""
    cwnd = 30.0 + np.arange(columns) % 40
    return ChartData(
        60.0,
        (
            series(cwnd, low=cwnd - 2, high=cwnd + 2),
            series(np.full(columns, 29.0), "ssthresh"),
            series(cwnd / 2, "in-flight"),
        ),
    )


def text(chart: TimeChart) -> list[str]:
    """Return the chart's lines as text, all as wide as the chart."""
    lines = [chart.render_line(y) for y in range(chart.size.height)]
    assert {line.cell_length for line in lines} <= {chart.size.width}
    return [line.text for line in lines]


Data = ChartData | Callable[[int], ChartData]
"""What a chart shows; or what makes it of the number of columns of time that the chart wants."""


@asynccontextmanager
async def charted(
    data: Data | None = None, size: tuple[int, int] = (80, 20), **told: str
) -> AsyncIterator[ChartApp]:
    """Run a chart of this data; `told` is its title and unit."""
    app = ChartApp(**told)
    async with app.run_test(size=size):
        app.chart.data = data(app.chart.columns) if callable(data) else data
        await at_rest(app)
        yield app


async def drawn(data: Data, size: tuple[int, int] = (80, 20), **told: str) -> list[str]:
    """The lines that a chart of this data draws."""
    async with charted(data, size, **told) as app:
        return text(app.chart)


def dots(lines: list[str]) -> set[tuple[int, int]]:
    """Return the braille dots of a picture, as column from the left and row from the bottom."""
    return {
        (2 * x + across, 4 * y + up)
        for y, line in enumerate(reversed(lines))
        for x, character in enumerate(line)
        if 0x2800 < ord(character) < 0x2900
        for bit, (across, up) in enumerate(BRAILLE_BITS)
        if ord(character) >> bit & 1
    }


def curve(lines: list[str]) -> dict[int, set[int]]:
    """Return the rows of the dots in every column of dots, without the legend."""
    columns: dict[int, set[int]] = {}
    for x, y in dots(lines[1:]):
        columns.setdefault(x, set()).add(y)
    return columns


def styles_of(chart: TimeChart, needle: str) -> list[Style]:
    """Return the styles of the segments with this text."""
    return [
        segment.style or Style()
        for y in range(chart.size.height)
        for segment in chart.render_line(y)
        if needle in segment.text
    ]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return a list that gets the size of every plot that is drawn."""
    sizes = []
    draw = plot.draw

    def counting(*given: Any, alternate: bool) -> list[list[plot.Run]]:
        *_, width, height = given
        sizes.append((width, height))
        return draw(*given, alternate=alternate)

    monkeypatch.setattr(plot, "draw", counting)
    return sizes


async def test_dip_within_one_column_is_drawn() -> None:
    """A fall to 5 that is over before its column ends reaches down to the row of 5."""

    def dip(columns: int) -> ChartData:
        flat = np.full(columns, 40.0)
        low = flat.copy()
        low[50] = 5.0
        return ChartData(60.0, (series(flat, low=low),))

    without = curve(await drawn(lambda columns: ChartData(60.0, (series([40.0] * columns),))))
    with_dip = curve(await drawn(dip))
    at = min(without) + 50
    assert max(map(len, without.values())) == 1
    assert len(with_dip[at]) > 40
    assert {x: rows for x, rows in with_dip.items() if abs(x - at) > 1} == {
        x: rows for x, rows in without.items() if abs(x - at) > 1
    }


async def test_value_is_held_over_gaps_and_up_to_now() -> None:
    """Before a sample there is nothing, after it a level line to the next one or the right edge."""

    def sampled(columns: int) -> ChartData:
        values = np.full(columns, NAN)
        values[[30, 100]] = 10.0, 20.0
        return ChartData(60.0, (series(values),))

    async with charted(sampled) as app:
        rows, columns = curve(text(app.chart)), app.chart.columns
    right = 2 * 80 - 1
    assert sorted(rows) == list(range(right - columns + 1 + 30, right + 1))
    assert sum(len(each) > 1 for each in rows.values()) <= 2  # a step, not a slope
    assert len({frozenset(each) for each in rows.values() if len(each) == 1}) == 2


async def test_infinity_is_off_the_chart() -> None:
    """An ssthresh that was never set is ∞ in the legend, no line, and does not scale the axis."""
    flat = np.full(150, 10.0)
    shown = await drawn(ChartData(60.0, (series(flat), series(flat + np.inf, "ssthresh"))))
    assert "ssthresh ∞" in shown[0]
    assert all(len(rows) == 1 for rows in curve(shown).values())


columns_of_three = st.lists(
    st.lists(st.integers(0, 100), min_size=3, max_size=3) | st.none(), min_size=1, max_size=90
)


@given(columns_of_three, st.integers(5, 30))
@settings(max_examples=150, deadline=None)
def test_picture_has_every_extreme_and_nothing_else(
    columns: list[list[int] | None], width: int
) -> None:
    """Any data is one line up to now, with all its extremes, and no dot beyond its neighbours'."""
    height = 6
    values = np.array([sorted(column) if column else [NAN] * 3 for column in columns], np.float64)
    low, last, high = values.T
    runs = plot.draw([(low, high, last)], 0.0, 100.0, width, height)
    drawn: dict[int, set[int]] = {}
    for x, y in dots(["".join(run for run, _ in line) for line in runs]):
        drawn.setdefault(x, set()).add(y)

    extents: dict[int, set[int]] = {}
    held = NAN
    n = len(columns)
    for i, value in enumerate(values):
        if not np.isnan(value[1]):
            held = value[1]
        rows = np.rint((held if np.isnan(value[1]) else value) * 23 / 100)
        if not np.isnan(held):
            x = i * 2 * width // n if n > 2 * width else (2 * i + 1) * 2 * width // (2 * n)
            extents.setdefault(x, set()).update(np.atleast_1d(rows).astype(int).tolist())
    assert all(rows <= drawn[x] for x, rows in extents.items())
    assert sorted(drawn) == list(range(min(extents, default=2 * width), 2 * width))
    for x in sorted(drawn)[1:]:
        assert min(abs(a - b) for a in drawn[x - 1] for b in drawn[x]) <= 1
    for x, rows in drawn.items():
        before = max((other for other in extents if other < x), default=x)
        after = min((other for other in extents if other > x), default=before)
        near = set[int]().union(*(extents.get(other, set()) for other in (before, x, after)))
        assert min(near) <= min(rows)
        assert max(rows) <= max(near)


async def test_first_series_is_on_top() -> None:
    """Where two series share a cell, it has the colour of the first."""
    flat = np.full(150, 10.0)
    async with charted(ChartData(60.0, (series(flat), series(flat, "in-flight")))) as app:
        (cwnd,) = styles_of(app.chart, "cwnd")
        (in_flight,) = styles_of(app.chart, "in flight")
        curves = [style for style in styles_of(app.chart, "⠤⠤⠤") if style.color]
    assert cwnd.color != in_flight.color
    assert [style.color for style in curves] == [cwnd.color]


@pytest.mark.parametrize("columns", [1, 7, 150, 5000])
async def test_any_size_and_any_number_of_columns(columns: int) -> None:
    """From 1×1 to 250×60 every line is as wide as the chart, however many columns are drawn."""
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.message = "no flow selected"
        for size in [(250, 60), (200, 50), (30, 5), (24, 3), (20, 5), (9, 8), (2, 2), (1, 1)]:
            await resized(pilot, *size)
            for data in (None, ChartData(60.0, ()), sawtooth(columns)):
                app.chart.data = data
                await at_rest(app)
                assert app.chart.columns >= 1
                has_curve = bool(curve(text(app.chart)))
                has_room = size[0] >= 20 and size[1] >= 5
                assert has_curve == (has_room and data is not None and bool(data.series))


async def test_little_room_is_enough_for_a_chart_or_the_values() -> None:
    """At 30×5 there are curves, two labels on the y axis and the ends of time; at 40×3 values."""
    chart = await drawn(sawtooth, (30, 5))
    assert "cwnd" in chart[0]
    assert sum("┤" in line for line in chart) >= 2
    assert curve(chart)
    assert "-60 s" in chart[-1]
    assert chart[-1].endswith("now")
    values = await drawn(sawtooth, (40, 3))
    assert "cwnd" in values[0]
    assert "┤" not in "".join(values)


async def test_message_where_there_is_nothing_to_draw() -> None:
    """Without data, and with data that has no values, the message is in the middle."""
    async with charted(size=(60, 11)) as app:
        app.chart.message = "no flow [selected]"
        await at_rest(app)
        without = text(app.chart)
        app.chart.data = ChartData(60.0, (series(np.full(app.chart.columns, NAN)),))
        assert text(app.chart) == without
    assert without[5].strip() == "no flow [selected]"
    assert abs(without[5].index("no") - (60 - len("no flow [selected]")) // 2) <= 1
    assert without[0].startswith("window")


async def test_title_and_names_are_literal() -> None:
    """Markup is shown as it is, and an escape sequence never reaches the terminal."""
    flat = np.full(50, 10.0)
    data = ChartData(60.0, (Series("[red]\x1b]0;x\x07", flat, flat, flat, "cwnd"),))
    shown = await drawn(data, (100, 12), title="[b]cwnd[/b]", unit="\x1b[31mred")
    assert shown[0].startswith("[b]cwnd[/b]")
    assert "[red]" in shown[0]
    assert "[31mred" in shown[0]
    assert not {"\x1b", "\x07"} & set("".join(shown))


async def test_legend_has_the_current_values() -> None:
    """Each series is named with the last value it had, in its colour, and the unit comes last."""
    data = ChartData(60.0, (series([1.0, 41.0, NAN]), series([NAN, NAN, 29.0], "ssthresh")))
    async with charted(data, (100, 12)) as app:
        header = text(app.chart)[0]
        (cwnd,) = styles_of(app.chart, "cwnd 41")
        (ssthresh,) = styles_of(app.chart, "ssthresh 29")
    assert header.split() == ["window", "⠒⠒", "cwnd", "41", "⠂⠂", "ssthresh", "29", "segments"]
    assert cwnd.color != ssthresh.color


@pytest.mark.parametrize("theme", ["textual-light", "nord", "ansi-dark"])
async def test_theme_changes_the_colours_and_not_the_plot(
    theme: str, builds: list[tuple[int, int]]
) -> None:
    """Another theme gives title, axis and series other colours without drawing again."""
    async with charted(sawtooth) as app:
        before = text(app.chart)
        colours = [styles_of(app.chart, needle) for needle in ("cwnd", "in flight", "└")]
        app.theme = theme
        await at_rest(app)
        assert text(app.chart) == before
        after = [styles_of(app.chart, needle) for needle in ("cwnd", "in flight", "└")]
    assert all(old != new for old, new in zip(colours, after, strict=True))
    assert len(builds) == 1


def grey(style: Style) -> int:
    """Brightness of a style without colours."""
    assert style.color is not None
    red, green, blue = style.color.get_truecolor()
    assert red == green == blue
    return red


async def test_without_colours_series_are_still_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With NO_COLOR cwnd is bold, in flight dim, and ssthresh dotted."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with charted(sawtooth) as app:
        (cwnd,) = styles_of(app.chart, "cwnd")
        (in_flight,) = styles_of(app.chart, "in flight")
        flat = np.full(app.chart.columns, 10.0)
        app.chart.data = ChartData(60.0, (series(flat, "ssthresh"),))
        assert len(curve(text(app.chart))) == app.chart.columns // 2
    assert cwnd.bold
    assert grey(in_flight) < grey(cwnd)


async def test_unchanged_data_is_not_drawn_again(builds: list[tuple[int, int]]) -> None:
    """Curves are drawn once per look: not for a repaint, not for new data that looks the same."""
    app = ChartApp()
    async with app.run_test(size=(80, 20)) as pilot:
        data = sawtooth(app.chart.columns)
        app.chart.data = data
        await at_rest(app)
        assert len(builds) == 1
        app.chart.refresh()
        await at_rest(app)
        app.chart.data = ChartData(60.0, data.series)
        await at_rest(app)
        assert len(builds) == 1
        app.chart.data = sawtooth(app.chart.columns - 1)
        await at_rest(app)
        assert len(builds) == 2
        await resized(pilot, 60, 20)
        assert len(builds) == 3


async def test_y_axis_can_fit_the_curve() -> None:
    """From zero there is a 0 on the axis; otherwise the curve fills more of the plot."""
    async with charted(ChartData(60.0, (series(100 + np.arange(150.0) % 10),))) as app:
        from_zero = text(app.chart)
        app.chart.y_from_zero = False
        await at_rest(app)
        fitted = text(app.chart)
    assert any(line.lstrip().startswith("0┤") for line in from_zero)
    assert not any(line.lstrip().startswith("0┤") for line in fitted)
    rows = [{y for _, y in dots(lines[1:])} for lines in (from_zero, fitted)]
    assert max(rows[1]) - min(rows[1]) > 3 * (max(rows[0]) - min(rows[0]))


@pytest.mark.parametrize("from_zero", [True, False])
@pytest.mark.parametrize("height", [3, 4, 6, 9, 14, 57])
@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 0), (1, 1), (5, 5), (1, 2), (10, 63), (41, 41.2), (1e6, 1e6), (0.8e6, 1.3e6), (-5, 3)],
)
def test_y_axis_holds_the_curve_and_has_different_labels(
    low: float, high: float, height: int, from_zero: bool
) -> None:
    """Ends enclose the curve, ticks are evenly spaced, their labels differ and are true."""
    axis = axes.y_axis(low, high, height, lambda value: f"{value:.0f}", from_zero=from_zero)
    assert axis.bottom <= min(low, 0.0 if from_zero else low)
    assert axis.top >= high
    labels = [tick.label for tick in axis.ticks]
    assert len(set(labels)) == len(labels) >= 1
    assert len({b.cell - a.cell for a, b in zip(axis.ticks, axis.ticks[1:], strict=False)}) <= 1
    cell = (axis.top - axis.bottom) * 4 / (4 * height - 1)
    for tick in axis.ticks:
        value = axis.bottom + cell * (tick.cell + 0.25)
        assert abs(value - float(tick.label)) <= 1e-6 * max(1.0, abs(value))


@pytest.mark.parametrize(
    ("seconds", "width", "labels"),
    [
        (60.0, 60, ["-60 s", "-50 s", "-40 s", "-30 s", "-20 s", "-10 s", "now"]),
        (60.0, 25, ["-60 s", "-30 s", "now"]),
        (2.0, 60, ["-2.0 s", "-1.5 s", "-1.0 s", "-0.5 s", "now"]),
        (300.0, 60, ["-5 m", "-4 m", "-3 m", "-2 m", "-1 m", "now"]),
        (86400.0, 60, ["-24 h", "-18 h", "-12 h", "-6 h", "now"]),
        (0.0, 10, ["now"]),
    ],
)
def test_x_ticks_read_as_time(seconds: float, width: int, labels: list[str]) -> None:
    """Ticks are few, in the unit one would say, and end with now at the right edge."""
    ticks = axes.x_ticks(seconds, width)
    assert [tick.label for tick in ticks] == labels
    assert ticks[-1].cell == width - 1


async def test_labels_are_not_cut() -> None:
    """Wide labels make room for themselves: none is cut, and all lines end where the chart ends."""
    shown = await drawn(ChartData(60.0, (series(np.arange(100.0) * 1e6),)), (60, 14))
    labels = [line.split("┤")[0].strip() for line in shown if "┤" in line]
    assert labels
    assert all(label.isdigit() for label in labels)


def test_plotext_is_not_imported_before_it_draws() -> None:
    """Importing the chart does not pay for plotext."""
    check = "import sys, tcctui.ui.chart.time_chart; sys.exit('plotext' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_series_with_no_value_yet() -> None:
    """A series that never had a value is not there, beside one that has."""
    curves = [(values, values, values) for values in (np.full(10, NAN), np.full(10, 1.0))]
    lines = plot.draw(curves, 0.0, 1.0, 10, 3)
    assert {number for line in lines for _, number in line} == {None, 1}


def test_y_axis_of_a_label_that_says_nothing() -> None:
    """Where all values have the same label it is there once."""
    axis = axes.y_axis(3.0, 8.0, 10, lambda value: "x", from_zero=False)
    assert [tick.label for tick in axis.ticks] == ["x"]
