"""The chart of one or more time series, up to now, with a crosshair over it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.chart import axes, plot, time_axis
from tcctui.ui.chart.axes import Tick, YAxis
from tcctui.ui.chart.axis_lines import AxisLines, axis_lines
from tcctui.ui.chart.chart_data import ChartData, Quantity, Series, bounds
from tcctui.ui.chart.legend import CURVES, FLOWS, Piece, cropped, legend, lined, sample
from tcctui.ui.chart.plot import DOTS_ACROSS, cell_of, share
from tcctui.ui.style.changed_lines import refresh_changed
from tcctui.ui.style.colours import rules
from tcctui.ui.style.kept_lines import KeptLines
from tcctui.ui.style.legible import plain
from tcctui.ui.style.signs import LIMIT_STYLES, MARK_STYLES

_SMALLEST = (20, 5)
"""Smallest useful width and height of a plot, in cells."""
_AXIS_LINE_FROM = 8
"""Height in cells from which the x axis gets a line, besides its labels."""
_FOOT_FROM = 7
"""Height in cells from which there is room for the strip of limits, or the note."""
_GUTTER = (4, 12)
"""Least and most width of the y axis' labels; at 4 the plot does not move between 90 and 100."""
_FINE_UP_TO = 100
"""Width in cells up to which a plot has a column of time for every dot; wider ones have one for
every cell, so that drawing noise in a wide window takes no longer than a key press may."""

_AHEAD = "ahead"
"""Style of a curve into the future."""

_STYLES = (*CURVES, *FLOWS, *LIMIT_STYLES, *MARK_STYLES)


class TimeChart(KeptLines, Widget):
    """Draws `data`, or `message` if there is nothing to draw.

    The first line names the series and their current values; below are the curves in braille dots,
    the time axis with its marks, and a strip of limits or a note.
    """

    STYLES = "time-chart"
    DEFAULT_CSS = """
    TimeChart {
        width: 1fr;
        height: 1fr;

        & > .time-chart--title { text-style: bold; }
        & > .time-chart--label { color: $text-muted; }
        & > .time-chart--axis { color: $text-disabled; }
        & > .time-chart--crosshair { color: $foreground; background: $panel-lighten-2; }
        &:ansi > .time-chart--crosshair { text-style: reverse; }

        &:nocolor > .time-chart--cwnd, &:nocolor > .time-chart--delivery { text-style: bold; }
        &:nocolor > .time-chart--in-flight, &:nocolor > .time-chart--acked { text-style: dim; }
    }
    """ + rules("TimeChart", "time-chart", _STYLES)
    ALLOW_SELECT = False

    data: reactive[ChartData | None] = reactive(None, repaint=False)
    y_from_zero: reactive[bool] = reactive(True, repaint=False)
    """True if the y axis begins at 0; otherwise it fits the curves."""
    message: reactive[str] = reactive("", repaint=False)
    """Shown when there is nothing to draw, such as "no flow selected"."""

    crosshair: reactive[float | None] = reactive(None, init=False, repaint=False)
    """Distance of a vertical line from the plot's right edge, as a part of its width."""

    @dataclass
    class Pointed(Message):
        """The mouse is over a column of the plot, or has left it (None)."""

        share: float | None

    def __init__(self, quantity: Quantity, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.painted = False
        """True once it is on the screen; who waits for that resets it."""
        self._quantity = quantity
        self._gutter = _GUTTER[0]
        self._plot_rows = 0
        self._ahead = 0
        self._asked_axis: tuple[object, ...] = ()
        self._axis = YAxis(0.0, 1.0, ())
        self._lines: list[list[Piece]] = []
        self._lines_size: tuple[int, int] | None = None  # None where they are to be made anew

    def show_as(self, quantity: Quantity) -> None:
        """Switch `data` to another quantity."""
        if quantity != self._quantity:
            self._quantity = quantity
            self._lines_size = None
            self.refresh()

    @property
    def columns(self) -> int:
        """Number of columns of time that fit now, at least 1: the resolution of a request.

        Any other number can be drawn too: fewer are joined by straight lines, and several that
        share a dot show the extremes of all.
        """
        width = self.size.width - self._gutter - 1
        return max(1, DOTS_ACROSS * width if width <= _FINE_UP_TO else width)

    @property
    def plot_area(self) -> tuple[int, int]:
        """First column of the plot in the widget, and its width up to now; 0 without it."""
        left = self._gutter + 1
        return left, max(0, self.size.width - left - self._ahead) if self._plot_rows else 0

    def render_line(self, y: int) -> Strip:
        """Return line `y` of the widget, after making all lines if anything has changed."""
        self.painted = True
        lines = self._made(self.drawn_size)
        if y >= len(lines):
            return Strip.blank(self.drawn_size.width, self.styles_of())
        styles = self.styles_of
        segments = [Segment(text, styles[style]) for text, style in lines[y]]
        width = self.drawn_size.width
        if 0 < y <= self._plot_rows:
            return self.crossed(Strip(segments, width))
        return Strip(segments).adjust_cell_length(width, styles())

    def _made(self, size: Size) -> list[list[Piece]]:
        """All lines of a chart so large, made anew if anything has changed."""
        if self._lines_size != size:
            self._lines_size = size
            self._lines = self._lines_of(*size)
        return self._lines

    def _draw_anew(self) -> None:
        """Repaint the changed lines only."""
        before, before_size = self._lines, self._lines_size
        self._lines_size, size = None, self.size
        if before_size != size or not self.is_on_screen:
            self.refresh()
            return
        refresh_changed(self, before, self._made(size))

    watch_data = watch_y_from_zero = watch_message = _draw_anew

    # The crosshair

    def crossed(self, strip: Strip) -> Strip:
        """Draw the line over a line of the plot; curves stay visible."""
        at = self._column(self.crosshair)
        if at is None:
            return strip
        (under, *_) = [*strip.crop(at, at + 1), Segment(" ")]
        style = self.styles_of("crosshair")
        if under.text.strip(" \u2800"):
            cell = Segment(under.text, (under.style or self.styles_of()) + style.background_style)
        else:
            cell = Segment("│", style)
        return Strip.join([strip.crop(0, at), Strip([cell]), strip.crop(at + 1)])

    def _column(self, part: float | None) -> int | None:
        left, cells = self.plot_area
        return None if part is None or not cells else left + cell_of(part, cells)

    def watch_crosshair(self, before: float | None, after: float | None) -> None:
        """Repaint the columns that it leaves and enters."""
        x, y = self.gutter.left, self.gutter.top
        columns = {self._column(before), self._column(after)} - {None}
        regions = [Region(x + at, y, 1, self.size.height) for at in columns if at is not None]
        if regions:
            self.refresh(*regions)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        left, cells = self.plot_area
        at = event.get_content_offset(self)
        if cells and at is not None and left <= at.x < left + cells:
            self.post_message(self.Pointed(share(at.x - left, cells)))

    def on_leave(self) -> None:
        """Leave with the mouse."""
        self.post_message(self.Pointed(None))

    # The lines

    def _lines_of(self, width: int, height: int) -> list[list[Piece]]:
        """Make the lines from the top; missing lines and ends are blank."""
        data = self.data
        self._plot_rows = self._ahead = 0
        shown = () if data is None else data.series
        if data is not None and data.ahead is not None and data.ahead.curve.present is not None:
            shown = (*shown, data.ahead.curve)
        reach = bounds(shown) if data is not None and bounds(data.series) else None
        if data is None or reach is None:
            return self._message_lines(width, height)
        if width < _SMALLEST[0] or height < _SMALLEST[1]:
            return [self._header(shown, width)]
        foot = (data.limits is not None or data.note is not None) and height >= _FOOT_FROM
        below = 2 if height - foot >= _AXIS_LINE_FROM else 1
        self._plot_rows = rows = height - 1 - below - foot
        axis = self._y_axis(reach, rows)
        widest = max(cell_len(tick.label) for tick in axis.ticks)
        self._gutter = min(max(widest, _GUTTER[0]), _GUTTER[1], width // 3)
        columns = width - self._gutter - 1
        y_ticks = tuple(Tick(tick.cell, cropped(tick.label, self._gutter)) for tick in axis.ticks)
        if data.ahead is not None:
            self._ahead = round(columns * data.ahead.seconds / (data.seconds + data.ahead.seconds))
        past = columns - self._ahead
        if data.elapsed:
            x_ticks = axes.elapsed_ticks(data.seconds, columns)
        else:
            x_ticks = axes.x_ticks(data.seconds, past, data.now)
        if data.ahead is not None:
            x_ticks = (*x_ticks, axes.ahead_tick(data.ahead.seconds, columns))
        labelled = axes.with_room(x_ticks, columns)
        drawn = axis_lines(columns, rows, self._gutter, y_ticks, labelled)
        marked = time_axis.axis(
            [tick for tick in x_ticks if tick.cell < past], data.marks, data.columns, past
        )
        if self._ahead:
            marked.append(("─" * (self._ahead - 1) + "┬", ""))
        x_axis = [
            [
                (drawn.axis[: self._gutter + 1], "axis"),
                *((text, style or "axis") for text, style in marked),
            ],
            [(drawn.labels, "label")],
        ]
        plotted = self._plot_lines(data, axis, drawn, past)
        if data.strokes is not None:
            from tcctui.ui.chart import strokes  # noqa: PLC0415 - few charts have some

            reach = axis.bottom, axis.top
            over = strokes.lines(data.strokes, reach, data.columns, past, rows)
            plotted = map(strokes.over, plotted, over)
        return [
            self._header(shown, width),
            *plotted,
            *x_axis[-below:],
            *([self._foot(data, past)] if foot else []),
        ]

    def _y_axis(self, reach: tuple[float, float], rows: int) -> YAxis:
        """Find the axis of curves that reach so far: the one before, if they reached as far."""
        asked = (reach, rows, self.y_from_zero, self._quantity)
        if asked != self._asked_axis:
            self._asked_axis = asked
            self._axis = axes.y_axis(*reach, rows, self._format, from_zero=self.y_from_zero)
        return self._axis

    def _message_lines(self, width: int, height: int) -> list[list[Piece]]:
        message = cropped(plain(self.message), width)
        left = " " * ((width - cell_len(message)) // 2)
        lines: list[list[Piece]] = [[] for _ in range(height)]
        if height > 2:
            lines[0] = [(cropped(plain(self._quantity.title), width), "title")]
        if height:
            lines[height // 2] = [(left + message, "label")]
        return lines

    def _header(self, series: Sequence[Series], width: int) -> list[Piece]:
        """Return the title, the series with their current values, and the unit, as far as fits."""
        title, unit = plain(self._quantity.title), plain(self._quantity.unit)
        told = [(sample(one.style), plain(one.name), self._now(one), one.style) for one in series]
        return legend((title, "title"), told, (unit, "label"), width)

    def _plot_lines(
        self, data: ChartData, axis: YAxis, drawn: AxisLines, columns: int
    ) -> Iterator[list[Piece]]:
        """Yield the lines of the y axis and of the curves, `columns` cells wide, and what is ahead.

        It is `_ahead` cells wide.
        """
        series = data.series
        rows = len(drawn.beside)
        curves = [(one.low, one.high, one.last) for one in series]
        flows = all(one.style in FLOWS for one in series)
        reach = axis.bottom, axis.top
        lines = plot.draw(curves, *reach, columns, rows, alternate=flows)
        ahead: list[list[plot.Run]] = [[] for _ in range(rows)]
        if data.ahead is not None and self._ahead:
            last = np.where(np.isnan(data.ahead.curve.last), np.inf, data.ahead.curve.last)
            ahead = plot.draw([(last, last, last)], *reach, self._ahead, rows)
        for beside, runs, coming in zip(drawn.beside, lines, ahead, strict=True):
            pieces = [(beside[:-1], "label"), (beside[-1], "axis")]
            at = 0
            for text, number in runs:
                style = "" if number is None else series[number].style
                pieces.append((lined(text, style, at), style))
                at += len(text)
            for text, number in coming:
                style = "" if number is None else _AHEAD
                pieces.append((lined(text, style, at), style))
                at += len(text)
            yield pieces

    def _foot(self, data: ChartData, columns: int) -> list[Piece]:
        """Return the strip of limits, below the curves, or as much of the note as fits."""
        if data.limits is None:
            return time_axis.fitted(data.note or (), self.size.width)
        return [(" " * (self._gutter + 1), ""), *time_axis.strip(data.limits, columns)]

    def _now(self, series: Series) -> str:
        """Return the series' present value as text."""
        now = series.present
        if now is None:
            return "–"
        return plain(self._quantity.told(now)) if math.isfinite(now) else "∞"

    def _format(self, value: float) -> str:
        return plain(self._quantity.form(value))
