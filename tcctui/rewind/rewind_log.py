"""Log of the last minutes in memory: packed chunks, the oldest evicted for new ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tcctui.flows.index import Keys
from tcctui.flows.keyframe.packed import Packed, pack
from tcctui.recording.chunks import NO_EVENTS, Chunk, of_flows
from tcctui.recording.timeline import Origin, Span
from tcctui.rewind.idle_samples import IdleSamples
from tcctui.wire.events import EVENT, Events
from tcctui.wire.samples import NO_SAMPLES

_PARTS = 8
"""Number of keyframes in a full budget: eviction drops the span of the oldest."""

_OBJECTS = 300
"""Overhead of a chunk's Python objects in bytes, without the packed data."""


@dataclass(frozen=True, eq=False)
class _Kept:
    begin_ns: int
    end_ns: int
    events: Packed
    samples: Packed
    lost: int
    skipped: int
    keyframe: bytes

    @property
    def nbytes(self) -> int:
        return self.events.nbytes + self.samples.nbytes + len(self.keyframe) + _OBJECTS

    def chunk(self, cookies: Keys | None) -> Chunk:
        events, samples = unpack_events(self.events), self.samples.array()
        if cookies is not None:
            events, samples = of_flows(events, cookies), of_flows(samples, cookies)
        return Chunk(
            self.begin_ns, self.end_ns, events, samples, self.lost, self.skipped, self.keyframe
        )


class RewindLog:
    """Keeps chunks within `budget` bytes; a `Timeline`.

    Eviction goes up to a keyframe, which stays: every moment of `span` can be restored exactly.
    Only without any keyframe left is the state limited to what came since.
    """

    def __init__(self, budget: int, origin: Origin) -> None:
        self.origin = origin
        self._budget = budget
        self._kept: deque[_Kept] = deque()
        self._base: tuple[int, bytes] | None = None  # the keyframe that everything starts from
        self._nbytes = 0
        self._since_keyframe = 0
        self._idle = IdleSamples()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return self._nbytes + self._idle.nbytes

    @property
    def span(self) -> Span:
        """Current first and last moment; empty before the first chunk."""
        with self._lock:
            if not self._kept:
                return Span(*[self._base[0] if self._base else 0] * 2)
            first_ns = self._base[0] if self._base else self._kept[0].begin_ns
            return Span(first_ns, self._kept[-1].end_ns)

    def wants_keyframe(self) -> bool:
        """True if enough has come since the last keyframe to want another soon."""
        return self._since_keyframe >= self._budget // _PARTS

    def keep(self, chunk: Chunk) -> None:
        """Append the next chunk; evict the oldest ones if there is no room."""
        kept = _Kept(
            chunk.begin_ns,
            chunk.end_ns,
            pack_events(chunk.events),
            pack(self._idle.left_out(chunk.samples)),
            chunk.lost,
            chunk.skipped,
            chunk.keyframe,
        )
        with self._lock:
            self._kept.append(kept)
            self._nbytes += kept.nbytes
            self._since_keyframe = 0 if kept.keyframe else self._since_keyframe + kept.nbytes
            while self.nbytes > self._budget and len(self._kept) > 1:
                self._drop()

    def _drop(self) -> None:
        """Evict the oldest chunks up to one with a keyframe; without any, only one."""
        count = 1 + next((at for at, kept in enumerate(self._kept) if kept.keyframe), 0)
        dropped = [self._kept.popleft() for _ in range(count)]
        self._nbytes -= sum(kept.nbytes for kept in dropped)
        if self._base is not None:
            self._nbytes -= len(self._base[1])
        last = dropped[-1]
        self._base = (last.end_ns, last.keyframe) if last.keyframe else None
        self._nbytes += len(last.keyframe)

    def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
        """Newest keyframe at or before `at_ns`, and its moment."""
        with self._lock:
            for kept in reversed(self._kept):
                if kept.end_ns <= at_ns and kept.keyframe:
                    return kept.end_ns, kept.keyframe
            if self._base is not None and self._base[0] <= at_ns:
                return self._base
        return None

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Chunks; see `Timeline.chunks`. The first is empty where older ones were evicted."""
        with self._lock:
            base = self._base
            wanted = [
                kept for kept in self._kept if kept.end_ns > after_ns and kept.begin_ns <= until_ns
            ]
        if base is not None and base[0] > after_ns:
            # The starting point for saving all this.
            yield Chunk(base[0], base[0], NO_EVENTS, NO_SAMPLES, keyframe=base[1])
        for kept in wanted:
            yield kept.chunk(cookies)


# Events in little memory: most numbers as differences between a flow's events

_EXTREMES = (
    ("snd_cwnd_min", "snd_cwnd_max", "snd_cwnd"),
    ("srtt_min", "srtt_max", "srtt"),
    ("in_flight_min", "in_flight_max", "snd_nxt"),  # in_flight at that point
)

_RUNNING = ("ts_ns", "sock_cookie", "skaddr", "snd_una", "acks")


def pack_events(events: Events) -> Packed:
    """Pack events that are sorted by flow."""
    return pack(events, _Differences().write)


def unpack_events(packed: Packed) -> Events:
    """Restore the events exactly."""
    return packed.array(_Differences().read)


class _Differences:
    """Replaces numbers by differences to other fields or to the previous event, and back.

    All are modulo 2³² or 2⁶⁴, so that every value survives.
    """

    def __init__(self) -> None:
        self._before = np.zeros(1, EVENT)

    def write(self, events: Events) -> None:
        """Replace values by differences."""
        after = events[-1:].copy()
        events["snd_nxt"] -= events["snd_una"]
        for low, high, value in _EXTREMES:
            np.subtract(events[value], events[low], out=events[low])
            events[high] -= events[value]
        for name in _RUNNING:
            numbers = events[name].copy()
            numbers[1:] -= events[name][:-1]
            numbers[:1] -= self._before[name]
            events[name] = numbers
        self._before = after

    def read(self, events: Events) -> None:
        """Replace differences by values."""
        for name in _RUNNING:
            numbers = events[name].copy()
            numbers[:1] += self._before[name]
            events[name] = np.cumsum(numbers, dtype=numbers.dtype)
        for low, high, value in _EXTREMES:
            np.subtract(events[value], events[low], out=events[low])
            events[high] += events[value]
        events["snd_nxt"] += events["snd_una"]
        self._before = events[-1:].copy()
