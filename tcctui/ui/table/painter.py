"""Painter of a table's lines: the header, and the rows in sight; it finds what has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from tcctui.ui.style.legible import plain
from tcctui.ui.table import rows
from tcctui.ui.table.layout import GAP, Placed
from tcctui.ui.table.rows import GUTTER, Header, Line, Row, Stretch

StyleOf = Callable[[str], Style]
"""Gives the style of a component of the table; "" is the table's own."""


class Sight(NamedTuple):
    """Lines of the table that are in sight.

    The first of `made` is the row number `top`; `selected` is the number of a row. All columns that
    are `placed` have the same place while that is the same list.
    """

    header: Header
    placed: Sequence[Placed] = ()
    made: Sequence[Line] = ()
    top: int = -1
    selected: int | None = None

    def has(self, row: int | None) -> bool:
        """True if a row is visible, by its number."""
        return row is not None and self.top <= row < self.top + len(self.made)


class Painter:
    """Paints the lines that it was given last."""

    def __init__(self, header: Header) -> None:
        self.sight = Sight(header)
        self._columns: list[Stretch] = []
        # Columns by the cells that they begin at, and end before.
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    def take(self, sight: Sight, width: int) -> list[Region] | None:
        """Take other lines over, of a table so wide; returns what has changed, None for all."""
        before, self.sight = self.sight, sight
        if before.placed is not sight.placed:
            self._columns = rows.stretches(sight.placed)
            self._starts = {GUTTER + place.start: at for at, place in enumerate(sight.placed)}
            ends = (GUTTER + place.start + place.width for place in sight.placed)
            self._ends = {end: at for at, end in enumerate(ends)}
        same_size = before.top == sight.top and len(before.made) == len(sight.made)
        if not same_size or before.placed is not sight.placed:
            return None
        changed = list(_changed(before, sight, width))
        if sight.header != before.header:
            changed.append(Region(0, 0, width, 1))
        return changed

    def line(self, y: int, width: int, style: StyleOf, message: str) -> Strip:
        """One line of the table: the header, a row, or nothing; `message` where there is no row."""
        header, placed, made, top, at = self.sight
        if y == 0:
            titles = rows.paint_titles(placed, header, style)
            return titles.adjust_cell_length(width, style("header"))
        line = y - 1
        if line >= len(made):
            if line == 1 and not made:
                text = plain(message)[:width].center(width)
                return Strip([Segment(text, style("closed"))])
            return Strip.blank(width, style(""))
        selected = at == top + line
        names = [place.column.name for place in placed] if selected and header.cell else []
        cell = names.index(header.cell) if header.cell in names else None
        segments = rows.paint(made[line], self._columns, style, selected=selected, cell=cell)
        ground = style("cursor" if selected else "")
        blank = width - GUTTER - placed[-1].start - placed[-1].width - GAP
        if blank < -GAP or not isinstance(made[line], Row):
            return Strip(segments).adjust_cell_length(width, ground)
        if blank < 0:  # without all of the gap behind the last cell
            text, last, _ = segments[-1]
            segments[-1] = Segment(text[:blank], last)
        elif blank:
            segments.append(Segment(" " * blank, ground))
        return Strip(segments, width)

    def part(self, region: Region, style: StyleOf) -> list[Segment] | None:
        """Some cells of a row; None where these are no whole cells, or not of an ordinary row."""
        line = region.y - 1
        first, last = self._starts.get(region.x), self._ends.get(region.right)
        if first is None or last is None or region.height != 1:
            return None
        if not 0 <= line < len(self.sight.made) or self.sight.top + line == self.sight.selected:
            return None
        row = self.sight.made[line]
        if not isinstance(row, Row) or row.closed:
            return None
        return rows.paint_cells(row, self._columns, style, first, last + 1)


def _changed(before: Sight, now: Sight, width: int) -> Iterator[Region]:
    """Parts of rows that are not as they were: a terminal may be at the end of a slow line."""
    highlighted = {before.selected, now.selected}
    if before.selected == now.selected and before.header.cell == now.header.cell:
        highlighted.clear()
    for line, (old, new) in enumerate(zip(before.made, now.made, strict=True)):
        if now.top + line in highlighted:
            yield Region(0, 1 + line, width, 1)
        elif old != new:
            for start, cells in rows.changes(old, new, now.placed):
                yield Region(start, 1 + line, cells, 1)
