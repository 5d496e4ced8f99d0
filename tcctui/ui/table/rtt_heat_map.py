"""Heat map of round-trip times: of the flows shown, or of some that have something in common."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget

from tcctui.arrays import among
from tcctui.errors import TcctuiError
from tcctui.flows.groups.heat_map import FLOOR, HeatMap, heat_map
from tcctui.flows.index import Keys
from tcctui.recording.timeline import Timeline
from tcctui.rewind.round_trips import round_trips
from tcctui.ui.dialogs import Dialog
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.style import units
from tcctui.ui.style.changed_lines import refresh_changed
from tcctui.ui.style.colours import rules
from tcctui.ui.style.legible import plain
from tcctui.ui.table.rtt_members import BY, Members
from tcctui.ui.view import CurrentView

FRAME = 0.5
"""Seconds between two updates."""

SECONDS = 60.0
"""Time that is shown."""

_SHADES = " ·░▒▓█"
_FROM = (0.0, 1e-9, 0.05, 0.15, 0.35, 0.65)
"""Characters of shares, and the share from which each is drawn."""

_HEAD, _FOOT = 2, 2
_PATIENCE = 1.0


class RttHeatMap(Dialog[str | None]):
    """Live heat map of srtt; gives back the query of the picked bin, "" for the histogram."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Close")]
    opener = "histogram"

    def __init__(self, of: Callable[[str], Members | None], cells: Cells) -> None:
        super().__init__()
        self._cells = cells
        cells.of = of

    def compose(self) -> ComposeResult:
        """Compose the box."""
        with Vertical(classes="dialog histogram"):
            yield self._cells

    def on_mount(self) -> None:
        """Focus the map."""
        box = self.query_one(".histogram")
        box.border_title = "srtt over time"
        box.border_subtitle = "b by … · ↑↓ bin · Enter searches it · h histogram · Esc closes"
        self._cells.focus()


class Cells(Widget, can_focus=True):
    """Map of a timeline up to the moment that is shown, of which one bin is selected."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "cells--head",
        "cells--dim",
        "cells--cursor",
        "cells--srtt",
    }
    DEFAULT_CSS = rules("Cells", "cells", ("srtt",))

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(1)", "Up", show=False),
        Binding("down,j", "move(-1)", "Down", show=False),
        Binding("home", "move(1000)", "Highest", show=False),
        Binding("end", "move(-1000)", "Lowest", show=False),
        Binding("b", "by", "By", show=False),
        Binding("h", "histogram", "Histogram", show=False),
        Binding("enter", "pick", "Search the bin", show=False),
    ]

    def __init__(self, view: CurrentView, timeline: Timeline) -> None:
        super().__init__()
        self.of: Callable[[str], Members | None] = lambda _: None
        self._view = view
        self._timeline = timeline
        self._reader = round_trips(timeline)
        self._by = 0
        self._members: Members | None = None
        self._map: HeatMap | None = None
        self._failure = ""
        self._at_us: float | None = None
        self._picks = False  # Enter came before the first map
        self._lines: list[list[tuple[str, str]]] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def on_mount(self) -> None:
        """Start the updates."""
        self.set_interval(FRAME, self.look)
        self.look()

    def on_unmount(self) -> None:
        """Read no more, and wait for the read that goes on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def on_resize(self) -> None:
        """Adapt the numbers of bins and of columns to the room."""
        self.look()

    @property
    def by(self) -> str:
        """Criterion of the flows that are shown."""
        return BY[self._by]

    def look(self) -> None:
        """Read what is new, in a thread, and draw it then."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._members = self.of(self.by) or self._members
        width, height = self.size
        if self._members is None or not width or not height:
            self._draw()
            return
        at_ns = self._view.at_ns if self._view.moment is not None else self._timeline.span.last_ns
        room = max(width - _AXIS - _BAR, 10), max(height - _HEAD - _FOOT, 1)
        work = (self._members.cookies, at_ns, *room)
        self._thread = threading.Thread(target=self._read, args=work, name="heat map", daemon=True)
        self._thread.start()

    def _read(self, cookies: Keys | None, at_ns: int, columns: int, bins: int) -> None:
        made, failure = None, ""
        try:
            since_ns = at_ns - round(SECONDS * 1e9)
            times = self._reader.read(since_ns, at_ns, self._over.is_set)
            if cookies is not None:
                times = times[among(times["cookie"], cookies)]
            made = heat_map(times, at_ns, SECONDS, columns, bins)
        except TcctuiError as error:
            failure = str(error)
        except Exception as error:  # a defect: the screen stays, and reports it
            failure = f"{type(error).__name__}: {error}"
        if not self._over.is_set():
            self.call_later(self._arrived, made, failure)

    def _arrived(self, made: HeatMap | None, failure: str) -> None:
        if self.is_attached:
            self._map, self._failure = made, failure
            self._draw()
            if self._picks:
                self._picks = False
                self.action_pick()

    def _draw(self) -> None:
        before, width = self._lines, self.size.width
        made, members = self._map, self._members
        if self._failure or made is None or members is None:
            text = self._failure or "Working it out …"
            self._lines = [[(text, "dim")]]
        else:
            self._lines = drawn(made, members.name, self.by, self._selected, width)
        refresh_changed(self, before, self._lines)

    @property
    def _selected(self) -> int:
        """Selected bin, -1 if there is none; at first that with most samples."""
        if self._map is None or not len(self._map.counts):
            return -1
        if self._at_us is None:
            return int(self._map.counts.sum(1).argmax())
        return self._map.bin_of(self._at_us)

    def action_move(self, by: int) -> None:
        """Move the selection up."""
        made = self._map
        if made is None or not len(made.counts):
            return
        place = min(max(self._selected + by, 0), len(made.counts) - 1)
        self._at_us = math.sqrt(made.edges[place] * made.edges[place + 1])
        self._draw()

    def action_by(self) -> None:
        """Show the flows of the next criterion that there are any of."""
        for _ in BY:
            self._by = (self._by + 1) % len(BY)
            members = self.of(self.by)
            if members is not None:
                self._members, self._map = members, None
                self._at_us = None
                self._draw()
                self._ask_again()
                return

    def _ask_again(self) -> None:
        """Read for other flows as soon as the thread is free."""
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        self.look()

    def action_histogram(self) -> None:
        """Show the histogram of this moment."""
        self.screen.dismiss("")

    def action_pick(self) -> None:
        """Restrict the table to the flows of the selected bin."""
        made, place, members = self._map, self._selected, self._members
        self._picks = made is None
        if made is None or members is None or place < 0:
            return
        if members.query is None:
            tell(self, Notice("No query selects these flows", "b shows others.", seconds=BRIEF))
            return
        low, high = (f"{edge / 1000:.10g}ms" for edge in made.edges[place : place + 2])
        self.screen.dismiss(f"{members.query} srtt>={low} srtt<{high}".strip())

    def on_click(self, event: events.Click) -> None:
        """Select a bin, or pick the selected one."""
        if self._map is None or not len(self._map.counts):
            return
        place = len(self._map.counts) - 1 - (event.y - _HEAD)
        if place == self._selected:
            self.action_pick()
        elif 0 <= place < len(self._map.counts):
            self.action_move(place - self._selected)

    def render_line(self, y: int) -> Strip:
        """Render a line: of the head, a bin, the axis, or empty."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        pieces = [Segment(text, self._style(name)) for text, name in self._lines[y]]
        return Strip(pieces).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"cells--{name}") if name else self.rich_style


_AXIS, _BAR = 10, 9
"""Cells of the labels at the left, and of the newest column's shares at the right."""


def drawn(
    made: HeatMap, name: str, by: str, selected: int, width: int
) -> list[list[tuple[str, str]]]:
    """Lines of a map: head, bins from the highest down, axis of time."""
    total = int(made.samples.sum())
    criterion = "flows shown" if by == "shown" else by
    lines: list[list[tuple[str, str]]] = [
        [(f"{plain(name)}, {units.count(total)} samples"[:width], "head")],
        [(_legend(criterion)[:width], "dim")],
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
        label = f"{units.milliseconds(made.edges[place]):>{_AXIS - 2}} "
        text = "".join(_SHADES[number] for number in shade[place].tolist())
        told = f" {newest[place]}"
        if place == selected:
            lines.append([(f"{label}│{text}{told}".ljust(width)[:width], "cursor")])
        else:
            lines.append([(f"{label}│", "dim"), *_runs(text, thin[place].tolist()), (told, "head")])
    return [*lines, *_axis(made.counts.shape[1])]


def _runs(text: str, thin: Sequence[bool]) -> list[tuple[str, str]]:
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
        f"{count / made.samples[column]:>5.0%}" if count else ""
        for count in made.counts[:, column].tolist()
    ]


def _legend(criterion: str) -> str:
    steps = (f"{char} {share:.0%}" for char, share in zip(_SHADES[2:], _FROM[2:], strict=True))
    return f"by {criterion} · share from {' '.join(steps)} · grey: under {FLOOR} samples"


def _axis(columns: int) -> list[list[tuple[str, str]]]:
    ticks = [f"-{SECONDS * part:.0f} s" for part in (1, 0.75, 0.5, 0.25)]
    labels, step = "", columns / 4
    for number, tick in enumerate(ticks):
        labels = labels.ljust(round(number * step)) + tick
    labels = labels.ljust(columns - 3)[: columns - 3] + "now"
    blank = " " * (_AXIS - 1)
    return [[(f"{blank}└{'─' * columns}", "dim")], [(f"{blank} {labels}", "dim")]]
