"""Histogram of the shown flows' round-trip times."""

from __future__ import annotations

from collections.abc import Callable

from tcctui.arrays import among
from tcctui.flows.groups import histogram
from tcctui.flows.groups.histogram import Histogram
from tcctui.query import Query
from tcctui.ui.notices import Notice
from tcctui.ui.style import units
from tcctui.ui.style.legible import plain
from tcctui.ui.table.row_places import RowPlaces
from tcctui.ui.table.srtt_bins import Bins, Line, highlighted, milliseconds
from tcctui.ui.view import CurrentView, GroupsItself, Times

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_NAMES = ("p50", "p90", "p95", "p99")


Look = Callable[[], Times | None]
"""Gives the current times; None while they are being computed."""


class Bars(Bins):
    """Bar for each bin, live."""

    TITLE = "srtt of the flows shown"
    KEYS = "↑↓ bin · Enter searches it · Esc closes"
    ABOVE, DOWN = 4, 1

    def __init__(self, times: Look) -> None:
        super().__init__()
        self._look = times
        self._times: Times | None = None
        self._bins: Histogram | None = None

    def look(self) -> None:
        """Pull the times, and repaint changes."""
        self._times = self._look() or self._times
        self.redraw()

    def redraw(self) -> None:
        """Draw the last times."""
        width, height = self.size
        if not width or not height:
            return
        if self._times is None:
            self.draw([[("Working it out …", "dim")]])
            return
        made = histogram.histogram(self._times.srtt_us, height - self.ABOVE, self._times.times)
        self._bins = made
        self.draw([*head(made, self._times.of, width), *bars(made, self.selected, width)])

    def usual(self) -> int:
        """Bin of the median."""
        return -1 if self._bins is None else self._bins.bin_of(self._bins.at[0])

    def picked(self, place: int) -> str | Notice:
        """Query for the flows of a bin."""
        assert self._bins is not None
        return query(self._bins, place, 0.0 if self._times is None else self._times.within)


def query(bins: Histogram, place: int, within: float = 0.0) -> str:
    """Query for the flows of a bin, all of them where values have a relative error."""
    low, high = bins.edges[place], bins.edges[place + 1]
    if within:
        low, high = float(f"{low * (1 - within):.3g}"), float(f"{high * (1 + within):.3g}")
    return f"srtt>={milliseconds(low)}ms srtt<{milliseconds(high)}ms"


def head(bins: Histogram, of: str, width: int) -> list[Line]:
    """Number of flows, and their quantiles."""
    counted = f"{units.count(bins.known)} with an srtt, {units.count(bins.unknown)} without"
    first = [(f"{plain(of)}, {counted}"[:width], "head")]
    if not bins.known:
        return [first, [("No flow that is shown has been measured yet", "dim")], [], []]
    ends = (("min", bins.low), ("max", bins.high))
    return [first, _told(ends), _told(tuple(zip(_NAMES, bins.at, strict=True))), []]


def _told(values: tuple[tuple[str, float], ...]) -> Line:
    pieces = []
    for name, value in values:
        pieces += [(f"{name} ", "dim"), (f"{units.milliseconds(value)}  ", "")]
    return pieces


def bars(bins: Histogram, selected: int, width: int) -> list[Line]:
    """Line for each bin: its edges, a bar, its count and its quantiles."""
    if not bins.known:
        return []
    edges = [milliseconds(edge) for edge in bins.edges.tolist()]
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
        line = [(label, "dim"), (bar, "srtt"), (behind, ""), (mark, "head")]
        drawn.append(highlighted(line, width) if place == selected else line)
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
