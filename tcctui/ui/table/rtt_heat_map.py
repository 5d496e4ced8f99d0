"""Heat map of round-trip times: of the flows shown, or of some that have something in common."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from textual.binding import Binding, BindingType

from tcctui.arrays import among
from tcctui.flows.groups.heat_map import FLOOR, HeatMap, heat_map
from tcctui.flows.index import Keys
from tcctui.recording.timeline import Timeline
from tcctui.rewind.round_trips import round_trips
from tcctui.ui.notices import BRIEF, Notice, unread
from tcctui.ui.style import units
from tcctui.ui.style.legible import plain
from tcctui.ui.table.rtt_members import BY, Members
from tcctui.ui.table.srtt_bins import Bins, Line, highlighted, milliseconds
from tcctui.ui.view import CurrentView

SECONDS = 60.0
"""Time that is shown."""

_SHADES = " ·░▒▓█"
_FROM = (0.0, 1e-9, 0.05, 0.15, 0.35, 0.65)
"""Characters of shares, and the share from which each is drawn."""

_BELOW = 2
"""Lines of the axis."""

_PATIENCE = 1.0
"""Seconds that the end waits for a chunk that is being read."""


class Cells(Bins):
    """Map of a timeline up to the moment that is shown; "" for a query asks for the histogram."""

    TITLE = "srtt over time"
    KEYS = "b by … · ↑↓ bin · Enter searches it · h histogram · Esc closes"
    ABOVE, DOWN = 2, -1

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "by", "By", show=False),
        Binding("h", "histogram", "Histogram", show=False),
    ]

    def __init__(
        self, of: Callable[[str], Members | None], view: CurrentView, timeline: Timeline
    ) -> None:
        super().__init__()
        self._of = of
        self._view = view
        self._timeline = timeline
        self._reader = round_trips(timeline)
        self._by = 0
        self._members: Members | None = None
        self._bins: HeatMap | None = None
        self._failure, self._end = "", "now"
        self._picks = False  # Enter came before the first map
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def on_unmount(self) -> None:
        """Read no more, and wait for the read that goes on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    @property
    def by(self) -> str:
        """Criterion of the flows that are shown."""
        return BY[self._by]

    def look(self) -> None:
        """Read what is new, in a thread, and draw it then."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._members = self._of(self.by) or self._members
        width, height = self.size
        if self._members is None or not width or not height:
            self.redraw()
            return
        at_ns = self._view.at_ns if self._view.moment is not None else self._timeline.span.last_ns
        room = max(width - _AXIS - _BAR, 10), max(height - self.ABOVE - _BELOW, 1)
        work = (self._by, self._members.cookies, at_ns, *room)
        self._thread = threading.Thread(target=self._read, args=work, name="heat map", daemon=True)
        self._thread.start()

    def _read(self, by: int, cookies: Keys | None, at_ns: int, columns: int, bins: int) -> None:
        made, failure = None, ""
        try:
            since_ns = at_ns - round(SECONDS * 1e9)
            times = self._reader.read(since_ns, at_ns, self._over.is_set)
            if cookies is not None:
                times = times[among(times["cookie"], cookies)]
            made = heat_map(times, at_ns, SECONDS, columns, bins)
        except Exception as error:  # a defect, too: the screen stays, and reports it
            failure = unread(error)
        if not self._over.is_set():
            self.call_later(self._arrived, by, made, failure, at_ns)

    def _arrived(self, by: int, made: HeatMap | None, failure: str, at_ns: int) -> None:
        if not self.is_attached:
            return
        if by != self._by:  # it is of other flows than those that are wanted meanwhile
            self.look()
            return
        self._bins, self._failure = made, failure
        self._end = "now"
        if self._view.moment is not None:
            self._end = units.zoned(self._view.wall.at(at_ns)) or "then"
        self.redraw()
        if self._picks:
            self._picks = False
            self.action_pick()

    def redraw(self) -> None:
        """Draw the last map."""
        made, members = self._bins, self._members
        if self._failure or made is None or members is None:
            self.draw([[(self._failure or "Working it out …", "dim")]])
        else:
            width = self.size.width
            self.draw(drawn(made, members.name, self.by, self.selected, width, end=self._end))

    def usual(self) -> int:
        """Bin with most samples."""
        return 0 if self._bins is None else int(self._bins.counts.sum(1).argmax())

    def action_by(self) -> None:
        """Show the flows of the next criterion that there are any of."""
        for _ in BY:
            self._by = (self._by + 1) % len(BY)
            members = self._of(self.by)
            if members is not None:
                self._members, self._bins = members, None
                self._at_us = None
                self.redraw()
                self.look()
                return

    def action_histogram(self) -> None:
        """Show the histogram of this moment."""
        self.screen.dismiss("")

    def action_pick(self) -> None:
        """Restrict the table to the flows of the selected bin, once there is a map."""
        self._picks = self._bins is None
        super().action_pick()

    def picked(self, place: int) -> str | Notice:
        """Query for the flows of a bin."""
        made, members = self._bins, self._members
        if made is None or members is None or members.query is None:
            return Notice("No query selects these flows", "b shows others.", seconds=BRIEF)
        low, high = (milliseconds(edge) for edge in made.edges[place : place + 2])
        return f"{members.query} srtt>={low}ms srtt<{high}ms".strip()


_AXIS, _BAR = 12, 9
"""Cells of the labels at the left, and of the newest column's shares at the right."""


def drawn(
    made: HeatMap, name: str, by: str, selected: int, width: int, *, end: str = "now"
) -> list[Line]:
    """Lines of a map: head, bins from the highest down, axis of time until `end`."""
    total = int(made.samples.sum())
    criterion = "flows shown" if by == "shown" else by
    lines: list[Line] = [
        [(f"{plain(name)}, {units.count(total)} samples"[:width], "head")],
        [(_legend(criterion, width)[:width], "dim")],
    ]
    if not len(made.counts):
        return [*lines, [("No round-trip time was measured in this time", "dim")]]
    shares = made.shares()
    thin = np.isnan(shares)
    shade = np.searchsorted(np.array(_FROM), np.nan_to_num(shares), "right") - 1
    # Below the floor, a cell says that there was something, and no more.
    shade = np.where(thin, np.where(made.counts > 0, 1, 0), shade)
    newest = _newest(made)
    for place in range(len(made.counts) - 1, -1, -1):
        label = f"{milliseconds(made.edges[place])} ms │"
        text = "".join(_SHADES[number] for number in shade[place].tolist())
        line: Line = [(f"{label:>{_AXIS}}", "dim"), *_runs(text, thin[place].tolist())]
        line.append((f" {newest[place]:>7}", "head"))
        lines.append(highlighted(line, width) if place == selected else line)
    return [*lines, *_axis(made.counts.shape[1], end)]


def _runs(text: str, thin: Sequence[bool]) -> Line:
    """Pieces of a line, grey where there are too few samples."""
    pieces, begin = [], 0
    for at in range(1, len(text) + 1):
        if at == len(text) or thin[at] != thin[begin]:
            pieces.append((text[begin:at], "dim" if thin[begin] else "srtt"))
            begin = at
    return pieces


def _newest(made: HeatMap) -> list[str]:
    """Share of each bin in the newest column that has enough samples."""
    enough = np.flatnonzero(made.samples >= FLOOR)
    if not len(enough):
        return [""] * len(made.counts)
    column = int(enough[-1])
    return [
        units.percent(100 * count / made.samples[column]) if count else ""
        for count in made.counts[:, column].tolist()
    ]


def _legend(criterion: str, width: int) -> str:
    steps = (
        f"{char} {share * 100:.0f}" for char, share in zip(_SHADES[2:], _FROM[2:], strict=True)
    )
    told = f"by {criterion} · share from {' '.join(steps)} % · grey: under {FLOOR} samples"
    return told if len(told) <= width else told.replace("share ", "")


def _axis(columns: int, end: str) -> list[Line]:
    ticks = [f"-{SECONDS * part:.0f} s" for part in (1, 0.75, 0.5, 0.25)]
    labels, step = "", columns / 4
    for number, tick in enumerate(ticks):
        labels = labels.ljust(round(number * step)) + tick
    room = columns - len(end)
    labels = labels[: room - 1].ljust(room) + end
    blank = " " * (_AXIS - 1)
    return [[(f"{blank}└{'─' * columns}", "dim")], [(f"{blank} {labels}", "dim")]]
