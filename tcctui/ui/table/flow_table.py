"""The table of flows: what keys and the mouse do in it, and which rows are in sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tcctui.arrays import among
from tcctui.fields.algorithm_state import PREFIX
from tcctui.flows.frame import RowsFrame, RowsRequest
from tcctui.flows.groups.groups import GROUPINGS, OF_LATE, Groups
from tcctui.flows.index import Keys
from tcctui.query import ALL, Query
from tcctui.recording.timeline import Timeline
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.preferences import Preferences, keep
from tcctui.ui.style.colours import rules
from tcctui.ui.style.kept_lines import KeptLines
from tcctui.ui.style.signs import LIMIT_STYLES
from tcctui.ui.table import layout, rows, sorting
from tcctui.ui.table.cell_texts import CellTexts
from tcctui.ui.table.columns import BY_NAME, COLUMNS, OF_GROUPS
from tcctui.ui.table.grouped import headers
from tcctui.ui.table.layout import Placed
from tcctui.ui.table.painter import Painter, Sight
from tcctui.ui.table.row_places import MOST_PINS, Pins, RowPlaces, toggled
from tcctui.ui.table.rows import GUTTER, Header, Line, RowSigns
from tcctui.ui.table.sorting import SortKey
from tcctui.ui.table.table_keys import KEYS
from tcctui.ui.view import CurrentView, Look

USUAL_CELL = min(COLUMNS, key=lambda column: column.rank).name
"""The column whose cell is searched for while there is no cell cursor."""

RIGHT_BUTTON = 3

FOLD_WIDTH = 2
"""Cells at the left of a header that fold it when they are clicked."""

_NOTHING = "nothing"

_MOST_CHOICES = 500
"""Rows that are offered to be compared."""
_COLOURED = ("cwnd", "ssthresh", "srtt", *LIMIT_STYLES)


class FlowTable(KeptLines, ScrollView, can_focus=True, inherit_bindings=False):
    """The table of the flows that `base_query` and `flow_query` let through, in some order.

    The selection is a flow, not a place: it stays on its connection while rows move. Where flows
    are grouped, the header of a group is a line like a flow's; where the flow that somebody
    selected is in a group that is folded, the group's header stands in for it. Whatever is done is
    done to the selected flow. `look` asks for a frame at once, and has all parts show it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]
    STYLES = "flow-table"
    DEFAULT_CSS = rules("FlowTable", "flow-table", _COLOURED)

    virtual_size = reactive(Size(0, 0))  # without a layout: `_extend` asks for it
    message: reactive[str] = reactive("")
    """Why there is nothing, where no row is shown."""
    flow_query: reactive[Query] = reactive(ALL, always_update=True, init=False, repaint=False)
    """Query of the search."""
    base_query: reactive[Query] = reactive(ALL, init=False, repaint=False)
    """Query of --filter."""
    order_by: reactive[tuple[SortKey, ...]] = reactive(sorting.USUAL, init=False, repaint=False)
    grouped_by: reactive[str] = reactive("", init=False, repaint=False)
    """Name of one of `groups.GROUPINGS`, empty for nothing."""
    pinned: reactive[Pins] = reactive((), init=False, repaint=False)
    """Cookies, in the order in which they were pinned."""
    marked: reactive[frozenset[int]] = reactive(frozenset(), init=False, repaint=False)
    """Cookies of flows that there is an alert about."""
    following: reactive[bool] = reactive(False, init=False, repaint=False)
    """True if the table scrolls with the selected flow."""

    @dataclass
    class Selected(Message):
        """Another flow was selected; `cookie` is None where there is none."""

        cookie: int | None

    class Opened(Message):
        """Somebody wants to see more of the selected flow."""

    class LaidOut(Message):
        """Columns were placed: others may be shown than before."""

    @dataclass
    class GroupsCompared(Message):
        """Two groups are to be shown side by side; both are headers."""

        first: int
        second: int

    class RowsCompared(Message):
        """The pinned rows, which are groups, are to be compared."""

    @dataclass
    class HostWanted(Message):
        """Somebody wants to see a flow on its own host."""

        cookie: int

    @dataclass
    class BothEndsWanted(Message):
        """Somebody wants to see a flow of a fleet as both its hosts have it."""

        cookie: int

    @dataclass
    class FilterWanted(Message):
        """Somebody wants to search for this too, or for all but this."""

        text: str
        exclude: bool

    def __init__(
        self, view: CurrentView, look: Look, preferences: Preferences | None = None
    ) -> None:
        super().__init__(id="table")
        self._preferences = preferences or Preferences()
        settings = self._preferences.settings
        self._view = view
        self._look = look
        self._places = RowPlaces()
        self.timeline: Timeline | None = None
        """Past of these flows, as far as it can be read again."""
        self._order = self._places.order
        self._groups = self._places.groups
        self._columns, self._widths = settings.columns, dict(settings.widths)
        self._placed: list[Placed] = []
        self._wanted = rows.wanted(())
        self._cell = ""  # name of the column that the cell cursor is in
        self._texts = CellTexts()
        self._rows_of: dict[int, Line] = {}
        self._top = 0  # the first row in sight, of the frame that is being made or was made last
        self._reveal = False  # whether the next frame is to have the selected line in sight
        self._lines_shown = 0  # how many the last frame had room for
        self._told: tuple[int | None, int | None] = None, None
        self._sorted_ns = 0  # which moment was looked at last; 0 is the present
        self.found = 0
        """Flows that match."""
        self.moved = True
        """Set to True when other flows are shown, or another is selected; who cares resets it."""
        keys = sorting.usable(SortKey.read(settings.sort))
        self._painter = Painter(Header(keys))
        self.set_reactive(FlowTable.order_by, keys)
        self.set_reactive(FlowTable.grouped_by, settings.group)
        self._places.group_by(settings.group)

    # What is there

    @property
    def selected(self) -> int | None:
        """Cookie of the selected flow; None where a group is selected."""
        return self._places.selected

    @property
    def instead(self) -> str:
        """Name of the selection if it is not a flow."""
        header = self._places.selected_group
        return "" if header is None else f"A group is selected: {self._groups.label(header)}"

    @property
    def group(self) -> tuple[Groups, int] | None:
        """The groups and the number of the selected one; None where a flow is selected."""
        header = self._places.selected_group
        return None if header is None else self._groups.found(header)

    def compare_groups(self) -> None:
        """Pick a group to compare the selected one with, and show both side by side."""
        header = self._places.selected_group
        if header is None or self._view.deferred(self.compare_groups):
            return
        from tcctui.ui.dialogs import Choice, Pick  # noqa: PLC0415

        others = self._groups.others(header)
        choices = [Choice(str(other), label) for other, label in others.items()]
        title = f"Compare {self._groups.label(header)} with"

        def take(other: str | None) -> None:
            if other is not None:
                self.post_message(self.GroupsCompared(header, int(other)))

        self.app.push_screen(Pick(title, choices, nothing="No other group", opener="compare"), take)

    def members(self, header: int) -> tuple[str, Keys]:
        """Label of a group, and the cookies of its flows."""
        return self._groups.label(header), self._groups.cookies_of(header)

    @property
    def whole_query(self) -> Query:
        """Query that a flow must match to be shown."""
        return self.base_query & self.flow_query

    @property
    def columns_shown(self) -> Sequence[str]:
        """Names of the columns on the screen, from left to right."""
        return [placed.column.name for placed in self._placed]

    def shows(self, name: str) -> bool:
        """Tell whether a column of the screen is made of a flow's value."""
        return name in self._wanted[0]

    @property
    def states(self) -> tuple[str, ...]:
        """Columns of the screen that are of algorithms' own state, from left to right."""
        return tuple(name for name in self.columns_shown if name.startswith(PREFIX))

    @property
    def known(self) -> int:
        """Flows there are, whether they match or not."""
        return self._places.known

    @property
    def order_held(self) -> bool:
        """True while the order stands still because the user navigates."""
        return self._order.held

    @property
    def at_rest(self) -> bool:
        """True if time alone will move no row, nor the selection."""
        return self._order.at_rest

    @property
    def seconds_needed(self) -> int:
        """Length of the sparklines in seconds."""
        _, sparklines = self._wanted
        return max((line.seconds for line in sparklines), default=0)

    def searched(self) -> tuple[Keys | None, int]:
        """Flows that the searches let through, None without any, and the number of all."""
        query = self.whole_query
        flows = self._view.flows(query.fields)
        found = flows["cookie"][query.mask(flows)] if query.text.strip() else None
        return found, flows.count

    @property
    def cookies_in_sight(self) -> Keys:
        """Cookies of the flows on the screen, the selected one first, wherever it is."""
        shown = self._flows_in_sight()
        selected = np.array([] if self.selected is None else [self.selected], "u8")
        return np.concatenate([selected, shown[~among(shown, selected)]])

    @property
    def room(self) -> int:
        """Characters that columns have on a line; the scroll bar always has its place beside."""
        return max(0, self.size.width - self.styles.scrollbar_size_vertical - GUTTER)

    @property
    def _lines(self) -> int:
        """Number of rows that fit."""
        return max(0, self.size.height - 1)

    def _lines_in_sight(self) -> Keys:
        return self._order.cookies[self._top :][: self._lines]

    def _flows_in_sight(self) -> Keys:
        lines = self._lines_in_sight()
        return lines[~headers(lines)]

    # Frames

    def request(self, *, anew: bool) -> RowsRequest:
        """Ask for the cells of the rows in sight; `anew` for all rows to take their places too."""
        moment_ns = 0 if self._view.moment is None else self._view.at_ns
        arrangement = None
        if anew:
            if moment_ns and moment_ns == self._sorted_ns:
                self._order.settle()  # nothing moves: rows stand where they belong
            self._sorted_ns = moment_ns
            arrangement = self._places.arrangement(self.whole_query, self.order_by, self.pinned)
        return RowsRequest(self._visible, *self._wanted, arrangement)

    def _visible(self) -> Keys:
        """Scroll to where the frame is to be, now that the rows have their places."""
        order, top = self._order, self._scrolled
        at = order.selected_at
        if self._lines != self._lines_shown:  # a frame may come before the resize is told
            self._reveal |= self._painter.sight.has(at)
        follow = self.following and order.selected == order.wanted
        if at is not None and (follow or self._reveal):
            top = min(max(top, at - self._lines + 1), at)
        self._top = max(0, min(top, len(order) - self._lines))
        return self._flows_in_sight() if self._placed else np.empty(0, "u8")

    @property
    def _scrolled(self) -> int:
        """The row that the scroll bar is at."""
        return round(self.scroll_offset.y)

    def show(self, frame: RowsFrame) -> None:
        """Show a frame, and repaint what changed."""
        if frame.found is not None:
            self.found = frame.found
        signs = RowSigns(self.marked, self.pinned, self._places.unmatched)
        made: dict[int, Line] = {}
        if self._placed:
            if not np.array_equal(frame.cells["cookie"], self._texts.cookies):
                self.moved = True
            texts = self._texts.of(frame.cells, frame.sparklines, self._placed)
            made |= rows.rows_of(frame.cells, texts, signs)
            made |= self._groups.rows(self._lines_in_sight(), self._placed)
        self._rows_of = made
        if self.following and not self._places.wanted_known and self._view.moment is None:
            self.following = False  # it is forgotten for good
        self._arrive()

    def wait(self) -> None:
        """Show the rows that there are, while another moment is worked out."""
        self._visible()
        self._arrive()

    def _arrive(self) -> None:
        """Have the scroll bar where the frame is, and paint the rows."""
        self._extend(Size(self.size.width, len(self._order) + 1))
        self._paint()
        if self._scrolled != self._top:
            self.scroll_to(y=self._top, animate=False, immediate=True)
        # In the middle of a new layout there may be no line to show it in, or none to scroll to.
        self._reveal &= not self._lines or self._scrolled != self._top
        self._lines_shown = self._lines
        told = self.selected, self._places.selected_group
        if told != self._told:
            self._told, self.moved = told, True
            self._hold()
            self.post_message(self.Selected(self.selected))

    def _extend(self, size: Size) -> None:
        """Scroll over so many lines; only a scroll bar that comes or goes moves anything."""
        if size == self.virtual_size:
            return
        self.virtual_size = size
        if (size.height > self.size.height) != self.show_vertical_scrollbar:
            self.refresh(layout=True)
        elif self.show_vertical_scrollbar:
            self.vertical_scrollbar.window_virtual_size = size.height

    def _paint(self) -> None:
        """Paint the rows in sight, where they are not as they were."""
        if not self._placed:
            return  # there is no room: a resize is to come
        made = rows.arranged(self._rows_of, self._lines_in_sight(), self._placed)
        header = Header(self.order_by, self._order.held, self._cell)
        sight = Sight(header, self._placed, made, self._top, self._order.selected_at)
        changed = self._painter.take(sight, self.size.width - self.scrollbar_size_vertical)
        if changed is None:
            self.refresh()
        elif changed:
            self.refresh(*changed)

    def _hold(self) -> None:
        """Keep the flows that somebody cares for, also when they are closed."""
        cared = (self.selected, self._order.wanted, *self.pinned)
        self._view.hold({cookie for cookie in cared if cookie is not None})

    def on_resize(self) -> None:
        """Choose the columns that fit."""
        if not self.size.width:
            return  # not displayed: what it had is painted until it has room again
        self._lay_out()

    def show_columns(self, names: Sequence[str], widths: Mapping[str, int]) -> None:
        """Show these columns, from left to right, or as many of the usual ones as fit.

        `widths` has the characters of those that are to have another width than usual.
        """
        self._columns, self._widths = tuple(names), dict(widths)
        if self.size.width:
            self._lay_out()

    def _lay_out(self) -> None:
        self._placed = layout.layout(self.room, self._columns, self._widths)
        self._wanted = rows.wanted(self._placed)
        sorts = (name for placed in self._placed for name in placed.column.sort)
        self._places.late_shown = frozenset(sorts) & OF_LATE.keys()
        self._places.health_shown = any(placed.column.name == "health" for placed in self._placed)
        self._rows_of = {}
        if all(placed.column.name != self._cell for placed in self._placed):
            self._cell = ""
        self.post_message(self.LaidOut())
        self._look(anew=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Show the rows that come into sight."""
        super().watch_scroll_y(old_value, new_value)
        if self._scrolled != self._painter.sight.top:
            self._look(anew=False)

    def _look_anew(self) -> None:
        """Look at something else than before, in an order that is not held."""
        self._places.ask_anew()
        self._resort()

    def _resort(self) -> None:
        """Look in an order that is not held."""
        self._order.let_go()
        self._look()

    watch_flow_query = watch_base_query = _look_anew
    watch_order_by = _resort

    def watch_grouped_by(self, name: str) -> None:
        """Group at once."""
        self._places.group_by(name)
        self._look_anew()

    def watch_pinned(self) -> None:
        """Keep what is pinned, and mark it."""
        self._hold()
        self._look()

    def watch_marked(self) -> None:
        """Mark what there is an alert about."""
        self._look(anew=False)

    # Painting

    def render_line(self, y: int) -> Strip:
        """One line of the table: the header, a row, or nothing."""
        return self._painter.line(y, self.drawn_size.width, self.styles_of, self.message)

    def painted_parts(self, parts: Iterable[Region]) -> Mapping[Region, list[Segment]]:
        """Draw cells of rows alone: most of a row stays as it is."""
        if self.text_filters:
            return {}
        style = self.styles_of.__getitem__
        found = ((part, self._painter.part(part, style)) for part in parts)
        return {part: segments for part, segments in found if segments is not None}

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
        if self._order.select(place) is not None:
            self._reveal = True
            self._look(anew=False)

    def start_over(self) -> None:
        """Select the first row, and show it: other rows are shown than before."""
        self._order.start_over()
        self._reveal = True

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
        self._paint()

    def leave(self) -> bool:
        """End following, or else hide the cell cursor; gives whether there was any of that."""
        if self.following:
            self.following = False
            self._look()
        elif self._cell:
            self._cell = ""
            self._paint()
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

    # Grouping

    @property
    def is_of_fleet(self) -> bool:
        """True where its rows are of many machines."""
        return self._view.own_groups is not None

    def action_group(self) -> None:
        """Pick what to group by."""
        from tcctui.ui.dialogs import Choice, Pick  # noqa: PLC0415

        own = self._view.own_groups
        choices = [Choice(one.name, one.title, one.meaning) for one in GROUPINGS.values()]
        if own is not None:
            choices = [Choice(name, *said) for name, said in own.groupings.items()]
        choices.append(Choice(_NOTHING, "nothing", "flows alone"))

        def take(name: str | None) -> None:
            if name is not None and own is not None:
                own.group_by("" if name == _NOTHING else name)
                self._look_anew()
            elif name is not None:
                self.grouped_by = "" if name == _NOTHING else name
                keep(self, self._preferences, group=self.grouped_by)

        self.app.push_screen(Pick("Group by", choices, opener="group"), take)

    def action_fold(self) -> None:
        """Fold the group that is selected, or that the selected flow is in; or unfold it."""
        header = self._groups.header_of(self._order.selected)
        if header is None and not self._view.still:
            self._open()
        if header is None or self._view.deferred(self.action_fold):
            return
        self._groups.folds.turn(header)
        self._fold()

    def _open(self) -> None:
        """Show the flows of the selected row, where that is a group; or go to the flow's host."""
        own, selected = self._view.own_groups, self.selected
        if own is None or selected is None:
            return
        if not own.is_group(selected):
            self.post_message(self.HostWanted(selected))
        elif (query := own.inside(selected)) is None:
            text = "No query selects its flows."
            tell(self, Notice("The group can't be opened", text, seconds=BRIEF))
        else:
            own.group_by("")
            self.post_message(self.FilterWanted(query, exclude=False))

    def action_fold_all(self) -> None:
        """Fold all groups; unfold them where all are folded."""
        if self._groups.by is None:
            tell(self, Notice("There are no groups", "G groups the flows.", seconds=BRIEF))
        elif not self._view.deferred(self.action_fold_all):
            self._groups.fold_all()
            self._places.ask_anew()
            self._fold()

    def _fold(self) -> None:
        """Show what is folded now, and of the rest all where it was."""
        self._order.hold()
        self._reveal = True
        self._look()

    def action_histogram(self) -> None:
        """Show how the round-trip times are spread, over time where that was recorded."""
        if self.timeline is None or self._view.own_groups is not None:
            self._show_histogram()
            return
        from tcctui.ui.table.rtt_heat_map import Cells  # noqa: PLC0415
        from tcctui.ui.table.rtt_members import Members, members  # noqa: PLC0415
        from tcctui.ui.table.srtt_bins import BinsDialog  # noqa: PLC0415

        def of(by: str) -> Members | None:
            return members(self._view, self.whole_query, self._places, self.selected, by)

        def take(query: str | None) -> None:
            if query:
                self.post_message(self.FilterWanted(query, exclude=False))
            elif query is not None:
                self._show_histogram()

        self.app.push_screen(BinsDialog(Cells(of, self._view, self.timeline)), take)

    def _show_histogram(self) -> None:
        """Show the round-trip times of this moment."""
        from tcctui.ui.table.srtt_bins import BinsDialog  # noqa: PLC0415
        from tcctui.ui.table.srtt_histogram import Bars, srtt_times  # noqa: PLC0415

        header = self._places.selected_group
        inside = None if header is None else self._groups.query(header)
        own = self._view.own_groups
        if own is not None and self.selected is not None and own.is_group(self.selected):
            inside = own.inside(self.selected)

        def take(query: str | None) -> None:
            if query is not None:
                text = query if inside is None else f"{inside} {query}"
                self.post_message(self.FilterWanted(text, exclude=False))
                if own is not None:
                    own.group_by("")

        bars = Bars(lambda: srtt_times(self._view, self.whole_query, self._places))
        self.app.push_screen(BinsDialog(bars), take)

    # Acting on the selected flow

    def action_pin(self) -> None:
        """Pin the selected flow, or let go of it."""
        if self.selected is None:
            self._no_flow()
            return
        pinned = toggled(self.pinned, self.selected)
        if pinned is None:
            text = f"{MOST_PINS} flows are pinned, which is the most."
            tell(self, Notice("Not pinned", text, "warning"))
            return
        self._order.keep()
        self._order.hold()
        self.pinned = pinned

    def action_filter(self, exclude: bool) -> None:
        """Want the flows that have the same in the cell of the cursor, or all others."""
        if self._filter_by_group(exclude) or self.selected is None:
            return
        if self._filter_by_own_group(self.selected, exclude):
            return
        if self._view.deferred(lambda: self.action_filter(exclude)):
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

    def _filter_by_group(self, exclude: bool) -> bool:
        """Want the flows of the selected group, or all others; gives whether a group is."""
        header = self._places.selected_group
        if header is None:
            return False
        query = self._groups.query(header)
        if query is None:
            text = "Nothing is known that its flows have in common."
            tell(self, Notice("The group can't be searched for", text, seconds=BRIEF))
        else:
            self.post_message(self.FilterWanted(query, exclude))
        return True

    def _filter_by_own_group(self, selected: int, exclude: bool) -> bool:
        """Want the flows of a row that is a group, or all others; else say what can be searched.

        Gives whether that was it: other cells are of what a flow has, too.
        """
        own, cell = self._view.own_groups, self._cell or "group"
        if own is None or not own.is_group(selected) or cell not in OF_GROUPS:
            return False
        query = own.inside(selected) if cell == "group" else None
        if query is not None:
            self.post_message(self.FilterWanted(query, exclude))
        else:
            text = "< and > sort by it; Tab goes to another column."
            title = f"{BY_NAME[cell].title} can't be searched for"
            tell(self, Notice(title, text, seconds=BRIEF))
        return True

    def compare_rows(self) -> None:
        """Pick a row to compare the selected one with, where rows are groups."""
        own, selected = self._view.own_groups, self.selected
        if own is None or selected is None:
            return
        from tcctui.ui.dialogs import Choice, Pick  # noqa: PLC0415

        others = [one for one in self._order.cookies.tolist() if one != selected]
        choices = [Choice(str(one), own.label(one)) for one in others[:_MOST_CHOICES]]

        def take(other: str | None) -> None:
            if other is not None:
                self.pinned = (selected, int(other))
                self.post_message(self.RowsCompared())

        title = f"Compare {own.label(selected)} with"
        self.app.push_screen(Pick(title, choices, nothing="No other group", opener="compare"), take)

    def _no_flow(self) -> None:
        """Say why nothing can be done with the selected flow: it is a group."""
        if self._places.selected_group is not None:
            text = f"This is for flows. {self.instead}."
            tell(self, Notice("Not for groups", text, seconds=BRIEF))

    def action_copy(self) -> None:
        """Pick what of the selected flow or group, or of the table, is to be copied."""
        if self._order.selected is None or self._view.deferred(self.action_copy):
            return
        from tcctui.ui.dialogs import Pick  # noqa: PLC0415
        from tcctui.ui.table.copying import Copying  # noqa: PLC0415

        shown = [placed.column for placed in self._placed]
        copying = Copying(self._view, shown, lambda: self._places.flow_lines)
        own = self._view.own_groups
        if self.selected is not None and own is not None and own.is_group(self.selected):
            copying.of_row(self.selected, own)
        elif self.selected is not None:
            copying.of_flow(self.selected)
        elif self.group is not None:
            copying.of_group(*self.group, self._groups.cookies_of(self._order.selected))
        if copying.gone:
            return
        dialog = Pick("Copy", copying.choices(), opener="copy")
        self.app.push_screen(dialog, lambda what: copying.copy(self, what))

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
        place = self._scrolled + event.y - 1
        if place >= len(self._order):
            return
        again = place == self._order.selected_at
        self._select(place)
        if self._places.selected_group is not None:
            if event.x < FOLD_WIDTH or (again and event.chain == 2):
                self.action_fold()
            return
        if other and placed is not None:
            self._cell = placed.column.name
            self._paint()
            self.action_filter(event.shift or event.meta)
        elif event.chain == 2:
            self.post_message(self.Opened())

    def _column_at(self, x: int) -> Placed | None:
        """The column in a cell of the screen."""
        x -= GUTTER
        return next((one for one in self._placed if one.start <= x < one.start + one.width), None)

    def _navigate(self) -> None:
        """Scrolling is navigating."""
        self.following = False
        self._order.hold()

    on_mouse_scroll_down = on_mouse_scroll_up = _navigate
