"""The table of flows: a row each, of which only those on the screen are ever formatted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tcctui.flows.index import Keys
from tcctui.flows.query import ALL, Query
from tcctui.ui import cells, table_layout, table_rows
from tcctui.ui.colours import rules
from tcctui.ui.flow_order import FlowOrder
from tcctui.ui.plain import plain
from tcctui.ui.row_order import order
from tcctui.ui.signs import LIMIT_STYLES
from tcctui.ui.table_columns import COLUMNS
from tcctui.ui.table_layout import Placed
from tcctui.ui.table_rows import Row
from tcctui.ui.view import View

REFRESH = 0.25
"""Seconds between two looks at the store."""

_COLOURED = ("cwnd", "ssthresh", "srtt", *LIMIT_STYLES)
_SORTABLE = {column.name: column for column in COLUMNS if column.sort}


class FlowTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows the flows that `flow_query` lets through, in the order of a column.

    The selection is a flow, not a place: it stays on its connection while rows move. Where the
    selected flow is not shown, the first row stands in for it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "flow-table--header",
        "flow-table--sorted",
        "flow-table--cursor",
        "flow-table--closed",
        *(f"flow-table--{style}" for style in _COLOURED),
    }
    DEFAULT_CSS = rules("FlowTable", "flow-table", _COLOURED)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("g", "move_to_end(-1)", "First", show=False),
        Binding("G", "move_to_end(1)", "Last", show=False),
        Binding("less_than_sign", "sort_by(-1)", "Sort", key_display="< >"),
        Binding("greater_than_sign", "sort_by(1)", "Sort by the column to the right", show=False),
        Binding("r", "reverse", "Reverse", show=False),
    ]

    flow_query: reactive[Query] = reactive(ALL, always_update=True, init=False, repaint=False)
    sort: reactive[str] = reactive("rate", init=False)
    descending: reactive[bool] = reactive(True, init=False)
    message: reactive[str] = reactive("")
    """Why there is nothing, where no flow is shown."""

    @dataclass
    class Selected(Message):
        """Another flow was selected; `cookie` is None if there is none."""

        cookie: int | None

    @dataclass
    class Refreshed(Message):
        """The table looked at the store: `shown` flows of `known` are let through."""

        shown: int
        known: int
        order_held: bool

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._view = view
        self._order = FlowOrder()
        self._placed: list[Placed] = []
        self._rows: list[Row] = []
        self._rows_of: dict[int, Row] = {}
        self._rows_top = -1
        self._rows_selected: int | None = None
        self._told: int | None = None

    def on_mount(self) -> None:
        """Begin to look at the store."""
        self.look()
        self.set_interval(REFRESH, self.look)

    @property
    def selected(self) -> int | None:
        """Cookie of the selected flow."""
        return self._order.selected

    @property
    def cookies_in_sight(self) -> Keys:
        """Cookies of the flows on the screen, the selected one first, wherever it is."""
        rows = self._in_sight()
        selected = np.array([] if self.selected is None else [self.selected], "u8")
        return np.concatenate([selected, rows[~np.isin(rows, selected)]])

    def _in_sight(self) -> Keys:
        return self._order.cookies[self._top :][: max(0, self.size.height - 1)]

    # Looking

    def look(self) -> None:
        """Pull the order of the flows and the cells of the visible ones; repaint what changed."""
        if self._view.still:
            return
        column = _SORTABLE[self.sort]
        flows = self._view.flows({*self.flow_query.fields, *column.sort})
        shown = np.flatnonzero(self.flow_query.mask(flows))
        # The flows come in the order of their cookies, and equal ones keep that.
        keys = [flows[name][shown] for name in column.sort]
        missing = cells.missing(column.sort[0], keys[0])
        shown = shown[order(keys, self.descending, missing)]
        self._order.update(flows["cookie"][shown])
        self.virtual_size = Size(self.size.width, len(self._order) + 1)
        self._tell_selected()
        self._repaint()
        self.post_message(self.Refreshed(len(self._order), flows.count, self._order.held))

    def _tell_selected(self) -> None:
        if self.selected != self._told:
            self._told = self.selected
            self.post_message(self.Selected(self._told))

    # Painting

    def _repaint(self) -> None:
        """Format the rows on the screen anew, and repaint the lines that are not as they were."""
        if not self._placed:
            return  # there is no room: a resize is to come
        before, top_before, selected_before = self._rows, self._rows_top, self._rows_selected
        self._rows_top = self._top
        self._rows_selected = self._order.selected_at
        cookies = self._in_sight()
        if self._view.still:
            self._rows = table_rows.arranged(self._rows_of, cookies, self._placed)
        else:
            self._rows = table_rows.rows(self._view, cookies, self._placed)
            self._rows_of = dict(zip(cookies.tolist(), self._rows, strict=True))
        if top_before != self._rows_top or len(before) != len(self._rows):
            self.refresh()
            return
        highlighted = {selected_before, self._rows_selected}
        if selected_before == self._rows_selected:
            highlighted.clear()
        changed = [
            Region(0, 1 + line, self.size.width, 1)
            for line, (old, new) in enumerate(zip(before, self._rows, strict=True))
            if old != new or self._rows_top + line in highlighted
        ]
        if changed:
            self.refresh(*changed)

    @property
    def _top(self) -> int:
        return round(self.scroll_offset.y)

    def notify_style_update(self) -> None:
        """Paint in the new theme's colours."""
        super().notify_style_update()
        self.refresh()

    def on_resize(self) -> None:
        """Choose the columns that fit, and show the selected flow."""
        if not self.size.width:
            return  # not displayed: what it had is painted until it has room again
        at = self._order.selected_at
        in_sight = at is not None and self._rows_top <= at < self._rows_top + len(self._rows)
        # The scroll bar has its place also while there is none, so that nothing moves.
        self._placed = table_layout.layout(self.size.width - self.styles.scrollbar_size_vertical)
        self._rows_of = {}
        self.virtual_size = Size(self.size.width, len(self._order) + 1)
        if at is not None and in_sight:
            self._bring_into_sight(at)
        self._repaint()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Format the rows that come into sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._repaint()

    def render_line(self, y: int) -> Strip:
        """One line of the table: the header, a row, or nothing."""
        width = self.size.width
        base = self.rich_style
        if y == 0:
            titles = table_rows.paint_titles(self._placed, self.sort, self.descending, self._style)
            return titles.adjust_cell_length(width, self._style("header"))
        line = y - 1
        if line >= len(self._rows):
            if line == 1 and not self._rows:
                text = plain(self.message)[:width].center(width)
                return Strip([Segment(text, self._style("closed"))])
            return Strip.blank(width, base)
        selected = self._rows_selected == self._rows_top + line
        strip = table_rows.paint(self._rows[line], self._placed, selected, self._style)
        return strip.adjust_cell_length(width, self._style("cursor") if selected else base)

    def _style(self, name: str) -> Style:
        """Style of a component: "" is the table's own."""
        return self.get_component_rich_style(f"flow-table--{name}") if name else self.rich_style

    # Acting

    def _select(self, place: int) -> None:
        """Select the flow in a place of the present order, and bring it into sight."""
        selected_at = self._order.select(place)
        if selected_at is None:
            return
        self._bring_into_sight(selected_at)
        self._tell_selected()
        self._repaint()

    def _bring_into_sight(self, place: int) -> None:
        visible = self.size.height - 1
        if place < self._top:
            self.scroll_to(y=place, animate=False, immediate=True)
        elif place >= self._top + visible:
            self.scroll_to(y=place - visible + 1, animate=False, immediate=True)

    def action_move(self, by: int) -> None:
        """Select the flow `by` rows further down."""
        at = self._order.selected_at
        self._select(0 if at is None else at + by)

    def action_move_page(self, pages: int) -> None:
        """Select the flow a screenful further down."""
        self.action_move(pages * max(1, self.size.height - 2))

    def action_move_to_end(self, end: int) -> None:
        """Select the first (-1) or the last (1) flow."""
        self._select(0 if end < 0 else len(self._order) - 1)

    def action_sort_by(self, by: int) -> None:
        """Sort by the next column on the screen to the right (1) or left (-1)."""
        names = [placed.column.name for placed in self._placed if placed.column.sort]
        at = names.index(self.sort) if self.sort in names else 0
        self._sort_by(names[(at + by) % len(names)])

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.descending = not self.descending
        self._sorted_anew()

    def _sort_by(self, name: str) -> None:
        self.sort = name
        self.descending = _SORTABLE[name].descending
        self._sorted_anew()

    def _sorted_anew(self) -> None:
        self._order.let_go()
        self.look()
        self.refresh()

    def watch_flow_query(self) -> None:
        """Apply another filter at once."""
        self._order.let_go()
        if self.is_mounted:
            self.look()

    def on_click(self, event: events.Click) -> None:
        """Select the row, or sort by the column, that was clicked."""
        if event.y > 0:
            if self._top + event.y - 1 < len(self._order):
                self._select(self._top + event.y - 1)
            return
        for placed in self._placed:
            if placed.start <= event.x < placed.start + placed.width and placed.column.sort:
                if placed.column.name == self.sort:
                    self.action_reverse()
                else:
                    self._sort_by(placed.column.name)

    def on_mouse_scroll_down(self) -> None:
        """Scrolling is navigating."""
        self._order.hold()

    def on_mouse_scroll_up(self) -> None:
        """Scrolling is navigating."""
        self._order.hold()
