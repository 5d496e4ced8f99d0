"""The consumer's side of a BPF ring buffer, read in bulk.

Layout and protocol are the kernel's (kernel/bpf/ringbuf.c): a page with the consumer's position, a
page with the producer's, and the data, twice in a row so that a record that wraps is contiguous.
Positions count bytes and only grow. Each record has an 8-byte header: its length with two flags,
and a page offset. Since all our records have one size, everything between the two positions is one
array.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable

import numpy as np

from tcctui.arrays import U8, U64
from tcctui.errors import TcctuiError
from tcctui.wire.events import Events

BUSY = np.uint32(1 << 31)
"""BPF_RINGBUF_BUSY_BIT: reserved, not yet committed."""

DISCARD = np.uint32(1 << 30)
"""BPF_RINGBUF_DISCARD_BIT: committed, and to be skipped."""

_LENGTH = np.uint32((1 << 30) - 1)

_WINDOW = 256 << 10
"""Bytes of data that are mapped at a time, at least; a power of two, of pages of any size."""

Data = Callable[[int, int], U8]
"""Gives so many bytes of a ring's data from an offset on, over the end where they wrap."""


class Ring:
    """Reads records of one size out of ring buffer memory.

    `consumer` and `producer` are arrays of one u8 position each, `size` the bytes of the data area.
    `event` is the dtype of a record without its header; its size must be a multiple of 8, as the
    kernel rounds records up to that.
    """

    def __init__(
        self, consumer: U64, producer: U64, data: Data, size: int, event: np.dtype[np.void]
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._data = data
        self._event = event
        self._record = np.dtype([("length", "u4"), ("page_offset", "u4"), ("event", event)])
        self.size = size
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
        records = self._data(position % self.size, count * self._record.itemsize)
        length = records.view(self._record)["length"].copy()
        if np.all(length == self._event.itemsize):
            return self._take(records, position, count)

        busy = np.flatnonzero(length & BUSY)
        if len(busy):
            count = int(busy[0])
            length = length[:count]
        if np.any((length & _LENGTH) != self._event.itemsize):
            raise TcctuiError(
                "The ring buffer holds a record of an unexpected size.",
                "The BPF program and this tcctui are not of one version: install tcctui again.",
            )
        taken, kept = self._take(records, position, count), (length & DISCARD) == 0
        return taken if kept.all() else taken[kept]

    def _take(self, records: U8, position: int, count: int) -> Events:
        size = count * self._record.itemsize
        # Copied as bytes: twenty times cheaper than field by field.
        copied = records[:size].copy().view(self._record)
        self._consumer[0] = position + size
        return copied["event"]


class MappedRing:
    """A `Ring` over the memory of a BPF_MAP_TYPE_RINGBUF map.

    Its data are mapped where they are read: the kernel maps all pages at once, and they count as
    memory of this process. `map_fd` is the map's file descriptor, which its owner closes; `size`
    the bytes of its data.

    Raises:
        OSError: the kernel refuses the mapping.

    """

    def __init__(self, map_fd: int, size: int, event: np.dtype[np.void]) -> None:
        page = mmap.PAGESIZE
        writable = mmap.PROT_READ | mmap.PROT_WRITE
        consumer = mmap.mmap(map_fd, page, mmap.MAP_SHARED, writable)
        producer = mmap.mmap(map_fd, page, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._map_fd, self._size = map_fd, size
        self._window, self._begin = np.empty(0, "u1"), 0
        self._ring: Ring | None = Ring(
            np.frombuffer(consumer, "u8", 1),
            np.frombuffer(producer, "u8", 1),
            self._data,
            size,
            event,
        )
        self._data(0, 1)  # a refusal comes now

    @property
    def ring(self) -> Ring:
        """The ring; invalid after `close`."""
        assert self._ring is not None
        return self._ring

    def _data(self, start: int, size: int) -> U8:
        """Bytes of the data; valid until the next call."""
        at = start - self._begin
        if not 0 <= at <= len(self._window) - size:
            self._window = np.empty(0, "u1")  # unmapped before others are mapped
            self._begin = start // mmap.PAGESIZE * mmap.PAGESIZE
            end = -(-(start + size) // mmap.PAGESIZE) * mmap.PAGESIZE
            length = min(max(end - self._begin, _WINDOW), 2 * self._size - self._begin)
            offset = 2 * mmap.PAGESIZE + self._begin
            memory = mmap.mmap(self._map_fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)
            self._window = np.frombuffer(memory, "u1")
            at = start - self._begin
        return self._window[at : at + size]

    def close(self) -> None:
        """Unmap the memory; the ring must not be used afterwards."""
        self._ring, self._window = None, np.empty(0, "u1")
