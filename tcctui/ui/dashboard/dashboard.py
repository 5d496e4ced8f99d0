"""The one screen: status line, search box, table, charts and keys."""

from __future__ import annotations

import socket
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Horizontal
from textual.widgets import Footer

from tcctui.errors import TcctuiError
from tcctui.query import ALL, Query
from tcctui.source import Source
from tcctui.ui.chart.charts import Charts
from tcctui.ui.compare import opening
from tcctui.ui.compare.compare import Compare
from tcctui.ui.dashboard import footer_keys, terminal_size
from tcctui.ui.dashboard.alarm import Alarm, Alarms
from tcctui.ui.dashboard.chart_screen import ChartScreen
from tcctui.ui.dashboard.help import Help
from tcctui.ui.dashboard.keys import KEYS
from tcctui.ui.dashboard.narrowing import Narrowing
from tcctui.ui.dashboard.terminal_size import TooSmall
from tcctui.ui.details.details import Details
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.preferences import Preferences
from tcctui.ui.saving import pictured
from tcctui.ui.search import base_filter, saved_filters
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.status.counts import counts, why_empty
from tcctui.ui.status.status_bar import Status, StatusBar
from tcctui.ui.table.choose_columns import choose_columns
from tcctui.ui.table.choose_order import choose_order
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time import liveness
from tcctui.ui.time.player import Player
from tcctui.ui.time.position import Position, old
from tcctui.ui.time.rewindable import Mode, Rewindable
from tcctui.ui.view import View

WATCH = 0.25
"""Seconds between two times that the source is told what is on the screen."""


class Dashboard(ChartScreen):
    """Puts the parts together: each pulls what it shows from the view by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        view: View,
        preferences: Preferences | None = None,
        base_query: Query | None = None,
        alarms: Alarms | None = None,
    ) -> None:
        super().__init__()
        self._alarms = alarms
        self._base_query = base_query or ALL
        self._view = view
        self._preferences = preferences or Preferences()
        self._source: Source | None = None
        self._narrowing = Narrowing()
        self._stopped = False
        self._shortfall: TcctuiError | None = None
        self._detailed = {True: True, False: False}  # whether wanted, by whether there is room

    def compose(self) -> ComposeResult:
        """Make the parts, from top to bottom."""
        with Player(self._view, id="dashboard"):
            yield StatusBar(id="status")
            yield SearchBar(self._view, self._preferences.searches, id="search")
            yield FlowTable(self._view, self._preferences, id="table")
            with Horizontal(id="lower"):
                yield Charts(self._view, id="charts")
                yield Details(self._view, id="details")
            yield Compare(self._view, id="compare")
            yield Footer(show_command_palette=False)
        yield TooSmall(id="too-small", markup=False)
        yield Alarm(self._view, self._alarms)

    def on_mount(self) -> None:
        """Let the keys go to the table."""
        self.query_one(StatusBar).show(Status(host=socket.gethostname()))
        table = self.query_one(FlowTable)
        base_filter.show_only(table, self._base_query)
        table.focus()
        opening.follow_pins(self)
        self.watch(self.query_one(Compare), "cookies", self._focus_on_compared, init=False)
        self.set_interval(WATCH, self._watch)

    def source_opened(self, source: Source, past: Rewindable, host: str) -> None:
        """Show what this source delivers to the store, and what it did."""
        self._source = source
        self._narrowing.opened(source)
        self.query_one(StatusBar).update(finest_ns=source.interval_ns, host=host)
        self.query_one(Player).follow(past)
        self._focus_on(self.query_one(FlowTable).selected)
        self._watch()
        self.look()

    def replay(
        self, past: Rewindable, remark: str, at_ns: int | None, speed: float, loop: bool
    ) -> None:
        """Show a recording; `remark` is said once."""
        origin = past.moment.timeline.origin
        self.query_one(StatusBar).update(
            host=origin.host,
            source=origin.description,
            kernel_filter=origin.kernel_filter,
            interval_ns=origin.interval_ns,
            finest_ns=origin.interval_ns,
        )
        if remark:
            tell(self, Notice("Something was left out", remark, "warning", seconds=15))
        self.query_one(Player).replay(past, at_ns, speed, loop)

    def _watch(self) -> None:
        """Have what is on the screen sampled often, and the selected flow before all."""
        if self._source is not None:
            self._source.watch(self._view.watched(self.query_one(FlowTable).cookies_in_sight))

    def look(self) -> None:
        """Show at once what there is."""
        self.query_one(FlowTable).look()

    def on_resize(self) -> None:
        """Say so when there is too little room to show anything right."""
        self.query_one(TooSmall).cover(self.query_one("#dashboard"))
        self._show_details()
        self.refresh_bindings()

    def source_failed(self, reason: str) -> None:
        """Say that nothing comes any more, and why."""
        self._stopped = True
        self.refresh_bindings()
        self.query_one(StatusBar).update(reason=reason, **self._place())
        tell(self, Notice("No more events", reason, "error", LONG))

    def recording_failed(self, reason: str) -> None:
        """Say that nothing more is recorded, and why."""
        tell(self, Notice("Nothing more is recorded", reason, "error", LONG))

    def _tell_shortfall(self, source: Source) -> None:
        """Say once why there is less than there could be; the status line keeps what mends it."""
        if source.shortfall is self._shortfall or source.shortfall is None:
            return
        self._shortfall = source.shortfall
        if source.shortfall.mend.startswith("Run: sudo"):
            return  # the status line says it all
        title = f"Only {source.description}"
        tell(self, Notice(title, str(source.shortfall), "warning", seconds=8))

    @on(FlowTable.Refreshed)
    def _tell(self, message: FlowTable.Refreshed) -> None:
        self.query_one(StatusBar).update(
            shown=message.shown,
            known=message.known,
            order_held=message.order_held,
            following=message.following,
            narrowed=self._narrowing.on,
            **counts(self._view, self._source, self.query_one(FlowTable).base_query.text),
            **self._place(),
        )
        if self._source is not None:
            self._tell_shortfall(self._source)
        table = self.query_one(FlowTable)
        texts = {"base": table.base_query.text, "search": table.flow_query.text}
        table.message = why_empty(self._view, self._source, message.known, **texts)

    def _place(self) -> Position:
        """Where in time the screen is; a source that plays what is old is not called live."""
        place, source = self.query_one(Player).place(), self._source
        if place["state"] or source is None or self._stopped or liveness.is_live(source):
            return place
        return old(source.now_ns(), self._view.wall_offset_ns)

    @on(Player.Moved)
    def _tell_place(self) -> None:
        self.query_one(StatusBar).update(**self._place())

    @on(FlowTable.Selected)
    def _chart(self, message: FlowTable.Selected) -> None:
        for part in (self.query_one(Charts), self.query_one(Details)):
            part.instead, part.cookie = message.instead, message.cookie
        self._focus_on(message.cookie)

    def _focus_on(self, cookie: int | None) -> None:
        """Have every ACK of a flow, and of those that are compared."""
        if self._source is not None:
            chosen = [] if cookie is None else [cookie]
            self._source.focus(dict.fromkeys([*chosen, *self.query_one(Compare).cookies]))

    def _focus_on_compared(self) -> None:
        self._focus_on(self.query_one(FlowTable).selected)

    @on(FlowTable.Opened)
    def _open_details(self) -> None:
        if not self.query_one(Details).display:
            self.action_details()

    @on(FlowTable.FilterWanted)
    def _narrow(self, message: FlowTable.FilterWanted) -> None:
        self.query_one(SearchBar).add(message.text, message.exclude)

    @on(SearchBar.Changed)
    def _filter(self, message: SearchBar.Changed) -> None:
        self.query_one(FlowTable).flow_query = message.query
        self._narrowing.search(message.query)

    @on(SearchBar.SaveWanted)
    def _save_filter(self) -> None:
        saved_filters.save(self.query_one(SearchBar), self._preferences)

    @on(SearchBar.Left)
    def _to_table(self) -> None:
        self.set_focus(self.query_one(FlowTable))

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that do something; those that matter most now are shown."""
        mode = self.query_one(Player).mode
        width, display = self.app.size.width, self.app.get_key_display
        active = super().active_bindings
        return footer_keys.chosen(active, mode, width, display, stopped=self._stopped)

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's
    ) -> bool | None:
        """Let / be typed into the search box."""
        return action != "search" or self.focused is not self.query_one(SearchBar).box

    def action_search(self) -> None:
        """Type a filter."""
        # At once, not with the next message: the keys that follow are for the box already.
        self.set_focus(self.query_one(SearchBar).box)
        # What words search is made when first asked for: before the first letter, not behind it.
        self.run_worker(lambda: self._view.flows(["text"]), thread=True)

    def action_clear(self) -> None:
        """Take notices away, or end what the table does, or the crosshair, or the search."""
        if self.query("Toast"):
            self.app.clear_notifications()
        elif not (
            self.query_one(FlowTable).leave() or self.drawn.hide_crosshair() or opening.leave(self)
        ):
            self.query_one(SearchBar).action_clear()

    def action_compare(self) -> None:
        """Compare the pinned flows, or no more."""
        opening.toggle(self)

    def action_filters(self) -> None:
        """Pick a saved filter, or save the present search."""
        saved_filters.pick(self.query_one(SearchBar), self._preferences)

    def action_details(self) -> None:
        """Show the details, or the charts alone; on a small screen in place of the second chart."""
        roomy = terminal_size.is_roomy(self.app.size)
        self._detailed[roomy] = not self._detailed[roomy]
        self._show_details()

    def _show_details(self) -> None:
        roomy = terminal_size.is_roomy(self.app.size)
        shown = self._detailed[roomy]
        self.query_one(Details).display = shown
        self.query_one(Charts).both = roomy or not shown

    def action_save(self) -> None:
        """Save the screen as a picture in the working directory."""
        tell(self, pictured(self.app.export_screenshot()))

    def action_alerts(self) -> None:
        """List alerts."""
        self.query_one(Alarm).show()

    def action_columns(self) -> None:
        """Choose the table's columns."""
        choose_columns(self, self.query_one(FlowTable), self._preferences)

    def action_order(self) -> None:
        """Choose what the table is sorted by."""
        choose_order(self, self.query_one(FlowTable), self._preferences)

    def action_narrow(self) -> None:
        """Have only what the search can match delivered, or everything again."""
        live = self.query_one(Player).mode is not Mode.REPLAY
        tell(self, self._narrowing.toggle(live=live))
        self.look()

    def action_help(self) -> None:
        """List the keys."""
        self.app.push_screen(Help(self))
