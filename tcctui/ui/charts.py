"""The charts of the selected flow, and the line that says which flow it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Static

from tcctui.flows.labels import endpoints, state_name
from tcctui.flows.snapshot import FlowHistory
from tcctui.ui import chart_kinds, plot, units
from tcctui.ui.cells import phase
from tcctui.ui.chart_kinds import CWND, KINDS, SRTT, Picture
from tcctui.ui.table_layout import fit
from tcctui.ui.time_chart import TimeChart
from tcctui.ui.view import WINDOWS, View

FRAME = 0.25
"""Seconds between two frames."""


class Charts(Vertical):
    """One flow over time, pulled four times a second: cwnd, or what `kind` says, and srtt."""

    cookie: reactive[int | None] = reactive(None, init=False)
    seconds: reactive[float | None] = reactive(60.0, init=False)
    """How far back the charts go; None is the flow's whole life."""
    kind: reactive[int] = reactive(0, init=False)
    """Which of `chart_kinds.KINDS` the left chart shows."""
    both: reactive[bool] = reactive(True, init=False)
    """Whether there is room for the chart of srtt."""

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._view = view
        self._shown_caption = ""
        self._shown_quantities = [CWND, SRTT]

    def compose(self) -> ComposeResult:
        """Make the caption and the two charts."""
        yield Static(id="caption", markup=False)
        with Horizontal():
            yield TimeChart(CWND.title, CWND.unit, CWND.form, id="cwnd-chart")
            yield TimeChart(SRTT.title, SRTT.unit, SRTT.form, id="srtt-chart")

    def on_mount(self) -> None:
        """Begin to draw."""
        self.set_interval(FRAME, self.draw)
        self.call_after_refresh(self._load)

    def _load(self) -> None:
        """Let what draws be loaded while the screen is there and keys are taken."""
        self.run_worker(plot.load, thread=True, exit_on_error=False)

    def on_resize(self) -> None:
        """Fit the caption into the new width."""
        self.draw()

    def watch_cookie(self) -> None:
        """Show another flow at once."""
        self.draw()

    def watch_seconds(self) -> None:
        """Show another window at once."""
        self.draw()

    def watch_kind(self) -> None:
        """Show another quantity at once."""
        self.draw()

    def watch_both(self) -> None:
        """Show one chart or two."""
        self.query_one("#srtt-chart").display = self.both

    def next_kind(self) -> None:
        """Let the left chart show the next quantity."""
        self.kind = (self.kind + 1) % len(KINDS)

    def pasts(self) -> list[tuple[int, float | None, int]]:
        """What a pause has to keep: the flow's past in all windows, as the charts ask for it."""
        if self.cookie is None:
            return []
        widths = {chart.columns for chart in self.query(TimeChart)}
        return [(self.cookie, seconds, columns) for seconds in WINDOWS for columns in widths]

    def toggle_y(self) -> None:
        """Let the y axes begin at 0, or fit the curves."""
        for chart in self.query(TimeChart):
            chart.y_from_zero = not chart.y_from_zero

    def draw(self) -> None:
        """Pull the flow's past and present."""
        caption = self._caption()
        if caption != self._shown_caption:
            self._shown_caption = caption
            self.query_one("#caption", Static).update(caption, layout=False)
        self._show(0, "#cwnd-chart", KINDS[self.kind])
        self._show(1, "#srtt-chart", chart_kinds.srtt)

    def _show(self, place: int, name: str, make: Callable[[FlowHistory], Picture]) -> None:
        chart = self.query_one(name, TimeChart)
        if not chart.display:
            return
        past = None
        if self.cookie is not None:
            past = self._view.history(self.cookie, self.seconds, chart.columns)
        if past is None:
            chart.data = None
            chart.message = "No flow is selected" if self.cookie is None else "This flow has left"
            return
        picture = make(past)
        if picture.quantity is not self._shown_quantities[place]:
            self._shown_quantities[place] = quantity = picture.quantity
            chart.show_as(quantity.title, quantity.unit, quantity.form)
        chart.data = picture.data
        chart.message = "Nothing was measured yet"

    def _caption(self) -> str:
        if self.cookie is None:
            return ""
        flows = self._view.some_flows(
            np.array([self.cookie], "u8"),
            (
                *("saddr_hi", "saddr_lo", "sport", "daddr_hi", "daddr_lo", "dport", "state"),
                *("slow_start", "cc", "bbr_phase", "closed_ns", "bytes_acked", "events"),
            ),
        )
        if not flows.count:
            return ""
        return _fitted_caption(
            endpoints(flows["saddr_hi"], flows["saddr_lo"], flows["sport"])[0],
            endpoints(flows["daddr_hi"], flows["daddr_lo"], flows["dport"])[0],
            [
                state_name(int(flows["state"][0])),
                "" if flows["closed_ns"][0] else phase(flows),
                f"{units.size(int(flows['bytes_acked'][0]))} acked",
                f"cookie {self.cookie}",
                "whole life" if self.seconds is None else f"last {self.seconds:.0f} s",
            ],
            self.size.width,
        )


def _fitted_caption(local: str, remote: str, notes: list[str], width: int) -> str:
    """Both ends and as many of the notes as there is room for; the last note is always there."""
    notes = [note for note in notes if note]
    shown = f" {local} → {remote}"
    while len(notes) > 1 and len(" · ".join([shown, *notes])) > width:
        del notes[-2]
    if len(" · ".join([shown, *notes])) <= width:
        return " · ".join([shown, *notes])
    room = (width - len(" · ".join(["  → ", *notes]))) // 2
    shown = f" {fit(local, room, left=True).rstrip()} → {fit(remote, room, left=True).rstrip()}"
    return " · ".join([shown, *notes])
