"""Position of the screen in time, and the keys that change it."""

from __future__ import annotations

import math
import time
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message

from tcctui.recording.timeline import Span
from tcctui.ui.actions import key
from tcctui.ui.chart.charts import Charts
from tcctui.ui.compare.compare import Compare
from tcctui.ui.notices import BRIEF, LONG, Notice, tell
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.playhead import NOW, Playhead, Position, ago, played
from tcctui.ui.time.rewinder import Rewindable, Rewinder, Wish
from tcctui.ui.view import CurrentView, Look

if TYPE_CHECKING:
    from tcctui.ui.saving import Saver
    from tcctui.ui.time.timeline_strip import TimelineStrip

_LATE = 1.0
"""Duration of work on a moment after which a playing recording reports it, in seconds."""


_TIMELINE = "Timeline of all connections: retransmits, timeouts, resets, goodput; click to go there"
_PAUSE = "Pause at this moment, while events are still taken in; live again; pause a recording"
_BEGIN = "Go to the oldest moment; while live, to the first flow"
_SAVE = "Save the last minutes as a recording; with a search, of what it shows"
_END = "Return to live, or go to a recording's end; while live, to the last flow"

KEYS: tuple[BindingType, ...] = (
    # Bindings of one key share one id: changing the key changes all of them.
    key("p,space", "pause", "pause", _PAUSE, "Pause"),
    key("p,space", "resume", "pause", _PAUSE, "Live"),
    key("p,space", "play", "pause", _PAUSE, "Play"),
    key("p,space", "halt", "pause", _PAUSE, "Pause"),
    key("left", "step(-1)", "back", "Back 1 s; pauses a live screen", "1 s", "←→"),
    key("right", "step(1)", "on", "Forward 1 s"),
    key("shift+left", "step(-10)", "back-10", "Back 10 s", "10 s", "⇧"),
    key("shift+right", "step(10)", "on-10", "Forward 10 s"),
    key("home", "oldest", "begin", _BEGIN, "Oldest", "Home"),
    key("end", "newest", "end", _END, "Newest", "End"),
    key("end", "live", "end", _END, "Live", "End"),
    key("home", "row(-1)", "begin", _BEGIN),
    key("end", "row(1)", "end", _END),
    key(
        "left_square_bracket", "speed(-1)", "slower", "Play a recording more slowly", "Speed", "[]"
    ),
    key("right_square_bracket", "speed(1)", "faster", "Play a recording faster"),
    key("t", "timeline", "timeline", _TIMELINE),
    key("n", "incident(1)", "incident-next", "Timeline: go to the next incident"),
    key("N", "incident(-1)", "incident-before", "Timeline: go to the incident before"),
    key("S", "save_past", "save-past", _SAVE, "Save"),
)


class Mode(Enum):
    """Mode of the screen: live, the past, or a recording."""

    LIVE = auto()
    AWAY = auto()
    REPLAY = auto()


_MODES = {
    "pause": {Mode.LIVE},
    "resume": {Mode.AWAY},
    "play": {Mode.REPLAY},
    "halt": {Mode.REPLAY},
    "oldest": {Mode.AWAY, Mode.REPLAY},
    "live": {Mode.AWAY},
    "newest": {Mode.REPLAY},
    "row": {Mode.LIVE},
    "speed": {Mode.REPLAY},
}
"""Modes of actions; those not listed are in all."""


def offered(action: str, mode: Mode) -> bool:
    """True if an action is available in a mode."""
    return action not in _MODES or mode in _MODES[action]


class Player(Vertical):
    """Widgets that show a moment, all the same one."""

    BLANK = True  # all of it is covered

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    class Moved(Message):
        """The screen has moved to another moment, or is on its way."""

    def __init__(self, view: CurrentView, look: Look) -> None:
        super().__init__(id="dashboard")
        self._view = view
        self._look = look
        self.mode = Mode.LIVE
        """Mode of the screen."""
        self._past: Rewindable | None = None
        self._head = Playhead(lambda: Span(0, 0), 0)
        self._rewinder: Rewinder | None = None
        self._wished: Wish | None = None
        self._busy = False
        self._saver: Saver | None = None  # until something is saved
        self._told_dropped = False
        self._ticked = 0.0
        self._begun = 0.0
        self._told_playing = False
        self._timeline: TimelineStrip | None = None

    def on_mount(self) -> None:
        """Start the clock."""
        self._ticked = time.monotonic()

    def on_unmount(self) -> None:
        """Ignore late results."""
        if self._rewinder is not None:
            self._rewinder.close()
        if self._past is not None:
            self._past.close()

    @property
    def settled(self) -> bool:
        """True if the wanted moment is on the screen."""
        return not self._busy and (self.mode is Mode.LIVE or self._wished == self._wish())

    @property
    def has_timeline(self) -> bool:
        """True while the timeline is on the screen."""
        return self._timeline is not None

    @property
    def is_there(self) -> bool:
        """False once the screen is left, or the application ends: parts may be gone already."""
        app = self.app
        return app.is_running and self.is_attached and self.screen in app.screen_stack

    # Start

    def follow(self, past: Rewindable) -> None:
        """Make the live past available."""
        self._take(past)
        self._head = Playhead(past.span, past.span().last_ns)
        self.screen.refresh_bindings()

    def replay(self, past: Rewindable, at_ns: int | None, speed: float, loop: bool) -> None:
        """Play a recording from a moment on, or from the beginning."""
        self._take(past)
        at_ns = past.span().first_ns if at_ns is None else at_ns
        self._head = Playhead(past.span, at_ns, speed=speed, loop=loop)
        self._head.playing = True
        self._enter(Mode.REPLAY)
        self._moved()

    def _take(self, past: Rewindable) -> None:
        self._past = past
        self._view.wall = past.wall
        # Called as the screen: messages of the parts bubble up to the widget that runs them.
        screen = self.screen
        self._rewinder = Rewinder(
            past.moment,
            past.reach,
            partial(screen.call_later, self._arrived),
            partial(screen.call_later, self._failed),
        )

    # Movement

    def _moved(self) -> None:
        """Show the moment of the playhead."""
        self._want()
        if self._told_playing != self._head.playing:
            self._told_playing = self._head.playing
            self.screen.refresh_bindings()
        self._show_timeline()
        self.post_message(self.Moved())

    def _enter(self, mode: Mode) -> None:
        self.mode = mode
        self.screen.refresh_bindings()  # other keys are active there

    def _want(self) -> None:
        """Request the moment, once no other is being computed."""
        if self.mode is Mode.LIVE or self._rewinder is None:
            return
        wish = self._wish()
        if self._view.moment is None or wish.at_ns != self._view.at_ns:
            self._view.still = True
        if self._busy:
            return
        self._rewinder.names = self.query_one(FlowTable).whole_query.fields
        if wish != self._wished:
            self._wished, self._busy, self._begun = wish, True, time.monotonic()
            self._rewinder.wish(wish)

    def _wish(self) -> Wish:
        table, compare = self.query_one(FlowTable), self.query_one(Compare)
        seconds = compare.seconds_needed if compare.cookies else self.query_one(Charts).pair.seconds
        cookies = tuple(dict.fromkeys((*table.cookies_in_sight.tolist(), *compare.cookies)))
        if seconds is not None:
            seconds = max(seconds, table.seconds_needed)
        return Wish(self._head.at_ns, cookies, seconds)

    def _arrived(self, wish: Wish, all_there: bool) -> None:
        if not self.is_there:
            return  # the parts are being taken down
        self._busy = not all_there
        if wish is self._wished and self._past is not None:
            self._view.show(self._past.moment, wish.cookies if all_there else ())
            self._look()
        if all_there and math.isinf(self._head.speed):
            self._play_on(0)
        self._want()  # changed by the user meanwhile, or flows scrolled into view

    def _failed(self, reason: str) -> None:
        if not self.is_there:
            return
        self._busy = self._view.still = self._head.playing = False
        tell(self, Notice("The past can't be read", reason, "error", LONG))
        if self._view.moment is not None:
            self._head.go(self._view.at_ns)  # the screen stays unchanged
            self._wished = self._wish()
        elif self.mode is Mode.AWAY:
            self.action_resume()
        self.post_message(self.Moved())

    def pass_time(self) -> None:
        """Let time pass, and see what is in sight now: before each frame."""
        if self._past is not None:
            self._past.wall.follow()
        now = time.monotonic()
        passed, self._ticked = now - self._ticked, now
        if self.mode is Mode.REPLAY and not math.isinf(self._head.speed):
            self._play_on(passed)
        elif self.mode is Mode.AWAY and self._head.dropped:
            self._leave_dropped()
        self._want()
        self._show_timeline()

    def _play_on(self, passed: float) -> None:
        if self._head.playing and self._rewinder is not None:
            self._head.advance(passed, self._rewinder.worked)
            if not self._head.playing:
                self._moved()

    def _leave_dropped(self) -> None:
        """Move beyond the oldest moment, so far that it stays available for a while."""
        first_ns, last_ns = self._head.span
        self._head.go(first_ns + (last_ns - first_ns) // 20)
        if not self._told_dropped:
            self._told_dropped = True
            text = "There is no more room for it in memory: this is about the oldest one."
            tell(self, Notice("That moment is forgotten", text, "warning"))

    # For the status line

    def place(self) -> Position:
        """Description of the moment."""
        if self.mode is Mode.LIVE or self._past is None:
            return NOW
        head, view = self._head, self._view
        underway = view.still and (not head.playing or time.monotonic() - self._begun > _LATE)
        there = view.moment is not None and view.at_ns and (head.playing or not view.still)
        at_ns = view.at_ns if there else head.at_ns
        say = ago if self.mode is Mode.AWAY else played
        return say(head, at_ns, self._past.wall.at(at_ns), underway=underway)

    # Keys

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's
    ) -> bool | None:
        """Give each key its action in this mode."""
        if action == "save_past":
            return self._past is not None and bool(self._past.save or self._past.saves)
        if action == "timeline":
            return self._past is not None and self._past.seconds is not None
        if action == "incident":
            return self._timeline is not None
        if action in ("step", "pause") and self._past is None:
            return False
        if action in ("play", "halt") and (action == "halt") != self._head.playing:
            return False
        return offered(action, self.mode)

    def action_pause(self) -> None:
        """Pause at this moment; events are still taken in."""
        self._enter(Mode.AWAY)
        self._told_dropped = False
        self._head.at_ns = self._view.now_ns
        self._moved()

    def action_resume(self) -> None:
        """Return to live."""
        self._enter(Mode.LIVE)
        self._wished = None
        self._view.show(None)
        self._look()
        self._moved()

    action_live = action_resume

    def action_play(self) -> None:
        """Continue playing, from now on."""
        self._ticked = time.monotonic()
        self._head.play()
        self._moved()

    def action_halt(self) -> None:
        """Pause at the moment shown, or about to be."""
        self._head.playing = False
        if self._wished is not None:
            self._head.go(self._wished.at_ns)
        self._moved()

    def action_step(self, by: float) -> None:
        """Step forward or back, by a small stride or a large one (10); a live screen is paused."""
        if self.mode is Mode.LIVE:
            if by > 0:
                return
            self.action_pause()
        small, large = self.strides
        self._head.step(math.copysign(large if abs(by) > 1 else small, by))
        self._moved()

    @property
    def strides(self) -> tuple[float, float]:
        """Seconds of a small step and of a large one."""
        return (1.0, 10.0) if self._past is None else self._past.strides()

    def action_shift(self, seconds: float) -> None:
        """Go as far as that, forward or back; a live screen is paused."""
        if self.mode is Mode.LIVE:
            if seconds > 0:
                return
            self.action_pause()
        self._head.step(seconds)
        self._moved()

    def action_oldest(self) -> None:
        """Go to the beginning."""
        self._head.go(self._head.span.first_ns)
        self._moved()

    def action_newest(self) -> None:
        """Go to the end of a recording."""
        self._head.go(self._head.span.last_ns)
        self._head.playing = False
        self._moved()

    def action_row(self, end: int) -> None:
        """Select the first flow (-1) or the last (1)."""
        self.query_one(FlowTable).action_move_to_end(end)

    def action_speed(self, steps: int) -> None:
        """Play faster, or more slowly (-1)."""
        self._head.faster(steps)
        self._moved()

    def go(self, at_ns: int) -> None:
        """Go to a moment; a live screen is paused."""
        if self.mode is Mode.LIVE:
            self.action_pause()
        self._head.playing = False
        self._head.go(at_ns)
        self._moved()

    async def action_timeline(self) -> None:
        """Show the timeline, or take it away."""
        if self._timeline is not None:
            strip, self._timeline = self._timeline, None
            await strip.remove()
        elif (past := self._past) is not None and (seconds := past.seconds) is not None:
            from tcctui.ui.time.timeline_strip import TimelineStrip  # noqa: PLC0415 - not at the start

            self._timeline = TimelineStrip(past.span, seconds, past.wall)
            await self.mount(self._timeline, before="KeyLine")
            self._show_timeline()
        self.screen.refresh_bindings()

    def _show_timeline(self) -> None:
        if self._timeline is not None:
            self._timeline.look(None if self.mode is Mode.LIVE else self._head.at_ns)

    def on_timeline_strip_wanted(self, message: TimelineStrip.Wanted) -> None:
        """Go to the moment that was clicked."""
        self.go(message.at_ns)

    def action_incident(self, by: int) -> None:
        """Go to the next unusual time (1), or to the one before (-1)."""
        if self._timeline is None or self._past is None:
            return
        at_ns = self._past.span().last_ns if self.mode is Mode.LIVE else self._head.at_ns
        found = self._timeline.incident(at_ns, by)
        if found is None:
            when = "later" if by > 0 else "earlier"
            tell(self, Notice(f"No {when} incident", "Nothing unusual is on the timeline there."))
        else:
            self.go(found)

    def action_save_past(self) -> None:
        """Save the available past as a recording.

        With a search it is of what that shows, with nothing of others: somebody may be given it.
        """
        if self._past is not None and self._past.saves is not None:
            self._past.saves()
        elif self._past is not None and self._past.save is not None:
            shown, known = self.query_one(FlowTable).searched()
            about = "All that can be gone back to."
            if shown is not None and not len(shown):
                why = "The search shows no connection at this moment."
                tell(self, Notice("Nothing was saved", why, "warning", BRIEF))
                return
            if shown is not None:
                about = f"Of {len(shown):,} of {known:,} connections: those that the search shows."
            from tcctui.ui.saving import Saver  # noqa: PLC0415 - not at the start

            self._saver = self._saver or Saver(self)
            self._saver.save(partial(self._past.save, shown), about)
