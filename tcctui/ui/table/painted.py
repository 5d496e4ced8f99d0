"""Lines of a table that are painted as they are given: a header, and the rows in sight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tcctui.ui.style.colours import rules
from tcctui.ui.style.printable import plain
from tcctui.ui.style.signs import LIMIT_STYLES
from tcctui.ui.table import rows
from tcctui.ui.table.layout import Placed
from tcctui.ui.table.rows import GUTTER, Header, Line

_COLOURED = ("cwnd", "ssthresh", "srtt", *LIMIT_STYLES)


class Painted(ScrollView, can_focus=True, inherit_bindings=False):
    """Paints what it is given, and of that only the lines that are not as they were."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "flow-table--header",
        "flow-table--sorted",
        "flow-table--held",
        "flow-table--cursor",
        "flow-table--cell",
        "flow-table--cell-title",
        "flow-table--closed",
        "flow-table--alert",
        "flow-table--pinned",
        "flow-table--unmatched",
        "flow-table--group",
        "flow-table--group-more",
        *(f"flow-table--{style}" for style in _COLOURED),
    }
    DEFAULT_CSS = rules("Painted", "flow-table", _COLOURED)

    message: reactive[str] = reactive("")
    """Why there is nothing, where no row is shown."""

    def __init__(self, header: Header, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._placed: list[Placed] = []
        self._header = header
        self._rows: list[Line] = []
        self._rows_top = -1
        self._rows_selected: int | None = None

    # What is in sight

    @property
    def _top(self) -> int:
        """The first row in sight."""
        return round(self.scroll_offset.y)

    @property
    def _lines(self) -> int:
        """How many rows there is room for."""
        return max(0, self.size.height - 1)

    @property
    def room(self) -> int:
        """Characters that columns have on a line; the scroll bar always has its place beside."""
        return max(0, self.size.width - self.styles.scrollbar_size_vertical - GUTTER)

    def _extend(self, count: int) -> None:
        """Have so many rows to scroll through."""
        self.virtual_size = Size(self.size.width, count + 1)

    def _bring_into_sight(self, place: int) -> None:
        if place < self._top:
            self.scroll_to(y=place, animate=False, immediate=True)
        elif place >= self._top + self._lines:
            self.scroll_to(y=place - self._lines + 1, animate=False, immediate=True)

    def _column_at(self, x: int) -> Placed | None:
        """The column in a cell of the screen."""
        x -= GUTTER
        return next((one for one in self._placed if one.start <= x < one.start + one.width), None)

    # Painting

    def _paint(self, header: Header, made: Sequence[Line], selected_at: int | None) -> None:
        """Paint these rows, the first of which is the first in sight, where they are others."""
        before, top_before, selected_before = self._rows, self._rows_top, self._rows_selected
        header_before, self._header = self._header, header
        self._rows, self._rows_top, self._rows_selected = list(made), self._top, selected_at
        if top_before != self._rows_top or len(before) != len(self._rows):
            self.refresh()
            return
        changed = list(self._changed(before, selected_before, header_before))
        if header != header_before:
            changed.append(Region(0, 0, self.size.width, 1))
        if changed:
            self.refresh(*changed)

    def _changed(
        self, before: list[Line], selected: int | None, header: Header
    ) -> Iterator[Region]:
        """Parts of rows that are not as they were: a terminal may be at the end of a slow line."""
        highlighted = {selected, self._rows_selected}
        if selected == self._rows_selected and header.cell == self._header.cell:
            highlighted.clear()
        for line, (old, new) in enumerate(zip(before, self._rows, strict=True)):
            if self._rows_top + line in highlighted:
                yield Region(0, 1 + line, self.size.width, 1)
            elif old != new:
                for start, width in rows.changes(old, new, self._placed):
                    yield Region(start, 1 + line, width, 1)

    def notify_style_update(self) -> None:
        """Paint in the new theme's colours."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the table: the header, a row, or nothing."""
        width = self.size.width
        base = self.rich_style
        if y == 0:
            titles = rows.paint_titles(self._placed, self._header, self._style)
            return titles.adjust_cell_length(width, self._style("header"))
        line = y - 1
        if line >= len(self._rows):
            if line == 1 and not self._rows:
                text = plain(self.message)[:width].center(width)
                return Strip([Segment(text, self._style("closed"))])
            return Strip.blank(width, base)
        selected = self._rows_selected == self._rows_top + line
        cell = self._header.cell if selected else ""
        strip = rows.paint(self._rows[line], self._placed, selected, self._style, cell)
        return strip.adjust_cell_length(width, self._style("cursor") if selected else base)

    def _style(self, name: str) -> Style:
        """Style of a component: "" is the table's own."""
        return self.get_component_rich_style(f"flow-table--{name}") if name else self.rich_style
