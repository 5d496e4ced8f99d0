"""Index of a recording's batches, appended to the file: it spares reading each head.

Behind the end of the stream, where readers of Arrow stop, nine numbers for each batch, compressed,
then their length and a magic number. A truncated recording has no index.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from tcctui.recording.ipc_frames import Note

MARK = b"tcctidx1"
TRAILER = struct.Struct("<Q8s")

_NUMBERS = 2 + len(Note._fields)
_MOST = 1 << 28  # bytes, for a hundred days


class Batch(NamedTuple):
    """A batch in a file: its offset, its size and its note."""

    at: int
    size: int
    note: Note


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


def packed_length(trailer: bytes) -> int | None:
    """Length of the index in front of a file's last bytes; None if there is none."""
    if len(trailer) < TRAILER.size:
        return None
    length, mark = TRAILER.unpack(trailer)
    return int(length) if mark == MARK and length <= _MOST else None


def entries(packed: bytes, first: int, end: int) -> list[Batch] | None:
    """Decode an index; None if it is damaged, or not of batches from `first` to `end`."""
    try:
        inflating = zlib.decompressobj()
        numbers = np.frombuffer(inflating.decompress(packed, _MOST), "<i8").reshape(-1, _NUMBERS)
    except (zlib.error, ValueError):
        return None
    begins, sizes = numbers[:, 0], numbers[:, 1]
    if not len(numbers) or (numbers < 0).any() or (sizes > end).any():
        return None
    follow = begins[0] == first and (begins[1:] == begins[:-1] + sizes[:-1]).all()
    if not follow or begins[-1] + sizes[-1] != end:
        return None
    try:
        return [Batch(at, size, Note(*note).seen()) for at, size, *note in numbers.tolist()]
    except ValueError:
        return None


def following(batches: list[Batch]) -> list[Batch]:
    """Longest run of batches in order of time: usually all."""
    tails: list[int] = []  # for each length of such a run, the smallest end that it can have
    last: list[int] = []
    before: list[int] = []
    for at, batch in enumerate(batches):
        place = bisect_right(tails, batch.note.end_ns)
        before.append(last[place - 1] if place else -1)
        tails[place : place + 1] = [batch.note.end_ns]
        last[place : place + 1] = [at]
    kept, at = [], last[-1]
    while at >= 0:
        kept.append(batches[at])
        at = before[at]
    return kept[::-1]
