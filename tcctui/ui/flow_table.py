"""The table of flows: a row each, of which only those on the screen are ever formatted."""

from __future__ import annotations

import time
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
from tcctui.ui import table_columns, table_rows
from tcctui.ui.table_columns import COLUMNS, GAP, Placed
from tcctui.ui.table_rows import Row
from tcctui.ui.view import View

REFRESH = 0.25
"""Seconds between two looks at the store."""

HOLD = 3.0
"""Seconds that the order of the rows holds still after the last navigation."""

SETTLE = 2.0
"""Seconds after which the first row stays selected if nobody has selected another."""

_SORTABLE = {column.name: column for column in COLUMNS if column.sort}


class FlowTable(ScrollView, can_focus=True):
    """Shows the flows that `flow_query` lets through, in the order of a column.

    The selection is a flow, not a place: it stays on its connection while rows move. Where the
    selected flow is not shown, the first row stands in for it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "flow-table--header",
        "flow-table--sorted",
        "flow-table--cursor",
        "flow-table--closed",
        "flow-table--cwnd",
        "flow-table--ssthresh",
        "flow-table--srtt",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "move_page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "move_page(1)", "Page down", show=False),
        Binding("home,g", "move_to_end(-1)", "First", show=False),
        Binding("end,G", "move_to_end(1)", "Last", show=False),
        Binding("less_than_sign", "sort_by(-1)", "Sort", key_display="< >"),
        Binding("greater_than_sign", "sort_by(1)", "Sort by the column to the right", show=False),
        Binding("r", "reverse", "Reverse"),
    ]

    flow_query: reactive[Query] = reactive(ALL, always_update=True, init=False)
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
        self._order: Keys = np.empty(0, "u8")
        self._known = 0
        self._wanted: int | None = None
        self._selected: int | None = None
        self._hold_until = 0.0
        self._settled = 0.0
        self._placed: list[Placed] = []
        self._rows: list[Row] = []
        self._rows_top = -1

    def on_mount(self) -> None:
        """Begin to look at the store."""
        self.look()
        self.set_interval(REFRESH, self.look)

    @property
    def selected(self) -> int | None:
        """Cookie of the selected flow."""
        return self._selected

    # Looking

    def look(self) -> None:
        """Pull the order of the flows and the cells of the visible ones; repaint what changed."""
        column = _SORTABLE[self.sort]
        needed = {*self.flow_query.fields, *column.sort}
        flows = self._view.flows(needed)
        self._known = flows.count
        shown = np.flatnonzero(self.flow_query.mask(flows))
        cookies = flows["cookie"][shown]
        order_held = time.monotonic() < self._hold_until
        if order_held:
            stays = self._order[np.isin(self._order, cookies)]
            self._order = np.concatenate([stays, np.setdiff1d(cookies, stays)])
        else:
            kept = type(flows)(flows.now_ns, {name: flows[name][shown] for name in flows})
            self._order = cookies[table_columns.order(kept, column, self.descending)]
        self.virtual_size = Size(self.size.width, len(self._order) + 1)
        self._choose()
        self._repaint()
        self.post_message(self.Refreshed(len(self._order), self._known, order_held))

    def _choose(self) -> None:
        """Find the flow that counts as selected now."""
        chosen = self._wanted
        if chosen is None or self._place(chosen) is None:
            chosen = int(self._order[0]) if len(self._order) else None
        if self._wanted is None and chosen is not None:
            # Nobody chose yet: the first row is shown, and kept once the rates have settled.
            self._settled = self._settled or time.monotonic() + SETTLE
            if time.monotonic() > self._settled:
                self._wanted = chosen
        if chosen != self._selected:
            self._selected = chosen
            self.post_message(self.Selected(chosen))

    def _place(self, cookie: int) -> int | None:
        found = np.flatnonzero(self._order == np.uint64(cookie))
        return int(found[0]) if len(found) else None

    # Painting

    def _repaint(self) -> None:
        """Format the rows on the screen anew, and repaint the lines that are not as they were."""
        before, top_before = self._rows, self._rows_top
        self._rows_top = self._top
        visible = self._order[self._rows_top : self._rows_top + max(0, self.size.height - 1)]
        self._rows = table_rows.rows(self._view, visible, self._placed)
        if top_before != self._rows_top or len(before) != len(self._rows):
            self.refresh()
            return
        changed = [
            Region(0, line, self.size.width, 1)
            for line, (old, new) in enumerate(zip(before, self._rows, strict=True), start=1)
            if old != new
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
        self._placed = table_columns.layout(self.size.width)
        self.virtual_size = Size(self.size.width, len(self._order) + 1)
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
            return self._header(width)
        line = y - 1
        if line >= len(self._rows):
            if line == 1 and not self._rows:
                text = self.message[:width].center(width)
                return Strip([Segment(text, self._style("closed"))])
            return Strip.blank(width, base)
        selected = self._selected is not None and self._place(self._selected) == self._top + line
        strip = table_rows.paint(self._rows[line], self._placed, selected, self._style)
        return strip.adjust_cell_length(width, self._style("cursor") if selected else base)

    def _style(self, name: str) -> Style:
        """Style of a component: "" is the table's own."""
        if not name:
            return self.rich_style
        return self.get_component_rich_style(f"flow-table--{name}")

    def _header(self, width: int) -> Strip:
        header, marked = self._style("header"), self._style("sorted")
        segments = []
        for placed in self._placed:
            title, style = placed.column.title, header
            if placed.column.name == self.sort:
                arrow = "▼" if self.descending else "▲"
                title = f"{title}{arrow}" if placed.column.left else f"{arrow}{title}"
                style = marked
            segments.append(
                Segment(table_columns.fit(title, placed.width, placed.column.left), style)
            )
            segments.append(Segment(" " * GAP, header))
        return Strip(segments).adjust_cell_length(width, header)

    # Acting

    def hold_order(self) -> None:
        """Let the order stand still for a while: somebody is navigating."""
        self._hold_until = time.monotonic() + HOLD

    def _select(self, place: int) -> None:
        """Select the flow in a place of the present order, and bring it into sight."""
        self.hold_order()
        if not len(self._order):
            return
        place = min(max(place, 0), len(self._order) - 1)
        self._wanted = int(self._order[place])
        visible = self.size.height - 1
        if place < self._top:
            self.scroll_to(y=place, animate=False, immediate=True)
        elif place >= self._top + visible:
            self.scroll_to(y=place - visible + 1, animate=False, immediate=True)
        self._choose()
        self.refresh()

    def action_move(self, by: int) -> None:
        """Select the flow `by` rows further down."""
        place = None if self._selected is None else self._place(self._selected)
        self._select(0 if place is None else place + by)

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
        self._hold_until = 0.0
        self.look()
        self.refresh()

    def watch_flow_query(self) -> None:
        """Apply another filter at once."""
        self._hold_until = 0.0
        if self.is_mounted:
            self.look()

    def on_click(self, event: events.Click) -> None:
        """Select the row, or sort by the column, that was clicked."""
        if event.y > 0:
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
        self.hold_order()

    def on_mouse_scroll_up(self) -> None:
        """Scrolling is navigating."""
        self.hold_order()
