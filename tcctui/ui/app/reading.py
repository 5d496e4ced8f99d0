"""Reading of a source in a thread of its own, into the store that a dashboard shows."""

from __future__ import annotations

import math
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from tcctui.errors import TcctuiError
from tcctui.flows.index import Keys
from tcctui.flows.store import HISTORY_MEMORY, Store
from tcctui.pump import deliver, polled
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin, WallClock
from tcctui.rewind.live_sink import LiveSink
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tcctui.source import Source
from tcctui.ui.time.rewinder import Rewindable
from tcctui.wire.batch import Batch

if TYPE_CHECKING:
    from textual.app import App

    from tcctui.ui.dashboard.dashboard import Dashboard

_AHEAD = 0.05
"""Seconds before a frame at which the source is read: one read for each frame, since most of a read
is what a batch costs, however few events it has.
"""
_LEAST, _MOST = 0.1, 0.6
"""Seconds between two reads; leaving waits for the last one."""

_FIRST_WAIT, _FIRST_LOOKS = 0.02, 50
"""The same until the first data, for a second at most."""

_SILENT = 0.3
"""Seconds that the last samples take before that is said."""

REWIND_MEMORY = 128 << 20
"""Default memory budget of the past, in bytes."""

Save = Callable[[Iterable[Chunk], Origin], Path]
"""Writes chunks to a file, and returns its path. Raises TcctuiError."""

Keep = Callable[[Origin], Callable[[Chunk], float | None]]
"""Makes the function that records each chunk; see `LiveSink`. Both raise TcctuiError."""


def unknown_origin(source: Source) -> Origin:
    """Origin of a source's events, as far as it is known here."""
    return Origin(socket.gethostname(), source.description, kernel_filter=source.kernel_filter)


class Reading:
    """Reads a source into a store, and tells its dashboard of it.

    `open_source` is called in the thread of `collect`; `failed`, in the app's, with the reason
    where that can't open it. `log_memory` is the budget of the past in bytes, besides histories.
    """

    def __init__(
        self,
        app: App[None],
        dashboard: Dashboard,
        open_source: Callable[[], Source],
        store: Store,
        *,
        failed: Callable[[TcctuiError], object],
        log_memory: int = REWIND_MEMORY - HISTORY_MEMORY,
        save: Save | None = None,
        keep: Keep | None = None,
        live_origin: Callable[[Source], Origin] = unknown_origin,
        clocks: Callable[[Source], tuple[int, int]] | None = None,
    ) -> None:
        self._app, self._dashboard = app, dashboard
        self._open_source = open_source
        self._store = store
        self._failed = failed
        self._log_memory = log_memory
        self._save = save
        self._keep = keep
        self._live_origin = live_origin
        self._clocks = clocks
        self.screen_there = threading.Event()
        """Set once the dashboard can take what there is to tell."""
        self.source: Source | None = None
        """The source, once it is open."""
        self.feed: LiveSink | None = None
        """The feed from the source to the store, from then on."""
        self.failure: TcctuiError | None = None
        """Reason for the failure to open it."""
        self.end: TcctuiError | None = None
        """Reason for the end of its delivery."""

    def close(self) -> Exception | None:
        """Release the source, once `collect` has ended; why the end could not be recorded."""
        failure = None if self.feed is None else self.feed.finish()
        if self.source is not None:
            self.source.close()
        return failure

    def collect(self) -> None:
        """Open the source, and deliver its batches to the store until the end; runs in a thread.

        The screen is made and painted meanwhile, with the first rows if they come before it.
        """
        worker = get_current_worker()
        try:
            self.source = source = self._open_source()
        except TcctuiError as error:
            self._wait_for_screen()
            self.failure = error
            self._app.call_from_thread(self._failed, error)
            return
        except Exception as error:  # a defect: reported like a later one
            self._tell(self._dashboard.source_failed, f"{type(error).__name__}: {error}")
            return
        try:
            feed, past, host = self.begin_feed(source)

            def shown(_: Batch) -> bool:
                return worker.is_cancelled or self._store.totals().flows > 0

            first = islice(polled(source, lambda: _FIRST_WAIT), _FIRST_LOOKS)
            deliver(first, feed, until=lambda batch: shown(batch) or self.screen_there.is_set())
            self._tell(self._dashboard.source_opened, source, past, host)
            if not self._store.totals().flows:
                deliver(first, feed, until=shown)
                self._tell(self._dashboard.look)  # the first rows at once
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
        self._tell(self._dashboard.source_failed, reason)

    def sample_last(self) -> None:
        """Record the values that all sockets have at the end; the screen has been given back.

        Ctrl-C ends it: what is recorded then is seconds old, as it says of itself.
        """
        feed, source = self.feed, self.source
        if feed is None or source is None or self.end is not None or not feed.records:
            return
        from tcctui.last_look import last_batches  # noqa: PLC0415 - at the end

        said_at = time.monotonic() + _SILENT

        def remark(_: Batch) -> bool:
            nonlocal said_at
            if time.monotonic() >= said_at:
                said_at = math.inf
                count = self._store.totals().flows
                print(f"tcctui: a last look at {count:,} sockets…", file=sys.stderr, flush=True)
            return False

        with suppress(KeyboardInterrupt):
            deliver(last_batches(source, self._store), feed, until=remark)

    def _until_frame(self) -> float:
        """Seconds until shortly before the next frame, or the one after it if that is close."""
        at, every = self._dashboard.next_frame
        rest = at - time.monotonic() - _AHEAD
        return min(max(rest if rest >= _LEAST else rest + every, _LEAST), _MOST)

    def begin_feed(self, source: Source) -> tuple[LiveSink, Rewindable, str]:
        """Set up intake, rewinding and recording of the source; gives its past and host, too."""
        origin = self._live_origin(source)
        log = RewindLog(self._log_memory, origin)
        record = None
        if self._keep is not None:
            try:
                record = self._keep(origin)
                self._dashboard.call_later(self._dashboard.recording_begins)
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
        measured = None if self._clocks is None else partial(self._clocks, source)
        wall, save = WallClock(origin.wall_offset_ns, measured), self._save

        def saved(cookies: Keys | None) -> Path:
            assert save is not None
            first = replace(origin.named(), wall_offset_ns=wall.offset_ns(feed.span.first_ns))
            if cookies is None:
                return save(feed.chunks(), first)
            from tcctui.recording.some_flows import of_flows  # noqa: PLC0415 - not at the start

            return save(of_flows(cookies, feed.chunks), first)

        past = Rewindable(
            Moment(log, self._store),
            lambda: feed.span,
            wall,
            feed.reach,
            None if save is None else saved,
            self._store.seconds,
            recordings=(log,),
        )
        return feed, past, origin.host

    def _recording_failed(self, reason: str) -> None:
        """Report the failure in the screen's thread: this may be called in any."""
        self._dashboard.call_later(self._dashboard.recording_failed, reason)

    def _recording_waits(self, waits: bool) -> None:
        """Report in the screen's thread that the recording waits for its target, or not."""
        self._dashboard.call_later(self._dashboard.recording_waits, waits)

    def _tell(self, callback: Callable[..., object], *values: object) -> None:
        """Call a function in the screen's thread, unless the app has ended."""
        self._wait_for_screen()
        if not get_current_worker().is_cancelled:
            self._app.call_from_thread(callback, *values)

    def _wait_for_screen(self) -> None:
        """Wait until the screen can take what there is to tell, or the app has ended."""
        while not get_current_worker().is_cancelled and not self.screen_there.wait(_FIRST_WAIT):
            pass
