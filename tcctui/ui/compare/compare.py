"""Comparison of flows: legend, and charts on shared axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Static

from tcctui.flows.frame import Close, CloseRequest, Past
from tcctui.flows.snapshot import Flows
from tcctui.ui.chart import windows
from tcctui.ui.chart.chart_data import ChartData, Series
from tcctui.ui.chart.chart_kinds import CWND, SRTT
from tcctui.ui.chart.legend import FLOWS, sample
from tcctui.ui.chart.readout import cell_of, share
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.compare.aligned import aligned, by_age, by_time, value_at
from tcctui.ui.compare.subjects import COLUMNS, Kind, Subject, fitted, kinds, scaled, subjects, told
from tcctui.ui.style import units
from tcctui.ui.view import CurrentView, Look

MOST = len(FLOWS)
"""Limit on flows in a comparison."""

TWO_CHARTS_FROM = 120
"""Width in columns from which there is room for two charts."""

_FINEST = 4
"""Columns of a flow's life requested for each column of a chart by age."""

_SRTT = 1
"""Index of srtt in `kinds`: the right chart's quantity, unless the left one shows it."""


class Compare(Vertical):
    """Flows over the same time, or from the same age on.

    Visible while there are `cookies`.
    """

    cookies: reactive[tuple[int, ...]] = reactive((), init=False)
    seconds: reactive[float | None] = reactive(60.0, init=False)
    """Visible span in seconds: the last ones, or by age the first; None for the longest life."""
    by_age: reactive[bool] = reactive(False, init=False)
    """True for an axis of age: all flows begin at the left."""
    kind: reactive[int] = reactive(0, init=False)
    """Index in `kinds` of the left chart's quantity."""
    crosshair: reactive[float | None] = reactive(None, init=False)
    """Distance of the crosshair from the right edge, as a part of the plot's width."""

    def __init__(
        self,
        view: CurrentView,
        look: Look,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._view = view
        self._look = look
        self._life = math.inf
        self._drawn_seconds = 0.0
        self._close: Close | None = None
        self._shown_size = self.size
        self._subjects: Sequence[Subject] = ()
        self._shown = [CWND, SRTT]
        self._legend: Text | None = None

    def compose(self) -> ComposeResult:
        """Make the legend and two charts."""
        yield Static(id="compared", markup=False)
        with Horizontal():
            yield TimeChart(CWND.title, CWND.unit, CWND.form, CWND.tell, id="compare-left")
            yield TimeChart(SRTT.title, SRTT.unit, SRTT.form, id="compare-right")

    def on_mount(self) -> None:
        """Wait for flows."""
        self.display = False

    @property
    def seconds_needed(self) -> float | None:
        """Span of the flows' past that is drawn, up to now, in seconds; None for all."""
        return None if self.by_age else self.seconds

    def watch_cookies(self) -> None:
        """Show the new flows."""
        self.display = bool(self.cookies)
        self.crosshair, self._close = None, None
        self._look(anew=False)

    def watch_seconds(self) -> None:
        """Show more time, or less."""
        self._look(anew=False)

    def watch_by_age(self) -> None:
        """Redraw on the other axis."""
        self.crosshair, self._close = None, None
        self._look(anew=False)

    def watch_kind(self) -> None:
        """Compare by something else."""
        self._look(anew=False)

    def on_resize(self) -> None:
        """Choose one chart or two by the width."""
        self.query_one("#compare-right").display = self.size.width >= TWO_CHARTS_FROM
        if self.cookies and self.size != self._shown_size:
            self._look(anew=False)

    # Keys, the same as those of the charts

    def next_kind(self) -> None:
        """Show the next quantity."""
        self.kind = (self.kind + 1) % len(kinds())

    def next_window(self) -> None:
        """Show the next of three windows."""
        self.seconds = windows.following(self.seconds)

    def zoom(self, by: int) -> None:
        """Shorten the visible time (1), or extend it (-1)."""
        self.seconds = windows.zoomed(self.seconds, by, self._life)

    def toggle_y(self) -> None:
        """Switch the y axes between 0 and the curves' minimum."""
        for chart in self.query(TimeChart):
            chart.y_from_zero = not chart.y_from_zero

    def next_alignment(self) -> None:
        """Switch between axes of time and of age."""
        self.by_age = not self.by_age

    @on(TimeChart.Pointed)
    def _point(self, message: TimeChart.Pointed) -> None:
        message.stop()
        self.crosshair = message.share

    def move_crosshair(self, by: int) -> None:
        """Move it by a column; the first time, show it at the right edge."""
        _, cells = self.query_one("#compare-left", TimeChart).plot_area
        if cells:
            at = cells - 1 if self.crosshair is None else cell_of(self.crosshair, cells) + by
            self.crosshair = share(min(max(at, 0), cells - 1), cells)

    def hide_crosshair(self) -> bool:
        """Remove it; True if there was one."""
        there, self.crosshair = self.crosshair is not None, None
        return there

    def watch_crosshair(self) -> None:
        """Show it on both charts, with the flows' values there."""
        for chart in self.query(TimeChart):
            chart.crosshair = self.crosshair
        if self._close is not None:
            self.show(self._close)

    # Drawing

    def request(self) -> CloseRequest:
        """Ask for the flows, and their pasts."""
        return CloseRequest(
            lambda: np.array(self.cookies, "u8"), frozenset(COLUMNS), self._pasts_wanted
        )

    @property
    def _pending(self) -> bool:
        return any(self._view.pending(one.cookie) for one in self._subjects)

    def _pasts_wanted(self, flows: Flows) -> Iterator[Past]:
        """Histories of the flows that are known; the life of the oldest is the longest window."""
        self._subjects = subjects(self.cookies, flows)
        if not self._subjects or self._pending:
            return
        self._life = max(self._view.seconds_known(round(one.age * 1e9)) for one in self._subjects)
        seconds = self._life if self.seconds is None else self.seconds
        seconds = max(min(seconds, self._life) if self.by_age else seconds, 0.1)
        self._drawn_seconds = seconds
        for chart in self.query(TimeChart):
            if chart.display:
                yield from (self._past(one, chart.columns, seconds) for one in self._subjects)

    def _past(self, one: Subject, columns: int, seconds: float) -> Past:
        if not self.by_age:
            return Past(one.cookie, seconds, columns)
        whole = math.ceil(columns * max(1.0, one.age / seconds))
        return Past(one.cookie, None, min(whole, _FINEST * columns))

    def show(self, close: Close) -> None:
        """Show the flows as they are in a frame."""
        self._close, self._shown_size = close, self.size
        if not self._subjects:
            self._say("These flows have left")
            return
        if self._pending:
            self._say("Working it out …")
            return
        seconds = self._drawn_seconds
        right = _SRTT if self.kind != _SRTT else 0
        known = kinds()
        values = [
            self._show(place, name, known[kind], seconds, close)
            for place, name, kind in ((0, "#compare-left", self.kind), (1, "#compare-right", right))
        ]
        self._tell(values, seconds)

    def _say(self, message: str) -> None:
        for chart in self.query(TimeChart):
            chart.data, chart.message = None, message

    def _show(
        self, place: int, name: str, kind: Kind, seconds: float, close: Close
    ) -> Mapping[int, str]:
        """Draw one chart; gives the values under the crosshair by cookie."""
        chart = self.query_one(name, TimeChart)
        if not chart.display:
            return {}
        axis = (by_age if self.by_age else by_time)(seconds, chart.columns)
        curves = {}
        for one in self._subjects:
            past = close.pasts.get(self._past(one, axis.columns, seconds))
            if past is not None:
                now = one.age if self.by_age else 0.0
                over = one.until - one.age + now if self.by_age or one.closed else math.inf
                curves[one] = aligned(kind.past(past), past.seconds, now, axis, over)
        by, quantity = kind.scale(curves.values())
        by = by or 1.0
        if quantity != self._shown[place]:
            self._shown[place] = quantity
            chart.show_as(quantity.title, quantity.unit, quantity.form, quantity.tell)
        shown = {one: scaled(curve, by) for one, curve in curves.items()}
        series = tuple(
            Series(one.short, curve.low, curve.high, curve.last, one.style, one.now(kind, by))
            for one, curve in shown.items()
        )
        there = tuple(one for one in series if np.isfinite(one.last).any())
        chart.data = ChartData(
            seconds, there, columns=axis.columns, now=self._present(), elapsed=self.by_age
        )
        chart.message = "Nothing was measured yet"
        _, cells = chart.plot_area
        if self.crosshair is None or not cells:
            return {}
        cell = cell_of(self.crosshair, cells)
        first = cell * axis.columns // cells
        last = max(first, (cell + 1) * axis.columns // cells - 1)
        found = {one.cookie: value_at(curve, first, last) for one, curve in shown.items()}
        unit = f" {quantity.unit}" if quantity.unit else ""
        return {
            cookie: f"{quantity.title} {told(*ends, quantity.tell)}{unit}"
            for cookie, ends in found.items()
            if ends is not None
        }

    def _present(self) -> str:
        """Label of the right end of a time axis."""
        if self._view.moment is None or not self._view.wall_offset_ns:
            return "now"
        return units.wall_clock(self._view.at_ns + self._view.wall_offset_ns)

    def _tell(self, values: Sequence[Mapping[int, str]], seconds: float) -> None:
        """Update the legend: each flow with its value now or under the crosshair."""
        width = self.size.width
        legend = Text(self._heading(seconds, width))
        for one in self._subjects:
            style = self.query_one(TimeChart).get_component_rich_style(f"time-chart--{one.style}")
            there = [by[one.cookie] for by in values if one.cookie in by]
            if self.crosshair is None:
                there = one.present
            line = f" {sample(one.style):<4} {one.name(width // 2)}"
            legend.append(f"\n{line}", style)
            legend.append(fitted(there or ["–"], width - len(line)))
        if legend != self._legend:
            self._legend = legend
            self.query_one("#compared", Static).update(legend)

    def _heading(self, seconds: float, width: int) -> str:
        if self.by_age:
            pieces = [" By age", f"first {units.span(seconds)} of each"]
        else:
            pieces = [" By time", windows.told(self.seconds)]
        if self.crosshair is not None:
            at = (1 - self.crosshair if self.by_age else -self.crosshair) * seconds
            pieces.append(f"at {at:.1f} s".replace("-", "−"))
        left = len(self.cookies) - len(self._subjects)
        if left:
            pieces.append(f"{left} left")
        keys = ["a aligns", "c next quantity", "V leaves"]
        return pieces[0] + fitted([*pieces[1:], *keys], width - len(pieces[0]))
