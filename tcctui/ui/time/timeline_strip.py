"""Strip of the whole host over the available past: retransmits, timeouts, resets, goodput."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tcctui.arrays import Array, Floats, Mask
from tcctui.flows.groups.groups import GROUPINGS
from tcctui.flows.history.host_seconds import HostPast
from tcctui.recording.timeline import Span, WallClock
from tcctui.ui.style import units
from tcctui.ui.style.colours import COLOURS
from tcctui.ui.style.kept_lines import KeptLines
from tcctui.ui.style.signs import MARKS
from tcctui.ui.table.cells import BLOCKS
from tcctui.wire.tracepoints import MarkKind

LABEL = 12
"""Cells in front of a line, for its name."""

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)
"""Seconds that a column may stand for."""

_SECOND = 1_000_000_000

_IN_LOSS = "■"

_USUAL = 3
"""Multiple of the median from which retransmits are unusual."""


class Columns(NamedTuple):
    """Totals of the past by columns of equal time, n of them; each array has the shape (n,).

    `begin_ns` is when the first begins, `step_ns` their length. `retransmits`: per second, of the
    worst second. `rtos`, `resets`: how many. `in_loss`: connections in Loss, at most. `goodput`:
    bytes per second, on average. `unusual`: there were timeouts, resets, connections that entered
    Loss, or more retransmits than usually.
    """

    begin_ns: int
    step_ns: int
    retransmits: Floats
    rtos: Array
    resets: Array
    in_loss: Array
    goodput: Floats
    worst: Array
    nets: Array
    unusual: Mask

    def at(self, at_ns: int) -> int:
        """Column of a moment, the nearest one."""
        return max(0, min((at_ns - self.begin_ns) // self.step_ns, len(self.rtos) - 1))

    def end_ns(self, column: int) -> int:
        """Last moment of a column."""
        return self.begin_ns + (column + 1) * self.step_ns - 1


def columns(past: HostPast, room: int) -> Columns:
    """Sum the past up in `room` columns at most."""
    entries = past.entries
    least = past.step_ns // _SECOND
    seconds = (len(entries) + 1) * least  # the first column need not be a whole one
    fitting = (one for one in STEPS if one % least == 0 and seconds <= one * (room - 1))
    each = next(fitting, least * -(-seconds // (least * max(1, room - 1)))) // least
    # Columns begin at multiples of their length: what is in one stays in it.
    place = entries["stamp"] // each
    place -= place[0]
    place = np.minimum(place, room - 1)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    marks = entries["marks"].astype("f8")
    retransmits = marks[:, MarkKind.RETRANSMIT]
    sums = np.add.reduceat(marks, starts)
    worst = np.maximum.reduceat(entries["worst"], starts)
    ends = np.append(starts[1:], len(entries))
    bounds = zip(starts.tolist(), ends.tolist(), strict=True)
    at = [first + int(entries["worst"][first:end].argmax()) for first, end in bounds]
    in_loss = entries["in_loss"].astype("i8")
    if past.many:
        unusual = _is_many(marks[:, [MarkKind.RETRANSMIT, MarkKind.RTO, MarkKind.RESET]])
    else:
        usual = max(_USUAL * float(np.median(retransmits)), 0.0)
        unusual = (marks[:, MarkKind.RTO] > 0) | (marks[:, MarkKind.RESET] > 0)
        unusual |= (retransmits > usual) | (np.diff(in_loss, prepend=0) > 0)
    return Columns(
        begin_ns=int(entries["stamp"][0]) // each * each * past.step_ns,
        step_ns=each * past.step_ns,
        retransmits=np.maximum.reduceat(retransmits, starts) / least,
        rtos=sums[:, MarkKind.RTO],
        resets=sums[:, MarkKind.RESET],
        in_loss=np.maximum.reduceat(in_loss, starts),
        goodput=np.add.reduceat(entries["goodput"], starts) / np.diff(starts, append=len(entries)),
        worst=worst,
        nets=entries[["net_hi", "net_lo"]][at],
        unusual=np.logical_or.reduceat(unusual, starts),
    )


def _is_many(counts: Array) -> Mask:
    """Rows in which some count, shape (n, kinds), is a multiple of what it usually is."""
    many: Mask = (counts > np.maximum(_USUAL * np.median(counts, axis=0), 1)).any(axis=1)
    return many


class TimelineStrip(KeptLines, Widget):
    """Four lines; a click goes to the moment, and the mouse above them reads it out."""

    STYLES = "timeline"
    DEFAULT_CSS = f"""
    TimelineStrip {{
        height: 4;
        background: $surface;
        color: $foreground;
        & > .timeline--label {{ color: $text-muted; }}
        & > .timeline--head {{ background: $panel; }}
        & > .timeline--retransmits {{ color: {COLOURS["mark-retransmit"]}; }}
        & > .timeline--trouble {{ color: {COLOURS["mark-rto"]}; text-style: bold; }}
        & > .timeline--goodput {{ color: {COLOURS["acked"]}; }}
        & > .timeline--here {{ text-style: reverse; }}
    }}
    """
    ALLOW_SELECT = False

    class Wanted(Message):
        """A moment was chosen: nanoseconds on the events' clock."""

        def __init__(self, at_ns: int) -> None:
            super().__init__()
            self.at_ns = at_ns

    def __init__(
        self, span: Callable[[], Span], seconds: Callable[[int, int], HostPast], wall: WallClock
    ) -> None:
        super().__init__(id="timeline")
        self._span = span
        self._seconds = seconds
        self._wall = wall
        self._columns: Columns | None = None
        self._until_ns = 0
        self._at_ns: int | None = None
        self._under_mouse: int | None = None
        self._shown: object = None

    def look(self, at_ns: int | None) -> None:
        """Show what there is now, and the moment on the screen; None is the present."""
        room = self.size.width - LABEL
        if room < 1:
            return
        past = self._seconds(*self._span())
        self._at_ns = at_ns
        shown = past.entries.tobytes(), room, at_ns
        if shown != self._shown:
            self._shown, self._columns = shown, columns(past, room)
            self._until_ns = (int(past.entries["stamp"][-1]) + 1) * past.step_ns - 1
            self.refresh()

    def on_resize(self) -> None:
        """Fit the columns into the new width."""
        self._shown = None
        self.look(self._at_ns)

    def incident(self, at_ns: int, by: int) -> int | None:
        """Moment of the next unusual time after `at_ns` (1), or of the one before (-1).

        Times follow each other where columns are unusual side by side: it is the first of them.
        """
        if self._columns is None:
            return None
        begins = np.flatnonzero(np.diff(self._columns.unusual.astype("i1"), prepend=0) > 0)
        ends = np.array([self._columns.end_ns(int(one)) for one in begins], "i8")
        ends = np.minimum(ends, self._until_ns)  # the last column goes on beyond the present
        found = ends[ends > at_ns] if by > 0 else ends[ends < at_ns][::-1]
        return int(found[0]) if len(found) else None

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw a line."""
        shown = self._columns
        if shown is None:
            return Strip([])
        if y == 0:
            head = self._head(shown)
            return Strip([Segment(head.ljust(self.size.width), self.styles_of("head"))])
        label, text, style = (
            lambda: (" retrans/s", _bars(shown.retransmits), "retransmits"),
            lambda: (" trouble", _signs(shown), "trouble"),
            lambda: (" goodput", _bars(shown.goodput), "goodput"),
        )[y - 1]()
        pieces = [Segment(label.ljust(LABEL), self.styles_of("label"))]
        here = len(text) if self._at_ns is None else shown.at(self._at_ns)
        parts = ((text[:here], style), (text[here : here + 1], "here"), (text[here + 1 :], style))
        pieces += [Segment(part, self.styles_of(name)) for part, name in parts if part]
        return Strip(pieces)

    def _head(self, shown: Columns) -> str:
        column = self._under_mouse
        if column is None and self._at_ns is not None:
            column = shown.at(self._at_ns)
        if column is None or column >= len(shown.rtos):
            begin, end = self._clock(shown.begin_ns), self._clock(shown.end_ns(len(shown.rtos) - 1))
            whole = units.span(len(shown.rtos) * shown.step_ns / 1e9)
            each = units.span(shown.step_ns / 1e9)
            parts = [
                f" {begin}–{end}",
                f"{whole}, {each} a column",
                f"most {units.per_second(float(shown.retransmits.max()))} retransmits/s",
                _counted(shown.rtos.sum(), MarkKind.RTO),
                _counted(shown.resets.sum(), MarkKind.RESET),
            ]
        else:
            parts = [
                f" {self._clock(shown.begin_ns + column * shown.step_ns)}",
                f"{units.per_second(float(shown.retransmits[column]))} retransmits/s",
                _counted(shown.rtos[column], MarkKind.RTO),
                _counted(shown.resets[column], MarkKind.RESET),
                f"{_IN_LOSS} {units.count(shown.in_loss[column])} in Loss"
                if shown.in_loss[column]
                else "",
                units.rate(float(shown.goodput[column])),
                self._worst(shown, column),
            ]
        return " · ".join(part for part in parts if part)

    def _worst(self, shown: Columns, column: int) -> str:
        if not shown.worst[column]:
            return ""
        high, low = (int(one) for one in shown.nets[column])
        return f"worst {GROUPINGS['net'].label(high, low)}, {units.count(shown.worst[column])}/s"

    def _clock(self, at_ns: int) -> str:
        if wall_ns := self._wall.at(at_ns):
            shown = self._columns
            long = shown is not None and len(shown.rtos) * shown.step_ns >= units.DATED_NS
            minute = 60_000_000_000 if long else 1
            return units.zoned(wall_ns // minute * minute, dated=long)
        return units.position(max(0, at_ns - self._span().first_ns) / 1e9)

    # The mouse

    def _column_at(self, x: int) -> int | None:
        column = x - LABEL
        there = self._columns is not None and 0 <= column < len(self._columns.rtos)
        return column if there else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Read out the column below the mouse."""
        self._read_out(self._column_at(event.x))

    def on_leave(self) -> None:
        """Read out the moment on the screen, or all."""
        self._read_out(None)

    def _read_out(self, column: int | None) -> None:
        if column != self._under_mouse:
            self._under_mouse = column
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Go to the moment."""
        column = self._column_at(event.x)
        if column is not None and self._columns is not None:
            self.post_message(self.Wanted(self._columns.end_ns(column)))


def _counted(count: float, kind: MarkKind) -> str:
    sign = MARKS[kind]
    return f"{sign.glyph} {units.count(count)} {sign.word}" if count else ""


def _bars(values: Floats) -> str:
    """Draw bars up to the highest value; nothing is a blank."""
    most = float(values.max()) or 1.0
    heights = np.ceil(values / most * len(BLOCKS)).astype("i8")
    return "".join(f" {BLOCKS}"[height] for height in heights.tolist())


def _signs(shown: Columns) -> str:
    """Draw the most important sign of each column."""
    reset, rto = MARKS[MarkKind.RESET].glyph, MARKS[MarkKind.RTO].glyph
    signs = np.where(shown.in_loss > 0, _IN_LOSS, "─")
    signs = np.where(shown.rtos > 0, rto, signs)
    return "".join(np.where(shown.resets > 0, reset, signs).tolist())
