"""Live recording beside the store: chunks, with keyframes among them."""

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
"""Time limit for replaying everything since the newest keyframe, in nanoseconds."""

_EVENT, _SAMPLE = 800, 2_500
"""Cost of one event and of one sample in nanoseconds."""

_PIECE = 500_000
"""Fixed cost of a piece with events, in nanoseconds."""

_CHUNK = 300_000
"""Fixed cost of reading a chunk from a file, in nanoseconds."""

_APART_NS = 2_000_000_000
"""Minimum time between two keyframes, in nanoseconds."""

_SHARE = 40
"""Limit on the share of time for keyframes, as a divisor: one of 10,000 flows takes 50 ms."""


class Tape:
    """Cuts a source's output into chunks for its keepers.

    `store` must take in the same events and samples, each before they are added here, and nothing
    else in between: a keyframe covers everything so far. So `add_events` and `add_samples` are for
    one thread; `flush` is for any. Each of `keepers` is called with every chunk in order.
    `wants_keyframe` requests a keyframe earlier than the cost would.
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
        self._in_order = threading.Lock()  # held while keepers run, which takes long
        self._next_keyframe_ns = begin_ns + _APART_NS
        self._spent = 0
        self._now_ns = begin_ns
        self._losses = (0, 0)

    def add_events(self, events: Events, now_ns: int, lost: int, skipped: int) -> None:
        """Add a batch of events, and advance to `now_ns`."""
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
        """Add samples."""
        with self._lock:
            self._chunker.add(NO_EVENTS, samples)
            self._spent += _SAMPLE * len(samples)

    def flush(self, now_ns: int) -> None:
        """Pass on what is pending, though it is less than a second's."""
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
