"""The one screen: status line, search box, table, charts and keys."""

from __future__ import annotations

import socket
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from tcctui.errors import TcctuiError
from tcctui.source import Source
from tcctui.ui import footer_keys, streams
from tcctui.ui.charts import Charts
from tcctui.ui.counts import counts, why_empty
from tcctui.ui.details import Details
from tcctui.ui.flow_table import FlowTable
from tcctui.ui.help import Help
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.past import Past
from tcctui.ui.place import Place, old
from tcctui.ui.player import Player
from tcctui.ui.saving import pictured
from tcctui.ui.search_bar import SearchBar
from tcctui.ui.status_bar import Status, StatusBar
from tcctui.ui.view import View

MINIMUM_COLUMNS, MINIMUM_LINES = 80, 24
"""The smallest terminal that everything fits in."""

ROOMY_COLUMNS, ROOMY_LINES = 120, 30
"""The smallest terminal that has room for the details beside both charts."""

WATCH = 0.25
"""Seconds between two times that the source is told what is on the screen."""


class Dashboard(Screen[None]):
    """Puts the parts together: each pulls what it shows from the view by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority: run by the application before it gives out the next key, which it would else
        # send to the table, as it does with all keys that come before this one is dealt with.
        Binding("slash", "search", "Search", key_display="/", priority=True),
        Binding("w", "window", "Window"),
        Binding("plus,equals_sign", "zoom(1)", "Zoom", key_display="+-"),
        Binding("minus", "zoom(-1)", "Zoom out", show=False),
        Binding("c", "chart", "Chart"),
        Binding("d", "details", "Details"),
        Binding("y", "y_axis", "Y axis", show=False),
        Binding("s", "save", "Save", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
        Binding("comma", "crosshair(-1)", "Read", key_display=",."),
        Binding("full_stop", "crosshair(1)", "Read", show=False),
        Binding("escape", "clear", "Clear the search", show=False),
    ]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._source: Source | None = None
        self._stopped = False
        self._shortfall: TcctuiError | None = None
        self._detailed = {True: True, False: False}  # whether wanted, by whether there is room
        self._focused_before: Widget | None = None

    def compose(self) -> ComposeResult:
        """Make the parts, from top to bottom."""
        with Player(self._view, id="dashboard"):
            yield StatusBar(id="status")
            yield SearchBar(id="search")
            yield FlowTable(self._view, id="table")
            with Horizontal(id="lower"):
                yield Charts(self._view, id="charts")
                yield Details(self._view, id="details")
            yield Footer(show_command_palette=False)
        yield Static(id="too-small", markup=False)

    def on_mount(self) -> None:
        """Let the keys go to the table."""
        self.query_one(StatusBar).show(Status(host=socket.gethostname()))
        self.query_one(FlowTable).focus()
        self.set_interval(WATCH, self._watch)

    def source_opened(self, source: Source, past: Past, host: str) -> None:
        """Show what this source delivers to the store, and what it did."""
        self._source = source
        self.query_one(StatusBar).update(finest_ns=source.interval_ns, host=host)
        self.query_one(Player).follow(past)
        self._focus_on(self.query_one(FlowTable).selected)
        self._watch()
        self.look()

    def replay(self, past: Past, remark: str, at_ns: int | None, speed: float, loop: bool) -> None:
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
        width, height = self.app.size
        too_small = width < MINIMUM_COLUMNS or height < MINIMUM_LINES
        parts = self.query_one("#dashboard")
        if too_small and parts.display:
            self._focused_before = self.focused  # what is not displayed can't keep the focus
        parts.display = not too_small
        self._show_details()
        self.refresh_bindings()
        if not too_small and self._focused_before is not None:
            self.set_focus(self._focused_before)
            self._focused_before = None
        notice = self.query_one("#too-small", Static)
        notice.display = too_small
        notice.update(
            f"This terminal is {width}×{height}.\n"
            f"tcctui needs {MINIMUM_COLUMNS}×{MINIMUM_LINES}: make it larger, or press q."
        )

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
            **counts(self._view, self._source),
            **self._place(),
        )
        if self._source is not None:
            self._tell_shortfall(self._source)
        table = self.query_one(FlowTable)
        table.message = why_empty(self._view, self._source, message.known)

    def _place(self) -> Place:
        """Where in time the screen is; a source that plays what is old is not called live."""
        place, source = self.query_one(Player).place(), self._source
        if place["state"] or source is None or self._stopped or streams.is_live(source):
            return place
        return old(source.now_ns(), self._view.wall_offset_ns)

    @on(Player.Moved)
    def _tell_place(self) -> None:
        self.query_one(StatusBar).update(**self._place())

    @on(FlowTable.Selected)
    def _chart(self, message: FlowTable.Selected) -> None:
        self.query_one(Charts).cookie = message.cookie
        self.query_one(Details).cookie = message.cookie
        self._focus_on(message.cookie)

    def _focus_on(self, cookie: int | None) -> None:
        """Keep a flow, and have every ACK of it."""
        chosen = [] if cookie is None else [cookie]
        self._view.hold(chosen)
        if self._source is not None:
            self._source.focus(chosen)

    @on(SearchBar.Changed)
    def _filter(self, message: SearchBar.Changed) -> None:
        self.query_one(FlowTable).flow_query = message.query

    @on(SearchBar.Left)
    def _to_table(self) -> None:
        self.set_focus(self.query_one(FlowTable))

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that do something; those that matter most now are shown."""
        mode = self.query_one(Player).mode
        width = self.app.size.width
        return footer_keys.chosen(super().active_bindings, mode, width, stopped=self._stopped)

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
        """Take notices away, or the crosshair, or the search."""
        if self.query("Toast"):
            self.app.clear_notifications()
        elif not self.query_one(Charts).hide_crosshair():
            self.query_one(SearchBar).action_clear()

    def action_window(self) -> None:
        """Go through the windows of the charts."""
        self.query_one(Charts).next_window()

    def action_zoom(self, by: int) -> None:
        """Have the charts show less time (1), or more."""
        self.query_one(Charts).zoom(by)

    def action_crosshair(self, by: int) -> None:
        """Move the crosshair by a column; at first it stands at the right."""
        self.query_one(Charts).move_crosshair(by)

    def action_chart(self) -> None:
        """Go through what the left chart can show."""
        self.query_one(Charts).next_kind()

    def action_details(self) -> None:
        """Show the details, or the charts alone; on a small screen in place of the second chart."""
        self._detailed[self._roomy] = not self._detailed[self._roomy]
        self._show_details()

    @property
    def _roomy(self) -> bool:
        width, height = self.app.size
        return width >= ROOMY_COLUMNS and height >= ROOMY_LINES

    def _show_details(self) -> None:
        shown = self._detailed[self._roomy]
        self.query_one(Details).display = shown
        self.query_one(Charts).both = self._roomy or not shown

    def action_y_axis(self) -> None:
        """Change where the y axes begin."""
        self.query_one(Charts).toggle_y()

    def action_save(self) -> None:
        """Save the screen as a picture in the working directory."""
        tell(self, pictured(self.app.export_screenshot()))

    def action_help(self) -> None:
        """List the keys."""
        self.app.push_screen(Help())
