"""Chunks: about a second of events and samples, the unit that is kept, recorded and played."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tcctui.arrays import U64, Records
from tcctui.flows.index import Keys
from tcctui.wire.batch import Batch
from tcctui.wire.events import EVENT, EventKind, Events
from tcctui.wire.inside import NO_INSIDES, Insides, together
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES, Samples

_DESTROY = int(EventKind.DESTROY)

LONGEST_NS = 1_000_000_000
"""Largest span of a chunk in nanoseconds, unless nothing arrives for longer."""

MOST_EVENTS = 1 << 18
"""Number of events that closes a chunk early, so that work on one takes under a second."""

PIECE_NS = 250_000_000
"""Playback step in nanoseconds: chunks are played in pieces that end at its multiples."""

MOST_PIECES = 480
"""Two minutes of pieces: only a recorder that was stopped meanwhile makes a longer chunk."""

NO_EVENTS: Events = np.empty(0, EVENT)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Everything from `begin_ns` to `end_ns` on the source's clock.

    `events` and `samples` are each sorted by flow (`sock_cookie`), and within a flow by arrival;
    their own times (`ts_ns`) may be a little before the chunk's. `lost` and `skipped` are the
    source's counts at `end_ns`, since it was opened. `insides` are sorted likewise.
    `keyframe`, if any, is the state of all flows at `end_ns`, including this chunk:
    `keyframe.Keyframe` as bytes.
    """

    begin_ns: int
    end_ns: int
    events: Events
    samples: Samples
    lost: int = 0
    skipped: int = 0
    keyframe: bytes = b""
    insides: Insides = NO_INSIDES


class Chunker:
    """Collects a source's output into chunks; used by one thread at a time."""

    def __init__(self, begin_ns: int) -> None:
        self._begin_ns = begin_ns
        self._events: list[Events] = []
        self._samples: list[Samples] = []
        self._insides: list[Insides] = []
        self._count = 0

    def add(
        self, events: Events, samples: Iterable[Samples], insides: Insides = NO_INSIDES
    ) -> None:
        """Take in what is in a batch."""
        if len(events):
            self._events.append(events)
            self._count += len(events)
        self._samples.extend(samples)
        if insides is not NO_INSIDES:
            self._insides.append(insides)
            self._count += sum(map(len, insides))

    def due(self, now_ns: int) -> bool:
        """True if it is time to close the chunk."""
        return now_ns - self._begin_ns >= LONGEST_NS or self._count >= MOST_EVENTS

    def cut(self, now_ns: int, lost: int = 0, skipped: int = 0) -> Callable[[], Chunk]:
        """End the chunk and begin the next; the result builds the ended one, which takes time."""
        end_ns = max(now_ns, self._begin_ns + 1)  # so that the ends of chunks are distinct
        begin_ns, events, samples = self._begin_ns, self._events, self._samples
        insides, self._insides = self._insides, []
        self._begin_ns = end_ns
        self._events, self._samples, self._count = [], [], 0
        return lambda: Chunk(
            begin_ns,
            end_ns,
            by_flow(joined([NO_EVENTS, *events])),
            by_flow(joined([NO_SAMPLES, *samples])),
            lost,
            skipped,
            insides=together(insides).each(by_flow) if insides else NO_INSIDES,
        )


def by_flow(records: Records) -> Records:
    """Sort events or samples by flow, in stable order."""
    cookies = records["sock_cookie"]
    if (cookies[1:] >= cookies[:-1]).all():
        return records
    return pick(records, np.argsort(cookies, kind="stable"))


def of_flows(records: Records, cookies: Keys) -> Records:
    """Events or samples of some flows, and those without a cookie."""
    wanted = np.isin(records["sock_cookie"], np.append(cookies, np.uint64(0)))
    return records if wanted.all() else pick(records, wanted)


def pieces(chunk: Chunk, until_ns: int) -> Iterator[Batch]:
    """Cut a chunk by time into the batches that a live source would deliver.

    Records after `until_ns` are left out; the last piece ends there, or with the chunk.
    """
    end_ns = min(chunk.end_ns, until_ns)
    ends = piece_ends(chunk.begin_ns, end_ns)
    *cut, later = in_pieces(chunk, ends)
    if end_ns < until_ns and any(map(len, (later.events, later.samples, *later.insides))):
        end_ns = until_ns
        *cut, _ = in_pieces(chunk, [*ends[:-1], until_ns])
    for (events, samples, insides), now_ns in zip(cut, [*ends[:-1], end_ns], strict=True):
        yield Batch(events, [samples] if len(samples) else [], now_ns, insides)


def piece_ends(after_ns: int, until_ns: int) -> list[int]:
    """Ends of pieces: multiples of `PIECE_NS`, and finally `until_ns`.

    At most `MOST_PIECES` and one; the first piece of a longer time has all the rest.
    """
    first = max(after_ns // PIECE_NS + 1, until_ns // PIECE_NS - MOST_PIECES)
    return [at * PIECE_NS for at in range(first, -(-until_ns // PIECE_NS))] + [until_ns]


class Piece(NamedTuple):
    """Records of a chunk that are of one time."""

    events: Events
    samples: Samples
    insides: Insides


def in_pieces(chunk: Chunk, ends: Sequence[int]) -> list[Piece]:
    """Split a chunk by time: until each of `ends` (nanoseconds, ascending), and the remainder.

    Each piece keeps the chunk's order, except one with the end of a socket, which is sorted by
    time: a later record may belong to another connection with the same cookie.
    """
    limits = np.array(ends, "u8")
    events = [_orderly(part) for part in _cut(chunk.events, limits)]
    if not chunk.insides:
        insides = [NO_INSIDES] * len(events)
    else:
        insides = list(map(Insides, *(_cut(part, limits) for part in chunk.insides)))
    return list(map(Piece, events, _cut(chunk.samples, limits), insides))


def _cut(records: Records, ends: U64) -> list[Records]:
    if not len(records):
        return [records] * (len(ends) + 1)
    number = np.searchsorted(ends, records["ts_ns"]).astype("u2")
    if number[0] == number[-1] and (number == number[0]).all():
        nothing = records[:0]
        return [records if at == number[0] else nothing for at in range(len(ends) + 1)]
    sorted_ = pick(records, np.argsort(number, kind="stable"))
    cuts = np.cumsum(np.bincount(number, minlength=len(ends) + 1))[:-1]
    return np.split(sorted_, cuts)


def _orderly(events: Events) -> Events:
    if len(events) and (events["kind"] == _DESTROY).any():
        return pick(events, np.argsort(events["ts_ns"], kind="stable"))
    return events


def merged(chunks: list[Chunk]) -> Chunk:
    """Join consecutive chunks into one; it has the last one's keyframe."""
    last = chunks[-1]
    events = by_flow(joined([chunk.events for chunk in chunks]))
    samples = by_flow(joined([chunk.samples for chunk in chunks]))
    insides = together([chunk.insides for chunk in chunks]).each(by_flow)
    begin_ns = chunks[0].begin_ns
    return replace(last, begin_ns=begin_ns, events=events, samples=samples, insides=insides)


_LONGEST_IDLE_NS = 5_000_000_000
"""Nanoseconds that a chunk may begin before its first record."""


class IdleChunks:
    """Holds back empty chunks, and lets the next one begin where they did.

    In a file, each batch has 7 kB of overhead.
    """

    def __init__(self, write: Callable[[Chunk], None]) -> None:
        self._write = write
        self._held: Chunk | None = None

    def write(self, chunk: Chunk) -> None:
        """Write a chunk, or hold it back."""
        if self._held is not None:
            chunk = replace(chunk, begin_ns=self._held.begin_ns)
        self._held = None
        long = chunk.end_ns - chunk.begin_ns >= _LONGEST_IDLE_NS
        if long or len(chunk.events) or len(chunk.samples) or chunk.keyframe:
            self._write(chunk)
        else:
            self._held = chunk

    def flush(self) -> None:
        """Write the chunk held back, which marks the end of the idle time."""
        held, self._held = self._held, None
        if held is not None:
            self._write(held)
