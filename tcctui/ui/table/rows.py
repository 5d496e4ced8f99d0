"""The rows on the screen: their cells as text, and the text as a line of the table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tcctui.flows.frame import Sparkline
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.style.signs import ROWS
from tcctui.ui.table import group_lines
from tcctui.ui.table.cells import sparklines
from tcctui.ui.table.group_lines import GroupRow
from tcctui.ui.table.layout import GAP, Placed, fit
from tcctui.ui.table.sorting import SortKey

Histories = npt.NDArray[np.float64]
"""A history of each of n flows, shape (n, columns)."""

GUTTER = 1
"""Cells in front of all columns: they have a mark where there is something to say of the row."""

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


def formatted(
    cells: Flows,
    histories: Mapping[Sparkline, Histories],
    placed: Sequence[Placed],
    marks: RowSigns,
) -> dict[int, Row]:
    """Format flows, column by column: a row for each, by its cookie."""
    columns = []
    for place in placed:
        column = place.column
        texts = (
            column.cells(cells)
            if column.sparkline is None
            else sparklines(histories[column.sparkline])
        )
        columns.append([fit(text, place.width, column.left) for text in texts])
    closed = (cells["closed_ns"] > 0).tolist()
    shown = cells["cookie"].tolist()
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


def paint(
    row: Line,
    placed: Sequence[Placed],
    selected: bool,
    style: Callable[[str], Style],
    cell: str = "",
) -> Strip:
    """Draw a row; `style` gives the style of a component of the table.

    `cell` is the column that the cell cursor is in, of the selected row.
    """
    if isinstance(row, GroupRow):
        return group_lines.paint(row, selected, style)
    if selected:
        plain = style("cursor")
    elif row.closed:
        plain = style("closed")
    else:
        plain = style("alert" if row.mark[1] == "alert" else "")
    glyph, own_mark = row.mark
    runs = [(glyph, style(own_mark) if own_mark and not selected else plain)]
    for place, text in zip(placed, row.cells, strict=True):
        own = place.column.styles.get(text.strip(), place.column.style)
        coloured = own and not selected and not row.closed
        if selected and place.column.name == cell:
            runs.append((text, style("cell")))
        else:
            runs.append((text, style(own) if coloured else plain))
        runs.append((" " * GAP, plain))
    return _joined(runs)


def _joined(runs: list[tuple[str, Style]]) -> Strip:
    """Make one segment of what looks the same: a style is most of what a terminal is sent.

    Blanks look as what is before them does, but for their background and lines below.
    """
    segments: list[Segment] = []
    text, style = runs[0]
    for more, other in runs[1:]:
        if other is style or (more.isspace() and _alike(style, other)):
            text += more
        else:
            segments.append(Segment(text, style))
            text, style = more, other
    return Strip([*segments, Segment(text, style)])


def _alike(one: Style, other: Style) -> bool:
    """True if blanks look the same in both."""
    return (one.bgcolor, one.reverse, one.underline, one.strike) == (
        *(other.bgcolor, other.reverse, other.underline, other.strike),
    )


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
