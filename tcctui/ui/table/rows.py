"""The rows on the screen: their cells as text, and the text as a line of the table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tcctui.flows.frame import Sparkline
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.style.signs import ROWS
from tcctui.ui.table import group_lines
from tcctui.ui.table.group_lines import GroupRow
from tcctui.ui.table.layout import GAP, Placed, fit
from tcctui.ui.table.sorting import SortKey

GUTTER = 1
"""Cells in front of all columns: they have a mark where there is something to say of the row."""

_GAP = " " * GAP

NEAR = 12
"""Cells between two changes that are painted again with both: to go there costs as much."""


class RowSigns(NamedTuple):
    """Cookies of flows that are marked: alerted, pinned, and those that no search finds."""

    alert: Collection[int] = frozenset()
    pinned: Collection[int] = frozenset()
    unmatched: Collection[int] = frozenset()

    def of(self, cookie: int, closed: bool) -> tuple[str, str]:
        """The sign in front of a flow's row, and its style, that of what is most urgent."""
        alert, pinned = cookie in self.alert, cookie in self.pinned
        if not (alert or pinned or closed):
            return " ", ""
        told = [word for word, is_so in (("alert", alert), ("pinned", pinned)) if is_so]
        sign = ROWS[" ".join([*told, "closed"] if closed and not alert else told)]
        dim = sign.style == "pinned" and cookie in self.unmatched
        return sign.glyph, "unmatched" if dim else sign.style


class Row(NamedTuple):
    """One flow as text: its cells, each as wide as its column; whether it is closed; its mark.

    The mark is the sign in front, and that one's style.
    """

    cells: tuple[str, ...]
    closed: bool
    mark: tuple[str, str] = (" ", "")


def wanted(placed: Sequence[Placed]) -> tuple[frozenset[str], tuple[Sparkline, ...]]:
    """Name the flow columns that cells are made of, and the sparklines."""
    columns = [place.column for place in placed]
    names = frozenset(name for column in columns for name in column.needs)
    lines = dict.fromkeys(column.sparkline for column in columns if column.sparkline is not None)
    return names | {"closed_ns"}, tuple(lines)


def rows_of(flows: Flows, columns: Sequence[Sequence[str]], marks: RowSigns) -> dict[int, Row]:
    """Make a row of each flow, by its cookie, of the texts of each column."""
    closed = (flows["closed_ns"] > 0).tolist()
    shown = flows["cookie"].tolist()
    signs = map(marks.of, shown, closed)
    rows = map(Row._make, zip(zip(*columns, strict=True), closed, signs, strict=True))
    return dict(zip(shown, rows, strict=True))


Line = Row | GroupRow
"""A line of the table: a flow, or the header of a group of them."""

LineT = TypeVar("LineT", bound=Row | GroupRow)


def changes(old: Line, new: Line, placed: Sequence[Placed]) -> list[tuple[int, int]]:
    """Changed parts of a row: first cell and length of each."""
    if isinstance(old, GroupRow) and isinstance(new, GroupRow):
        return group_lines.changes(old, new)
    if isinstance(old, GroupRow) or isinstance(new, GroupRow) or not _comparable(old, new):
        last = placed[-1]
        return [(0, GUTTER + last.start + last.width + GAP)]
    spans: list[tuple[int, int]] = []
    for place, before, now in zip(placed, old.cells, new.cells, strict=True):
        if before == now:
            continue
        start = GUTTER + place.start
        if spans and spans[-1][0] + spans[-1][1] + NEAR >= start:
            start, _ = spans.pop()
        spans.append((start, GUTTER + place.start + place.width - start))
    return spans


def _comparable(old: Row, new: Row) -> bool:
    return old[1:] == new[1:] and len(old.cells) == len(new.cells)


def arranged(
    made: Mapping[int, LineT], cookies: Keys, placed: Sequence[Placed]
) -> list[LineT | Row]:
    """Put rows that were made into another order; a flow without one is a blank row."""
    blank = Row(tuple(" " * place.width for place in placed), True)
    return [made.get(cookie, blank) for cookie in cookies.tolist()]


class Stretch(NamedTuple):
    """Neighbouring columns whose cells look the same, from `first` to before `end`.

    With `styles`, a single column some of whose words have another style.
    """

    first: int
    end: int
    style: str
    styles: Mapping[str, str]


def stretches(placed: Sequence[Placed]) -> list[Stretch]:
    """Divide columns by what their cells look like."""
    made: list[Stretch] = []
    for at, place in enumerate(placed):
        style, styles = place.column.style, place.column.styles
        if made and not styles and not made[-1].styles and made[-1].style == style:
            made[-1] = made[-1]._replace(end=at + 1)
        else:
            made.append(Stretch(at, at + 1, style, styles))
    return made


def paint(
    row: Line,
    columns: Sequence[Stretch],
    style: Callable[[str], Style],
    *,
    selected: bool,
    cell: int | None = None,
) -> list[Segment]:
    """Draw a row; `style` gives the style of a component of the table.

    `cell` is the index of the column that the cell cursor is in, of the selected row.
    """
    if isinstance(row, GroupRow):
        return group_lines.paint(row, selected, style)
    cells, (glyph, own_mark) = row.cells, row.mark
    if selected:
        plain = style("cursor")
        if cell is None:
            return [Segment(_GAP.join([glyph + cells[0], *cells[1:], ""]), plain)]
        before, after = cells[:cell], cells[cell + 1 :]
        return [
            Segment(glyph + _GAP.join([*before, ""]), plain),
            Segment(cells[cell], style("cell")),
            Segment(_GAP.join(["", *after, ""]), plain),
        ]
    plain = style("closed" if row.closed else "alert" if row.mark[1] == "alert" else "")
    segments = [Segment(glyph, style(own_mark) if own_mark else plain)]
    if row.closed:
        segments.append(Segment(_GAP.join([*cells, ""]), plain))
        return segments
    for first, end, own, styles in columns:
        text = _GAP.join([*cells[first:end], ""])
        name = styles.get(text.strip(), own)
        segments.append(Segment(text, style(name) if name else plain))
    return segments


def paint_cells(
    row: Row, columns: Sequence[Stretch], style: Callable[[str], Style], first: int, end: int
) -> list[Segment]:
    """Draw cells from `first` to before `end` of a row that is neither selected nor closed."""
    plain = style("alert" if row.mark[1] == "alert" else "")
    segments = []
    for begin, behind, own, styles in columns:
        if behind <= first or begin >= end:
            continue
        text = _GAP.join(row.cells[max(begin, first) : min(behind, end)])
        name = styles.get(text.strip(), own)
        gap = _GAP if behind < end else ""
        segments.append(Segment(text + gap, style(name) if name else plain))
    return segments


class Header(NamedTuple):
    """Content of the titles: the order, whether it stands still, and the cell cursor."""

    keys: tuple[SortKey, ...]
    held: bool = False
    cell: str = ""

    def badge(self, name: str) -> str:
        """The arrow at the title of a column that is sorted by; of several, with its number."""
        for number, (column, descending) in enumerate(self.keys, 1):
            if column == name:
                arrow = ("▽" if descending else "△") if self.held else ("▼" if descending else "▲")
                return f"{arrow}{number}" if len(self.keys) > 1 else arrow
        return ""


def paint_titles(placed: Sequence[Placed], header: Header, style: Callable[[str], Style]) -> Strip:
    """Draw the header. A title too long with its badge takes the blank beside it.

    Where that is taken already, the badge has no number.
    """
    usual = style("header")
    segments = [Segment(" " * GUTTER, usual)]
    for place in placed:
        title, own, left = place.column.title, usual, place.column.left
        width, gap = place.width, " " * GAP
        badge = header.badge(place.column.name)
        if badge:
            own = style("held" if header.held else "sorted")
            if cell_len(title + badge) > width:
                if left:
                    width, gap = width + 1, ""
                elif segments[-1].text == " ":
                    width += 1
                    segments.pop()
                else:
                    badge = badge[:1]
            title = f"{title}{badge}" if left else f"{badge}{title}"
        if place.column.name == header.cell:
            own = style("cell-title")
        segments.append(Segment(fit(title, width, left), own))
        if gap:
            segments.append(Segment(gap, usual))
    return Strip(segments)
