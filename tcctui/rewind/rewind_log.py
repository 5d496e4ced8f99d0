"""Log of the last minutes in memory: packed chunks, the oldest evicted for new ones.

Packing costs most of its time, and of its memory, however little is packed: some chunks are packed
together, and the newest ones are as they came.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tcctui.arrays import U16, Indexes, Records
from tcctui.flows.index import Keys
from tcctui.recording.chunks import NO_EVENTS, Chunk, of_flows
from tcctui.recording.timeline import Origin, Span
from tcctui.rewind.idle_samples import IdleSamples
from tcctui.wire.events import EVENT, Events
from tcctui.wire.inside import NO_INSIDES, Insides
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES

if TYPE_CHECKING:
    from tcctui.flows.keyframe.packed import Packed

_PARTS = 8
"""Number of keyframes in a full budget: eviction drops the span of the oldest."""

_OBJECTS = 300
"""Overhead of a chunk's Python objects in bytes, without the packed data."""


_TOGETHER = 32
"""Part of the budget that chunks may have that are not packed yet, one of so many."""

_TOGETHER_NS = 8_000_000_000
"""The longest time that such chunks span."""


class _Records(NamedTuple):
    """Events or samples of several chunks, by flow, and the number of each one's chunk."""

    records: Packed
    chunks: Packed

    @property
    def nbytes(self) -> int:
        return self.records.nbytes + self.chunks.nbytes


class _Kept(NamedTuple):
    """Chunks without their records, and these in little memory; only the last has a keyframe."""

    rests: list[Chunk]
    events: _Records
    samples: _Records
    insides: tuple[_Records, ...] = ()

    @property
    def keyframe(self) -> bytes:
        return self.rests[-1].keyframe

    @property
    def nbytes(self) -> int:
        packed = sum(part.nbytes for part in (self.events, self.samples, *self.insides))
        return packed + len(self.keyframe) + _OBJECTS * len(self.rests)

    def chunks(self, cookies: Keys | None) -> Iterator[Chunk]:
        events, samples = unpack_events(self.events.records), self.samples.records.array()
        of_events, of_samples = self.events.chunks.array(), self.samples.chunks.array()
        insides = [(part.records.array(), part.chunks.array()) for part in self.insides]
        for number, rest in enumerate(self.rests):
            chunk = replace(
                rest,
                events=pick(events, of_events == number),
                samples=pick(samples, of_samples == number),
                insides=_insides(pick(part, which == number) for part, which in insides),
            )
            yield _of(chunk, cookies)


def _of(chunk: Chunk, cookies: Keys | None) -> Chunk:
    """Leave only the records of some flows."""
    if cookies is None:
        return chunk
    events, samples = of_flows(chunk.events, cookies), of_flows(chunk.samples, cookies)
    insides = _insides(of_flows(part, cookies) for part in chunk.insides)
    return replace(chunk, events=events, samples=samples, insides=insides)


def _insides(parts: Iterable[Records]) -> Insides:
    """Records of both kinds; nothing where they have none."""
    made = list(parts)
    return Insides(*made) if any(map(len, made)) else NO_INSIDES


def _together(parts: list[Records]) -> tuple[Records, Indexes | None, U16]:
    """Join records of some chunks: gives their order by flow, and each one's chunk in that order.

    No order where they have it already.
    """
    records = joined(parts)
    numbers = np.repeat(np.arange(len(parts), dtype="u2"), [len(part) for part in parts])
    if len(parts) == 1:
        return records, None, numbers
    order = np.argsort(records["sock_cookie"], kind="stable")
    return records, order, numbers[order]


def _size(chunk: Chunk) -> int:
    parts = chunk.events, chunk.samples, *chunk.insides
    return sum(part.nbytes for part in parts) + len(chunk.keyframe) + _OBJECTS


class RewindLog:
    """Keeps chunks within `budget` bytes; a `Timeline`.

    Eviction goes up to a keyframe, which stays: every moment of `span` can be restored exactly.
    Only without any keyframe left is the state limited to what came since.
    """

    def __init__(self, budget: int, origin: Origin) -> None:
        self.origin = origin
        self._budget = budget
        self._kept: deque[_Kept] = deque()
        self._fresh: list[Chunk] = []  # behind those, not packed yet
        self._fresh_nbytes = 0
        self._base: tuple[int, bytes] | None = None  # the keyframe that everything starts from
        self._nbytes = 0
        self._since_keyframe = 0
        self._idle = IdleSamples()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return self._nbytes + self._fresh_nbytes + self._idle.nbytes

    @property
    def span(self) -> Span:
        """Current first and last moment; empty before the first chunk."""
        with self._lock:
            first = self._kept[0].rests if self._kept else self._fresh
            last = self._fresh or (self._kept[-1].rests if self._kept else [])
            if not last:
                return Span(*[self._base[0] if self._base else 0] * 2)
            return Span(self._base[0] if self._base else first[0].begin_ns, last[-1].end_ns)

    def wants_keyframe(self) -> bool:
        """True if enough has come since the last keyframe to want another soon."""
        return self._since_keyframe >= self._budget // _PARTS

    def keep(self, chunk: Chunk) -> None:
        """Append the next chunk; evict the oldest ones if there is no room."""
        with self._lock:
            self._fresh.append(chunk)
            self._fresh_nbytes += _size(chunk)
        # Only this changes what is kept: readers may read on while it packs.
        long = chunk.end_ns - self._fresh[0].begin_ns >= _TOGETHER_NS
        if long or chunk.keyframe or self._fresh_nbytes > self._budget // _TOGETHER:
            kept = self._packed(self._fresh)
            with self._lock:
                self._kept.append(kept)
                self._fresh, self._fresh_nbytes = [], 0
                self._nbytes += kept.nbytes
                self._since_keyframe = 0 if kept.keyframe else self._since_keyframe + kept.nbytes
        with self._lock:
            while self.nbytes > self._budget and len(self._kept) > 1:
                self._drop()

    def _packed(self, chunks: list[Chunk]) -> _Kept:
        from tcctui.flows.keyframe.packed import pack  # noqa: PLC0415 - behind the first seconds

        events, order, of_events = _together([chunk.events for chunk in chunks])
        samples, by_flow, of_samples = _together([chunk.samples for chunk in chunks])
        samples = samples if by_flow is None else pick(samples, by_flow)
        repeat = self._idle.repeat(samples)
        if repeat.any():
            samples, of_samples = pick(samples, ~repeat), of_samples[~repeat]
        return _Kept(
            [
                replace(chunk, events=NO_EVENTS, samples=NO_SAMPLES, insides=NO_INSIDES)
                for chunk in chunks
            ],
            _Records(pack_events(events, order), pack(of_events)),
            _Records(pack(samples), pack(of_samples)),
            tuple(_packed_insides(chunks)) if any(chunk.insides for chunk in chunks) else (),
        )

    def _drop(self) -> None:
        """Evict the oldest chunks up to one with a keyframe; without any, only some."""
        count = 1 + next((at for at, kept in enumerate(self._kept) if kept.keyframe), 0)
        dropped = [self._kept.popleft() for _ in range(count)]
        self._nbytes -= sum(kept.nbytes for kept in dropped)
        if self._base is not None:
            self._nbytes -= len(self._base[1])
        last = dropped[-1]
        self._base = (last.rests[-1].end_ns, last.keyframe) if last.keyframe else None
        self._nbytes += len(last.keyframe)

    def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
        """Newest keyframe at or before `at_ns`, and its moment."""
        with self._lock:
            for kept in reversed(self._kept):
                if kept.rests[-1].end_ns <= at_ns and kept.keyframe:
                    return kept.rests[-1].end_ns, kept.keyframe
            if self._base is not None and self._base[0] <= at_ns:
                return self._base
        return None

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Chunks; see `Timeline.chunks`. The first is empty where older ones were evicted."""

        def wanted(chunk: Chunk) -> bool:
            return chunk.end_ns > after_ns and chunk.begin_ns <= until_ns

        with self._lock:
            base = self._base
            kept = [kept for kept in self._kept if any(map(wanted, kept.rests))]
            fresh = [*filter(wanted, self._fresh)]
        if base is not None and base[0] > after_ns:
            # The starting point for saving all this.
            yield Chunk(base[0], base[0], NO_EVENTS, NO_SAMPLES, keyframe=base[1])
        for some in kept:
            yield from filter(wanted, some.chunks(cookies))
        for chunk in fresh:
            yield _of(chunk, cookies)


def _packed_insides(chunks: list[Chunk]) -> Iterator[_Records]:
    from tcctui.flows.keyframe.packed import pack  # noqa: PLC0415

    for kind in range(len(NO_INSIDES)):
        records, order, of_records = _together([chunk.insides[kind] for chunk in chunks])
        yield _Records(pack(records, None, order), pack(of_records))


# Events in little memory: most numbers as differences between a flow's events

_EXTREMES = (
    ("snd_cwnd_min", "snd_cwnd_max", "snd_cwnd"),
    ("srtt_min", "srtt_max", "srtt"),
    ("in_flight_min", "in_flight_max", "snd_nxt"),  # in_flight at that point
)

_RUNNING = ("ts_ns", "sock_cookie", "skaddr", "snd_una", "acks")


def pack_events(events: Events, order: Indexes | None = None) -> Packed:
    """Pack events that are sorted by flow, or by the indexes in `order`."""
    from tcctui.flows.keyframe.packed import pack  # noqa: PLC0415

    return pack(events, _Differences().write, order)


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
