"""The application: terminal, reading thread, and exit."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from tcctui.errors import TcctuiError
from tcctui.flows.store import HISTORY_MEMORY, Store
from tcctui.pump import deliver, polled
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin, Timeline
from tcctui.rewind.live_sink import LiveSink
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tcctui.source import Source
from tcctui.ui.app.dashboard_app import DashboardApp, Shown
from tcctui.ui.style.legible import plain
from tcctui.ui.time.rewinder import Rewindable
from tcctui.ui.view import CurrentView
from tcctui.wire.batch import Batch

if TYPE_CHECKING:
    from typing_extensions import Unpack

_AHEAD = 0.05
"""Seconds before a frame at which the source is read: one read for each frame, since most of a read
is what a batch costs, however few events it has.
"""
_LEAST, _MOST = 0.1, 0.5
"""Seconds between two reads; leaving waits for the last one."""

_FIRST_WAIT, _FIRST_LOOKS = 0.02, 50
"""The same until the first data, for a second at most."""

REWIND_MEMORY = 128 << 20
"""Default memory budget of the past, in bytes."""

Save = Callable[[Iterable[Chunk], Origin], Path]
"""Writes chunks to a file, and returns its path. Raises TcctuiError."""

Keep = Callable[[Origin], Callable[[Chunk], float | None]]
"""Makes the function that records each chunk; see `LiveSink`. Both raise TcctuiError."""


class LiveOptions(Shown, total=False):
    """Options of a live screen, see `run`."""

    save: Save | None
    keep: Keep | None
    live_origin: Callable[[Source], Origin]


def unknown_origin(source: Source) -> Origin:
    """Origin of a source's events, as far as it is known here."""
    return Origin(socket.gethostname(), source.description, kernel_filter=source.kernel_filter)


class ReplayApp(DashboardApp):
    """Plays a recording, or any other timeline."""

    def __init__(
        self,
        timeline: Timeline,
        *,
        remark: str = "",
        speed: float = 1.0,
        at_ns: int | None = None,
        loop: bool = False,
        **shown: Unpack[Shown],
    ) -> None:
        moment = Moment(timeline)
        super().__init__(CurrentView(None, moment), **shown)
        self._past = Rewindable(
            moment, lambda: timeline.span, wall_offset_ns=timeline.origin.wall_offset_ns
        )
        self._remark = remark
        self._how = (at_ns, speed, loop)

    def begin(self) -> None:
        """Play."""
        self.dashboard.replay(self._past, self._remark, *self._how)


class TcctuiApp(DashboardApp):
    """Reads events in a thread of its own; the screen pulls from the store."""

    def __init__(
        self,
        open_source: Callable[[], Source],
        store: Store,
        *,
        log_memory: int = REWIND_MEMORY - HISTORY_MEMORY,
        save: Save | None = None,
        keep: Keep | None = None,
        live_origin: Callable[[Source], Origin] = unknown_origin,
        **shown: Unpack[Shown],
    ) -> None:
        super().__init__(CurrentView(store), **shown)
        self._open_source = open_source
        self._store = store
        self._log_memory = log_memory
        self._save = save
        self._keep = keep
        self._live_origin = live_origin
        self._screen_there = threading.Event()
        self.source: Source | None = None
        """The source, once it is open."""
        self.feed: LiveSink | None = None
        """The feed from the source to the store, from then on."""
        self.failure: TcctuiError | None = None
        """Reason for the failure to open it."""
        self.end: TcctuiError | None = None
        """Reason for the end of its delivery."""

    def on_load(self) -> None:
        """Start reading: the screen is made meanwhile."""
        self.run_worker(self._collect, thread=True, exit_on_error=False)

    def begin(self) -> None:
        """Take what there is to tell."""
        self._screen_there.set()

    def _collect(self) -> None:
        """Open the source, and deliver its batches to the store until the end; runs in a thread.

        The screen is made and painted meanwhile, with the first rows if they come before it.
        """
        worker = get_current_worker()
        try:
            self.source = source = self._open_source()
        except TcctuiError as error:
            self._wait_for_screen()
            self.failure = error
            self.call_from_thread(self.exit)
            return
        except Exception as error:  # a defect: reported like a later one
            self._tell(self.dashboard.source_failed, f"{type(error).__name__}: {error}")
            return
        try:
            feed, past, host = self._begin_feed(source)

            def shown(_: Batch) -> bool:
                return worker.is_cancelled or self._store.totals().flows > 0

            first = islice(polled(source, lambda: _FIRST_WAIT), _FIRST_LOOKS)
            deliver(first, feed, until=lambda batch: shown(batch) or self._screen_there.is_set())
            self._tell(self.dashboard.source_opened, source, past, host)
            if not self._store.totals().flows:
                deliver(first, feed, until=shown)
                self._tell(self.dashboard.look)  # the first rows at once
            if not worker.is_cancelled:
                deliver(
                    polled(source, self._until_frame), feed, until=lambda _: worker.is_cancelled
                )
        except TcctuiError as error:
            self.end, reason = error, str(error)
        except Exception as error:  # a defect: the screen stays, and reports it
            reason = f"{type(error).__name__}: {error}"
        else:
            return
        source.close()  # its output has no reader any more
        self._tell(self.dashboard.source_failed, reason)

    def _until_frame(self) -> float:
        """Seconds until shortly before the next frame, or the one after it if that is close."""
        at, every = self.dashboard.next_frame
        rest = at - time.monotonic() - _AHEAD
        return min(max(rest if rest >= _LEAST else rest + every, _LEAST), _MOST)

    def _begin_feed(self, source: Source) -> tuple[LiveSink, Rewindable, str]:
        """Set up intake, rewinding and recording of the source; gives its past and host, too."""
        origin = self._live_origin(source)
        log = RewindLog(self._log_memory, origin)
        record = None
        if self._keep is not None:
            try:
                record = self._keep(origin)
            except TcctuiError as error:
                self._recording_failed(str(error))
        self.feed = feed = LiveSink(
            source,
            self._store,
            log,
            record,
            failed=self._recording_failed,
            waits=self._recording_waits,
        )
        save = self._save
        past = Rewindable(
            Moment(log, self._store),
            lambda: feed.span,
            origin.wall_offset_ns,
            feed.reach,
            None if save is None else lambda: save(feed.chunks(), origin),
        )
        return feed, past, origin.host

    def _recording_failed(self, reason: str) -> None:
        """Report the failure in the screen's thread: this may be called in any."""
        self.dashboard.call_later(self.dashboard.recording_failed, reason)

    def _recording_waits(self, waits: bool) -> None:
        """Report in the screen's thread that the recording waits for its target, or not."""
        self.dashboard.call_later(self.dashboard.recording_waits, waits)

    def _tell(self, callback: Callable[..., object], *values: object) -> None:
        """Call a function in the screen's thread, unless the app has ended."""
        self._wait_for_screen()
        if not get_current_worker().is_cancelled:
            self.call_from_thread(callback, *values)

    def _wait_for_screen(self) -> None:
        """Wait until the screen can take what there is to tell, or the app has ended."""
        while not get_current_worker().is_cancelled and not self._screen_there.wait(_FIRST_WAIT):
            pass


def run(
    open_source: Callable[[], Source],
    history_memory: int,
    *,
    rewind_memory: int = REWIND_MEMORY,
    **options: Unpack[LiveOptions],
) -> int:
    """Run the dashboard until the user quits; gives the exit code.

    `open_source` is called in another thread, before there is a screen. `rewind_memory` is the
    budget for all of the past in bytes, with the `history_memory` of the store in it. `save` writes
    the log of the last minutes to a file on request; `keep` makes the recorder for the source's
    origin, which is called with each complete chunk, the last one after the screen has ended. If
    the source ended without an advice, the reason is repeated on standard error. Only what matches
    `base_query` is shown, whatever the search.

    Raises:
        TcctuiError: the source can't be opened, or broke off, or the end could not be recorded.

    """
    log_memory = max(0, rewind_memory - history_memory)
    app = TcctuiApp(open_source, Store(history_memory), log_memory=log_memory, **options)
    try:
        app.run()
    finally:
        failure = None if app.feed is None else app.feed.finish()
        if app.source is not None:
            app.source.close()
    failure = app.failure or failure
    if failure is not None:
        raise failure
    if app.end is not None and app.end.mend:
        raise app.end
    if app.end is not None:
        print(plain(str(app.end)), file=sys.stderr)
    return app.status


def play(
    timeline: Timeline,
    *,
    remark: str = "",
    speed: float = 1.0,
    at_ns: int | None = None,
    loop: bool = False,
    **shown: Unpack[Shown],
) -> int:
    """Play a recording until the user quits; gives the exit code.

    `remark` describes missing parts; `speed` is a factor, infinite for the maximum; `at_ns` the
    moment to begin with. With `loop` it restarts at its end. Only what matches `base_query` is
    shown.
    """
    app = ReplayApp(timeline, remark=remark, speed=speed, at_ns=at_ns, loop=loop, **shown)
    app.run()
    return app.status
