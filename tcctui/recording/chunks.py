"""What comes in about a second, as it is kept, recorded and played."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tcctui.flows.index import Keys
from tcctui.wire.events import EVENT, EventKind, Events
from tcctui.wire.records import Records, joined, pick
from tcctui.wire.samples import NO_SAMPLES, Samples

LONGEST_NS = 1_000_000_000
"""Nanoseconds that a chunk spans at most, unless nothing came for longer."""

MOST_EVENTS = 1 << 18
"""Events after which a chunk is closed earlier, so that whoever works on one needs no second."""

PIECE_NS = 250_000_000
"""Chunks are played in pieces that end at multiples of this, as rates are worked out."""

MOST_PIECES = 480
"""Two minutes of pieces: a chunk is longer only where whoever wrote it was stopped meanwhile."""

NO_EVENTS: Events = np.empty(0, EVENT)


@dataclass(frozen=True, eq=False)
class Chunk:
    """What came from `begin_ns` to `end_ns` on the source's clock.

    `events` and `samples` are each sorted by flow (`sock_cookie`), and within a flow as they came;
    their own times (`ts_ns`) may be a little before the chunk's. `lost` and `skipped` are the
    source's counts at `end_ns`, since it was opened. `keyframe`, where there is one, is what was
    known of all flows at `end_ns`, with this chunk: `keyframes.Keyframe` as bytes.
    """

    begin_ns: int
    end_ns: int
    events: Events
    samples: Samples
    lost: int = 0
    skipped: int = 0
    keyframe: bytes = b""


class Chunker:
    """Gathers what a source delivers into chunks. Not for several threads at once."""

    def __init__(self, begin_ns: int) -> None:
        self._begin_ns = begin_ns
        self._events: list[Events] = []
        self._samples: list[Samples] = []
        self._count = 0

    def add(self, events: Events, samples: Samples) -> None:
        """Take in a batch of events, or of samples, or both."""
        if len(events):
            self._events.append(events)
            self._count += len(events)
        if len(samples):
            self._samples.append(samples)

    def due(self, now_ns: int) -> bool:
        """Whether it is time to close the chunk."""
        return now_ns - self._begin_ns >= LONGEST_NS or self._count >= MOST_EVENTS

    def cut(self, now_ns: int, lost: int = 0, skipped: int = 0) -> Callable[[], Chunk]:
        """End the chunk, and begin the next one; what is given makes it, which takes its time."""
        end_ns = max(now_ns, self._begin_ns + 1)  # so that chunks are told apart by their ends
        begin_ns, events, samples = self._begin_ns, self._events, self._samples
        self._begin_ns = end_ns
        self._events, self._samples, self._count = [], [], 0
        return lambda: Chunk(
            begin_ns,
            end_ns,
            by_flow(joined([NO_EVENTS, *events])),
            by_flow(joined([NO_SAMPLES, *samples])),
            lost,
            skipped,
        )

    def close(self, now_ns: int, lost: int = 0, skipped: int = 0) -> Chunk:
        """Give what has come until now, and begin the next chunk."""
        return self.cut(now_ns, lost, skipped)()


def by_flow(records: Records) -> Records:
    """Sort events or samples by flow; those of one flow stay in their order."""
    cookies = records["sock_cookie"]
    if (cookies[1:] >= cookies[:-1]).all():
        return records
    return pick(records, np.argsort(cookies, kind="stable"))


def of_flows(records: Records, cookies: Keys) -> Records:
    """Choose events or samples of some flows, and what carries no cookie."""
    wanted = np.isin(records["sock_cookie"], np.append(cookies, np.uint64(0)))
    return records if wanted.all() else pick(records, wanted)


def pieces(chunk: Chunk, until_ns: int) -> Iterator[tuple[Events, Samples, int]]:
    """Cut a chunk as a live source would deliver it: events and samples by time, and the time then.

    What is from after `until_ns` is left out; the last piece ends there, or with the chunk.
    """
    end_ns = min(chunk.end_ns, until_ns)
    ends = piece_ends(chunk.begin_ns, end_ns)
    *cut, later = in_pieces(chunk, ends)
    if end_ns < until_ns and (len(later[0]) or len(later[1])):
        end_ns = until_ns
        *cut, _ = in_pieces(chunk, [*ends[:-1], until_ns])
    for (events, samples), now_ns in zip(cut, [*ends[:-1], end_ns], strict=True):
        yield events, samples, now_ns


def piece_ends(after_ns: int, until_ns: int) -> list[int]:
    """When pieces end: at multiples of `PIECE_NS`, and the last one at `until_ns`.

    They are `MOST_PIECES` and one at most: of a longer time, the first piece has all the rest.
    """
    first = max(after_ns // PIECE_NS + 1, until_ns // PIECE_NS - MOST_PIECES)
    return [at * PIECE_NS for at in range(first, -(-until_ns // PIECE_NS))] + [until_ns]


def in_pieces(chunk: Chunk, ends: Sequence[int]) -> list[tuple[Events, Samples]]:
    """Cut a chunk by time: until each of `ends` (nanoseconds, ascending), and what is later.

    Each piece is in the order of the chunk, but for one with an end of a socket: that is by time,
    as what comes after may be another connection with the same cookie.
    """
    limits = np.array(ends, "u8")
    events = [_orderly(part) for part in _cut(chunk.events, limits)]
    return list(zip(events, _cut(chunk.samples, limits), strict=True))


def _cut(records: Records, ends: npt.NDArray[np.uint64]) -> list[Records]:
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
    if len(events) and (events["kind"] == EventKind.DESTROY).any():
        return pick(events, np.argsort(events["ts_ns"], kind="stable"))
    return events


def merged(chunks: list[Chunk]) -> Chunk:
    """Make one chunk of several that follow one another; it has the last one's keyframe."""
    last = chunks[-1]
    events = by_flow(joined([chunk.events for chunk in chunks]))
    samples = by_flow(joined([chunk.samples for chunk in chunks]))
    return replace(last, begin_ns=chunks[0].begin_ns, events=events, samples=samples)
