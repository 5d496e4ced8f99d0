"""Log of the last minutes in memory: packed chunks, the oldest evicted for new ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

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


class _Kept(NamedTuple):
    """A chunk without its records, and these in little memory."""

    rest: Chunk
    events: Packed
    samples: Packed

    @property
    def nbytes(self) -> int:
        return self.events.nbytes + self.samples.nbytes + len(self.rest.keyframe) + _OBJECTS

    def chunk(self, cookies: Keys | None) -> Chunk:
        events, samples = unpack_events(self.events), self.samples.array()
        if cookies is not None:
            events, samples = of_flows(events, cookies), of_flows(samples, cookies)
        return replace(self.rest, events=events, samples=samples)


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
            first_ns = self._base[0] if self._base else self._kept[0].rest.begin_ns
            return Span(first_ns, self._kept[-1].rest.end_ns)

    def wants_keyframe(self) -> bool:
        """True if enough has come since the last keyframe to want another soon."""
        return self._since_keyframe >= self._budget // _PARTS

    def keep(self, chunk: Chunk) -> None:
        """Append the next chunk; evict the oldest ones if there is no room."""
        kept = _Kept(
            replace(chunk, events=NO_EVENTS, samples=NO_SAMPLES),
            pack_events(chunk.events),
            pack(self._idle.left_out(chunk.samples)),
        )
        with self._lock:
            self._kept.append(kept)
            self._nbytes += kept.nbytes
            self._since_keyframe = 0 if kept.rest.keyframe else self._since_keyframe + kept.nbytes
            while self.nbytes > self._budget and len(self._kept) > 1:
                self._drop()

    def _drop(self) -> None:
        """Evict the oldest chunks up to one with a keyframe; without any, only one."""
        count = 1 + next((at for at, kept in enumerate(self._kept) if kept.rest.keyframe), 0)
        dropped = [self._kept.popleft() for _ in range(count)]
        self._nbytes -= sum(kept.nbytes for kept in dropped)
        if self._base is not None:
            self._nbytes -= len(self._base[1])
        last = dropped[-1]
        self._base = (last.rest.end_ns, last.rest.keyframe) if last.rest.keyframe else None
        self._nbytes += len(last.rest.keyframe)

    def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
        """Newest keyframe at or before `at_ns`, and its moment."""
        with self._lock:
            for kept in reversed(self._kept):
                if kept.rest.end_ns <= at_ns and kept.rest.keyframe:
                    return kept.rest.end_ns, kept.rest.keyframe
            if self._base is not None and self._base[0] <= at_ns:
                return self._base
        return None

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Chunks; see `Timeline.chunks`. The first is empty where older ones were evicted."""
        with self._lock:
            base = self._base
            wanted = [
                kept
                for kept in self._kept
                if kept.rest.end_ns > after_ns and kept.rest.begin_ns <= until_ns
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
