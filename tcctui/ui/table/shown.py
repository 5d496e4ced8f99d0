"""The flows that the table shows, in their order, and which of them is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from textual.message import Message
from textual.reactive import reactive

from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.query import ALL, Query
from tcctui.ui.preferences import Preferences
from tcctui.ui.table import layout, pins, rows, sorting
from tcctui.ui.table.flow_order import FlowOrder
from tcctui.ui.table.painted import Painted
from tcctui.ui.table.rows import Header, Line, RowSigns
from tcctui.ui.table.sort_key import SortKey
from tcctui.ui.view import View


class ShownFlows(Painted):
    """Shows the flows that `base_query` and `flow_query` let through, in the order of columns.

    The selection is a flow, not a place: it stays on its connection while rows move, and a flow
    that somebody selected stays in the table until another one is, also where its values no longer
    match what is searched for. Where another search hides it, the first row stands in for it.
    Pinned flows are on top, in the order they were pinned; no search hides them. A flow pinned by
    a key goes there when the order is no longer held, so that nothing jumps under the cursor.
    """

    flow_query: reactive[Query] = reactive(ALL, always_update=True, init=False, repaint=False)
    """What is searched for."""
    base_query: reactive[Query] = reactive(ALL, init=False, repaint=False)
    """What is shown at all."""
    order_by: reactive[tuple[SortKey, ...]] = reactive(sorting.USUAL, init=False, repaint=False)
    pinned: reactive[pins.Pins] = reactive((), init=False, repaint=False)
    """Cookies, in the order in which they were pinned."""
    marked: reactive[frozenset[int]] = reactive(frozenset(), init=False, repaint=False)
    """Cookies of flows that there is an alert about."""
    following: reactive[bool] = reactive(False, init=False, repaint=False)
    """Whether the selected flow is scrolled to wherever it goes."""

    @dataclass
    class Selected(Message):
        """Another flow was selected; `cookie` is None if there is none, but maybe `instead`."""

        cookie: int | None
        instead: str = ""

    @dataclass
    class Refreshed(Message):
        """The table looked at the store: `shown` flows of `known` are let through."""

        shown: int
        known: int
        order_held: bool
        following: bool = False

    def __init__(
        self,
        view: View,
        preferences: Preferences | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        self._preferences = preferences or Preferences()
        keys = sorting.usable(SortKey.read(self._preferences.settings.sort))
        super().__init__(Header(keys), id=id)
        self.set_reactive(ShownFlows.order_by, keys)
        self._view = view
        self._order = FlowOrder()
        self._columns = self._preferences.settings.columns
        self._widths = dict(self._preferences.settings.widths)
        self._cell = ""  # name of the column that the cell cursor is in
        self._marks = RowSigns()
        self._rows_of: dict[int, Line] = {}
        self._asked_anew = True
        self._wanted_known = False
        self._told: tuple[int | None, str] = None, ""
        self._sorted_ns = 0  # which moment was looked at last; 0 is the present

    @property
    def selected(self) -> int | None:
        """Cookie of the selected flow."""
        return self._order.selected

    @property
    def instead(self) -> str:
        """What is selected where that is no flow."""
        return ""

    @property
    def whole_query(self) -> Query:
        """What a flow must match to be shown."""
        return self.base_query & self.flow_query

    @property
    def cookies_in_sight(self) -> Keys:
        """Cookies of the flows on the screen, the selected one first, wherever it is."""
        rows = self._in_sight()
        selected = np.array([] if self.selected is None else [self.selected], "u8")
        return np.concatenate([selected, rows[~np.isin(rows, selected)]])

    def _in_sight(self) -> Keys:
        return self._order.cookies[self._top :][: self._lines]

    # Looking

    def look(self) -> None:
        """Pull the order of the flows and the cells of the visible ones; repaint what changed."""
        if self._view.still:
            return
        moment_ns = 0 if self._view.moment is None else self._view.at_ns
        if moment_ns and moment_ns == self._sorted_ns:
            self._order.settle()  # nothing moves: rows stand where they belong
        self._sorted_ns = moment_ns
        query = self.whole_query
        flows = self._view.flows({*query.fields, *self._needs()})
        cookies, found = flows["cookie"], query.mask(flows)
        # The flows come in the order of their cookies, and equal ones keep that.
        shown = np.flatnonzero(found | self._stays(cookies))
        if not len(self._order) or not self._order.stands:
            shown = sorting.in_order(flows, shown, self.order_by)
        lines = self._lines_of(flows, shown)
        self._order.update(lines, anew=self._anew(cookies))
        unmatched = pins.among(self.pinned, cookies[~found]) if self.pinned else ()
        self._marks = RowSigns(self.marked, self.pinned, frozenset(map(int, unmatched)))
        self._extend(len(self._order))
        self._follow()
        self._tell_selected()
        self._repaint()
        self.post_message(
            self.Refreshed(
                int(np.count_nonzero(found)),
                flows.count,
                self._order.held,
                following=self.following,
            )
        )

    def _needs(self) -> set[str]:
        """Columns that the order of the lines needs."""
        return sorting.needs(self.order_by)

    def _lines_of(self, flows: Flows, ordered: npt.NDArray[np.intp]) -> Keys:
        """Give the lines of the table, given the flows that it shows in their order."""
        return pins.on_top(self.pinned, flows["cookie"][ordered])

    def _stays(self, cookies: Keys) -> npt.NDArray[np.bool_]:
        """Which flows are shown whether they match or not: pinned ones, and the selected one."""
        staying = list(self.pinned)
        selected = self._order.selected
        if selected is not None and selected == self._order.wanted and not self._asked_anew:
            staying.append(selected)
        return np.isin(cookies, np.array(staying, "u8"))

    def _anew(self, cookies: Keys) -> bool:
        """Whether the flow that somebody selected takes the selection back from its stand-in.

        That is when something else is asked for, or when it is known again, as of another moment.
        """
        wanted = self._order.wanted
        known = wanted is not None and bool((cookies == np.uint64(wanted)).any())
        anew = self._asked_anew or (known and not self._wanted_known)
        self._asked_anew, self._wanted_known = False, known
        return anew

    def _follow(self) -> None:
        """Scroll to the flow that is followed."""
        order = self._order
        if not self.following or order.selected_at is None:
            return
        if order.selected == order.wanted:
            self._bring_into_sight(order.selected_at)
        elif not self._wanted_known and self._view.moment is None:
            self.following = False  # it is forgotten for good

    def _tell_selected(self) -> None:
        if (self.selected, self.instead) != self._told:
            self._told = self.selected, self.instead
            self._hold()
            self.post_message(self.Selected(*self._told))

    def _hold(self) -> None:
        """Keep the flows that somebody cares for, also when they are closed."""
        cared = (self.selected, self._order.wanted, *self.pinned)
        self._view.hold({cookie for cookie in cared if cookie is not None})

    def _repaint(self) -> None:
        """Format the rows in sight anew, and paint them."""
        if not self._placed:
            return  # there is no room: a resize is to come
        cookies = self._in_sight()
        if self._view.still:
            made = rows.arranged(self._rows_of, cookies, self._placed)
        else:
            made = self._made(cookies)
            self._rows_of = dict(zip(cookies.tolist(), made, strict=True))
        header = Header(self.order_by, self._order.held, self._cell)
        self._paint(header, made, self._order.selected_at)

    def _made(self, lines: Keys) -> list[Line]:
        """Format lines."""
        return list(rows.rows(self._view, lines, self._placed, self._marks))

    def on_resize(self) -> None:
        """Choose the columns that fit, and show the selected flow."""
        if not self.size.width:
            return  # not displayed: what it had is painted until it has room again
        at = self._order.selected_at
        in_sight = at is not None and self._rows_top <= at < self._rows_top + len(self._rows)
        self._lay_out()
        self._extend(len(self._order))
        if at is not None and in_sight:
            self._bring_into_sight(at)
        self._repaint()
        self.refresh()

    def show_columns(self, names: Sequence[str], widths: Mapping[str, int]) -> None:
        """Show these columns, from left to right, or as many of the usual ones as fit.

        `widths` has the characters of those that are to have another width than usual.
        """
        self._columns, self._widths = tuple(names), dict(widths)
        if self.size.width:
            self._lay_out()
            self._repaint()
            self.refresh()

    def _lay_out(self) -> None:
        self._placed = layout.layout(self.room, self._columns, self._widths)
        self._rows_of = {}
        if all(placed.column.name != self._cell for placed in self._placed):
            self._cell = ""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Format the rows that come into sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._repaint()

    def _look_anew(self) -> None:
        """Look at something else than before, in an order that is not held."""
        self._asked_anew = True
        self._resort()

    def _resort(self) -> None:
        """Look in an order that is not held."""
        self._order.let_go()
        if self.is_mounted:
            self.look()

    def watch_flow_query(self) -> None:
        """Apply another search at once."""
        self._look_anew()

    def watch_base_query(self) -> None:
        """Apply another filter at once."""
        self._look_anew()

    def watch_order_by(self) -> None:
        """Sort at once."""
        self._resort()

    def watch_pinned(self) -> None:
        """Keep what is pinned, and mark it."""
        self._hold()
        if self.is_mounted:
            self.look()

    def watch_marked(self) -> None:
        """Mark what there is an alert about."""
        self._marks = self._marks._replace(alert=self.marked)
        self._repaint()

    # Selecting

    def select_flow(self, cookie: int) -> bool:
        """Select a flow, and bring it into sight; says whether it is in the table."""
        found = np.flatnonzero(self._order.cookies == np.uint64(cookie))
        if len(found):
            self._select(int(found[0]))
        return len(found) > 0

    def _select(self, place: int) -> None:
        """Select the flow in a place of the present order, and bring it into sight."""
        self.following = False
        selected_at = self._order.select(place)
        if selected_at is None:
            return
        self._bring_into_sight(selected_at)
        self._tell_selected()
        self._repaint()
