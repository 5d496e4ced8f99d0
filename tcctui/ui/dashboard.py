"""The one screen: status line, search box, table, charts and keys."""

from __future__ import annotations

import socket
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from tcctui.errors import TcctuiError
from tcctui.source import Source
from tcctui.ui.charts import Charts
from tcctui.ui.details import Details
from tcctui.ui.flow_table import FlowTable
from tcctui.ui.help import Help
from tcctui.ui.pictures import save_picture
from tcctui.ui.plain import plain
from tcctui.ui.search_bar import SearchBar
from tcctui.ui.status_bar import Status, StatusBar
from tcctui.ui.view import WINDOWS, View

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
        Binding("p,space", "pause", "Pause"),
        Binding("w", "window", "Window"),
        Binding("c", "chart", "Chart"),
        Binding("d", "details", "Details"),
        Binding("y", "y_axis", "Y axis", show=False),
        Binding("s", "save", "Save", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
        Binding("escape", "clear_search", "Clear the search", show=False),
    ]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._source: Source | None = None
        self._shortfall: TcctuiError | None = None
        self._detailed = {True: True, False: False}  # whether wanted, by whether there is room
        self._focused_before: Widget | None = None

    def compose(self) -> ComposeResult:
        """Make the parts, from top to bottom."""
        with Vertical(id="dashboard"):
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

    def source_opened(self, source: Source) -> None:
        """Show what this source delivers to the store."""
        self._source = source
        self.query_one(StatusBar).update(finest_ns=source.interval_ns)
        self._focus_on(self.query_one(FlowTable).selected)
        self._watch()
        self.look()

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
        self.query_one(StatusBar).update(reason=reason)
        reason = plain(reason)
        self.notify(reason, title="No more events", severity="error", timeout=3600, markup=False)

    def _tell_shortfall(self, source: Source) -> None:
        """Say once why there is less than there could be; the status line keeps what mends it."""
        if source.shortfall is self._shortfall or source.shortfall is None:
            return
        self._shortfall = source.shortfall
        if source.shortfall.mend.startswith("Run: sudo"):
            return  # the status line says it all
        title, reason = f"Only {source.description}", plain(str(source.shortfall))
        self.notify(reason, title=title, severity="warning", timeout=8, markup=False)

    @on(FlowTable.Refreshed)
    def _tell(self, message: FlowTable.Refreshed) -> None:
        table, source = self.query_one(FlowTable), self._source
        if source is None:
            table.message = "Attaching to the kernel's tcp_probe …"
            return
        totals = self._view.store.totals()
        self._tell_shortfall(source)
        self.query_one(StatusBar).update(
            source=source.description,
            mend="" if source.shortfall is None else source.shortfall.mend,
            events=totals.events,
            lost=source.lost(),
            skipped=source.skipped(),
            evicted=totals.evicted,
            seconds_kept=totals.seconds_kept,
            shown=message.shown,
            known=message.known,
            order_held=message.order_held,
            paused=self._view.paused,
            kernel_filter=source.kernel_filter,
            interval_ns=source.interval_ns,
        )
        if message.known:
            table.message = f"The search hides all {message.known} flows. Esc clears it."
        elif source.kernel_filter:
            table.message = f"No TCP traffic yet that passes {source.kernel_filter}."
        else:
            table.message = "No TCP traffic yet: a connection shows up with its next packet."

    @on(FlowTable.Selected)
    def _chart(self, message: FlowTable.Selected) -> None:
        self.query_one(Charts).cookie = message.cookie
        self.query_one(Details).cookie = message.cookie
        self._focus_on(message.cookie)

    def _focus_on(self, cookie: int | None) -> None:
        """Keep a flow, and have every ACK of it."""
        chosen = [] if cookie is None else [cookie]
        self._view.store.hold(chosen)
        if self._source is not None:
            self._source.focus(chosen)

    @on(SearchBar.Changed)
    def _filter(self, message: SearchBar.Changed) -> None:
        self.query_one(FlowTable).flow_query = message.query

    @on(SearchBar.Left)
    def _to_table(self) -> None:
        self.set_focus(self.query_one(FlowTable))

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
        self.run_worker(lambda: self._view.store.flows(["text"]), thread=True)

    def action_clear_search(self) -> None:
        """Show all flows again."""
        self.query_one(SearchBar).action_clear()

    def action_pause(self) -> None:
        """Let the view stand still, or go on."""
        if self._view.paused:
            self._view.resume()
        else:
            self._view.pause(self.query_one(Charts).pasts())
        self.query_one(FlowTable).look()
        self.query_one(Charts).draw()
        self.query_one(Details).draw()

    def action_window(self) -> None:
        """Go through the windows of the charts."""
        charts = self.query_one(Charts)
        charts.seconds = WINDOWS[(WINDOWS.index(charts.seconds) + 1) % len(WINDOWS)]

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
        try:
            path = save_picture(self.app.export_screenshot())
        except OSError as error:
            reason = f"{error.filename or 'The working directory'}: {error.strerror}."
            self.notify(reason, title="The picture was not saved", severity="error", markup=False)
        else:
            self.notify(str(path), title="Saved", markup=False)

    def action_help(self) -> None:
        """List the keys."""
        self.app.push_screen(Help())
