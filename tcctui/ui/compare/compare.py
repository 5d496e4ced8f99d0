"""Comparison of flows: legend, and charts on shared axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from rich.text import Text
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import Static

from tcctui.flows.frame import Close, CloseRequest, Past
from tcctui.flows.snapshot import Flows
from tcctui.ui.chart.chart_data import ChartData, Series
from tcctui.ui.chart.chart_pair import ChartPair
from tcctui.ui.chart.legend import FLOWS, sample
from tcctui.ui.chart.plot import cell_of
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.compare.subjects import COLUMNS, Kind, Subject, fitted, kinds, scaled, subjects, told
from tcctui.ui.notices import Notice, tell
from tcctui.ui.style import units
from tcctui.ui.view import CurrentView, Look

FEWEST, MOST = 2, len(FLOWS)
"""Limits on flows in a comparison."""

TWO_CHARTS_FROM = 120
"""Width in columns from which there is room for two charts."""

_FINEST = 4
"""Columns of a flow's life requested for each column of a chart by age."""

_CHARTS_NEED = 12
"""Lines of the charts without which there are no figures above them."""

_SRTT = 1
"""Index of srtt in `kinds`: the right chart's quantity, unless the left one shows it."""


class Compare(Vertical):
    """Flows over the same time, or from the same age on.

    Visible while there are `cookies`. By age the window is the first seconds, not the last ones.
    """

    cookies: reactive[tuple[int, ...]] = reactive((), init=False)
    by_age: reactive[bool] = reactive(False, init=False)
    """True for an axis of age: all flows begin at the left."""

    def __init__(self, view: CurrentView, look: Look) -> None:
        super().__init__(id="compare")
        self._view = view
        self._look = look
        self.pair = ChartPair(look, "compare-left", "compare-right", len(kinds()))
        self._drawn_seconds = 0.0
        self._close: Close | None = None
        self._shown_size = self.size
        self._subjects: Sequence[Subject] = ()
        self._legend: Text | None = None
        self._figures = ""

    def on_mount(self) -> None:
        """Wait for flows."""
        self.display = False
        self.watch(self.pair, "crosshair", self._read, init=False)

    async def _compose_once(self) -> None:
        """Make the legend and two charts once there is something to compare: few compare."""
        if not self.pair.is_attached:
            figures = Static(id="figures", markup=False)
            figures.display = False
            await self.mount(Static(id="compared", markup=False), figures, self.pair)

    @property
    def seconds_needed(self) -> float | None:
        """Span of the flows' past that is drawn, up to now, in seconds; None for all."""
        return None if self._aligned_by_age else self.pair.seconds

    @property
    def _aligned_by_age(self) -> bool:
        return self.by_age and not self._of_groups

    @property
    def _of_groups(self) -> bool:
        """True while rows are groups, which have no age."""
        own = self._view.own_groups
        return own is not None and bool(self.cookies) and own.is_group(self.cookies[0])

    async def watch_cookies(self) -> None:
        """Show the new flows."""
        self.display = bool(self.cookies)
        self.pair.kinds = len(kinds(of_groups=self._of_groups))
        if self.cookies:
            await self._compose_once()
        self.watch_by_age()

    def watch_by_age(self) -> None:
        """Redraw on the other axis."""
        self.pair.crosshair, self._close = None, None
        self._look(anew=False)

    def on_resize(self) -> None:
        """Choose one chart or two by the width."""
        self.pair.right.display = self.size.width >= TWO_CHARTS_FROM
        if self.cookies and self.size != self._shown_size:
            self._look(anew=False)

    def toggle(self, pinned: Sequence[int]) -> None:
        """Compare the pinned flows, or none any more."""
        if self.cookies:
            self.leave()
        elif len(pinned) < FEWEST:
            text = f"Pin {FEWEST} to {MOST} flows with * first: {len(pinned)} pinned."
            tell(self, Notice("Nothing to compare", text, "warning"))
        else:
            self._compare(pinned)

    def follow(self, pinned: Sequence[int]) -> None:
        """Compare the flows that are pinned now; too few are none."""
        if self.cookies and len(pinned) < FEWEST:
            self.leave()
        elif self.cookies:
            self._compare(pinned)

    def _compare(self, pinned: Sequence[int]) -> None:
        if len(pinned) > MOST:
            text = f"{len(pinned)} flows are pinned: these are the {MOST} that were pinned first."
            tell(self, Notice(f"{MOST} flows compared", text))
        self.cookies = tuple(pinned[:MOST])

    def leave(self) -> bool:
        """End the comparison; True if there was one."""
        compared, self.cookies = bool(self.cookies), ()
        return compared

    def _read(self) -> None:
        """Show the flows' values under the crosshair."""
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
        own = self._view.own_groups
        named = (lambda _: "") if own is None else own.label
        self._subjects = subjects(self.cookies, flows, named)
        if not self._subjects or self._pending:
            return
        life = max(self._view.seconds_known(round(one.age * 1e9)) for one in self._subjects)
        seconds = life if self.pair.seconds is None else self.pair.seconds
        self.pair.life = life
        self._drawn_seconds = max(min(seconds, life) if self._aligned_by_age else seconds, 0.1)
        for chart in self.pair.charts:
            for one in self._subjects:
                yield self._past(one, chart.columns, self._drawn_seconds)

    def _past(self, one: Subject, columns: int, seconds: float) -> Past:
        if not self._aligned_by_age:
            return Past(one.cookie, seconds, columns)
        whole = math.ceil(columns * max(1.0, one.age / seconds))
        return Past(one.cookie, None, min(whole, _FINEST * columns))

    def show(self, close: Close) -> None:
        """Show the flows as they are in a frame."""
        self._close, self._shown_size = close, self.size
        if not self.pair.is_attached:
            return
        if not self._subjects:
            self.pair.say("These flows have left")
            return
        if self._pending:
            self.pair.say("Working it out …")
            return
        known = kinds(of_groups=self._of_groups)
        srtt = 0 if self._of_groups else _SRTT
        kind = min(self.pair.kind, len(known) - 1)
        right = known[srtt if kind != srtt else 1 - srtt]
        shown = [(self.pair.left, known[kind]), (self.pair.right, right)]
        self._tell([self._show(chart, kind, close) for chart, kind in shown if chart.display])
        self._show_figures(close)

    def _show_figures(self, close: Close) -> None:
        """Write the table of figures, where it leaves the charts their room."""
        shown, lines = self.query_one("#figures", Static), len(self._subjects) + 1
        shown.display = self.size.height - 2 * lines >= _CHARTS_NEED
        if not shown.display:
            return
        pasts = {
            one: close.pasts.get(self._past(one, self.pair.left.columns, self._drawn_seconds))
            for one in self._subjects
        }
        from tcctui.ui.compare.figures import table  # noqa: PLC0415

        known = [(one, past) for one, past in pasts.items() if past is not None]
        text = "\n".join(table(known, self.size.width))
        if text != self._figures:
            self._figures = text
            shown.update(text)

    def _show(self, chart: TimeChart, kind: Kind, close: Close) -> Mapping[int, str]:
        """Draw one chart; gives the values under the crosshair by cookie."""
        from tcctui.ui.compare.aligned import (  # noqa: PLC0415 - few compare
            aligned,
            by_age,
            by_time,
            value_at,
        )

        seconds = self._drawn_seconds
        axis = (by_age if self._aligned_by_age else by_time)(seconds, chart.columns)
        curves = {}
        for one in self._subjects:
            past = close.pasts.get(self._past(one, axis.columns, seconds))
            if past is not None:
                now = one.age if self._aligned_by_age else 0.0
                over = one.until - one.age + now if self._aligned_by_age or one.closed else math.inf
                curves[one] = aligned(kind.past(past), past.seconds, now, axis, over)
        by, quantity = kind.scale(curves.values())
        by = by or 1.0
        chart.show_as(quantity)
        shown = {one: scaled(curve, by) for one, curve in curves.items()}
        series = tuple(
            Series(one.short, curve.low, curve.high, curve.last, one.style, one.now(kind, by))
            for one, curve in shown.items()
        )
        there = tuple(one for one in series if np.isfinite(one.last).any())
        chart.data = ChartData(
            seconds, there, columns=axis.columns, now=self._present(), elapsed=self._aligned_by_age
        )
        chart.message = "Nothing was measured yet"
        _, cells = chart.plot_area
        if self.pair.crosshair is None or not cells:
            return {}
        cell = cell_of(self.pair.crosshair, cells)
        first = cell * axis.columns // cells
        last = max(first, (cell + 1) * axis.columns // cells - 1)
        found = {one.cookie: value_at(curve, first, last) for one, curve in shown.items()}
        unit = f" {quantity.unit}" if quantity.unit else ""
        return {
            cookie: f"{quantity.title} {told(*ends, quantity.told)}{unit}"
            for cookie, ends in found.items()
            if ends is not None
        }

    def _present(self) -> str:
        """Label of the right end of a time axis."""
        wall_ns = 0 if self._view.moment is None else self._view.wall.at(self._view.at_ns)
        return units.zoned(wall_ns) if wall_ns else "now"

    def _tell(self, values: Sequence[Mapping[int, str]]) -> None:
        """Update the legend: each flow with its value now or under the crosshair."""
        width = self.size.width
        legend = Text(self._heading(width))
        for one in self._subjects:
            style = self.pair.left.styles_of(one.style)
            there = [by[one.cookie] for by in values if one.cookie in by]
            if self.pair.crosshair is None:
                there = one.present
            line = f" {sample(one.style):<4} {one.name(width // 2)}"
            legend.append(f"\n{line}", style)
            legend.append(fitted(there or ["–"], width - len(line)))
        if legend != self._legend:
            self._legend = legend
            self.query_one("#compared", Static).update(legend)

    def _heading(self, width: int) -> str:
        seconds = self._drawn_seconds
        if self._aligned_by_age:
            pieces = [" By age", f"first {units.span(seconds)} of each"]
        else:
            pieces = [" By time", self.pair.window]
        if self.pair.crosshair is not None:
            at = (
                1 - self.pair.crosshair if self._aligned_by_age else -self.pair.crosshair
            ) * seconds
            pieces.append(f"at {at:.1f} s".replace("-", "−"))
        left = len(self.cookies) - len(self._subjects)
        if left:
            pieces.append(f"{left} left")
        aligns = [] if self._of_groups else ["a aligns"]
        keys = [*aligns, "c next quantity", "V leaves"]
        return pieces[0] + fitted([*pieces[1:], *keys], width - len(pieces[0]))
