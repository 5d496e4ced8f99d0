"""Both ends of one connection on one time axis: left its sender, right its receiver."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import Static

from tcctui.both_ends.curves import Curves, curves
from tcctui.both_ends.one_end import Ends, OneEnd
from tcctui.both_ends.pair import Pair, Search
from tcctui.flows.columns import Column
from tcctui.flows.history.curve import Window
from tcctui.recording.timeline import Timeline
from tcctui.ui.chart.chart_data import ChartData, ChartMarks, Quantity, Series, extremes_in
from tcctui.ui.chart.chart_pair import ChartPair
from tcctui.ui.chart.plot import cell_of
from tcctui.ui.chart.time_axis import columns_of
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.compare.compare import FEWEST, MOST
from tcctui.ui.compare.end_panels import PANELS, Panel
from tcctui.ui.compare.subjects import fitted, told
from tcctui.ui.notices import Notice, tell, unread
from tcctui.ui.style import units
from tcctui.ui.style.legible import legible
from tcctui.ui.table.layout import fit_ends
from tcctui.ui.view import CurrentView, Look
from tcctui.wire.addresses import format_endpoint
from tcctui.wire.samples import value

TWO_CHARTS_FROM = 120
"""Width in columns from which there is room for two charts; below it one key shows the other."""

_PATIENCE = 1.0
"""Seconds that the end waits for a chunk that is being read."""

_APART_S, _SHARE = 1.0, 10
"""Seconds between two reads of recordings that grow; where one takes long, a tenth of the time."""

_NOWHERE = (
    f"Pin {FEWEST} to {MOST} flows with * first. For both ends of one, give the other machine's"
    " recording, too: tcctui replay FILE OTHER"
)


class _Found(NamedTuple):
    """A connection, its curves, and the moment until which both ends are known."""

    pair: Pair
    curves: Curves
    until_ns: int


class BothEnds(Vertical):
    """One connection as its sender and its receiver saw it, up to the moment that is shown.

    Visible from `begin` to `leave`.
    """

    shown: reactive[bool] = reactive(False, init=False)

    def __init__(self, view: CurrentView, look: Look) -> None:
        super().__init__(id="both-ends")
        self._view = view
        self._look = look
        self.pair = ChartPair(look, "both-left", "both-right", len(PANELS))
        self.found: Pair | None = None
        """The connection; None until it is found."""
        self._curves: Curves | None = None
        self._legend: Text | None = None
        self._thread: threading.Thread | None = None
        self._search: Search | None = None
        self._known_ns = 0
        self._until = self._next = 0.0
        """Moments until which to wait for the other end, and to read on: of `time.monotonic`."""
        self._over = threading.Event()
        self._shown_size = self.size

    def compose(self) -> ComposeResult:
        """Compose the legend and two charts."""
        yield Static(id="ends", markup=False)
        yield self.pair

    def on_mount(self) -> None:
        """Wait for a connection."""
        self.watch(self.pair, "crosshair", self.show, init=False)

    def on_unmount(self) -> None:
        """Read no more.

        It is waited for, as Python's end is the process's abortion if the thread is in Arrow then.
        """
        self._over.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def on_resize(self) -> None:
        """Choose one chart or two by the width."""
        self.pair.right.display = self.size.width >= TWO_CHARTS_FROM
        if self.shown and self.size != self._shown_size:
            self._look(anew=False)

    def watch_shown(self) -> None:
        """Show it, or hide it."""
        self.display = self.shown

    def begin(
        self, flow: Mapping[str, Column], here: Timeline, *others: Timeline, wait: float = 0.0
    ) -> None:
        """Look for the other end of a flow, whose cookie and ends are given, and show both.

        One that is not there yet is waited for, so many seconds.
        """
        self._until = time.monotonic() + wait
        self._over.set()
        self._over = over = threading.Event()
        self.found = self._curves = None
        self.shown, self.pair.crosshair = True, None
        self.pair.say("Looking for the other end …")
        self._tell([" Both ends"])
        ends = Ends(
            (int(flow["saddr_hi"][0]), int(flow["saddr_lo"][0])),
            (int(flow["daddr_hi"][0]), int(flow["daddr_lo"][0])),
            int(flow["sport"][0]),
            int(flow["dport"][0]),
        )
        self._search = Search(ends, int(flow["cookie"][0]), here, others)
        self._search_on(over)

    def _search_on(self, over: threading.Event) -> None:
        """Read what is new in the recordings, in a thread."""
        assert self._search is not None
        self._next = math.inf
        work = partial(self._find, over, self._search)
        self._thread = threading.Thread(target=work, name="both ends", daemon=True)
        self._thread.start()

    @property
    def _at_ns(self) -> int:
        """Moment that is shown: of what is live, the newest that is known of both ends."""
        return self._view.at_ns if self._view.moment is not None else self._known_ns

    def leave(self) -> bool:
        """Show it no more; True if it was shown."""
        self._over.set()
        shown, self.shown = self.shown, False
        self.found = self._curves = None
        return shown

    def _find(self, over: threading.Event, search: Search) -> None:
        """Read both recordings; in a thread."""
        worked, begun = None, time.monotonic()
        try:
            pair = search.found(over.is_set)
            reason = "" if pair else _NOWHERE
            worked = None if pair is None else _Found(pair, curves(pair), search.until_ns(pair))
        except Exception as error:  # a defect, too: the screen stays, and reports it
            reason = unread(error)
        if not over.is_set():
            took = time.monotonic() - begun
            self.call_later(self._arrived, over, worked, reason, max(_APART_S, took * _SHARE))

    def _arrived(
        self,
        over: threading.Event,
        worked: _Found | None,
        reason: str,
        rest: float,
    ) -> None:
        if over.is_set() or not self.app.is_running or not self.is_attached:
            return
        self._next = time.monotonic() + rest
        if worked is None and reason == _NOWHERE and (self.found or time.monotonic() < self._until):
            return  # it was there, or may come
        if worked is None:
            self.leave()
            tell(self, Notice("Nothing to compare", reason, "warning"))
            return
        self.found, self._curves, self._known_ns = worked
        self._look(anew=False)

    # Drawing

    def show(self) -> None:
        """Show both ends up to the moment of the screen."""
        self._shown_size = self.size
        if not self.shown:
            return
        if time.monotonic() >= self._next and self._search is not None and self._search.has_more:
            self._search_on(self._over)
        pair, drawn = self.found, self._curves
        if pair is None or drawn is None:
            return
        self.pair.life = max((self._at_ns - pair.begin_ns) / 1e9, 0.1)
        kind = self.pair.kind
        first = kind * 2 % len(PANELS) if self.pair.right.display else kind
        values = {}
        for chart, panel in zip(self.pair.charts, PANELS[first:], strict=False):
            values[panel.sender] = self._draw(chart, panel, drawn)
        lines = [self._heading(pair)]
        for sender, does in ((True, "sends   "), (False, "receives")):
            end = pair.here if sender == pair.sender_is_here else pair.there
            totals = _totals(end, sender, pair.clock_of(end, self._at_ns))
            read = values.get(sender)
            lines.append(self._line(f" {does}  {_host(end)}", end.ends, [read] if read else totals))
        self._tell(lines)

    @property
    def _seconds(self) -> float:
        return self.pair.life if self.pair.seconds is None else self.pair.seconds

    def _draw(self, chart: TimeChart, panel: Panel, drawn: Curves) -> str:
        """Draw a chart; gives the values under the crosshair as text."""
        window = Window(self._at_ns, self._seconds, chart.columns)
        quantity, series = panel.drawn(drawn, window)
        marks = drawn.marks
        there = (marks.when_ns >= window.since_ns) & (marks.when_ns <= window.until_ns)
        chart.show_as(quantity)
        chart.data = ChartData(
            *(self._seconds, tuple(series)),
            columns=window.columns,
            marks=ChartMarks(window.places(marks.when_ns[there]), marks.kinds[there]),
            now=units.zoned(self._view.wall.at(self._at_ns)),
        )
        chart.message = "Nothing was measured yet"
        return self._read(chart, quantity, series)

    def _read(self, chart: TimeChart, quantity: Quantity, series: Sequence[Series]) -> str:
        """Values under the crosshair."""
        _, cells = chart.plot_area
        if self.pair.crosshair is None or not cells:
            return ""
        first, last = columns_of(chart.columns, cells, cell_of(self.pair.crosshair, cells))
        pieces = []
        for one in series:
            there = extremes_in(one, first, last)
            if there is not None and np.isfinite(there).all():
                pieces.append(f"{one.name} {told(*there, quantity.told)}")
        return f"{' · '.join(pieces)} {quantity.unit}".strip()

    def _heading(self, pair: Pair) -> str:
        pieces = [self.pair.window, *_clocks(pair, self._at_ns)]
        if self.pair.crosshair is not None:
            pieces.insert(1, f"at −{self.pair.crosshair * self._seconds:.1f} s")
        head = " Both ends"
        return head + fitted([*pieces, "c next quantity", "V leaves"], self.size.width - len(head))

    def _line(self, begin: str, ends: Ends, pieces: Sequence[str]) -> str:
        """Host, ends and pieces; no ends where a single piece has no room beside them."""
        local = format_endpoint(*ends.saddr, ends.sport)
        remote = format_endpoint(*ends.daddr, ends.dport)
        line = f"{begin}  {fit_ends(local, remote, self.size.width // 2)}"
        if len(pieces) == 1 and len(line) + len(pieces[0]) + len(" · ") > self.size.width:
            line = begin
        return line + fitted(pieces, self.size.width - len(line))

    def _tell(self, lines: Sequence[str]) -> None:
        legend = Text("\n".join(lines))
        if legend != self._legend:
            self._legend = legend
            self.query_one("#ends", Static).update(legend)


def _host(end: OneEnd) -> str:
    return legible(end.origin.host.encode())


def _clocks(pair: Pair, at_ns: int) -> list[str]:
    """Alignment of the two clocks, and their times of day, in words."""
    if pair.one_clock:
        return ["one clock"]
    offset = pair.offset(at_ns)
    if offset is None:
        return ["clocks by time of day: the exchange does not align them"]
    aligned = f"clocks aligned to ±{units.milliseconds(offset.margin_ns / 1e3)}"
    ahead = offset.middle_ns - pair.wall_offset_ns
    if abs(ahead) <= offset.margin_ns or not pair.wall_offset_ns:
        return [aligned]
    word = "ahead" if ahead > 0 else "behind"
    size = units.clock(abs(ahead) / 1e3)
    return [aligned, f"{_host(pair.there)}'s time of day is {size} {word}"]


def _totals(end: OneEnd, sender: bool, at_ns: int) -> list[str]:
    """Totals of an end at a moment of its clock."""
    looks = end.samples[: int(np.searchsorted(end.samples["ts_ns"], at_ns, "right"))][-1:]
    if not len(looks):
        return []
    names = (
        (("total_retrans", "retransmitted"),)
        if sender
        else (("rcv_ooopack", "out of order"), ("drops", "dropped by the socket"))
    )
    found = [(float(value(looks, name)[0]), text) for name, text in names]
    cc = [legible(bytes(looks["cc"][0]))] if sender and looks["cc"][0] else []
    return cc + [
        f"{units.count(number)} {text}" for number, text in found if not math.isnan(number)
    ]
