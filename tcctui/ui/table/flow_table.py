"""The table of flows: what keys and the mouse do in it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tcctui.ui.dialogs.pick import Pick
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.persist import keep
from tcctui.ui.table import pins, sorting
from tcctui.ui.table.columns import BY_NAME
from tcctui.ui.table.copying import Copying
from tcctui.ui.table.grouped_flows import FOLD_WIDTH, GroupedFlows
from tcctui.ui.table.sort_key import SortKey

REFRESH = 0.25
"""Seconds between two looks at the store."""

USUAL_CELL = "remote"
"""The column whose cell is searched for while there is no cell cursor."""

RIGHT_BUTTON = 3


class FlowTable(GroupedFlows):
    """The table, with what can be done in it. Whatever is done is done to the selected flow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="up", tooltip="The flow above"),
        Binding("down,j", "move(1)", "Down", show=False, id="down", tooltip="The flow below"),
        Binding(
            *("pageup", "move_page(-1)", "Page up"),
            show=False,
            id="page-up",
            tooltip="Go up by a screenful",
        ),
        Binding(
            *("pagedown", "move_page(1)", "Page down"),
            show=False,
            id="page-down",
            tooltip="Go down by a screenful",
        ),
        Binding(
            *("g", "move_to_end(-1)", "First"),
            show=False,
            id="first",
            tooltip="Select the first flow",
        ),
        Binding(
            *("less_than_sign", "sort_by(-1)", "Sort"),
            key_display="< >",
            id="sort-left",
            tooltip="Sort by the column to the left; or click a title",
        ),
        Binding(
            *("greater_than_sign", "sort_by(1)", "Sort by the column to the right"),
            show=False,
            id="sort-right",
            tooltip="Sort by the column to the right; Shift- or Ctrl-click adds a further column",
        ),
        Binding("r", "reverse", "Reverse", show=False, id="reverse", tooltip="Reverse the order"),
        Binding(
            *("F", "follow", "Follow"),
            show=False,
            id="follow",
            tooltip="Scroll with the selected flow wherever it goes; arrows, F or Esc end it",
        ),
        Binding(
            *("asterisk", "pin", "Pin"),
            key_display="*",
            show=False,
            id="pin",
            tooltip="Keep the selected flow on top of the table, whatever is searched for, or not",
        ),
        Binding(
            *("tab", "cell(1)", "Next cell"),
            show=False,
            id="cell-right",
            tooltip="Move the cell cursor to the right, for = and !; Esc hides it",
        ),
        Binding(
            *("shift+tab", "cell(-1)", "Cell before"),
            show=False,
            id="cell-left",
            tooltip="Move the cell cursor to the left",
        ),
        Binding(
            *("equals_sign", "filter(False)", "Search for the cell"),
            key_display="=",
            show=False,
            id="filter-add",
            tooltip="Search for what the cell says, of what is measured no less; or right-click it",
        ),
        Binding(
            *("exclamation_mark", "filter(True)", "Exclude the cell"),
            key_display="!",
            show=False,
            id="filter-exclude",
            tooltip="Search for anything but that: something else, or less",
        ),
        Binding(
            *("Y", "copy", "Copy"),
            show=False,
            id="copy",
            tooltip="Copy the flow's ends, its row, a search or ss filter for it, or the table",
        ),
    ]

    class Opened(Message):
        """Somebody wants to see more of the selected flow."""

    def on_mount(self) -> None:
        """Begin to look at the store."""
        self.look()
        self.set_interval(REFRESH, self.glance)

    # Moving

    def action_move(self, by: int) -> None:
        """Select the flow `by` rows further down."""
        at = self._order.selected_at
        self._select(0 if at is None else at + by)

    def action_move_page(self, pages: int) -> None:
        """Select the flow a screenful further down."""
        self.action_move(pages * max(1, self._lines - 1))

    def action_move_to_end(self, end: int) -> None:
        """Select the first (-1) or the last (1) flow."""
        self._select(0 if end < 0 else len(self._order) - 1)

    def action_follow(self) -> None:
        """Scroll with the selected flow from now on, or no longer."""
        if self.selected is None:
            self._no_flow()
            return
        self.following = not self.following
        if self.following:
            self._order.keep()
            self._hold()
        self._resort()

    def action_cell(self, by: int) -> None:
        """Move the cell cursor by a column, around the ends; at first it stands at one end."""
        names = [placed.column.name for placed in self._placed]
        if not names:
            return
        at = names.index(self._cell) + by if self._cell in names else (0 if by > 0 else -1)
        self._cell = names[at % len(names)]
        self._order.hold()
        self._repaint()

    def leave(self) -> bool:
        """End following, or else hide the cell cursor; gives whether there was any of that."""
        if self.following:
            self.following = False
            self.look()
        elif self._cell:
            self._cell = ""
            self._repaint()
        else:
            return False
        return True

    # Sorting

    def choose_order(self, keys: tuple[SortKey, ...]) -> None:
        """Sort by these columns from now on, also the next time."""
        keys = sorting.usable(keys)
        if keys == self.order_by:
            self._resort()
        self.order_by = keys
        keep(self, self._preferences, sort=tuple(map(str, keys)))

    def action_sort_by(self, by: int) -> None:
        """Sort by the next column on the screen to the right (1) or left (-1)."""
        names = [placed.column.name for placed in self._placed if placed.column.sort]
        if names:
            self.choose_order(sorting.beside(self.order_by, names, by))

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.choose_order(sorting.turned(self.order_by))

    # Acting on the selected flow

    def action_pin(self) -> None:
        """Pin the selected flow, or let go of it."""
        if self.selected is None:
            self._no_flow()
            return
        pinned = pins.toggled(self.pinned, self.selected)
        if pinned is None:
            text = f"{pins.MOST} flows are pinned, which is the most."
            tell(self, Notice("Not pinned", text, "warning"))
            return
        self._order.keep()
        self._order.hold()
        self.pinned = pinned

    def action_filter(self, exclude: bool) -> None:
        """Want the flows that have the same in the cell of the cursor, or all others."""
        if self._filter_by_group(exclude) or self.selected is None or self._view.still:
            return
        column = BY_NAME[self._cell or USUAL_CELL]
        flows = self._view.some_flows(np.array([self.selected], "u8"), column.needs)
        text = column.query(flows, 0) if column.query is not None and flows.count else None
        if text is None:
            title = f"{column.title} can't be searched for here"
            text = "Tab goes to another column." if flows.count else "The flow is gone."
            tell(self, Notice(title, text, seconds=BRIEF))
            return
        self.post_message(self.FilterWanted(text, exclude))

    def action_copy(self) -> None:
        """Pick what of the selected flow, or of the table, is to be copied."""
        if self.selected is None or self._view.still:
            self._no_flow()
            return
        shown = [placed.column for placed in self._placed]
        copying = Copying(self._view, self.selected, shown, lambda: self.flow_lines)
        if copying.gone:
            return
        self.app.push_screen(Pick("Copy", copying.choices()), lambda what: copying.copy(self, what))

    # The mouse

    def on_click(self, event: events.Click) -> None:
        """Select the row, or sort by the column, that was clicked; or search for the cell."""
        placed = self._column_at(event.x)
        other = event.ctrl or event.button == RIGHT_BUTTON
        if event.y == 0:
            if placed is not None and placed.column.sort:
                further = event.shift or other
                name = placed.column.name
                self.choose_order(sorting.clicked(self.order_by, name, further=further))
            return
        place = self._top + event.y - 1
        if place >= len(self._order):
            return
        again = place == self._order.selected_at
        self._select(place)
        if self.selected_group is not None:
            if event.x < FOLD_WIDTH or (again and event.chain == 2):
                self.action_fold()
            return
        if other and placed is not None:
            self._cell = placed.column.name
            self._repaint()
            self.action_filter(event.shift or event.meta)
        elif event.chain == 2:
            self.post_message(self.Opened())

    def on_mouse_scroll_down(self) -> None:
        """Scrolling is navigating."""
        self._navigate()

    def on_mouse_scroll_up(self) -> None:
        """Scrolling is navigating."""
        self._navigate()

    def _navigate(self) -> None:
        self.following = False
        self._order.hold()
