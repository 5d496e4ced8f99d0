"""Another source's dashboard above the one that is shown, until Esc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from textual.app import App
from textual.timer import Timer

from tcctui.errors import TcctuiError
from tcctui.flows.store import HISTORY_MEMORY, Store
from tcctui.query import Query
from tcctui.recording.timeline import Origin, Timeline
from tcctui.source import Source
from tcctui.ui.app.reading import Reading, unknown_origin
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.preferences import Preferences
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.style import units
from tcctui.ui.time.rewinder import Rewindable
from tcctui.ui.view import CurrentView

READING = "reading"
"""Group of the worker that reads for as long as the screen is there."""

_LOOK_S = 0.2
"""Seconds between two looks at what has come of the past."""


_PATIENCE = 10.0
"""Seconds that the other end of a connection may take to be there: it may rest."""


class Other(Protocol):
    """The host of a connection's other end."""

    failure: TcctuiError | None

    @property
    def timeline(self) -> Timeline | None:
        """Its records, once all that it kept are there."""

    def begin(self) -> None:
        """Start to read it."""

    def end(self) -> None:
        """Read it no more; may be called twice."""


class HostScreen(Dashboard):
    """A dashboard of one host; Esc goes back to what is below it, once nothing else is left.

    `open_source` is called in a thread; until it returns, `waiting` is the name of the host. `left`
    is called when the screen goes, also before that. `live_origin` tells what is known of the
    source. One that can't be opened is a notice on the screen below. Once it has `caught_up` with
    its past, the screen goes to the moment `at_ns` (since 1970; None stays live), and shows `both`
    ends of its first connection, of which the other one may be an `other` host's.
    """

    def __init__(
        self,
        app: App[None],
        open_source: Callable[[], Source],
        left: Callable[[], object],
        *,
        waiting: str,
        live_origin: Callable[[Source], Origin] = unknown_origin,
        preferences: Preferences | None = None,
        base_query: Query | None = None,
        caught_up: Callable[[], bool] = lambda: True,
        at_ns: int | None = None,
        both: bool = False,
        other: Other | None = None,
    ) -> None:
        store = Store(HISTORY_MEMORY)
        super().__init__(CurrentView(store), preferences, base_query)
        self._reading = Reading(
            *(app, self, open_source, store), failed=self._back_for, live_origin=live_origin
        )
        self._waiting, self._left = waiting, left
        self._caught_up, self._wanted_ns = caught_up, at_ns
        self._both, self._other = both, other
        self._origin = live_origin
        self._past: Rewindable | None = None
        self._live_from_ns = 0
        self._looking_on: Timer | None = None

    def on_mount(self) -> None:
        """Begin to read."""
        self.call_later(self._status.update, host=self._waiting)
        self._reading.screen_there.set()
        self.run_worker(self._read, thread=True, exit_on_error=False, group=READING)
        if self._other is not None:
            self._other.begin()

    def on_unmount(self) -> None:
        """Wait for nothing more."""
        self._left()
        if self._other is not None:
            self._other.end()

    def source_opened(self, source: Source, past: Rewindable, host: str) -> None:
        """Show what this source delivers, and go to the wanted moment once that is there."""
        super().source_opened(source, past, host)
        self._past, self._live_from_ns = past, self._origin(source).live_from_ns
        if self._wanted_ns is not None or self._both:
            self._looking_on = self.set_interval(_LOOK_S, self._look_on)

    def _look_on(self) -> None:
        """Go on where all of the past has come."""
        if not self._caught_up() or self._past is None or not self._table.known:
            return
        if self._wanted_ns is not None:
            wanted, self._wanted_ns = self._wanted_ns, None
            self._go(wanted, self._past)
        other = self._other
        if other is not None and other.timeline is None and other.failure is None:
            return
        if self._looking_on is not None:
            self._looking_on.stop()
        if self._both:
            self.run_worker(self._show_both(other))

    def _go(self, wanted_ns: int, past: Rewindable) -> None:
        """Go to a moment, as far as the host has it."""
        first_ns, last_ns = past.span()
        at_ns = wanted_ns - past.wall.offset_ns(last_ns)
        host = self._status.host
        if at_ns < first_ns and first_ns >= self._live_from_ns:
            text = f"{host} keeps no last minutes (tcctui agent --rewind 10m does): this is live."
            tell(self, Notice("That moment is not there", text, "warning", LONG))
            return
        if at_ns < first_ns:
            age = units.age(last_ns - first_ns)
            text = f"{host} has the last {age} of this alone: here they begin."
            tell(self, Notice("That moment is not kept any more", text, "warning", LONG))
        self._player.go(max(at_ns, first_ns))

    async def _show_both(self, other: Other | None) -> None:
        """Show both ends, or say why there is one alone."""
        if other is not None:
            timeline = other.timeline
            if timeline is None:
                tell(self, Notice("The other end is not there", str(other.failure), "error", LONG))
                return
            self._recordings = [*self._recordings, timeline]
        if (selected := self._table.selected) is not None:
            await self._show_both_ends(selected, _PATIENCE)

    def _read(self) -> None:
        """Read until this screen is left, and release the source; in a thread."""
        try:
            self._reading.collect()
        finally:
            self._reading.close()

    def _back_for(self, error: TcctuiError) -> None:
        if self.is_attached:
            self.app.pop_screen()
            not_there(self.app, error)

    def go_back(self) -> bool:
        """Go back, unless there is a search; True if so."""
        if self.query_one(SearchBar).box.value:
            return False
        self.app.pop_screen()
        return True


def not_there(app: App[None], error: TcctuiError) -> None:
    """Report that a host could not be shown."""
    tell(app.screen, Notice("The host is not there", str(error), "error", LONG))
