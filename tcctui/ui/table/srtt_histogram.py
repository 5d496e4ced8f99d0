"""Histogram of the shown flows' round-trip times."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget

from tcctui.arrays import among
from tcctui.flows.groups import histogram
from tcctui.flows.groups.histogram import Histogram
from tcctui.query import Query
from tcctui.ui.dialogs import Dialog
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.style import units
from tcctui.ui.style.changed_lines import refresh_changed
from tcctui.ui.style.colours import rules
from tcctui.ui.style.legible import plain
from tcctui.ui.table.row_places import RowPlaces
from tcctui.ui.view import CurrentView, GroupsItself, Times

FRAME = 0.5
"""Seconds between two updates."""

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_HEAD = 4
"""Lines above the bins."""
_NAMES = ("p50", "p90", "p95", "p99")


Look = Callable[[], Times | None]
"""Gives the current times; None while they are being computed."""


class SrttHistogram(Dialog[str | None]):
    """Live histogram of srtt; gives back the query of the picked bin, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Close")]
    opener = "histogram"

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def compose(self) -> ComposeResult:
        """Compose the box."""
        with Vertical(classes="dialog histogram"):
            yield Bars(self._look)

    def on_mount(self) -> None:
        """Focus the bars."""
        box = self.query_one(".histogram")
        box.border_title = "srtt of the flows shown"
        box.border_subtitle = "↑↓ bin · Enter searches it · Esc closes"
        self.query_one(Bars).focus()


class Bars(Widget, can_focus=True):
    """Bar for each bin of srtt, of which one is selected.

    The selection is a time, not an index: it stays in its bin while bins come and go.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "bars--head",
        "bars--dim",
        "bars--cursor",
        "bars--srtt",
    }
    DEFAULT_CSS = rules("Bars", "bars", ("srtt",))

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("home", "move(-1000)", "First", show=False),
        Binding("end", "move(1000)", "Last", show=False),
        Binding("enter", "pick", "Search the bin", show=False),
    ]

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._times: Times | None = None
        self._bins: Histogram | None = None
        self._at_us: float | None = None
        self._lines: list[list[tuple[str, str]]] = []

    def on_mount(self) -> None:
        """Start the updates."""
        self.set_interval(FRAME, self.look)

    def on_resize(self) -> None:
        """Adapt the number of bins to the room."""
        self.look()

    def look(self) -> None:
        """Pull the times, and repaint changes."""
        self._times = self._look() or self._times
        self._draw()

    def _draw(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        before = self._lines
        if self._times is None:
            self._lines = [[("Working it out …", "dim")]]
            refresh_changed(self, before, self._lines)
            return
        self._bins = histogram.histogram(self._times.srtt_us, height - _HEAD, self._times.times)
        self._lines = [
            *head(self._bins, self._times.of, width),
            *bars(self._bins, self._selected, width),
        ]
        refresh_changed(self, before, self._lines)

    @property
    def _selected(self) -> int:
        """Selected bin, -1 if there is none; initially that of the median."""
        if self._bins is None or not self._bins.known:
            return -1
        return self._bins.bin_of(self._bins.at[0] if self._at_us is None else self._at_us)

    def _select(self, place: int) -> None:
        bins = self._bins
        if bins is None or not bins.known:
            return
        place = min(max(place, 0), len(bins.counts) - 1)
        self._at_us = math.sqrt(bins.edges[place] * bins.edges[place + 1])
        self._draw()

    def action_move(self, by: int) -> None:
        """Move the selection down."""
        self._select(self._selected + by)

    def action_pick(self) -> None:
        """Restrict the table to the flows of the selected bin."""
        place = self._selected
        if self._bins is None or place < 0:
            return
        if not self._bins.counts[place]:
            notice = Notice("No flow is in this bin", "↑ and ↓ go to others.", seconds=BRIEF)
            tell(self, notice)
            return
        within = 0.0 if self._times is None else self._times.within
        self.screen.dismiss(query(self._bins, place, within))

    def on_click(self, event: events.Click) -> None:
        """Select a bin, or pick the selected one."""
        place = event.y - _HEAD
        if self._bins is None or not 0 <= place < len(self._bins.counts):
            return
        if place == self._selected:
            self.action_pick()
        else:
            self._select(place)

    def render_line(self, y: int) -> Strip:
        """Render a line: of the head, a bin, or empty."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        pieces = [Segment(text, self._style(name)) for text, name in self._lines[y]]
        return Strip(pieces).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"bars--{name}") if name else self.rich_style


def query(bins: Histogram, place: int, within: float = 0.0) -> str:
    """Query for the flows of a bin, all of them where values have a relative error."""
    low, high = bins.edges[place], bins.edges[place + 1]
    if within:
        low, high = float(f"{low * (1 - within):.3g}"), float(f"{high * (1 + within):.3g}")
    return f"srtt>={_ms(low)}ms srtt<{_ms(high)}ms"


def _ms(microseconds: float) -> str:
    """Milliseconds, with all digits of an edge: 0.0224, 20, 10000."""
    return f"{microseconds / 1000:.10g}"


def head(bins: Histogram, of: str, width: int) -> list[list[tuple[str, str]]]:
    """Number of flows, and their quantiles."""
    counted = f"{units.count(bins.known)} with an srtt, {units.count(bins.unknown)} without"
    first = [(f"{plain(of)}, {counted}"[:width], "head")]
    if not bins.known:
        return [first, [("No flow that is shown has been measured yet", "dim")], [], []]
    ends = (("min", bins.low), ("max", bins.high))
    return [first, _told(ends), _told(tuple(zip(_NAMES, bins.at, strict=True))), []]


def _told(values: tuple[tuple[str, float], ...]) -> list[tuple[str, str]]:
    pieces = []
    for name, value in values:
        pieces += [(f"{name} ", "dim"), (f"{units.milliseconds(value)}  ", "")]
    return pieces


def bars(bins: Histogram, selected: int, width: int) -> list[list[tuple[str, str]]]:
    """Line for each bin: its edges, a bar, its count and its quantiles."""
    if not bins.known:
        return []
    edges = [_ms(edge) for edge in bins.edges.tolist()]
    axis = max(map(len, edges))
    most = int(bins.counts.max())
    counted = len(units.count(most))
    marks: dict[int, str] = {}
    for name, value in zip(_NAMES, bins.at, strict=True):
        place = bins.bin_of(value)
        marks[place] = f"{marks.get(place, '')} {name}"
    margin = max(map(len, marks.values()))
    # The bar's end leaves room for the count and the names of the quantiles behind it.
    room = max(1, width - (2 * axis + 8) - counted - 1 - margin)
    drawn = []
    for place, count in enumerate(bins.counts.tolist()):
        label = f" {edges[place]:>{axis}} – {edges[place + 1]:>{axis}} ms "
        length = max(1, round(8 * room * count / most)) if count else 0
        bar = "█" * (length // 8) + _EIGHTHS[length % 8]
        behind = f" {units.count(count)}" if count else " "
        mark = marks.get(place, "")
        if place == selected:
            line = f"{label}{bar}{behind}{mark}"
            drawn.append([(line.ljust(width)[:width], "cursor")])
        else:
            drawn.append([(label, "dim"), (bar, "srtt"), (behind, ""), (mark, "head")])
    return drawn


def srtt_times(view: CurrentView, query: Query, places: RowPlaces) -> Times | None:
    """Round-trip times of the flows shown, or of those of the selected group.

    None while another moment is worked out.
    """
    if view.still:
        return None
    own = view.own_groups
    if own is not None:
        return _of_fleet(view, own, places.selected)
    flows = view.flows({*query.fields, "srtt_us"})
    header = places.selected_group
    if header is not None:
        members = places.groups.cookies_of(header)
        name, srtt = places.groups.label(header), flows["srtt_us"]
        return Times(srtt[among(flows["cookie"], members)], f"{name}: {_flows(len(members))}")
    found = flows["srtt_us"][query.mask(flows)]
    hidden = "" if len(found) == flows.count else f" of {units.count(flows.count)}"
    return Times(found, f"{_flows(len(found))}{hidden}")


def _of_fleet(view: CurrentView, own: GroupsItself, selected: int | None) -> Times | None:
    """Times of the selected group, as its hosts counted them; or estimates from the rows shown."""
    if selected is not None and own.is_group(selected):
        return own.srtt_times(selected)
    flows = view.flows({"srtt_us", "weight"})
    counted = f"{_flows(flows.count)} for some {units.count(flows['weight'].sum())} connections"
    return Times(flows["srtt_us"], counted, flows["weight"])


def _flows(count: int) -> str:
    return "1 flow" if count == 1 else f"{units.count(count)} flows"
