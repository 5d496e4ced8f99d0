"""The one screen: status line, search box, table, charts and keys."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.screen import Screen

from tcctui import memory, right_of_way
from tcctui.errors import TcctuiError
from tcctui.fields.connection import ENDS
from tcctui.fields.inside import ASKING
from tcctui.flows.frame import CloseRequest, Frame, FrameRequest
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows, Totals
from tcctui.query import ALL, Query
from tcctui.recording.timeline import Origin, Timeline
from tcctui.source import Source
from tcctui.ui.chart import charts
from tcctui.ui.chart.chart_kinds import KINDS
from tcctui.ui.chart.chart_pair import ChartPair
from tcctui.ui.chart.charts import Charts
from tcctui.ui.compare.compare import FEWEST, Compare
from tcctui.ui.dashboard import footer_keys, terminal_size
from tcctui.ui.dashboard.alarm import Alarm, Alarms
from tcctui.ui.dashboard.dashboard_keys import KEYS
from tcctui.ui.dashboard.direct_compositor import DirectCompositor
from tcctui.ui.dashboard.key_line import KeyLine
from tcctui.ui.dashboard.looking_inside import LookingInside
from tcctui.ui.dashboard.narrowing import Narrowing
from tcctui.ui.dashboard.pace import AT_REST, Pace
from tcctui.ui.dashboard.terminal_size import TooSmall
from tcctui.ui.details import details
from tcctui.ui.details.details import Details
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.preferences import Preferences
from tcctui.ui.search.active_query import show_only
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.status.counts import Streamed, counts, is_live, why_empty
from tcctui.ui.status.status_bar import Status, StatusBar
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Mode, Player
from tcctui.ui.time.playhead import Position, old
from tcctui.ui.time.rewinder import Rewindable
from tcctui.ui.view import CurrentView

if TYPE_CHECKING:
    from tcctui.ui.compare.both_ends import BothEnds
    from tcctui.ui.sequence.sequence_view import SequenceView
    from tcctui.wire.own_queue import OwnQueue

SLOW, _SHARE = 0.05, 10
"""Seconds that a frame may take; where it takes longer, rows take places in a tenth of the time."""

_WATCH = 2.0
"""Seconds after which flows that are watched are named again: more may be known of where they are.
"""

_FIRST_FRAMES = 3
"""Frames behind which there is time for what the first rows can do without."""

_FIRST_ROWS = 0.1
"""Seconds that the first frame waits for rows."""

_CLOSELY = charts.NAMES | details.NAMES

_OF_CHARTS = frozenset(
    {"align", "chart", "compare", "crosshair", "details", "sequence", "window", "y_axis", "zoom"}
)
"""Actions that change nothing where the table is alone."""

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
        self._inside = LookingInside()
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
        self._both_ends: BothEnds | None = None  # few look at both
        self._sequence: SequenceView | None = None  # nor at this
        self._recordings: Sequence[Timeline] = ()
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
        self._source, self._watch_at, self._recordings = source, 0.0, past.recordings
        self._table.timeline = next(iter(past.recordings), None)
        self._narrowing.opened(source)
        self._inside.opened(source)
        self._status.update(finest_ns=source.interval_ns, host=host)
        if isinstance(source, Streamed):
            self._show_imported(source.origin)
        self._player.follow(past)
        self._focus_on(self._table.selected)
        self._watch()
        self.begin()

    def replay(
        self, past: Rewindable, remark: str, at_ns: int | None, speed: float, loop: bool
    ) -> None:
        """Show a recording; `remark` is shown once."""
        self._recordings, origin = past.recordings, past.recordings[0].origin
        self._table.timeline = past.recordings[0]
        self._status.update(
            host=origin.host,
            source=origin.description,
            kernel_filter=origin.kernel_filter,
            interval_ns=origin.interval_ns,
            finest_ns=origin.interval_ns,
        )
        self._show_imported(origin)
        if remark:
            tell(self, Notice("Something was left out", remark, "warning", seconds=15))
        self._player.replay(past, at_ns, speed, loop)
        self.begin()

    def _show_imported(self, origin: Origin) -> None:
        """Say what a recording that was imported lacks, and show what it has."""
        if origin.imported:
            self._details.imported = origin.description
            if not origin.has_cwnd:
                self._charts.pair.kind = [name for name, _ in KINDS].index("bytes in flight")

    @property
    def view(self) -> CurrentView:
        """The present or the moment that is shown."""
        return self._view

    @property
    def moment_ns(self) -> int | None:
        """Moment of the past that is shown, in nanoseconds since 1970; None of the present."""
        return None if self._view.moment is None else self._view.wall.at(self._view.at_ns)

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
        if not self.app.is_running or self not in self.app.screen_stack:
            return  # it is ending: parts of the screen are gone already
        try:
            if not self._covered:
                self.tick()
            self._wait_for_next()
            memory.tidy(right_of_way.rest())
        except Exception as error:
            self.app._handle_exception(error)

    @property
    def _covered(self) -> bool:
        """True while another dashboard is above this one: nothing of this one is on the screen."""
        stack = self.app.screen_stack
        above = stack[stack.index(self) + 1 :] if self in stack else []
        return any(isinstance(one, Dashboard) for one in above)

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
        if not self._has_charts or self._shows_both_ends or self._shows_sequence:
            pass
        elif self._compare.cookies:
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

    @property
    def _has_charts(self) -> bool:
        """True unless the terminal has no room below the table."""
        return terminal_size.has_charts(self.app.size)

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
        if self._both_ends is not None:
            self._both_ends.show()
        if self._sequence is not None:
            self._sequence.show()
        if "compared" in frame.close:
            self._compare.show(frame.close["compared"])
        close = frame.close.get("selected")
        before = self._details.queue
        self._details.queue = self._own_queue(None if close is None else close.flows)
        if (before is None) != (self._details.queue is None):
            self._look_inside()
        if close is not None:
            self._charts.show(close, table.selected, table.instead)
            own, selected = self._view.own_groups, table.selected
            summary = None if own is None or selected is None else own.summary(selected)
            self._details.show(close, selected, table.instead, table.group, summary)
        self._tell(self._view.totals(frame))

    def _own_queue(self, flows: Flows | None) -> OwnQueue | None:
        """Queue that the selected flow leaves by, while its details are live."""
        if self._source is None:
            return None
        if flows is None or not self._asks_for_queue(flows):
            self._source.own_queue(0, None)
            return None
        netns, bound = (
            0 if np.isnan(flows[name][0]) else int(flows[name][0]) for name in ("netns", "ifindex")
        )
        local, remote = (
            (int(flows[f"{end}_hi"][0]), int(flows[f"{end}_lo"][0])) for end in ("saddr", "daddr")
        )
        return self._source.own_queue(netns, (local, remote), bound)

    def _asks_for_queue(self, flows: Flows) -> bool:
        if self._away or not (flows.count and self._details.has_room):
            return False
        if self.frames < _FIRST_FRAMES or self._view.own_groups is not None:
            return False
        return not flows["closed_ns"][0]

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
        """Show what there is room for: all, the table, or a notice."""
        self.query_one(TooSmall).cover(self.query_one("#dashboard"))
        self.set_class(not self._has_charts, "-table-alone")
        self._show_details()
        self.refresh_bindings()

    def on_screen_suspend(self) -> None:
        """Leave notices to the dialog above, which has them, too."""
        self.query("ToastRack").set(display=False)

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

    def recording_begins(self) -> None:
        """Report that what comes is recorded, and how finely."""
        self._status.update(recorded=True)

    def recording_failed(self, reason: str) -> None:
        """Report that recording has ended, and why."""
        self._status.update(recording="not recorded", recorded=False)
        tell(self, Notice("Nothing more is recorded", reason, "error", LONG))

    def recording_waits(self, waits: bool) -> None:
        """Report that the recording's target takes nothing, or that it does again."""
        self._status.update(recording="recording waits" if waits else "")

    def _tell_shortfall(self, source: Source) -> None:
        """Report once why detail is reduced; the status line keeps the advice."""
        if source.shortfall is self._shortfall or source.shortfall is None:
            return
        self._shortfall = source.shortfall
        if source.shortfall.mend.startswith("Run: sudo"):
            return  # the status line has everything
        both = " + " in source.description
        title = "Less is read" if both else f"Only {source.description}"
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
        return old(self._view.wall.at(source.now_ns()))

    @on(Player.Moved)
    def _tell_place(self) -> None:
        self._status.update(**self._place())

    @on(FlowTable.Selected)
    def _focus(self, message: FlowTable.Selected) -> None:
        self._focus_on(message.cookie)
        if self._shows_sequence:
            self._begin_sequence()

    def _focus_on(self, cookie: int | None) -> None:
        """Ask for a flow and the compared ones in all the detail that a chart shows."""
        if self._source is not None:
            chosen = [] if cookie is None else [cookie]
            self._source.focus(dict.fromkeys([*chosen, *self._compare.cookies]))

    def _show_compared(self) -> None:
        """Show the comparison in place of the charts, or the charts again."""
        others = self._shows_both_ends or self._shows_sequence
        self.query_one("#lower").display = not (self._compare.cookies or others)
        self._look_inside()
        self.refresh_bindings()
        self._focus_on(self._table.selected)

    @on(FlowTable.LaidOut)
    def _ask_for_columns(self) -> None:
        self._narrowing.show_half_open(self._table.shows("half_open"))
        self._charts.show_states(self._table.states)
        self._look_inside()

    def _look_inside(self) -> None:
        """Have read of sockets what a column shows of all, or the details of the selected one."""
        self._inside.show(
            columns=any(map(self._table.shows, ASKING)),
            states=bool(self._table.states),
            charts=self._has_charts,
            details=self._details.display and self._has_charts,
            queue=self._details.queue is not None,
            acks=self._shows_sequence,
        )

    @on(FlowTable.Opened)
    def _open_details(self) -> None:
        if not self._details.display and self._has_charts:
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
        stopped, strides = self._stopped, self._player.strides
        return footer_keys.chosen(active, mode, width, display, stopped=stopped, strides=strides)

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's
    ) -> bool | None:
        """Leave / to the search box while it has the focus; without charts, none of their keys."""
        if action in _OF_CHARTS:
            return self._has_charts
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
            return
        left = self._table.leave() or self._drawn.hide_crosshair()
        left = left or self._leave_zoom() or self._leave_compared() or self._leave_sequence()
        if not (left or self.go_back()):
            self.query_one(SearchBar).action_clear()

    def go_back(self) -> bool:
        """Leave this screen, where there is one to go back to and no search; True if so."""
        return False

    async def action_compare(self) -> None:
        """Compare pinned flows, the selected group, or a flow's two ends; or close that."""
        few = len(self._table.pinned) < FEWEST
        if self._leave_compared():
            return
        self._leave_sequence()
        own, selected = self._view.own_groups, self._table.selected
        if self._table.group is not None and few:
            self._table.compare_groups()
        elif own is not None and few and selected is not None and own.is_group(selected):
            self._table.compare_rows()
        elif self._table.selected is not None and few and self._has_both_ends:
            await self._show_both_ends(self._table.selected)
        elif few and self._of_fleet is not None:
            self.post_message(FlowTable.BothEndsWanted(self._of_fleet))
        else:
            self._compare.toggle(self._table.pinned)

    async def action_sequence(self) -> None:
        """Show the selected flow's time–sequence diagram, or close it."""
        if self._leave_sequence():
            return
        self._leave_compared()
        if not self._recordings or self._table.selected is None:
            text = "Select a connection of this host, or of a recording."
            tell(self, Notice("Nothing to draw", text, "warning"))
            return
        if self._sequence is None:
            from tcctui.ui.sequence.sequence_view import SequenceView  # noqa: PLC0415 - few look

            self._sequence = SequenceView(self._view, self.look)
            await self.query_one("#dashboard").mount(self._sequence, before="KeyLine")
            self.watch(self._sequence, "shown", self._show_compared, init=False)
        self._begin_sequence()

    def _begin_sequence(self) -> None:
        """Show the diagram of the selected flow."""
        selected = self._table.selected
        if self._sequence is None or selected is None:
            return
        from tcctui.ui.sequence.sequence_view import NEEDS  # noqa: PLC0415 - few look

        flow = self._view.some_flows(np.array([selected], "u8"), NEEDS)
        if flow.count:
            self._sequence.begin(selected, flow, self._recordings[0])

    @property
    def _shows_sequence(self) -> bool:
        return self._sequence is not None and self._sequence.shown

    def _leave_sequence(self) -> bool:
        """Close the diagram; True if there was one."""
        return self._sequence is not None and self._sequence.leave()

    def _leave_zoom(self) -> bool:
        """Have the diagram follow the present again; True if it was elsewhere."""
        return self._sequence is not None and self._shows_sequence and self._sequence.follow()

    @property
    def _of_fleet(self) -> int | None:
        """The selected flow, where it is one of many hosts'."""
        own, selected = self._view.own_groups, self._table.selected
        return None if own is None or selected is None or own.is_group(selected) else selected

    def _leave_compared(self) -> bool:
        """Close the comparison, of flows or of two ends; True if there was one."""
        both = self._both_ends is not None and self._both_ends.leave()
        return both or self._compare.leave()

    @property
    def _has_both_ends(self) -> bool:
        """True where flows' records can be read again."""
        return bool(self._recordings)

    @property
    def _shows_both_ends(self) -> bool:
        return self._both_ends is not None and self._both_ends.shown

    async def _show_both_ends(self, cookie: int, wait: float = 0.0) -> None:
        """Show a flow's two ends, if the other one is in a recording, too, within some seconds."""
        from tcctui.ui.compare.both_ends import BothEnds  # noqa: PLC0415 - few look at both

        flow = self._view.some_flows(np.array([cookie], "u8"), ENDS)
        if not flow.count:
            return
        if self._both_ends is None:
            self._both_ends = BothEnds(self._view, self.look)
            await self.query_one("#dashboard").mount(self._both_ends, before="KeyLine")
            self.watch(self._both_ends, "shown", self._show_compared, init=False)
        self._both_ends.begin(flow, *self._recordings, wait=wait)

    @on(FlowTable.RowsCompared)
    def _compare_rows(self) -> None:
        self._compare.toggle(self._table.pinned)

    @on(FlowTable.GroupsCompared)
    def _compare_groups(self, event: FlowTable.GroupsCompared) -> None:
        """Show two groups side by side."""
        from tcctui.flows.groups.contrast import NEEDS, contrast  # noqa: PLC0415
        from tcctui.flows.groups.groups import GROUPINGS  # noqa: PLC0415
        from tcctui.ui.compare.groups_text import as_text  # noqa: PLC0415
        from tcctui.ui.text_dialog import TextDialog  # noqa: PLC0415

        by = GROUPINGS.get(self._table.grouped_by)
        if by is None or self._view.deferred(lambda: self._compare_groups(event)):
            return
        names, cookies = zip(*map(self._table.members, (event.first, event.second)), strict=True)
        first, second = (self._view.some_flows(own, NEEDS) for own in cookies)
        text = as_text(contrast(first, second, by), names)
        what = "comparison of groups"
        self.app.push_screen(TextDialog("Groups compared", text, what=what, opener="compare"))

    @property
    def _drawn(self) -> ChartPair:
        """The visible charts."""
        if self._both_ends is not None and self._both_ends.shown:
            return self._both_ends.pair
        if self._sequence is not None and self._sequence.shown:
            return self._sequence.pair
        return self._compare.pair if self._compare.cookies else self._charts.pair

    def action_window(self) -> None:
        """Show the next window of the charts."""
        self._drawn.next_window()

    def action_zoom(self, by: int) -> None:
        """Shorten the charts' time (1), or extend it."""
        (self._sequence if self._sequence and self._shows_sequence else self._drawn).zoom(by)

    def action_crosshair(self, by: int) -> None:
        """Move the crosshair by a column; it starts at the right."""
        drawn = self._sequence if self._sequence and self._shows_sequence else self._drawn
        drawn.move_crosshair(by)

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
        self._look_inside()
        self._charts.pair.right.display = roomy or not shown

    def action_save(self) -> None:
        """Save the screen as a picture in the working directory."""
        from tcctui.ui.saving import pictured  # noqa: PLC0415

        tell(self, pictured(self.app.export_screenshot()))

    def action_alerts(self) -> None:
        """List alerts."""
        self._alarm.show()

    def action_host(self) -> None:
        """Show the summary of all connections."""
        from tcctui.ui.dashboard.host_text import host_text  # noqa: PLC0415
        from tcctui.ui.text_dialog import TextDialog  # noqa: PLC0415

        if self._view.deferred(self.action_host):
            return
        when_ns = self._view.wall.at(self._view.at_ns)
        if self._view.moment is None:
            when_ns = time.time_ns()
        text, json = host_text(self._view, self._table.whole_query, self._status.host, when_ns)
        dialog = TextDialog("Summary", text, what="summary", opener="host", json=json)
        self.app.push_screen(dialog)

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
