"""Two charts side by side, with what keys change of both: quantity, time, y axis, crosshair."""

from __future__ import annotations

import math
from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.reactive import reactive

from tcctui.ui.chart.chart_kinds import CWND, SRTT
from tcctui.ui.chart.plot import cell_of, share
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.view import Look


class Windows(NamedTuple):
    """Windows of charts in seconds: those that one key cycles through, and the steps of the zoom.

    None is a flow's whole life, which is beyond all steps and has the name `whole`.
    """

    cycle: tuple[float | None, ...] = (60, 10, None)
    steps: tuple[float, ...] = (5, 10, 30, 60, 300, 900)
    whole: str = "whole life"


class ChartPair(Horizontal):
    """Charts over the same time; `look` asks for a frame when they are to show something else."""

    BLANK = True  # all of it is covered

    seconds: reactive[float | None] = reactive(60.0, init=False)
    """Visible span in seconds; None for a flow's whole life."""
    kind: reactive[int] = reactive(0, init=False)
    """Index of the left chart's quantity, one of `kinds`."""
    crosshair: reactive[float | None] = reactive(None, init=False)
    """Distance of the crosshair from the right edge, as a part of the plot's width."""

    def __init__(self, look: Look, left: str, right: str, kinds: int) -> None:
        super().__init__()
        self._look = look
        self.kinds = kinds
        """Number of the left chart's quantities."""
        self.windows = Windows()
        self.left, self.right = TimeChart(CWND, id=left), TimeChart(SRTT, id=right)
        self.life = math.inf
        """Life of the flow in seconds: no longer window shows more."""

    def compose(self) -> ComposeResult:
        """Compose both charts."""
        yield self.left
        yield self.right

    @property
    def charts(self) -> list[TimeChart]:
        """The charts that have room."""
        return [chart for chart in (self.left, self.right) if chart.display]

    def watch_seconds(self) -> None:
        """Redraw with the new span."""
        self._look(anew=False)

    watch_kind = watch_seconds

    def next_kind(self) -> None:
        """Show the next quantity in the left chart."""
        self.kind = (self.kind + 1) % self.kinds

    def next_window(self) -> None:
        """Show the next of three windows."""
        cycle = self.windows.cycle
        at = cycle.index(self.seconds) + 1 if self.seconds in cycle else 0
        self.seconds = cycle[at % len(cycle)]

    def zoom(self, by: int) -> None:
        """Take the next smaller window (1), or the next larger one (-1) that shows more."""
        seconds, life = self.seconds, self.life
        shown = life if seconds is None else seconds
        if by > 0:
            smaller = (one for one in self.windows.steps if one < min(shown, life))
            self.seconds = max(smaller, default=seconds)
        elif seconds is not None and shown < life:
            larger = (one for one in self.windows.steps if seconds < one < life)
            self.seconds = min(larger, default=None)

    @property
    def window(self) -> str:
        """Name of the window: last 60 s, last 5 min, last 6 h, whole life."""
        if self.seconds is None:
            return self.windows.whole
        if self.seconds <= 60:
            return f"last {self.seconds:.0f} s"
        if self.seconds < 3600:
            return f"last {self.seconds / 60:.0f} min"
        return f"last {self.seconds / 3600:.0f} h"

    def toggle_y(self) -> None:
        """Switch the y axes between 0 and the curves' minimum."""
        for chart in (self.left, self.right):
            chart.y_from_zero = not chart.y_from_zero

    def say(self, message: str) -> None:
        """Show a message in place of the curves."""
        for chart in (self.left, self.right):
            chart.data, chart.message = None, message

    # The crosshair

    @on(TimeChart.Pointed)
    def _point(self, message: TimeChart.Pointed) -> None:
        message.stop()
        self.crosshair = message.share

    def move_crosshair(self, by: int) -> None:
        """Move it by a column; the first time, show it at the right edge."""
        _, cells = self.left.plot_area
        if cells:
            at = cells - 1 if self.crosshair is None else cell_of(self.crosshair, cells) + by
            self.crosshair = share(min(max(at, 0), cells - 1), cells)

    def hide_crosshair(self) -> bool:
        """Remove it; True if there was one."""
        there, self.crosshair = self.crosshair is not None, None
        return there

    def watch_crosshair(self) -> None:
        """Show it on both charts."""
        for chart in (self.left, self.right):
            chart.crosshair = self.crosshair
