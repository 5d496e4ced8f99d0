"""Writing down what comes, live, beside the store: chunks with keyframes among them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from tcctui.flows.store import Store
from tcctui.recording.chunks import NO_EVENTS, PIECE_NS, Chunk, Chunker
from tcctui.wire.events import Events
from tcctui.wire.samples import NO_SAMPLES, Samples

COST = 45_000_000
"""Nanoseconds that it may take to take in what came since the newest keyframe, nearly."""

_EVENT, _SAMPLE = 800, 2_500
"""Nanoseconds that one event and one sample cost."""

_PIECE = 500_000
"""Nanoseconds that a piece with events costs, whatever is in it."""

_CHUNK = 300_000
"""Nanoseconds that a chunk costs that is read from a file, though there is nothing in it."""

_APART_NS = 2_000_000_000
"""Nanoseconds between two keyframes, at least."""

_SHARE = 40
"""One in so many nanoseconds may go into making keyframes: of 10,000 flows one takes 50 ms."""


class Tape:
    """Cuts what a source delivers into chunks, for whoever keeps them.

    `store` is what the same events and samples are taken in by, each before it comes here, and
    nothing else in between: a keyframe is of all that came. So `add_events` and `add_samples` are
    for one thread; `flush` is for any. Each of `keepers` is called with one chunk after the other.
    `wants_keyframe` says whether somebody wants one, though not much has come since the last.
    """

    def __init__(
        self,
        store: Store,
        begin_ns: int,
        *keepers: Callable[[Chunk], None],
        wants_keyframe: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._keepers = keepers
        self._wants_keyframe = wants_keyframe
        self._chunker = Chunker(begin_ns)
        self._lock = threading.Lock()
        self._in_order = threading.Lock()  # held while keepers are called, which takes long
        self._next_keyframe_ns = begin_ns + _APART_NS
        self._spent = 0
        self._now_ns = begin_ns
        self._losses = (0, 0)

    def add_events(self, events: Events, now_ns: int, lost: int, skipped: int) -> None:
        """Take in a batch of events, and let time go on to `now_ns`."""
        with self._lock:
            self._chunker.add(events, NO_SAMPLES)
            self._spent += _EVENT * len(events)
            if len(events):
                self._spent += _PIECE * max(now_ns - self._now_ns, 0) // PIECE_NS
            self._now_ns = max(now_ns, self._now_ns)
            self._losses = (lost, skipped)
            due = self._chunker.due(now_ns)
        if due:
            self._close(now_ns, keyframes=True)

    def add_samples(self, samples: Samples) -> None:
        """Take in samples."""
        with self._lock:
            self._chunker.add(NO_EVENTS, samples)
            self._spent += _SAMPLE * len(samples)

    def flush(self, now_ns: int) -> None:
        """Pass on what has come until now, though it is less than a second's."""
        self._close(now_ns, keyframes=False)

    def _close(self, now_ns: int, *, keyframes: bool) -> None:
        with self._in_order:
            with self._lock:
                made = self._chunker.cut(now_ns, *self._losses)
            chunk = made()
            self._spent += _CHUNK
            wanted = keyframes and (self._spent >= COST or self._wants_keyframe())
            if wanted and now_ns >= self._next_keyframe_ns:
                started = time.thread_time_ns()
                chunk = replace(chunk, keyframe=self._store.keyframe().to_bytes())
                took = time.thread_time_ns() - started
                self._spent, self._next_keyframe_ns = 0, now_ns + max(_APART_NS, _SHARE * took)
            for keep in self._keepers:
                keep(chunk)
