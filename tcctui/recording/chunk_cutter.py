"""A source's output, cut into chunks, with keyframes among them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from tcctui.flows.store import Store
from tcctui.recording.chunks import PIECE_NS, Chunk, Chunker
from tcctui.right_of_way import give_way
from tcctui.wire.batch import Batch

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


class ChunkCutter:
    """Cuts a source's output into chunks for its keepers.

    `store` is what the same batches are taken in by, each before it comes here, and nothing else in
    between: a keyframe is of all that came. So `take` is for one thread; `flush` is for any. Each
    of `keepers` is called with one chunk after the other. `losses` gives the events lost and
    skipped since the source was opened. `wants_keyframe` says whether somebody wants one, though
    not much has come since the last.
    """

    def __init__(
        self,
        store: Store,
        begin_ns: int,
        *keepers: Callable[[Chunk], None],
        losses: Callable[[], tuple[int, int]] = lambda: (0, 0),
        wants_keyframe: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._keepers = keepers
        self._count_losses = losses
        self._wants_keyframe = wants_keyframe
        self._chunker = Chunker(begin_ns)
        self._lock = threading.Lock()
        self._in_order = threading.Lock()  # held while keepers run, which takes long
        self._next_keyframe_ns = begin_ns + _APART_NS
        self._spent = 0
        self._now_ns = begin_ns
        self._losses = (0, 0)

    def take(self, batch: Batch) -> None:
        """Take in a batch, and let time go on to its `now_ns`."""
        events, now_ns = batch.events, batch.now_ns
        losses = self._count_losses()
        with self._lock:
            self._chunker.add(events, batch.samples, batch.insides)
            self._spent += _EVENT * len(events) + _SAMPLE * sum(map(len, batch.samples))
            if len(events):
                self._spent += _PIECE * max(now_ns - self._now_ns, 0) // PIECE_NS
            self._now_ns = max(now_ns, self._now_ns)
            self._losses = losses
            due = self._chunker.due(now_ns)
        if due:
            self._close(now_ns, keyframes=True)

    def flush(self, now_ns: int) -> None:
        """Pass on what is pending, though it is less than a second's."""
        self._close(now_ns, keyframes=False)

    def _close(self, now_ns: int, *, keyframes: bool) -> None:
        with self._in_order:
            with self._lock:
                made = self._chunker.cut(now_ns, *self._losses)
            chunk = made()
            self._spent += _CHUNK
            give_way()
            wanted = keyframes and (self._spent >= COST or self._wants_keyframe())
            if wanted and now_ns >= self._next_keyframe_ns:
                started = time.thread_time_ns()
                chunk = replace(chunk, keyframe=self._store.keyframe().to_bytes())
                took = time.thread_time_ns() - started
                self._spent, self._next_keyframe_ns = 0, now_ns + max(_APART_NS, _SHARE * took)
            for keep in self._keepers:
                give_way()
                keep(chunk)
