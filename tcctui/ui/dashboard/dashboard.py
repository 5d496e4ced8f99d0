"""The one screen: status line, search box, table, charts and keys."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.screen import Screen

from tcctui.errors import TcctuiError
from tcctui.flows.frame import CloseRequest, Frame, FrameRequest
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Totals
from tcctui.query import ALL, Query
from tcctui.source import Source
from tcctui.ui.chart import charts
from tcctui.ui.chart.chart_pair import ChartPair
from tcctui.ui.chart.charts import Charts
from tcctui.ui.compare.compare import Compare
from tcctui.ui.dashboard import footer_keys, terminal_size
from tcctui.ui.dashboard.alarm import Alarm, Alarms
from tcctui.ui.dashboard.dashboard_keys import KEYS
from tcctui.ui.dashboard.direct_compositor import DirectCompositor
from tcctui.ui.dashboard.key_line import KeyLine
from tcctui.ui.dashboard.narrowing import Narrowing
from tcctui.ui.dashboard.pace import AT_REST, Pace
from tcctui.ui.dashboard.terminal_size import TooSmall
from tcctui.ui.details import details
from tcctui.ui.details.details import Details
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.preferences import Preferences
from tcctui.ui.saving import pictured
from tcctui.ui.search.active_query import show_only
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.status.counts import counts, is_live, why_empty
from tcctui.ui.status.status_bar import Status, StatusBar
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Mode, Player
from tcctui.ui.time.playhead import Position, old
from tcctui.ui.time.rewinder import Rewindable
from tcctui.ui.view import CurrentView

SLOW, _SHARE = 0.05, 10
"""Seconds that a frame may take; where it takes longer, rows take places in a tenth of the time."""

_WATCH = 2.0
"""Seconds after which flows that are watched are named again: more may be known of where they are.
"""

_FIRST_ROWS = 0.1
"""Seconds that the first frame waits for rows."""

_CLOSELY = charts.NAMES | details.NAMES

_NO_FLOWS: Keys = np.empty(0, "u8")


class Lower(Horizontal):
    """Charts and details, side by side."""

    BLANK = True  # all of it is covered


class Dashboard(Screen[None]):
    """Puts the parts together: each tick asks the view for one frame, and all parts show it.

    Dialogs are imported when they are opened.
    """

    BLANK = True  # all of it is covered
    # Not the search box, which gets ready for letters with the focus.
    AUTO_FOCUS = "#table"
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        view: CurrentView,
        preferences: Preferences | None = None,
        base_query: Query | None = None,
        alarms: Alarms | None = None,
    ) -> None:
        super().__init__()
        self._compositor = DirectCompositor()
        self._base_query = base_query or ALL
        self._view = view
        self._preferences = preferences or Preferences()
        self._source: Source | None = None
        self._narrowing = Narrowing()
        self._stopped = False
        self._shortfall: TcctuiError | None = None
        self._detailed = {True: True, False: False}  # whether wanted, by whether there is room
        self.frames = 0
        """Frames that have been shown."""

        self.next_frame = 0.0, AT_REST
        """When the next frame is due, on the clock of `time.monotonic`, and the seconds between
        that one and the one after it."""
        self._due: asyncio.TimerHandle | None = None
        self._looking = True  # until the first frame
        self._begun = False
        self._rest_until = self._watch_at = 0.0
        self._pace = Pace(self._preferences.settings.refresh)
        self._frame: Frame | None = None  # the last one, while another may show the same
        self._player = Player(view, self.look)
        self._status = StatusBar()
        self._table = FlowTable(view, self.look, self._preferences)
        self._charts = Charts(view, self.look)
        self._details = Details(self.look)
        self._compare = Compare(view, self.look)
        self._alarm = Alarm(view, alarms)

    def compose(self) -> ComposeResult:
        """Compose the parts, from top to bottom."""
        with self._player:
            yield self._status
            yield SearchBar(self._view, self._preferences.searches)
            yield self._table
            with Lower(id="lower"):
                yield self._charts
                yield self._details
            yield self._compare
            yield KeyLine()
        yield TooSmall(id="too-small", markup=False)
        yield self._alarm

    def on_mount(self) -> None:
        """Focus the table."""
        self._status.show(Status(host=socket.gethostname()))
        show_only(self._table, self._base_query)
        self._table.focus()
        self.watch(self._table, "pinned", self._compare.follow, init=False)
        self.watch(self._compare, "cookies", self._show_compared, init=False)
        self.watch(self.app, "app_focus", self._focused, init=False)
        self._wait_for_next()
        self.set_timer(_FIRST_ROWS, self._wait_no_longer)

    def _wait_no_longer(self) -> None:
        if not self._begun:
            self.begin()

    def begin(self) -> None:
        """Show and paint the first frame, at once: there are rows, or they take long.

        Before it Textual lays out and paints until all parts have their sizes.
        """
        self._looking = False
        self.look()
        if not self._begun:
            self._begun = True
            self.post_message(Resize(self.size, self.size))

    def _compositor_refresh(self) -> None:
        if self._begun:
            super()._compositor_refresh()

    def source_opened(self, source: Source, past: Rewindable, host: str) -> None:
        """Show what this source delivers to the store, and its past."""
        self._source, self._watch_at = source, 0.0
        self._narrowing.opened(source)
        self._status.update(finest_ns=source.interval_ns, host=host)
        self._player.follow(past)
        self._focus_on(self._table.selected)
        self._watch()
        self.begin()

    def replay(
        self, past: Rewindable, remark: str, at_ns: int | None, speed: float, loop: bool
    ) -> None:
        """Show a recording; `remark` is shown once."""
        origin = past.moment.timeline.origin
        self._status.update(
            host=origin.host,
            source=origin.description,
            kernel_filter=origin.kernel_filter,
            interval_ns=origin.interval_ns,
            finest_ns=origin.interval_ns,
        )
        if remark:
            tell(self, Notice("Something was left out", remark, "warning", seconds=15))
        self._player.replay(past, at_ns, speed, loop)
        self.begin()

    # Frames

    @property
    def pace(self) -> float:
        """Seconds until the next frame."""
        window = self._drawn.seconds
        return self._pace.seconds(time.monotonic(), window, focused=self.app.app_focus)

    def _wait_for_next(self) -> None:
        """Have the next tick come: what is done and shown meanwhile changes the pace."""
        pace = self.pace
        self.next_frame = time.monotonic() + pace, pace
        # Textual's timer is a task, and three messages.
        self._due = asyncio.get_running_loop().call_later(pace, self._on_time)

    def _on_time(self) -> None:
        if not self.app.is_running:
            return  # the parts are being taken down
        try:
            self.tick()
            self._wait_for_next()
        except Exception as error:
            self.app._handle_exception(error)

    def on_unmount(self) -> None:
        """Wait for no further frame."""
        if self._due is not None:
            self._due.cancel()

    def tick(self) -> None:
        """Let time pass, and show what there is then; where that takes long, not all of it."""
        self._player.pass_time()
        if self._frame is not None and self._view.unchanged(self._frame):
            self._tell(self._view.totals(self._frame))
            return
        begun = time.monotonic()
        anew = begun >= self._rest_until
        self._paint(anew=anew)
        took = time.monotonic() - begun
        if anew:
            self._rest_until = begun + took * _SHARE if took > SLOW else 0.0
        self._watch()

    def look(self, *, anew: bool = True) -> None:
        """Show a frame because something was done; `anew` has all rows take their places."""
        self._pace.moved(time.monotonic())
        self._paint(anew=anew)

    def _paint(self, *, anew: bool) -> None:
        """Ask for one frame, and have all parts show it."""
        if self._looking:
            return  # what a part changes while it shows a frame, or before all are there
        self._looking = True
        self._frame, at_rest = None, self._table.at_rest
        try:
            with self.app.batch_update():
                if self._view.still:
                    self._wait()
                else:
                    frame = self._view.frame(self._request(anew=anew))
                    self._show(frame)
                    if anew and frame.every is None and at_rest:
                        self._frame = frame
        finally:
            self._looking = False
        self._on_timer_update()  # at once: Textual would wait for up to 16 ms
        self.frames += 1

    def _request(self, *, anew: bool) -> FrameRequest:
        """Ask for all that is on the screen, and nothing else."""
        close = {}
        if self._compare.cookies:
            close["compared"] = self._compare.request()
        else:
            names = _CLOSELY if self._details.has_room else charts.NAMES
            close["selected"] = CloseRequest(self._selected, names, self._charts.pasts)
        every = None if self._away else self._alarm.fields
        return FrameRequest(self._table.request(anew=anew), close, every)

    @property
    def _away(self) -> bool:
        """True unless the screen is live."""
        return self._view.store is not None and self._view.moment is not None

    def _selected(self) -> Keys:
        selected = self._table.selected
        return _NO_FLOWS if selected is None else np.array([selected], "u8")

    def _show(self, frame: Frame) -> None:
        if frame.every is not None:
            self._alarm.look(frame.every, self._view)
        elif self._away:
            self._look_for_alerts()
        table = self._table
        if frame.rows is not None:
            table.show(frame.rows)
        if "compared" in frame.close:
            self._compare.show(frame.close["compared"])
        if "selected" in frame.close:
            self._charts.show(frame.close["selected"], table.selected, table.instead)
            self._details.show(frame.close["selected"], table.selected, table.instead)
        self._tell(self._view.totals(frame))

    def _wait(self) -> None:
        """Keep what is shown, until another moment is worked out."""
        self._look_for_alerts()
        self._table.wait()
        if not self._compare.cookies:
            self._charts.wait(self._table.selected)
            self._details.wait(self._table.selected)
        self._status.update(**self._place())

    def _look_for_alerts(self) -> None:
        """Look at what goes on live, while something else is shown."""
        fields = self._alarm.fields
        if self._view.store is not None and fields is not None:
            self._alarm.look(self._view.store.flows(fields), self._view.store)

    def _watch(self) -> None:
        """Have visible flows sampled often, the selected one first."""
        now = time.monotonic()
        if self._source is None or (now < self._watch_at and not self._table.moved):
            return
        self._table.moved, self._watch_at = False, now + _WATCH
        self._source.watch(self._view.watched(self._table.cookies_in_sight))

    def on_resize(self) -> None:
        """Show a notice if the terminal is too small."""
        self.query_one(TooSmall).cover(self.query_one("#dashboard"))
        self._show_details()
        self.refresh_bindings()

    def _focused(self, focus: bool) -> None:
        """Show the present as soon as the terminal has the focus again."""
        if focus:
            self.look()

    def source_failed(self, reason: str) -> None:
        """Report that the source has ended, and why."""
        self._stopped = True
        self.refresh_bindings()
        self._status.update(reason=reason, **self._place())
        tell(self, Notice("No more events", reason, "error", LONG))

    def recording_failed(self, reason: str) -> None:
        """Report that recording has ended, and why."""
        tell(self, Notice("Nothing more is recorded", reason, "error", LONG))

    def _tell_shortfall(self, source: Source) -> None:
        """Report once why detail is reduced; the status line keeps the advice."""
        if source.shortfall is self._shortfall or source.shortfall is None:
            return
        self._shortfall = source.shortfall
        if source.shortfall.mend.startswith("Run: sudo"):
            return  # the status line has everything
        title = f"Only {source.description}"
        tell(self, Notice(title, str(source.shortfall), "warning", seconds=8))

    def _tell(self, totals: Totals) -> None:
        """Say in the status line what there is, and in the table why there is nothing."""
        table = self._table
        self._status.update(
            shown=table.found,
            known=table.known,
            order_held=table.order_held,
            following=table.following,
            narrowed=self._narrowing.on,
            fps=1 / self.pace,
            **counts(self._view, totals, self._source, table.base_query.text),
            **self._place(),
        )
        if self._source is not None:
            self._tell_shortfall(self._source)
        texts = {"base": table.base_query.text, "search": table.flow_query.text}
        table.message = why_empty(self._view, self._source, table.known, **texts)

    def _place(self) -> Position:
        """Position in time; a source that plays old data is not called live."""
        place, source = self._player.place(), self._source
        if place["state"] or source is None or self._stopped or is_live(source):
            return place
        return old(source.now_ns(), self._view.wall_offset_ns)

    @on(Player.Moved)
    def _tell_place(self) -> None:
        self._status.update(**self._place())

    @on(FlowTable.Selected)
    def _focus(self, message: FlowTable.Selected) -> None:
        self._focus_on(message.cookie)

    def _focus_on(self, cookie: int | None) -> None:
        """Ask for a flow and the compared ones in all the detail that a chart shows."""
        if self._source is not None:
            chosen = [] if cookie is None else [cookie]
            self._source.focus(dict.fromkeys([*chosen, *self._compare.cookies]))

    def _show_compared(self) -> None:
        """Show the comparison in place of the charts, or the charts again."""
        self.query_one("#lower").display = not self._compare.cookies
        self.refresh_bindings()
        self._focus_on(self._table.selected)

    @on(FlowTable.Opened)
    def _open_details(self) -> None:
        if not self._details.display:
            self.action_details()

    @on(FlowTable.FilterWanted)
    def _narrow(self, message: FlowTable.FilterWanted) -> None:
        self.query_one(SearchBar).add(message.text, message.exclude)

    @on(SearchBar.Changed)
    def _filter(self, message: SearchBar.Changed) -> None:
        self._table.flow_query = message.query
        self._narrowing.search(message.query)

    @on(SearchBar.Left)
    def _to_table(self) -> None:
        self.set_focus(self._table)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that do something; those that matter most now are shown."""
        mode = self._player.mode
        width, display = self.app.size.width, self.app.get_key_display
        active = super().active_bindings
        return footer_keys.chosen(active, mode, width, display, stopped=self._stopped)

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's
    ) -> bool | None:
        """Leave / to the search box while it has the focus."""
        return action != "search" or self.focused is not self.query_one(SearchBar).box

    def action_search(self) -> None:
        """Type a filter."""
        # At once, not with the next message: the next keys are for the box already.
        self.set_focus(self.query_one(SearchBar).box)
        # The index of word searches is built on first use: before the first letter, not after it.
        self.run_worker(lambda: self._view.flows(["text"]), thread=True)

    def action_clear(self) -> None:
        """Dismiss notices, or else end the table's mode, the crosshair or the search."""
        if self.query("Toast"):
            self.app.clear_notifications()
        elif not (self._table.leave() or self._drawn.hide_crosshair() or self._compare.leave()):
            self.query_one(SearchBar).action_clear()

    def action_compare(self) -> None:
        """Compare the pinned flows, or close the comparison."""
        self._compare.toggle(self._table.pinned)

    @property
    def _drawn(self) -> ChartPair:
        """The visible charts."""
        return self._compare.pair if self._compare.cookies else self._charts.pair

    def action_window(self) -> None:
        """Show the next window of the charts."""
        self._drawn.next_window()

    def action_zoom(self, by: int) -> None:
        """Shorten the charts' time (1), or extend it."""
        self._drawn.zoom(by)

    def action_crosshair(self, by: int) -> None:
        """Move the crosshair by a column; it starts at the right."""
        self._drawn.move_crosshair(by)

    def action_align(self) -> None:
        """Align compared flows by time, or by age."""
        self._compare.by_age = not self._compare.by_age

    def action_chart(self) -> None:
        """Show the next quantity of the left chart."""
        self._drawn.next_kind()

    def action_y_axis(self) -> None:
        """Switch the origin of the y axes."""
        self._drawn.toggle_y()

    def action_filters(self) -> None:
        """Pick a saved filter, or save the current search."""
        from tcctui.ui.search import saved_filters  # noqa: PLC0415

        saved_filters.pick(self.query_one(SearchBar), self._preferences)

    def action_save_filter(self) -> None:
        """Save the search in the box under a name."""
        from tcctui.ui.search import saved_filters  # noqa: PLC0415

        saved_filters.save(self.query_one(SearchBar), self._preferences)

    def action_details(self) -> None:
        """Show the details, or the charts alone; on a small screen in place of the second chart."""
        roomy = terminal_size.is_roomy(self.app.size)
        self._detailed[roomy] = not self._detailed[roomy]
        self._show_details()

    def _show_details(self) -> None:
        roomy = terminal_size.is_roomy(self.app.size)
        shown = self._detailed[roomy]
        self._details.display = shown
        self._charts.pair.right.display = roomy or not shown

    def action_save(self) -> None:
        """Save the screen as a picture in the working directory."""
        tell(self, pictured(self.app.export_screenshot()))

    def action_alerts(self) -> None:
        """List alerts."""
        self._alarm.show()

    def action_columns(self) -> None:
        """Choose the table's columns."""
        from tcctui.ui.table.column_dialogs import Columns, choose  # noqa: PLC0415

        choose(self, Columns(self._table, self._preferences), self._preferences)

    def action_order(self) -> None:
        """Choose the table's sort order."""
        from tcctui.ui.table.column_dialogs import Sorting, choose  # noqa: PLC0415

        choose(self, Sorting(self._table), self._preferences)

    def action_narrow(self) -> None:
        """Narrow delivery to possible matches of the search, or end that."""
        live = self._player.mode is not Mode.REPLAY
        tell(self, self._narrowing.toggle(live=live))
        self.look()

    def action_help(self) -> None:
        """List the keys."""
        from tcctui.ui.dashboard.help import Help  # noqa: PLC0415

        self.app.push_screen(Help(self))
