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

    def take(self, sight: Sight, width: int) -> list[Region] | None:
        """Take other lines over, of a table so wide; returns what has changed, None for all."""
        before, self.sight = self.sight, sight
        if before.placed is not sight.placed:
            self._columns = rows.stretches(sight.placed)
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
        if blank < 0 or not isinstance(made[line], Row):
            return Strip(segments).adjust_cell_length(width, ground)
        if blank:
            segments.append(Segment(" " * blank, ground))
        return Strip(segments, width)


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
