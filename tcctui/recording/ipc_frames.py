"""The messages of an Arrow IPC stream, found by their heads alone.

A message is `FF FF FF FF`, the length of its metadata (four bytes), the metadata, a flatbuffer that
ends at a multiple of eight, and a body whose length is in the metadata. A length of 0 ends the
stream. See "Encapsulated message format" in Arrow's Columnar.rst, and Message.fbs for the fields.

No byte is trusted: it comes from a file or another machine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64
from tcctui.recording.chunks import Chunk
from tcctui.wire.events import EVENT
from tcctui.wire.samples import SAMPLE

PREFIX = 8
"""Length of a message's prefix in bytes."""

END = b"\xff\xff\xff\xff\0\0\0\0"
"""End-of-stream marker."""

SCHEMA, BATCH = 1, 3
"""`header_type` of the messages in a recording."""

NOTE = b"tcctui"
"""Key of a batch's note in the message's own metadata."""

LATEST_NS = 1 << 58
"""Largest plausible time in nanoseconds: nine years of uptime. More overflows histories."""

_MOST_METADATA = 1 << 24
_MOST_BODY = 1 << 30
_LONGEST = 200  # bytes of a note
LEAST_BATCH = 128
"""Smallest size of a batch in bytes: its prefix, and metadata of three columns."""

MOST_UNPACKED = 1 << 30
"""Largest size of a batch in bytes; a second of 100,000 flows takes a tenth."""

MOST_RECORDS = 1 << 29
"""Largest size of its events and samples in bytes: four million events, or a million samples. In
the file they may be far fewer, as absent columns are zero.
"""

_V5 = 4  # MetadataVersion: that of Arrow 1.0, and pyarrow's default
_MOST_FACTS = 100  # in a message's own metadata
_COMPRESSED_OTHERWISE = b"ARROW:experimental_compression"

_prefix = struct.Struct("<II").unpack_from
_u16 = struct.Struct("<H").unpack_from
_u32 = struct.Struct("<I").unpack_from
_i32 = struct.Struct("<i").unpack_from
_i64 = struct.Struct("<q").unpack_from

_VERSION, _KIND, _HEADER, _BODY, _CUSTOM = range(5)  # the fields of a Message
_NODES, _BUFFERS, _COMPRESSION = 1, 2, 3  # of a RecordBatch

Bytes = bytes | memoryview


class Note(NamedTuple):
    """Summary in a batch's head: numbers of events and samples, bytes of keyframe."""

    begin_ns: int
    end_ns: int
    lost: int
    skipped: int
    events: int
    samples: int
    keyframe: int

    @classmethod
    def of(cls, chunk: Chunk) -> Note:
        """Note of a chunk."""
        counts = (len(chunk.events), len(chunk.samples), len(chunk.keyframe))
        return cls(chunk.begin_ns, chunk.end_ns, chunk.lost, chunk.skipped, *counts)

    def to_bytes(self) -> bytes:
        """Encode as seven numbers."""
        return " ".join(str(number) for number in self).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Note:
        """Decode.

        Raises:
            ValueError: it is not a note.

        """
        numbers = text.split()
        if len(text) > _LONGEST or len(numbers) < 7 or not all(map(bytes.isdigit, numbers)):
            raise ValueError("a batch has no valid summary")
        return cls(*map(int, numbers[:7])).seen()

    def seen(self) -> Note:
        """Check the note, and return it.

        Raises:
            ValueError: its time is implausible, or it exceeds the limits of a batch.

        """
        if not 0 <= self.begin_ns <= self.end_ns < LATEST_NS:
            raise ValueError("a batch has no sensible time")
        see_room(self.events, self.samples)
        if self.keyframe > _MOST_BODY or max(self.lost, self.skipped) >= 1 << 62:
            raise ValueError("a batch has no sensible numbers")
        return self


def notes_are_sane(notes: I64) -> bool:
    """Check many notes as `Note.seen` checks one; shape (n, 7), none negative."""
    begin_ns, end_ns, lost, skipped, events, samples, keyframe = notes.T
    records = events * EVENT.itemsize + samples * SAMPLE.itemsize
    room = (np.maximum(events, samples) <= MOST_RECORDS) & (records <= MOST_RECORDS)
    return bool(
        ((begin_ns <= end_ns) & (end_ns < LATEST_NS) & room & (keyframe <= _MOST_BODY)).all()
        and (np.maximum(lost, skipped) < 1 << 62).all()
    )


def see_room(events: int, samples: int) -> None:
    """Check the numbers of records against `MOST_RECORDS`.

    Raises:
        ValueError: there are more.

    """
    if events * EVENT.itemsize + samples * SAMPLE.itemsize > MOST_RECORDS:
        raise ValueError("a batch is larger than any that tcctui writes")


class Head(NamedTuple):
    """Content of a message's metadata: its kind, its body's length, and its `NOTE`, if any."""

    kind: int
    body: int
    note: bytes


def metadata_length(prefix: Bytes) -> int:
    """Length of the metadata that follows these eight bytes; 0 at the end of the stream.

    Raises:
        ValueError: no message begins here.

    """
    mark, length = _prefix(prefix)
    if mark != 0xFFFFFFFF or length > _MOST_METADATA or length % 8:
        raise ValueError("no message begins here")
    return int(length)


def head(metadata: Bytes) -> Head:
    """Decode a message's metadata.

    Raises:
        ValueError: it is damaged.

    """
    try:
        message = _indirect(metadata, 0)
        kind = _field(metadata, message, _KIND)
        body = _field(metadata, message, _BODY)
        length = _i64(metadata, body)[0] if body else 0
        if not kind or not 0 <= length <= _MOST_BODY:
            raise ValueError("a message is damaged")
        note = next((text for key, text in _facts(metadata, message) if key == NOTE), b"")
        return Head(metadata[kind], length, note)
    except (struct.error, IndexError) as error:
        raise ValueError("a message is damaged") from error


def unpacked(metadata: Bytes, body: Bytes) -> int:
    """Uncompressed size of a batch's body in bytes.

    The position is that of Arrow's format since version 5; older versions had it elsewhere, which
    pyarrow would follow.

    Raises:
        ValueError: it is damaged, or of an older version, or exceeds `MOST_UNPACKED`.

    """
    try:
        message = _indirect(metadata, 0)
        if _u16(metadata, _required(metadata, message, _VERSION))[0] != _V5:
            raise ValueError("a batch is in an older format of Arrow")
        if _COMPRESSED_OTHERWISE in (key for key, _ in _facts(metadata, message)):
            raise ValueError("a batch is compressed in a way that is no standard")
        batch = _indirect(metadata, _required(metadata, message, _HEADER))
        at = _indirect(metadata, _required(metadata, batch, _BUFFERS))
        count = _u32(metadata, at)[0]
        buffers = np.frombuffer(metadata, "<i8", 2 * count, at + 4).reshape(-1, 2)
        compressed = _field(metadata, batch, _COMPRESSION)
        at = _indirect(metadata, _required(metadata, batch, _NODES))
        nodes = np.frombuffer(metadata, "<i8", 2 * _u32(metadata, at)[0], at + 4)
        for rows in nodes[::2].tolist():  # buffers per column, inside and outside of lists
            see_room(rows, 0)
    except (struct.error, IndexError) as error:
        raise ValueError("a batch is damaged") from error
    offsets, lengths = buffers[buffers[:, 1] != 0].T
    room = len(body)
    if ((offsets < 0) | (offsets > room) | (lengths < 0) | (lengths > room - offsets)).any():
        raise ValueError("a batch is damaged")
    if not compressed:
        return _bearable(lengths)
    if (lengths < 8).any():
        raise ValueError("a batch is damaged")
    # Each compressed buffer begins with its uncompressed size, or with -1 if it is uncompressed.
    heads = np.frombuffer(body, "u1")[offsets[:, None] + np.arange(8)].copy().view("<i8")[:, 0]
    sizes = np.where(heads == -1, lengths - 8, heads)
    return _bearable(sizes)


def _bearable(sizes: I64) -> int:
    """Add up sizes: overlapping buffers may total more than the file."""
    if (sizes < 0).any() or (sizes > MOST_UNPACKED).any() or sizes.sum() > MOST_UNPACKED:
        raise ValueError("a batch is damaged, or larger than any that tcctui writes")
    return int(sizes.sum())


def _facts(metadata: Bytes, message: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and texts of a message's own metadata."""
    custom = _field(metadata, message, _CUSTOM)
    if not custom:
        return
    vector = _indirect(metadata, custom)
    count = _u32(metadata, vector)[0]
    if count > _MOST_FACTS:
        raise ValueError("a message is damaged")
    for at in range(count):
        pair = _indirect(metadata, vector + 4 + 4 * at)
        yield _text(metadata, pair, 0), _text(metadata, pair, 1)


def _text(metadata: Bytes, table: int, field: int) -> bytes:
    at = _field(metadata, table, field)
    if not at:
        return b""
    at = _indirect(metadata, at)
    return bytes(metadata[at + 4 : at + 4 + _u32(metadata, at)[0]])


def _indirect(metadata: Bytes, at: int) -> int:
    """Follow the offset at a position."""
    return int(at + _u32(metadata, at)[0])


def _field(metadata: Bytes, table: int, field: int) -> int:
    """Position of a table's field; 0 if the table lacks it."""
    vtable = table - _i32(metadata, table)[0]
    if vtable < 0:
        raise ValueError("a message is damaged")
    at = 4 + 2 * field
    offset = _u16(metadata, vtable + at)[0] if at < _u16(metadata, vtable)[0] else 0
    return table + int(offset) if offset else 0


def _required(metadata: Bytes, table: int, field: int) -> int:
    at = _field(metadata, table, field)
    if not at:
        raise ValueError("a message is damaged")
    return at
