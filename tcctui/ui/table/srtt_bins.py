"""Dialog of bins of round-trip times, of which one is selected: now, or over time."""

from __future__ import annotations

import math
from abc import abstractmethod
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

from tcctui.flows.groups.heat_map import HeatMap
from tcctui.flows.groups.histogram import Histogram
from tcctui.ui.dialogs import Dialog
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.style.changed_lines import refresh_changed
from tcctui.ui.style.colours import rules

FRAME = 0.5
"""Seconds between two updates."""

Line = list[tuple[str, str]]
"""Pieces of a line: text, and the name of its style."""


class BinsDialog(Dialog[str | None]):
    """Box around bins, with a title and a line of keys; gives back the query of the picked bin."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Close")]
    opener = "histogram"

    def __init__(self, bins: Bins) -> None:
        super().__init__()
        self.bins = bins

    def compose(self) -> ComposeResult:
        """Compose the box."""
        with Vertical(classes="dialog histogram") as box:
            box.border_title, box.border_subtitle = self.bins.TITLE, self.bins.KEYS
            yield self.bins

    def on_mount(self) -> None:
        """Focus the bins."""
        self.bins.focus()


class Bins(Widget, can_focus=True):
    """Bins of srtt with lines of text above them and below.

    The selection is a time, not an index: it stays in its bin while bins come and go.
    """

    TITLE: ClassVar[str]
    KEYS: ClassVar[str]
    ABOVE: ClassVar[int]
    """Lines above the bins."""
    DOWN: ClassVar[int]
    """Step from a bin to that of the line below."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("bins--head", "bins--dim", "bins--cursor", "bins--srtt"),
    }
    DEFAULT_CSS = rules("Bins", "bins", ("srtt",))

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("home", "move(-1000)", "First", show=False),
        Binding("end", "move(1000)", "Last", show=False),
        Binding("enter", "pick", "Search the bin", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._bins: Histogram | HeatMap | None = None
        self._at_us: float | None = None
        self._lines: list[Line] = []

    @abstractmethod
    def look(self) -> None:
        """Draw what there is now, at once or as soon as it is worked out."""

    @abstractmethod
    def usual(self) -> int:
        """Bin that is selected at first, where there are any."""

    @abstractmethod
    def picked(self, place: int) -> str | Notice:
        """Query for the flows of a bin, or why there is none."""

    def on_mount(self) -> None:
        """Start the updates."""
        self.set_interval(FRAME, self.look)
        self.look()

    def on_resize(self) -> None:
        """Adapt the number of bins to the room."""
        self.look()

    def draw(self, lines: list[Line]) -> None:
        """Show these lines."""
        before, self._lines = self._lines, lines
        refresh_changed(self, before, lines)

    @property
    def count(self) -> int:
        """Number of bins."""
        return 0 if self._bins is None else len(self._bins.counts)

    @property
    def selected(self) -> int:
        """Selected bin, -1 if there is none."""
        if self._bins is None or not self.count:
            return -1
        return self.usual() if self._at_us is None else self._bins.bin_of(self._at_us)

    def _select(self, place: int) -> None:
        if self._bins is not None and self.count:
            place = min(max(place, 0), self.count - 1)
            self._at_us = math.sqrt(self._bins.edges[place] * self._bins.edges[place + 1])
            self.redraw()

    @abstractmethod
    def redraw(self) -> None:
        """Draw what is known, with the selection where it is now."""

    def action_move(self, by: int) -> None:
        """Move the selection down by some lines."""
        self._select(self.selected + by * self.DOWN)

    def action_pick(self) -> None:
        """Restrict the table to the flows of the selected bin."""
        place = self.selected
        if self._bins is None or place < 0:
            return
        empty = Notice("No flow is in this bin", "↑ and ↓ go to others.", seconds=BRIEF)
        answer = self.picked(place) if np.any(self._bins.counts[place]) else empty
        if isinstance(answer, Notice):
            tell(self, answer)
        else:
            self.screen.dismiss(answer)

    def on_click(self, event: events.Click) -> None:
        """Select a bin, or pick the selected one."""
        line = event.y - self.ABOVE
        if not 0 <= line < self.count:
            return
        place = line if self.DOWN > 0 else self.count - 1 - line
        if place == self.selected:
            self.action_pick()
        else:
            self._select(place)

    def render_line(self, y: int) -> Strip:
        """Render a line."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        pieces = [Segment(text, self._style(name)) for text, name in self._lines[y]]
        return Strip(pieces).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"bins--{name}") if name else self.rich_style


def highlighted(line: Line, width: int) -> Line:
    """Line of the selected bin."""
    return [("".join(text for text, _ in line).ljust(width)[:width], "cursor")]


def milliseconds(microseconds: float) -> str:
    """Milliseconds, with all digits of an edge: 0.0224, 20, 10000."""
    return f"{microseconds / 1000:.10g}"
