"""Time–sequence diagram of the selected connection, with its RTT and throughput beside it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import Static

from tcctui.fields.connection import ENDS, LOCAL, REMOTE
from tcctui.flows.columns import Column
from tcctui.flows.history.curve import Window
from tcctui.flows.snapshot import Extremes
from tcctui.recording.timeline import Timeline
from tcctui.sequence.diagram import Diagram, Spans, diagram
from tcctui.sequence.flow_reader import FlowReader
from tcctui.ui.chart.chart_data import ChartData, Quantity, Series, Strokes, extremes_in
from tcctui.ui.chart.chart_kinds import SRTT, changed, fitting, rates, series_of, sizes
from tcctui.ui.chart.chart_pair import ChartPair, Windows
from tcctui.ui.chart.plot import cell_of
from tcctui.ui.chart.time_axis import columns_of
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.compare.subjects import fitted, scaled
from tcctui.ui.notices import unread
from tcctui.ui.sequence.signs import DROP, DUPLICATE, SACK, SIGNS
from tcctui.ui.style import units
from tcctui.ui.table.layout import fit_ends
from tcctui.ui.view import CurrentView, Look
from tcctui.wire.addresses import format_endpoint

TWO_CHARTS_FROM = 120
"""Width in columns from which there is room for a second chart; below it one key shows each."""

_STEPS = (0.001, 0.01, 0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
"""Windows in seconds: a round trip of a data center, of a city, of the world, and more."""

_MARGIN, _SECOND = 1.0, 1_000_000_000
_PATIENCE = 1.0
_GAPS = 7
"""Cells between the pieces of the heading, and at its end."""

_APART, _SHARE = 0.2, 10
"""Seconds between two reads; where one takes long, a tenth of the time."""

_PLACE = np.zeros(16, "u1")
_PLACE[list(SIGNS)] = range(len(SIGNS))

_NONE = "No ACK was traced in this time. ACKs need tcp_probe: run as root."
_NONE_HERE = "No ACK came in this time."

NEEDS = (*ENDS, "first_ns")
"""Columns of a flow that `SequenceView.begin` takes."""


class SequenceView(Vertical):
    """Diagram of one connection up to the moment that is shown; visible from `begin` to `leave`.

    A window that was zoomed into at the crosshair stays where it is; else it ends now.
    """

    shown: reactive[bool] = reactive(False, init=False)

    def __init__(self, view: CurrentView, look: Look) -> None:
        super().__init__(id="sequence")
        self._view = view
        self._look = look
        self.pair = ChartPair(look, "sequence-left", "sequence-right", 2)
        self.pair.windows = Windows((60, 10, 1, None), _STEPS)
        self.drawn: Diagram | None = None
        """Diagram that is shown; None until there is one."""
        self._reader: FlowReader | None = None
        self._timeline: Timeline | None = None
        self._ends, self._first_ns = ("", ""), 0
        self._end_ns: int | None = None  # of the window; None follows the moment that is shown
        self._known_ns = 0
        self._next = 0.0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure = ""
        self._legend: Text | None = None
        self._shown_size = self.size

    def compose(self) -> ComposeResult:
        """Compose the legend and two charts."""
        yield Static(id="sequence-legend", markup=False)
        yield self.pair

    def on_mount(self) -> None:
        """Wait for a connection."""
        for chart in (self.pair.left, self.pair.right):
            chart.y_from_zero = False
        self.watch(self.pair, "crosshair", self.show, init=False)

    def on_unmount(self) -> None:
        """Read no more, and wait for the read that goes on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def on_resize(self) -> None:
        """Choose one chart or two by the width."""
        self.pair.right.display = self.size.width >= TWO_CHARTS_FROM
        self.pair.kinds = 2 if self.pair.right.display else 3
        self.pair.kind %= self.pair.kinds
        if self.shown and self.size != self._shown_size:
            self._look(anew=False)

    def watch_shown(self) -> None:
        """Show it, or hide it."""
        self.display = self.shown

    def begin(self, cookie: int, flow: Mapping[str, Column], timeline: Timeline) -> None:
        """Show the connection of a cookie, whose `NEEDS` are in `flow`, as a timeline has it."""
        local, remote = (
            format_endpoint(*(int(flow[name][0]) for name in names)) for names in (LOCAL, REMOTE)
        )
        self._ends, self._first_ns = (local, remote), int(flow["first_ns"][0])
        self._over.set()
        self._over = threading.Event()
        self._reader, self._timeline = FlowReader(timeline, cookie), timeline
        self.drawn, self._end_ns, self._failure, self._next = None, None, "", 0.0
        self._known_ns = 0
        self.shown, self.pair.crosshair = True, None
        self.pair.say("Reading …")
        self._read_on()

    def leave(self) -> bool:
        """Show it no more; True if it was shown."""
        self._over.set()
        shown, self.shown = self.shown, False
        self.drawn = self._reader = None
        return shown

    def follow(self) -> bool:
        """Follow the moment that is shown again; True unless it was followed."""
        away, self._end_ns = self._end_ns is not None, None
        if away:
            self._look(anew=False)
        return away

    # Reading

    @property
    def _at_ns(self) -> int:
        """Moment that is shown; of what is live, the newest that was read."""
        if self._view.moment is not None:
            return self._view.at_ns
        return self._timeline.span.last_ns if self._timeline is not None else 0

    @property
    def _window_end_ns(self) -> int:
        """End of the window, which goes from the moment that is shown back to the first ACK."""
        at_ns = self._at_ns
        if self._end_ns is None:
            return at_ns
        least_ns = self._first_ns + round(self._seconds * _SECOND)
        return min(max(self._end_ns, least_ns), at_ns)

    @property
    def _seconds(self) -> float:
        return self.pair.life if self.pair.seconds is None else self.pair.seconds

    def _read_on(self) -> None:
        """Read what the window lacks, in a thread."""
        reader, timeline = self._reader, self._timeline
        if reader is None or timeline is None:
            return
        self._next = math.inf
        end_ns = self._window_end_ns
        since_ns = end_ns - round((self._seconds + _MARGIN) * _SECOND)
        if self.pair.seconds is None:
            since_ns = timeline.span.first_ns
        work = (self._over, reader, since_ns, self._at_ns)
        self._thread = threading.Thread(target=self._read, args=work, name="sequence", daemon=True)
        self._thread.start()

    def _read(self, over: threading.Event, reader: FlowReader, since_ns: int, at_ns: int) -> None:
        begun, made, failure = time.monotonic(), None, ""
        try:
            made = diagram(reader.read(since_ns, at_ns, over.is_set))
        except Exception as error:  # a defect, too: the screen stays, and reports it
            failure = unread(error)
        if not over.is_set():
            rest = max(_APART, (time.monotonic() - begun) * _SHARE)
            self.call_later(self._arrived, over, made, failure, (since_ns, at_ns), rest)

    def _arrived(
        self,
        over: threading.Event,
        made: Diagram | None,
        failure: str,
        span: tuple[int, int],
        rest: float,
    ) -> None:
        if over.is_set() or not self.app.is_running or not self.is_attached:
            return
        self.drawn, self._failure = made, failure
        self._since_ns, self._known_ns = span
        self._next = time.monotonic() + rest
        self._look(anew=False)

    _since_ns = 0

    @property
    def _lacks(self) -> bool:
        """True where the window has more than was read."""
        end_ns = self._window_end_ns
        since_ns = end_ns - round(self._seconds * _SECOND) if self.pair.seconds else self._since_ns
        return self._at_ns != self._known_ns or since_ns < self._since_ns

    # Zoom

    def zoom(self, by: int) -> None:
        """Show less time around the crosshair, or more."""
        part, before = self.pair.crosshair, self._seconds
        end_ns = self._window_end_ns
        self.pair.zoom(by)
        if part is not None and self._seconds != before:
            moment_ns = end_ns - part * before * _SECOND
            self._end_ns = min(round(moment_ns + part * self._seconds * _SECOND), self._at_ns)
            if self._end_ns >= self._at_ns:
                self._end_ns = None
            self._look(anew=False)

    def move_crosshair(self, by: int) -> None:
        """Move it by a column; at an edge, the window by half of its time."""
        _, cells = self.pair.left.plot_area
        part = self.pair.crosshair
        if cells and part is not None:
            edge = 0 if by < 0 else cells - 1
            if cell_of(part, cells) == edge and (by < 0 or self._end_ns is not None):
                seconds, before_ns = self._seconds, self._window_end_ns
                self._end_ns = before_ns + round(seconds * _SECOND / 2) * (1 if by > 0 else -1)
                end_ns = self._window_end_ns
                if end_ns >= self._at_ns:
                    self._end_ns = None
                part += (end_ns - before_ns) / (seconds * _SECOND)
                self.pair.crosshair = min(max(part, 0.0), 1.0)
                self._look(anew=False)
                return
        self.pair.move_crosshair(by)

    # Drawing

    def show(self) -> None:
        """Show the diagram up to the moment of the screen."""
        self._shown_size = self.size
        if not self.shown:
            return
        if time.monotonic() >= self._next and self._lacks:
            self._read_on()
        drawn = self.drawn
        if drawn is None:
            self._tell([self._heading(None)])
            if self._known_ns or self._failure:
                self.pair.say(self._failure or _NONE)
            return
        self.pair.life = max((self._at_ns - int(drawn.acknowledged.when_ns[0])) / 1e9, 0.1)
        order: list[Callable[[TimeChart, Diagram], list[str]]] = [self._rtt, self._throughput]
        if self.pair.right.display:
            order = [self._sequence, order[self.pair.kind % 2]]
        else:
            order = [[self._sequence, *order][self.pair.kind % 3]]
        pairs = zip(self.pair.charts, order, strict=False)
        read = [piece for chart, draw in pairs for piece in draw(chart, drawn)]
        self._tell([self._heading(drawn), self._read_line(drawn, read)])

    def _over_window(self, chart: TimeChart) -> Window:
        return Window(self._window_end_ns, self._seconds, chart.columns)

    def _sequence(self, chart: TimeChart, drawn: Diagram) -> list[str]:
        """Draw sent, acknowledged and the window's edge, with strokes over them."""
        window = self._over_window(chart)
        sent, acknowledged = drawn.sent.over(window), drawn.acknowledged.over(window)
        edge = drawn.window.over(window)
        low, high = _reach([sent, acknowledged])
        by, told = _unit(high - low)
        room = max(high - low, 1.0)
        known = edge.last[np.isfinite(edge.last)]
        if np.nanmin(edge.low, initial=math.inf) > high + room:
            # So far away, it would flatten all else: its value alone is told.
            edge = Extremes(*(np.full(window.columns, math.inf) for _ in range(3)))
        end = float(known[-1]) / by if known.size else None
        curves = (
            ("acked", acknowledged, "acked"),
            ("sent", sent, "cwnd"),
            ("window", edge, "snd-wnd"),
        )
        series = tuple(
            series_of(name, scaled(curve, by), style, now)
            for (name, curve, style), now in zip(curves, (None, None, end), strict=True)
        )
        self._give(chart, told, series, window, strokes=_strokes(drawn, window, by))
        return self._values(chart, told, series)

    def _rtt(self, chart: TimeChart, drawn: Diagram) -> list[str]:
        window = self._over_window(chart)
        series = []
        for name, curve, style in (("srtt", drawn.srtt, "srtt"), ("RTT", drawn.rtt, "delivery")):
            if len(curve.when_ns):
                made = changed(curve.over(window), lambda part: part * 1e-3)
                series.append(series_of(name, made, style))
        quantity = Quantity("RTT", "", SRTT.form, SRTT.tell)
        self._give(chart, quantity, tuple(series), window)
        return self._values(chart, quantity, series)

    def _throughput(self, chart: TimeChart, drawn: Diagram) -> list[str]:
        # Of a column of a millisecond, an ACK or none: a round trip and some columns are one.
        window = self._over_window(chart)
        coarse = window._replace(columns=max(1, window.columns // 4))
        factor, _ = units.rate_unit()
        made = changed(drawn.throughput.over(coarse), lambda part: part * factor)
        top = float(np.nanmax(made.high, initial=0.0))
        by, quantity = fitting(top, rates("throughput"))
        series = (series_of("acked", scaled(made, by or 1.0), "acked"),)
        self._give(chart, quantity, series, coarse)
        return self._values(chart, quantity, series)

    def _give(
        self,
        chart: TimeChart,
        quantity: Quantity,
        series: tuple[Series, ...],
        window: Window,
        strokes: Strokes | None = None,
    ) -> None:
        chart.show_as(quantity)
        chart.data = ChartData(
            *(window.seconds, series),
            columns=window.columns,
            now=units.zoned(self._view.wall.at(window.until_ns), digits=3 * (window.seconds <= 1)),
            strokes=strokes,
        )
        chart.message = self._failure or _NONE_HERE

    def _values(self, chart: TimeChart, quantity: Quantity, series: Sequence[Series]) -> list[str]:
        """Values under the crosshair."""
        columns = self._crossed(chart, len(series[0].last)) if series else None
        if columns is None:
            return []
        first, last = columns
        pieces = []
        for one in series:
            there = extremes_in(one, first, last)
            if there is not None and np.isfinite(there).all():
                pieces.append(f"{one.name} {quantity.told(there[1])} {quantity.unit}".rstrip())
        return pieces

    def _crossed(self, chart: TimeChart, columns: int) -> tuple[int, int] | None:
        """First and last of a chart's columns under the crosshair; None without it."""
        _, cells = chart.plot_area
        if self.pair.crosshair is None or not cells:
            return None
        return columns_of(columns, cells, cell_of(self.pair.crosshair, cells))

    def _heading(self, drawn: Diagram | None) -> str:
        head, pieces = " Time–sequence", [_last(self._seconds, self.pair.seconds is None)]
        before = (self._at_ns - self._window_end_ns) / 1e9
        if before > 0:
            pieces = [f"{_span(self._seconds)}, until {_span(before)} ago"]
        pieces.insert(0, fit_ends(*self._ends, self.size.width - len(head + pieces[0]) - _GAPS))
        if drawn is not None and not drawn.has_sacks:
            pieces.append("ranges of SACK were not read")
        keys = ("T leaves", "+- zoom at the crosshair", ",. move it", "c RTT or throughput")
        return head + fitted([*pieces, *keys], self.size.width - len(head))

    def _read_line(self, drawn: Diagram, read: Sequence[str]) -> str:
        """Values and signs under the crosshair, or else a legend of signs with their numbers."""
        window = self._over_window(self.pair.left)
        crossed = self._crossed(self.pair.left, window.columns)
        if read and crossed is not None and self.pair.crosshair is not None:
            at = f"at −{_span(self.pair.crosshair * self._seconds)}"
            pieces = [at, *_counted(drawn, *window.between(*crossed)), *read]
        else:
            told = _counted(drawn, window.since_ns, window.until_ns)
            pieces = told or ["no retransmits in this time"]
        return " " + fitted(pieces, self.size.width)[3:]

    def _tell(self, lines: Sequence[str]) -> None:
        legend = Text("\n".join([*lines, ""][:2]))
        if legend != self._legend:
            self._legend = legend
            self.query_one("#sequence-legend", Static).update(legend)


def _events(drawn: Diagram, since_ns: int, until_ns: int) -> Spans:
    """Retransmissions, drops, DSACKs and ranges of SACK between two moments, of a kind in `SIGNS`.

    They are in no order.
    """
    parts = [drawn.retransmitted.within(since_ns, until_ns)]
    others = ((drawn.sacked, SACK), (drawn.dropped, DROP), (drawn.duplicated, DUPLICATE))
    for spans, kind in others:
        found = spans.within(since_ns, until_ns)
        parts.append(found._replace(kinds=np.full(len(found.kinds), kind, "u1")))
    return Spans(*map(np.concatenate, zip(*parts, strict=True)))


def _counted(drawn: Diagram, since_ns: int, until_ns: int) -> list[str]:
    """Signs that there are between two moments, each with its number."""
    numbers = np.bincount(_events(drawn, since_ns, until_ns).kinds, minlength=len(_PLACE))
    return [
        f"{sign.glyph} {sign.word} {numbers[kind]}" for kind, sign in SIGNS.items() if numbers[kind]
    ]


def _strokes(drawn: Diagram, window: Window, by: float) -> Strokes:
    """Events of a window, in a unit of so many bytes."""
    found = _events(drawn, window.since_ns, window.until_ns)
    return Strokes(
        *(window.places(found.when_ns), found.low / by, found.high / by, _PLACE[found.kinds]),
        tuple((sign.glyph, sign.style) for sign in SIGNS.values()),
    )


def _reach(curves: Sequence[Extremes]) -> tuple[float, float]:
    low = min(float(np.nanmin(curve.low, initial=math.inf)) for curve in curves)
    high = max(float(np.nanmax(curve.high, initial=-math.inf)) for curve in curves)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (0.0, 1.0)


def _unit(span: float) -> tuple[float, Quantity]:
    """Unit in which a span of bytes reads well, with digits that tell its ends apart."""
    by, size = fitting(span, sizes())
    digits = 0 if by == 1 or span >= 20 * by else 1
    return by, _quantity(size.unit, digits, digits + (by > 1))


@cache
def _quantity(unit: str, digits: int, more: int) -> Quantity:
    """Sequence numbers with so many digits at ticks, and elsewhere; one object, as charts compare.

    A chart draws all of itself anew for another quantity.
    """
    return Quantity("sequence", unit, f"{{:,.{digits}f}}".format, f"{{:,.{more}f}}".format)


def _span(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:,.3g} s"


def _last(seconds: float, whole: bool) -> str:
    return "whole life" if whole else f"last {_span(seconds)}"
