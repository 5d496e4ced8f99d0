"""The live end of the pump: batches go into the store, and into the log of the last minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Span
from tcctui.rewind.rewind_log import RewindLog
from tcctui.source import Source
from tcctui.wire.batch import Batch

WAITS = 2.0
"""Seconds after which a recording that waits for its target is reported."""

_ALWAYS = 1 << 63  # nanoseconds: later than anything


class LiveSink:
    """Sink that takes each batch of a source into the store and the cutter; thread-safe.

    `record`, if given, gets each chunk too, and gives the seconds for which its target has taken
    nothing; `waits` is called when they become or cease to be more than `WAITS`. When it fails,
    `failed` gets the reason, and recording ends.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        log: RewindLog,
        record: Callable[[Chunk], float | None] | None = None,
        *,
        failed: Callable[[str], object] = str,
        waits: Callable[[bool], object] = bool,
    ) -> None:
        self._store = store
        self.log = log
        self._record = record
        self._failed = failed
        self._waits = waits
        self._waiting = False
        self._failure: Exception | None = None
        self._begin_ns = self._now_ns = source.now_ns()
        self._cutter = ChunkCutter(
            store,
            self._begin_ns,
            log.keep,
            self._recorded,
            losses=lambda: (source.lost(), source.skipped()),
            wants_keyframe=log.wants_keyframe,
        )
        self._lock = threading.Lock()

    def take(self, batch: Batch) -> None:
        """Take in a batch."""
        # Whoever goes back to now_ns finds all of it in the log, or nothing in the store.
        with self._lock:
            deliver([batch], self._store, self._cutter)
            self._now_ns = batch.now_ns

    @property
    def records(self) -> bool:
        """True while a recording gets each chunk."""
        return self._record is not None

    @property
    def span(self) -> Span:
        """Range of the available past."""
        return Span(self.log.span.first_ns or self._begin_ns, self._now_ns)

    def reach(self, at_ns: int) -> None:
        """Extend the log to a moment, unless that is in the future."""
        with self._lock:
            if self.log.span.last_ns < min(at_ns, self._now_ns):
                self._cutter.flush(self._now_ns)

    def chunks(self) -> Iterator[Chunk]:
        """All chunks in the log until now."""
        self.reach(_ALWAYS)
        return self.log.chunks(0, _ALWAYS)

    def finish(self) -> Exception | None:
        """Pass on the last, incomplete chunk; returns the reason for a failed recording."""
        with self._lock:
            before = self._failure
            self._cutter.flush(self._now_ns)
            return None if self._failure is before else self._failure

    def _recorded(self, chunk: Chunk) -> None:
        if self._record is None:
            return
        try:
            waiting = (self._record(chunk) or 0.0) > WAITS
            if waiting != self._waiting:
                self._waiting = waiting
                self._waits(waiting)
        except Exception as error:  # a defect too: the screen stays, and reports it
            self._record, self._failure = None, error
            known = isinstance(error, TcctuiError)
            self._failed(str(error) if known else f"{type(error).__name__}: {error}")
