"""Charts of the selected flow, and their caption."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Static

from tcctui.fields.connection import ENDS
from tcctui.flows.columns import missing
from tcctui.flows.frame import Close, FlowKey, Past
from tcctui.flows.labels import local, remote, state_name
from tcctui.flows.snapshot import FlowHistory, Flows
from tcctui.ui.chart import chart_kinds, plot, windows
from tcctui.ui.chart.chart_kinds import CWND, KINDS, NOTHING, NOW, SRTT, Picture, Values
from tcctui.ui.chart.readout import cell_of, readout, share
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.style import units
from tcctui.ui.table.cells import phase
from tcctui.ui.table.layout import fit
from tcctui.ui.view import CurrentView, Look

NAMES: frozenset[str] = frozenset(
    {
        *(*ENDS, "state", "slow_start", "cc", "bbr_phase", "closed_ns", "bytes_acked", "events"),
        *("first_ns", *NOW),
    }
)
"""Flow columns for the caption and the charts, besides histories."""

_PENDING = "Working it out …"


class Charts(Vertical):
    """One flow over time: cwnd, or the quantity `kind`, and srtt."""

    seconds: reactive[float | None] = reactive(60.0, init=False)
    """Visible time in seconds; None for the flow's whole life."""
    kind: reactive[int] = reactive(0, init=False)
    """Index in `chart_kinds.KINDS` of the left chart."""
    crosshair: reactive[float | None] = reactive(None, init=False)
    """Distance of the crosshair from the right edge, as a part of the plot's width."""
    both: reactive[bool] = reactive(True, init=False)
    """True if there is room for the chart of srtt."""

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
        self.cookie: int | None = None
        """The flow shown."""
        self._told = ""
        self._shown_caption = ""
        self._past: FlowHistory | None = None
        self._shown_size = self.size
        self._now_ns = 0
        self._life = math.inf
        self._values: Values = NOTHING
        self._shown_quantities = [CWND, SRTT]

    def compose(self) -> ComposeResult:
        """Compose the caption and the two charts."""
        yield Static(id="caption", markup=False)
        with Horizontal():
            yield TimeChart(CWND.title, CWND.unit, CWND.form, CWND.tell, id="cwnd-chart")
            yield TimeChart(SRTT.title, SRTT.unit, SRTT.form, id="srtt-chart")

    def on_mount(self) -> None:
        """Load the drawing library."""
        self.call_after_refresh(self._load)

    def _load(self) -> None:
        """Load it in the background, while keys are handled."""
        self.run_worker(plot.load, thread=True, exit_on_error=False)

    def on_resize(self) -> None:
        """Fit the caption to the new width."""
        if self.size != self._shown_size:
            self._look(anew=False)

    def watch_seconds(self) -> None:
        """Redraw with the new span."""
        self._look(anew=False)

    def watch_kind(self) -> None:
        """Redraw with the new quantity."""
        self._look(anew=False)

    def watch_both(self) -> None:
        """Show one chart or two."""
        self.query_one("#srtt-chart").display = self.both

    def next_kind(self) -> None:
        """Show the next quantity in the left chart."""
        self.kind = (self.kind + 1) % len(KINDS)

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

    # The crosshair

    @on(TimeChart.Pointed)
    def _point(self, message: TimeChart.Pointed) -> None:
        self.crosshair = message.share

    def move_crosshair(self, by: int) -> None:
        """Move it by a column; the first time, show it at the right edge."""
        _, cells = self.query_one("#cwnd-chart", TimeChart).plot_area
        if cells and self.crosshair is None:
            self.crosshair = share(cells - 1, cells)
        elif cells and self.crosshair is not None:
            self.crosshair = share(
                min(max(cell_of(self.crosshair, cells) + by, 0), cells - 1), cells
            )

    def hide_crosshair(self) -> bool:
        """Remove it; True if there was one."""
        there, self.crosshair = self.crosshair is not None, None
        return there

    def watch_crosshair(self) -> None:
        """Show it on both charts, with the values there."""
        for chart in self.query(TimeChart):
            chart.crosshair = self.crosshair
        self._show_caption()

    def _readout(self) -> str:
        """Values under the crosshair; empty without one."""
        _, cells = self.query_one("#cwnd-chart", TimeChart).plot_area
        if self.crosshair is None or self._past is None or not cells:
            return ""
        pictures = [KINDS[self.kind](self._past, self._values), chart_kinds.srtt(self._past)]
        wall_ns = self._now_ns + self._view.wall_offset_ns if self._view.wall_offset_ns else 0
        cell = cell_of(self.crosshair, cells)
        return readout(self._past, pictures, cells, cell, wall_ns=wall_ns, width=self.size.width)

    # Drawing

    def pasts(self, flows: Flows) -> Iterator[Past]:
        """Histories that the charts need of the flow, where it is known."""
        for cookie in flows["cookie"].tolist():
            for chart in self._charts:
                yield Past(cookie, self.seconds, chart.columns)

    @property
    def _charts(self) -> list[TimeChart]:
        """The charts that have room."""
        return [chart for chart in self.query(TimeChart) if chart.display]

    def show(self, close: Close, cookie: int | None, instead: str) -> None:
        """Show a flow of a frame; `instead` names the selection if it is not a flow."""
        self.cookie, self._shown_size = cookie, self.size
        self._told = self._caption(close.flows)
        pasts = {chart.id: self._past_of(close, chart) for chart in self._charts}
        self._past = pasts.get("cwnd-chart")
        makers: tuple[Callable[[FlowHistory, Values], Picture], ...]
        makers = (KINDS[self.kind], chart_kinds.srtt)
        for place, (chart, make) in enumerate(zip(self.query(TimeChart), makers, strict=True)):
            if chart.display:
                self._show(place, chart, make, pasts[chart.id], instead)
        self._show_caption()

    def wait(self, cookie: int | None) -> None:
        """Keep a flow's charts while another moment is computed; for another flow, say so."""
        if self.cookie != cookie:
            self._told, self._past, self.cookie = "", None, cookie
            self._blank(_PENDING)
            self._show_caption()

    def _past_of(self, close: Close, chart: TimeChart) -> FlowHistory | None:
        if self.cookie is None:
            return None
        return close.pasts.get(Past(self.cookie, self.seconds, chart.columns))

    def _blank(self, message: str) -> None:
        for chart in self.query(TimeChart):
            chart.data, chart.message = None, message

    def _show_caption(self) -> None:
        caption = self._readout() or self._told
        if caption != self._shown_caption:
            self._shown_caption = caption
            self.query_one("#caption", Static).update(caption, layout=False)

    def _show(
        self,
        place: int,
        chart: TimeChart,
        make: Callable[[FlowHistory, Values], Picture],
        past: FlowHistory | None,
        instead: str,
    ) -> None:
        pending = self.cookie is not None and self._view.pending(self.cookie)
        if past is None:
            left = _PENDING if pending else "This flow has left"
            chart.data = None
            chart.message = (instead or "No flow is selected") if self.cookie is None else left
            return
        picture = make(past, self._values)
        if picture.quantity != self._shown_quantities[place]:
            self._shown_quantities[place] = quantity = picture.quantity
            chart.show_as(quantity.title, quantity.unit, quantity.form, quantity.tell)
        chart.data = replace(picture.data, now=self._present())
        chart.message = _PENDING if pending else "Nothing was measured yet"

    def _present(self) -> str:
        """Label of the charts' right end: a moment of the past has its time of day."""
        if self._view.moment is None:
            return "now"
        wall_ns = self._view.wall_offset_ns
        return (units.wall_clock(self._now_ns + wall_ns) if wall_ns else "") or "then"

    def _caption(self, flows: Flows) -> str:
        """Update the caption; the flow's values are kept for the charts."""
        if self.cookie is None:
            return ""
        self._now_ns = flows.now_ns
        if not flows.count:
            return ""
        self._values = {
            name: float(flows[name][0]) for name in NOW if not missing(name, flows[name][:1])[0]
        }
        self._life = self._view.seconds_known(flows.now_ns - int(flows["first_ns"][0]))
        return _fitted_caption(
            local(flows)[0],
            remote(flows)[0],
            [
                state_name(int(flows["state"][0])),
                "" if flows["closed_ns"][0] else phase(flows),
                f"{units.size(int(flows['bytes_acked'][0]))} acked",
                named(self._view.key(self.cookie)),
                windows.told(self.seconds),
            ],
            self.size.width,
        )


def named(key: FlowKey) -> str:
    """Name a flow by its cookie, and by its machine where there are several."""
    return f"cookie {key.cookie} on {key.host}" if key.host else f"cookie {key.cookie}"


def _fitted_caption(local: str, remote: str, notes: list[str], width: int) -> str:
    """Both ends and as many of the notes as fit; the last note is always included."""
    notes = [note for note in notes if note]
    shown = f" {local} → {remote}"
    while len(notes) > 1 and len(" · ".join([shown, *notes])) > width:
        del notes[-2]
    if len(" · ".join([shown, *notes])) <= width:
        return " · ".join([shown, *notes])
    room = (width - len(" · ".join(["  → ", *notes]))) // 2
    shown = f" {fit(local, room, left=True).rstrip()} → {fit(remote, room, left=True).rstrip()}"
    return " · ".join([shown, *notes])
