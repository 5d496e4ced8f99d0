"""Chunks from a pipe, played by the recorder's clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from tcctui.arrays import Records
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.wire.events import Events
from tcctui.wire.inside import NO_INSIDES, Insides
from tcctui.wire.records import pick
from tcctui.wire.samples import NO_SAMPLES, Samples

SECOND = 1_000_000_000

_MARGIN_NS = SECOND // 4
"""Margin against late chunks, in nanoseconds: the delay of playback after the first chunk."""

_FASTER, _JUMP = 3 * SECOND // 2, 3 * SECOND
"""Backlog limits in nanoseconds: above the first it plays faster, above the second it jumps."""

_GAIN = 3, 2  # multiple of the recorder's speed, when playing faster

_USUAL = 2 * SECOND
"""Unremarkable delay: a chunk's second, the margin, and the steps on the way."""

_LONG_AGO = 30 * SECOND
_FARTHEST = 3600 * SECOND
"""Largest gap between consecutive chunks."""


@dataclass(eq=False)
class _Playing:
    """A chunk with its records sorted by time, and the progress in it."""

    chunk: Chunk
    events: Events
    samples: Samples
    insides: Insides
    played: tuple[int, ...] = (0,) * (2 + len(NO_INSIDES))

    def until(self, moment_ns: int) -> tuple[Events, Samples, Insides]:
        """Records until a moment; at the chunk's end, all."""
        ends = []
        every = self.events, self.samples, *self.insides
        for records in every:
            over = moment_ns >= self.chunk.end_ns
            moment = np.uint64(max(0, moment_ns))
            place = np.searchsorted(records["ts_ns"], moment, "right")
            ends.append(len(records) if over else int(place))
        begun, self.played = self.played, tuple(ends)
        events, samples, *insides = (
            records[first:end] for records, first, end in zip(every, begun, ends, strict=True)
        )
        return events, samples, Insides(*insides)

    @property
    def nbytes(self) -> int:
        """Bytes of the records."""
        return sum(records.nbytes for records in (self.events, self.samples, *self.insides))


class Pace:
    """Plays chunks about a second after they happened, at their original speed.

    With a longer backlog it catches up, unless the input is not live: a backlog of old chunks that
    arrives at once is a file, and plays at its original speed. What ends by `live_from_ns` was kept
    by the recorder, and is played at once. Times called `at_ns` are of this machine's monotonic
    clock. Used by one thread at a time.
    """

    def __init__(self, wall_offset_ns: int, live_from_ns: int = 0) -> None:
        self._wall_offset_ns = wall_offset_ns
        self._live_from_ns = live_from_ns
        self._waiting: deque[_Playing] = deque()
        self._last_ns = 0  # end of the newest chunk
        self._at_ns = 0
        self._arrivals: list[tuple[int, int]] = []
        self._transit_ns: int | None = None
        self.begin_ns = 0
        """Begin of the first chunk, on the recorder's clock; 0 before it has arrived."""
        self.moment_ns = 0
        """Moment being played, on the recorder's clock; 0 before the first chunk."""
        self.losses = (0, 0)
        """`Chunk.lost` and `skipped` at that moment."""
        self.is_file = False
        """True if the input is from long ago."""

    @property
    def nbytes(self) -> int:
        """Bytes of the backlog."""
        return sum(part.nbytes for part in self._waiting)

    @property
    def begun(self) -> bool:
        """True once a chunk has arrived."""
        return self._last_ns > 0

    @property
    def over(self) -> bool:
        """True once everything received was played."""
        return not self._waiting

    @property
    def past(self) -> bool:
        """True while a chunk waits that is not live."""
        return bool(self._waiting) and self._kept(self._waiting[0].chunk)

    @property
    def live(self) -> bool:
        """True once something live is played, or waits with nothing before it."""
        there = bool(self._waiting) and not self._kept(self._waiting[0].chunk)
        return there or self.moment_ns > self._live_from_ns

    def _kept(self, chunk: Chunk) -> bool:
        return chunk.end_ns <= self._live_from_ns

    def add(self, chunk: Chunk, at_ns: int, wall_ns: int) -> bool:
        """Queue a chunk that arrived now; False if it does not follow its predecessor."""
        begun = self.begun
        apart = chunk.begin_ns - self._last_ns
        if begun and (chunk.end_ns < self._last_ns or not -SECOND <= apart <= _FARTHEST):
            return False
        if not begun:
            self._at_ns = at_ns
            self.begin_ns = chunk.begin_ns
            self.moment_ns = chunk.begin_ns - _MARGIN_NS
        self._last_ns = chunk.end_ns
        events, samples = _by_time(chunk.events), _by_time(chunk.samples)
        self._waiting.append(_Playing(chunk, events, samples, chunk.insides.each(_by_time)))
        self._look_at_arrival(chunk, at_ns, wall_ns)
        return True

    def _look_at_arrival(self, chunk: Chunk, at_ns: int, wall_ns: int) -> None:
        if self._kept(chunk):
            return
        transit = at_ns - chunk.end_ns
        self._transit_ns = transit if self._transit_ns is None else min(transit, self._transit_ns)
        if len(self._arrivals) >= 3:
            return
        self._arrivals.append((at_ns, chunk.end_ns))
        (first_at, first_end), (last_at, last_end) = self._arrivals[0], self._arrivals[-1]
        old = wall_ns - (chunk.end_ns + self._wall_offset_ns) > _LONG_AGO
        if len(self._arrivals) == 3 and old:
            self.is_file = 2 * (last_at - first_at) < last_end - first_end

    def step(self, at_ns: int) -> tuple[Events, Samples, Insides]:
        """Advance to now: records since the last step, of one chunk at most."""
        real_ns = passed = max(0, at_ns - self._at_ns)
        self._at_ns += real_ns
        if not self._waiting:
            return NO_EVENTS, NO_SAMPLES, NO_INSIDES
        ahead = self._last_ns - self.moment_ns
        if self.past:
            passed = ahead
        elif not self.is_file and ahead > _JUMP:
            passed += ahead - _FASTER
        elif not self.is_file and ahead > _FASTER:
            passed = passed * _GAIN[0] // _GAIN[1]
        playing = self._waiting[0]
        chunk = playing.chunk
        moment_ns = max(self.moment_ns, chunk.begin_ns - _MARGIN_NS) + passed
        self.moment_ns = min(moment_ns, chunk.end_ns)
        found = playing.until(self.moment_ns)
        if self.moment_ns >= chunk.end_ns:
            self._waiting.popleft()
            self.losses = (chunk.lost, chunk.skipped)
            if self._waiting:  # the rest of the time belongs to the next chunk
                self._at_ns -= min(real_ns, moment_ns - self.moment_ns)
        return found

    def behind_s(self, at_ns: int) -> float:
        """Delay in seconds beyond the usual; 0 while it keeps up."""
        if self._transit_ns is None or self.is_file:
            return 0.0
        late = at_ns - self.moment_ns - self._transit_ns - _USUAL
        return max(0, late) / SECOND


def _by_time(records: Records) -> Records:
    return pick(records, np.argsort(records["ts_ns"], kind="stable"))
