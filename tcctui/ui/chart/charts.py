"""Charts of the selected flow, and their caption."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.worker import Worker, WorkerState

from tcctui.fields.connection import ENDS
from tcctui.flows.columns import missing
from tcctui.flows.frame import Close, FlowKey, Past
from tcctui.flows.labels import local, remote, state_name
from tcctui.flows.snapshot import FlowHistory, Flows
from tcctui.ui.chart import axis_lines, chart_kinds
from tcctui.ui.chart.caption import Caption
from tcctui.ui.chart.chart_data import Ahead
from tcctui.ui.chart.chart_kinds import KINDS, NOTHING, NOW, Picture, Values
from tcctui.ui.chart.chart_pair import ChartPair
from tcctui.ui.chart.plot import cell_of
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.style import units
from tcctui.ui.table.cells import phase
from tcctui.ui.table.layout import fit_ends
from tcctui.ui.view import CurrentView, Look

NAMES: frozenset[str] = frozenset(
    {
        *(*ENDS, "state", "slow_start", "cc", "bbr_phase", "bbr_mode", "closed_ns"),
        *("bytes_acked", "events"),
        *("first_ns", "last_ns", "algorithm", "mss", *NOW),
    }
)
"""Flow columns for the caption and the charts, besides histories."""

_PENDING = "Working it out …"


class Charts(Vertical):
    """One flow over time: cwnd, or another quantity of `chart_kinds.KINDS`, and srtt."""

    BLANK = True  # all of it is covered

    def __init__(self, view: CurrentView, look: Look) -> None:
        super().__init__(id="charts")
        self._view = view
        self._look = look
        self.pair = ChartPair(look, "cwnd-chart", "srtt-chart", len(KINDS))
        self.kinds = KINDS
        """Kinds of the left chart, before those of `show_states`."""
        self._states: Sequence[str] = ()
        self._line = Caption()
        self.cookie: int | None = None
        """The flow shown."""
        self._loading: bool | None = None  # False once the library is waited for
        self._told = ""
        self._past: FlowHistory | None = None
        self._shown_size = self.size
        self._now_ns = 0
        self._values: Values = NOTHING
        self._ahead: Ahead | None = None

    def compose(self) -> ComposeResult:
        """Compose the caption and the two charts."""
        yield self._line
        yield self.pair

    def on_mount(self) -> None:
        """Follow the crosshair."""
        self.watch(self.pair, "crosshair", self._show_caption, init=False)

    def on_resize(self) -> None:
        """Fit the caption to the new width."""
        if self.size != self._shown_size:
            self._look(anew=False)

    @property
    def _kind(self) -> Callable[[FlowHistory, Values], Picture]:
        """The function that makes the left chart's picture."""
        at = self.pair.kind - len(self.kinds)
        return self.kinds[at][1] if at < 0 else partial(self._state, self._states[at])

    def show_states(self, names: Sequence[str]) -> None:
        """Have a chart of each of these members of algorithms' own state: `ca.NAME`."""
        if names == self._states:
            return
        at = self.pair.kind - len(self.kinds)
        shown = self._states[at] if at >= 0 else ""
        self._states = names
        self.pair.kinds = len(self.kinds) + len(names)
        if at >= 0:
            self.pair.kind = len(self.kinds) + names.index(shown) if shown in names else 0

    def _state(self, name: str, past: FlowHistory, _: Values = NOTHING) -> Picture:
        from tcctui.ui.chart.state_chart import picture  # noqa: PLC0415 - where it is chosen alone

        assert self.cookie is not None
        records = self._view.insides(self.cookie).algorithms
        return picture(name, records, past, self._now_ns)

    def _readout(self) -> str:
        """Values under the crosshair; empty without one."""
        _, cells = self.pair.left.plot_area
        if self.pair.crosshair is None or self._past is None or not cells:
            return ""
        from tcctui.ui.chart.readout import readout  # noqa: PLC0415 - under a crosshair alone

        pictures = [self._kind(self._past, self._values), chart_kinds.srtt(self._past)]
        cell = cell_of(self.pair.crosshair, cells)

        def wall(ago_ns: int) -> int:
            return self._view.wall.at(self._now_ns - ago_ns)

        return readout(self._past, pictures, cells, cell, wall=wall, width=self.size.width)

    # Drawing

    def pasts(self, flows: Flows) -> Iterator[Past]:
        """History that the charts need of a known flow; none before they can draw."""
        if axis_lines.loaded():
            for cookie in flows["cookie"].tolist():
                yield self._wanted(cookie)

    def _wanted(self, cookie: int) -> Past:
        """One history for both charts, nearly of one width; while they are taken apart, any."""
        columns = max((chart.columns for chart in self.pair.charts), default=1)
        return Past(cookie, self.pair.seconds, columns)

    def show(self, close: Close, cookie: int | None, instead: str) -> None:
        """Show a flow of a frame; `instead` names the selection if it is not a flow."""
        self.cookie, self._shown_size = cookie, self.size
        self._told = self._caption(close.flows)
        if cookie is not None and not axis_lines.loaded():
            self._load()
            return
        self._past = None if cookie is None else close.pasts.get(self._wanted(cookie))
        self._ahead = self._coming(close.flows)
        self._show(self.pair.left, self._kind, instead)
        if self.pair.right.display:
            self._show(self.pair.right, chart_kinds.srtt, instead)
        self._show_caption()

    def _load(self) -> None:
        """Load the drawing library in a thread, behind the first rows, and then draw the flow.

        What is called after a refresh may come before the rows are painted: a later frame loads it.
        """
        self.pair.say(_PENDING)
        self._show_caption()
        if self._loading is None:
            self._loading = False
            self.pair.left.painted = False
        elif self.pair.left.painted and not self._loading:
            self._loading = True
            self.run_worker(axis_lines.load, thread=True)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Draw, now that there is the library."""
        if event.state is WorkerState.SUCCESS:
            self._look(anew=False)

    def wait(self, cookie: int | None) -> None:
        """Keep a flow's charts while another moment is computed; for another flow, say so."""
        if self.cookie != cookie:
            self._told, self._past, self.cookie = "", None, cookie
            self.pair.say(_PENDING)
            self._show_caption()

    def _show_caption(self) -> None:
        self._line.show(self._readout() or self._told)

    def _show(
        self,
        chart: TimeChart,
        make: Callable[[FlowHistory, Values], Picture],
        instead: str,
    ) -> None:
        past = self._past
        pending = self.cookie is not None and self._view.pending(self.cookie)
        if past is None:
            left = _PENDING if pending else self._gone()
            chart.data = None
            chart.message = (instead or "No flow is selected") if self.cookie is None else left
            return
        picture = make(past, self._values)
        chart.show_as(picture.quantity)
        ahead = self._ahead if picture.quantity is chart_kinds.CWND else None
        chart.data = replace(picture.data, now=self._present(), ahead=ahead)
        chart.message = _PENDING if pending else "Nothing was measured yet"

    def _gone(self) -> str:
        """Reason why a row has no past."""
        own = self._view.own_groups
        if own is not None and self.cookie is not None and own.summary(self.cookie).title:
            return "Nothing is known of its past"
        return "This flow has left"

    def _coming(self, flows: Flows) -> Ahead | None:
        """The curve that the window is on, where its algorithm's state is read."""
        past = self._past
        if past is None or not flows.count or not flows["algorithm"]["ts_ns"][0]:
            return None
        from tcctui.ui.chart.coming import coming  # noqa: PLC0415 - only where it is read

        return coming(flows, past.seconds)

    def _present(self) -> str:
        """Label of the charts' right end: a moment of the past has its time of day."""
        if self._view.moment is None:
            return "now"
        wall_ns = self._view.wall.at(self._now_ns)
        dated = self._view.store is not None and self._is_long_ago
        return (units.zoned(wall_ns, dated=dated) if wall_ns else "") or "then"

    @property
    def _is_long_ago(self) -> bool:
        return self._view.now_ns - self._now_ns >= units.DATED_NS

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
        self.pair.life = self._view.seconds_known(flows.now_ns - int(flows["first_ns"][0]))
        own = self._view.own_groups
        if own is not None and (title := own.summary(self.cookie).title):
            self.pair.life = math.inf
            return f" {title} · {self.pair.window}"
        return _fitted_caption(
            local(flows)[0],
            remote(flows)[0],
            [
                state_name(int(flows["state"][0])),
                "" if flows["closed_ns"][0] else phase(flows),
                f"{units.size(int(flows['bytes_acked'][0]))} acked",
                named(self._view.key(self.cookie)),
                self.pair.window,
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
    room = width - len(" · ".join([" ", *notes]))
    return " · ".join([f" {fit_ends(local, remote, room)}", *notes])
