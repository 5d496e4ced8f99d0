"""The chart of one or more time series, up to now."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip

from tcctui.ui import axes, plot, time_axis
from tcctui.ui.axes import DOTS_UP, YAxis
from tcctui.ui.chart_data import ChartData, Series, bounds
from tcctui.ui.colours import rules
from tcctui.ui.crosshair import Crosshair
from tcctui.ui.legend import legend
from tcctui.ui.plain import plain
from tcctui.ui.plot import DOTS_ACROSS, Run
from tcctui.ui.signs import LIMIT_STYLES, MARK_STYLES

_SMALLEST = (20, 5)
"""Width and height in cells below which a plot would say less than its first line does."""
_AXIS_LINE_FROM = 8
"""Height in cells from which the x axis gets a line, besides its labels."""
_FOOT_FROM = 7
"""Height in cells from which there is room for the strip of limits, or the note."""
_GUTTER = (4, 12)
"""Least and most width of the y axis' labels; at 4 the plot does not move between 90 and 100."""
_FINE_UP_TO = 100
"""Width in cells up to which a plot has a column of time for every dot; wider ones have one for
every cell, so that drawing noise in a wide window takes no longer than a key press may."""

_CURVES = (
    *("cwnd", "ssthresh", "in-flight", "srtt"),
    *("acked", "delivery", "pacing", "bbr-bw", "cwnd-bytes", "snd-wnd"),
)
"""Styles of curves."""
_DOTTED = {"ssthresh", "pacing", "bbr-bw", "cwnd-bytes", "snd-wnd"}
"""Styles of limits: dotted lines, so that they are told from values where there are no colours."""
_STYLES = (*_CURVES, *LIMIT_STYLES, *MARK_STYLES)
_LINE = "⠒⠒"
_THIN = str.maketrans("⠉⠒⠤⣀", "⠁⠂⠄⡀")


class TimeChart(Crosshair):
    """Draws `data`, or `message` where there is nothing to draw.

    The first line names the series and their current values; below are the curves in braille dots,
    the axis of time with its marks, and a strip of limits or a note.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "time-chart--title",
        "time-chart--label",
        "time-chart--axis",
        "time-chart--crosshair",
        *(f"time-chart--{style}" for style in _STYLES),
    }
    DEFAULT_CSS = """
    TimeChart {
        width: 1fr;
        height: 1fr;

        & > .time-chart--title { text-style: bold; }
        & > .time-chart--label { color: $text-muted; }
        & > .time-chart--axis { color: $text-disabled; }
        & > .time-chart--crosshair { color: $foreground; background: $panel-lighten-2; }
        &:ansi > .time-chart--crosshair { text-style: reverse; }

        &:nocolor > .time-chart--cwnd { text-style: bold; }
        &:nocolor > .time-chart--in-flight { text-style: dim; }
    }
    """ + rules("TimeChart", "time-chart", _STYLES)
    ALLOW_SELECT = False

    data: reactive[ChartData | None] = reactive(None)
    y_from_zero: reactive[bool] = reactive(True)
    """Whether the y axis begins at 0; if not, it fits the curves."""
    message: reactive[str] = reactive("")
    """Shown when there is nothing to draw, such as "no flow selected"."""

    def __init__(
        self,
        title: str,
        unit: str,
        format_y: Callable[[float], str],
        tell: Callable[[float], str] | None = None,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """Make a chart; `unit` is shown after the values that `tell` makes of finite floats.

        `format_y`, which is `tell` unless told otherwise, makes the labels of the axis.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._title = plain(title)
        self._unit = plain(unit)
        self._format_y, self._tell = format_y, tell or format_y
        self._gutter = _GUTTER[0]
        self._plot_rows = 0
        self._strips: list[Strip] | None = None
        self._strips_size = self.size
        self._plot: list[list[Run]] = []
        self._plot_key: object = None

    def show_as(
        self, title: str, unit: str, format_y: Callable[[float], str], tell: Callable[[float], str]
    ) -> None:
        """Let `data` be of another quantity; the parameters are those that a chart is made with."""
        self._title, self._unit, self._format_y = plain(title), plain(unit), format_y
        self._tell = tell
        self._strips = None
        self.refresh()

    @property
    def columns(self) -> int:
        """How many columns of time there is room for now: what to ask the history for, at least 1.

        Any other number can be drawn too: fewer are joined by straight lines, and several that fall
        on one dot show the extremes of all.
        """
        width = self.size.width - self._gutter - 1
        return max(1, DOTS_ACROSS * width if width <= _FINE_UP_TO else width)

    @property
    def plot_area(self) -> tuple[int, int]:
        """First column of the widget that belongs to the plot, and how many do; none without it."""
        left = self._gutter + 1
        return left, max(0, self.size.width - left) if self._plot_rows else 0

    def render_line(self, y: int) -> Strip:
        """Return line `y` of the widget, after drawing all lines if anything has changed."""
        if self._strips is None or self._strips_size != self.size:
            self._strips_size = self.size
            width, height = self.size
            self._strips = [
                Strip(line).adjust_cell_length(width, self.rich_style)
                for line in self._lines(width, height)
            ]
        if 0 < y <= self._plot_rows:
            return self.crossed(self._strips[y])
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """Take the theme's new colours; the plot itself stays."""
        self._strips = None
        super().notify_style_update()

    def watch_data(self) -> None:
        """Draw the new data at the next repaint."""
        self._strips = None

    def watch_y_from_zero(self) -> None:
        """Draw with the other y axis at the next repaint."""
        self._strips = None

    def watch_message(self) -> None:
        """Show the new message at the next repaint."""
        self._strips = None

    def _lines(self, width: int, height: int) -> list[list[Segment]]:
        """Return the segments of the lines from the top; missing lines and ends are blank."""
        data = self.data
        self._plot_rows = 0
        reach = bounds(data.series) if data is not None else None
        if data is None or reach is None:
            return self._message_lines(width, height)
        if width < _SMALLEST[0] or height < _SMALLEST[1]:
            return [self._header(data.series, width)]
        foot = self._has_foot(data, height)
        below = 2 if height - foot >= _AXIS_LINE_FROM else 1
        self._plot_rows = rows = height - 1 - below - foot
        axis = axes.y_axis(*reach, rows, self._format, from_zero=self.y_from_zero)
        widest = max(cell_len(tick.label) for tick in axis.ticks)
        self._gutter = min(max(widest, _GUTTER[0]), _GUTTER[1], width // 3)
        columns = width - self._gutter - 1
        return [
            self._header(data.series, width),
            *self._plot_lines(data.series, axis, columns, rows),
            *self._x_axis_lines(data, columns)[-below:],
            *([self._foot(data, columns)] if foot else []),
        ]

    @staticmethod
    def _has_foot(data: ChartData, height: int) -> bool:
        return height >= _FOOT_FROM and (data.limits is not None or data.note is not None)

    def _message_lines(self, width: int, height: int) -> list[list[Segment]]:
        message = _crop(plain(self.message), width)
        left = " " * ((width - cell_len(message)) // 2)
        lines: list[list[Segment]] = [[] for _ in range(height)]
        if height > 2:
            lines[0] = [Segment(_crop(self._title, width), self._style("title"))]
        if height:
            lines[height // 2] = [Segment(left + message, self._style("label"))]
        return lines

    def _header(self, series: Sequence[Series], width: int) -> list[Segment]:
        """Return the title, the series with their current values, and the unit, as far as fits."""
        title, unit = (self._title, self._style("title")), (self._unit, self._style("label"))
        told = []
        for one in series:
            line = _LINE.translate(_THIN) if one.style in _DOTTED else _LINE
            told.append((line, plain(one.name), self._now(one), self._style(one.style)))
        return [Segment(text, style) for text, style in legend(title, told, unit, width)]

    def _plot_lines(
        self, series: Sequence[Series], axis: YAxis, columns: int, rows: int
    ) -> Iterator[list[Segment]]:
        """Yield the lines of the y axis and of the curves, `columns` and `rows` cells large."""
        size = (DOTS_ACROSS * columns, DOTS_UP * rows)
        paths = [
            plot.trace(one.low, one.high, one.last, axis.bottom, axis.top, *size) for one in series
        ]
        key = (columns, rows, [path.key() for path in paths])
        if key != self._plot_key:
            self._plot, self._plot_key = plot.draw(paths, columns, rows), key
        axis_style, label_style = self._style("axis"), self._style("label")
        styles = {number: self._style(one.style) for number, one in enumerate(series)}
        dotted = {number for number, one in enumerate(series) if one.style in _DOTTED}
        labels = {tick.cell: tick.label for tick in axis.ticks}
        for row, runs in enumerate(self._plot):
            label = _crop(labels.get(rows - 1 - row, ""), self._gutter)
            yield [
                Segment(" " * (self._gutter - cell_len(label)) + label, label_style),
                Segment("┤" if label else "│", axis_style),
                *(
                    Segment(text, self.rich_style)
                    if number is None
                    else Segment(
                        text.translate(_THIN) if number in dotted else text, styles[number]
                    )
                    for text, number in runs
                ),
            ]

    def _x_axis_lines(self, data: ChartData, columns: int) -> list[list[Segment]]:
        """Return the line of the x axis and the line of its labels."""
        ticks = axes.x_ticks(data.seconds, columns, data.now)
        labels, room = "", self._gutter + 1 + columns
        for tick in reversed(ticks):
            # Centred below the tick, but neither beyond the plot's right end nor into a neighbour.
            start = self._gutter + 1 + tick.cell - len(tick.label) // 2
            start = min(start, room - len(tick.label)) if not labels else start
            if start >= 0 and (not labels or start + len(tick.label) < room):
                labels = tick.label + " " * (room - start - len(tick.label)) + labels
                room = start
        labels = " " * room + labels
        line = time_axis.axis(ticks, data.marks, data.columns, columns)
        return [
            [
                Segment(" " * self._gutter + "└", self._style("axis")),
                *(Segment(text, self._style(style or "axis")) for text, style in line),
            ],
            [Segment(labels, self._style("label"))],
        ]

    def _foot(self, data: ChartData, columns: int) -> list[Segment]:
        """Return the strip of limits, below the curves, or as much of the note as fits."""
        if data.limits is not None:
            gutter = (" " * (self._gutter + 1), "")
            runs = [gutter, *time_axis.strip(data.limits, columns)]
        else:
            runs = time_axis.fitted(data.note or (), self.size.width)
        return [Segment(text, self._style(style)) for text, style in runs]

    def _now(self, series: Series) -> str:
        """Return the series' present value as text."""
        now = series.now
        if now is None:
            seen = series.last[~np.isnan(series.last)]
            if not seen.size:
                return "–"
            now = float(seen[-1])
        return plain(self._tell(now)) if math.isfinite(now) else "∞"

    def _format(self, value: float) -> str:
        return plain(self._format_y(value))

    def _style(self, component: str) -> Style:
        if not component:
            return self.rich_style
        return self.get_component_rich_style(f"time-chart--{component}", default=self.rich_style)


def _crop(text: str, width: int) -> str:
    """Return text of at most `width` cells, with an ellipsis where something is missing."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""
