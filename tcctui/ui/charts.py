"""The charts of the selected flow, and the line that says which flow it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Static

from tcctui.events import NO_SSTHRESH
from tcctui.flows.labels import endpoints, state_name
from tcctui.flows.snapshot import Extremes, FlowHistory
from tcctui.ui import plot, units
from tcctui.ui.chart_data import ChartData, Series
from tcctui.ui.table_columns import fit
from tcctui.ui.time_chart import TimeChart
from tcctui.ui.view import WINDOWS, View

FRAME = 0.25
"""Seconds between two frames."""


def cwnd_data(past: FlowHistory) -> ChartData:
    """Curves of cwnd, ssthresh and, where the segment size is known, in flight; in segments."""
    series = [_series("cwnd", past.series["snd_cwnd"], "cwnd")]
    ssthresh = past.series["ssthresh"]
    ever_set = Extremes(*(_finite(ssthresh_part) for ssthresh_part in _parts(ssthresh)))
    if np.isfinite(ever_set.last).any():
        series.append(_series("ssthresh", ever_set, "ssthresh"))
    if past.mss:
        in_flight = Extremes(*(part / past.mss for part in _parts(past.series["in_flight"])))
        series.append(_series("in flight", in_flight, "in-flight"))
    return ChartData(past.seconds, tuple(series))


def srtt_data(past: FlowHistory) -> ChartData:
    """The curve of srtt, in milliseconds."""
    srtt = Extremes(*(part / 1000 for part in _parts(past.series["srtt_us"])))
    return ChartData(past.seconds, (_series("srtt", srtt, "srtt"),))


def _parts(extremes: Extremes) -> tuple[npt.NDArray[np.float64], ...]:
    return (extremes.low, extremes.high, extremes.last)


def _finite(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(thresholds >= NO_SSTHRESH, np.inf, thresholds)


def _milliseconds(value: float) -> str:
    return units.milliseconds(value * 1000) if value else "0 ms"


def _series(name: str, extremes: Extremes, style: str) -> Series:
    return Series(name, extremes.low, extremes.high, extremes.last, style)


class Charts(Vertical):
    """cwnd and srtt of one flow over time, pulled four times a second."""

    cookie: reactive[int | None] = reactive(None, init=False)
    seconds: reactive[float | None] = reactive(60.0, init=False)
    """How far back the charts go; None is the flow's whole life."""

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._view = view
        self._shown_caption = ""

    def compose(self) -> ComposeResult:
        """Make the caption and the two charts."""
        yield Static(id="caption", markup=False)
        with Horizontal():
            yield TimeChart("cwnd", "segments", lambda value: f"{value:.4g}", id="cwnd-chart")
            yield TimeChart("srtt", "", _milliseconds, id="srtt-chart")

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
        for name, make in (("#cwnd-chart", cwnd_data), ("#srtt-chart", srtt_data)):
            chart = self.query_one(name, TimeChart)
            past = None
            if self.cookie is not None:
                past = self._view.history(self.cookie, self.seconds, chart.columns)
            chart.data = None if past is None else make(past)
            chart.message = "No flow is selected" if self.cookie is None else "This flow has left"

    def _caption(self) -> str:
        if self.cookie is None:
            return ""
        flows = self._view.some_flows(
            np.array([self.cookie], "u8"),
            (
                *("saddr_hi", "saddr_lo", "sport", "daddr_hi", "daddr_lo", "dport", "state"),
                *("slow_start", "closed_ns", "bytes_acked", "events"),
            ),
        )
        if not flows.count:
            return ""
        phase = "slow start" if flows["slow_start"][0] else "congestion avoidance"
        return _fitted_caption(
            endpoints(flows["saddr_hi"], flows["saddr_lo"], flows["sport"])[0],
            endpoints(flows["daddr_hi"], flows["daddr_lo"], flows["dport"])[0],
            [
                state_name(int(flows["state"][0])),
                "" if flows["closed_ns"][0] else phase,
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
