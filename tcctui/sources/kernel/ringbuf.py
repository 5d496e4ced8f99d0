"""The consumer's side of a BPF ring buffer, read in bulk.

Layout and protocol are the kernel's (kernel/bpf/ringbuf.c): a page with the consumer's position, a
page with the producer's, and the data, mapped twice in a row so that a record that wraps is
contiguous. Positions count bytes and only grow. Each record has an 8-byte header: its length with
two flags, and a page offset. Since all our records have one size, everything between the two
positions is one array.
"""

from __future__ import annotations

import mmap

import numpy as np

from tcctui.arrays import U8, U64
from tcctui.errors import TcctuiError
from tcctui.wire.events import Events

BUSY = np.uint32(1 << 31)
"""BPF_RINGBUF_BUSY_BIT: reserved, not yet committed."""

DISCARD = np.uint32(1 << 30)
"""BPF_RINGBUF_DISCARD_BIT: committed, and to be skipped."""

_LENGTH = np.uint32((1 << 30) - 1)


class Ring:
    """Reads records of one size out of ring buffer memory.

    `consumer` and `producer` are arrays of one u8 position each, `data` is the data area as bytes,
    twice in a row. `event` is the dtype of a record without its header; its size must be a
    multiple of 8, as the kernel rounds records up to that.
    """

    def __init__(self, consumer: U64, producer: U64, data: U8, event: np.dtype[np.void]) -> None:
        self._consumer = consumer
        self._producer = producer
        self._data = data
        self._event = event
        self._record = np.dtype([("length", "u4"), ("page_offset", "u4"), ("event", event)])
        self.size = len(data) // 2
        """Bytes in the data area."""

    @property
    def produced(self) -> int:
        """Bytes written by the kernel since the start."""
        return int(self._producer[0])

    @property
    def consumed(self) -> int:
        """Bytes read since the start."""
        return int(self._consumer[0])

    @property
    def used(self) -> int:
        """Bytes waiting to be read."""
        return self.produced - self.consumed

    def read(self, limit: int) -> Events:
        """Take up to `limit` committed records, oldest first, copied out of the shared memory.

        It stops before the first record that is still being written. The kernel gets the room back
        after the copy, so that the result can't be overwritten.

        Raises:
            TcctuiError: a record has another size: the memory is not the expected ring.

        """
        position = int(self._consumer[0])
        # Read the producer's position before the headers: a record below it has its header set.
        count = min((int(self._producer[0]) - position) // self._record.itemsize, limit)
        start = position % self.size
        records = self._data[start : start + count * self._record.itemsize].view(self._record)
        length = records["length"].copy()
        if np.all(length == self._event.itemsize):
            return self._take(position, count)

        busy = np.flatnonzero(length & BUSY)
        if len(busy):
            count = int(busy[0])
            length = length[:count]
        if np.any((length & _LENGTH) != self._event.itemsize):
            raise TcctuiError(
                "The ring buffer holds a record of an unexpected size.",
                "The BPF program and this tcctui are not of one version: install tcctui again.",
            )
        taken, kept = self._take(position, count), (length & DISCARD) == 0
        return taken if kept.all() else taken[kept]

    def _take(self, position: int, count: int) -> Events:
        start, size = position % self.size, count * self._record.itemsize
        # Copied as bytes: twenty times cheaper than field by field.
        copied = self._data[start : start + size].copy().view(self._record)
        self._consumer[0] = position + size
        return copied["event"]


class MappedRing:
    """A `Ring` over the memory of a BPF_MAP_TYPE_RINGBUF map.

    `map_fd` is the map's file descriptor, which its owner closes; `size` the bytes of its data.

    Raises:
        OSError: the kernel refuses the mapping.

    """

    def __init__(self, map_fd: int, size: int, event: np.dtype[np.void]) -> None:
        page = mmap.PAGESIZE
        self._maps = [
            mmap.mmap(map_fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
            mmap.mmap(map_fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page),
        ]
        consumer, rest = self._maps
        self._ring: Ring | None = Ring(
            np.frombuffer(consumer, "u8", 1),
            np.frombuffer(rest, "u8", 1),
            np.frombuffer(rest, "u1", 2 * size, page),
            event,
        )

    @property
    def ring(self) -> Ring:
        """The ring; invalid after `close`."""
        assert self._ring is not None
        return self._ring

    def close(self) -> None:
        """Unmap the memory; the ring must not be used afterwards."""
        self._ring = None
        for mapped in self._maps:
            mapped.close()
        self._maps = []
