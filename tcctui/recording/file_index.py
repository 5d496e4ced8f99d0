"""Index of a recording's batches, appended to the file: it spares reading each head.

Behind the end of the stream, where readers of Arrow stop, nine numbers for each batch, compressed,
then their length and a magic number. A truncated recording has no index.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64
from tcctui.recording.ipc_frames import LEAST_BATCH, Note, notes_are_sane

MARK = b"tcctidx1"
TRAILER = struct.Struct("<Q8s")

_NUMBERS = 2 + len(Note._fields)
_ENTRY = 8 * _NUMBERS  # bytes
_SLACK = 1 << 16  # bytes that a compressed index may be longer than its numbers


class Batch(NamedTuple):
    """A batch in a file: its offset, its size and its note."""

    at: int
    size: int
    note: Note


class Batches:
    """Batches of a file in their order: a row of nine numbers for each, shape (n, 9)."""

    def __init__(self, numbers: I64) -> None:
        self._numbers = numbers
        self.sizes = numbers[:, 1]
        """Bytes of each batch in the file."""
        columns = dict(zip(Note._fields, numbers.T[2:], strict=True))
        self.ends_ns = columns["end_ns"]
        """End of each batch in nanoseconds."""
        self.events = columns["events"]
        """Number of events of each batch."""
        self.samples = columns["samples"]
        """Number of samples of each batch."""
        self.with_keyframe = np.flatnonzero(columns["keyframe"])
        """Places of the batches with a keyframe."""

    @classmethod
    def of(cls, batches: Iterable[Batch]) -> Batches:
        """Batches one by one, as a walk from head to head finds them."""
        numbers = array("q")
        for at, size, note in batches:
            numbers.extend((at, size, *note))
        return cls(np.array(numbers, "i8").reshape(-1, _NUMBERS))

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: int) -> Batch:
        at, size, *note = self._numbers[place].tolist()
        return Batch(at, size, Note(*note))

    def following(self) -> Batches:
        """Longest run of batches in order of time: usually all."""
        if (self.ends_ns[1:] >= self.ends_ns[:-1]).all():
            return self
        return Batches(self._numbers[_longest_run(self.ends_ns.tolist())])


class IndexWriter:
    """Collects the entries of an index."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def add(self, at: int, size: int, note: Note) -> None:
        """Add a batch: its offset and its size in bytes."""
        self._numbers.extend((at, size, *note))

    def to_bytes(self) -> bytes:
        """Encode the index with its trailer."""
        packed = zlib.compress(self._numbers.tobytes(), 1)
        return packed + TRAILER.pack(len(packed), MARK)


def packed_length(trailer: bytes, most: int) -> int | None:
    """Length of the index in front of a file's last bytes; None if there is none.

    `most` is the number of batches that it may have.
    """
    if len(trailer) < TRAILER.size:
        return None
    length, mark = TRAILER.unpack(trailer)
    return int(length) if mark == MARK and length <= most * _ENTRY + _SLACK else None


def entries(packed: bytes, first: int, end: int) -> Batches | None:
    """Decode an index; None if it is damaged, or not of batches from `first` to `end`.

    No more is unpacked than the entries of as many batches as have room there.
    """
    most = (end - first) // LEAST_BATCH * _ENTRY
    try:
        inflating = zlib.decompressobj()
        unpacked = inflating.decompress(packed, most + 1)
        numbers = np.frombuffer(unpacked, "<i8").reshape(-1, _NUMBERS)
    except (zlib.error, ValueError):
        return None
    if not len(numbers) or len(unpacked) > most:
        return None
    begins, sizes = numbers[:, 0], numbers[:, 1]
    if (numbers < 0).any() or (sizes > end).any() or (sizes < LEAST_BATCH).any():
        return None
    follow = begins[0] == first and (begins[1:] == begins[:-1] + sizes[:-1]).all()
    if not follow or begins[-1] + sizes[-1] != end or not notes_are_sane(numbers[:, 2:]):
        return None
    return Batches(numbers)


def _longest_run(ends: list[int]) -> list[int]:
    """Places of the longest run of ascending numbers."""
    tails: list[int] = []  # for each length of such a run, the smallest end that it can have
    last: list[int] = []
    before: list[int] = []
    for at, end in enumerate(ends):
        place = bisect_right(tails, end)
        before.append(last[place - 1] if place else -1)
        tails[place : place + 1] = [end]
        last[place : place + 1] = [at]
    kept, at = [], last[-1]
    while at >= 0:
        kept.append(at)
        at = before[at]
    return kept[::-1]
