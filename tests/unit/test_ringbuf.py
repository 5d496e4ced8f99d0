"""The ring buffer's reader, on memory that is written as kernel/bpf/ringbuf.c writes it."""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tcctui.arrays import U8
from tcctui.errors import TcctuiError
from tcctui.sources.kernel import ringbuf
from tcctui.sources.kernel.ringbuf import MappedRing, Ring
from tcctui.wire.events import EVENT, Events
from tests.unit.events import probes

BUSY, DISCARD = 1 << 31, 1 << 30  # include/uapi/linux/bpf.h
HEADER = 8
RECORD = HEADER + EVENT.itemsize
SIZE = 1024
"""Room for seven records; it is no multiple of a record, so that each round wraps elsewhere."""


RingT = TypeVar("RingT", bound=Ring)


class Producer:
    """The kernel's side: positions that only grow, and the data area mapped twice in a row."""

    def __init__(self, position: int = 0, size: int = SIZE) -> None:
        self.size = size
        self.consumer = np.array([position], "u8")
        self.producer = np.array([position], "u8")
        self.data = np.full(2 * size, 0xA5, "u1")

    def piece(self, start: int, size: int) -> U8:
        """Bytes of the data area."""
        return self.data[start : start + size]

    def ring(self, kind: type[RingT]) -> RingT:
        """Give a reader of this memory."""
        return kind(self.consumer, self.producer, self.piece, self.size, EVENT)

    def reserve(self, length: int = EVENT.itemsize) -> int | None:
        """Take room for a record and give its position, None without room (bpf_ringbuf_reserve)."""
        position = int(self.producer[0])
        room = (length + HEADER + 7) // 8 * 8
        if position + room - int(self.consumer[0]) > self.size - 1:
            return None
        self._write(position, struct.pack("<II", length | BUSY, 0))
        self.producer[0] = position + room
        return position

    def commit(self, position: int, event: Events, flags: int = 0) -> None:
        """Write a reserved record's content and take its BUSY bit away (bpf_ringbuf_commit)."""
        content = event.tobytes()
        self._write(position + HEADER, content)
        self._write(position, struct.pack("<I", len(content) | flags))

    def submit(self, event: Events, flags: int = 0) -> None:
        """Reserve and commit."""
        position = self.reserve()
        assert position is not None
        self.commit(position, event, flags)

    def _write(self, position: int, content: bytes) -> None:
        at = (position + np.arange(len(content))) % self.size
        self.data[at] = self.data[at + self.size] = np.frombuffer(content, "u1")


def numbered(number: int) -> Events:
    """One event that can be told from others at its first and at its last field."""
    return probes(number, number, snd_una=number, oldstate=number % 251, newstate=number % 241)


def numbers(events: Events) -> list[int]:
    """Numbers of the events, after a look at both ends of each."""
    found: list[int] = events["ts_ns"].tolist()
    assert events["newstate"].tolist() == [number % 241 for number in found]
    return found


def test_committed_records_come_in_order_with_every_field() -> None:
    """What was committed comes out as it was written, and its room is given back."""
    kernel = Producer()
    ring = kernel.ring(Ring)
    assert len(ring.read(100)) == ring.used == 0
    written = [numbered(1), numbered(2), numbered(3)]
    for event in written:
        kernel.submit(event)
    assert ring.used == 3 * RECORD
    got = ring.read(100)
    assert got.dtype == EVENT
    assert got.tobytes() == b"".join(event.tobytes() for event in written)
    assert kernel.consumer[0] == 3 * RECORD
    assert len(ring.read(100)) == ring.used == 0


@pytest.mark.parametrize(
    ("records", "limit", "reads"),
    [
        ("ccccc", 2, [[1, 2], [3, 4], [5]]),
        ("cbc", 100, [[1], []]),
        ("bc", 100, [[]]),
        ("dcdcd", 100, [[2, 4]]),
        ("dcbc", 100, [[2], []]),
    ],
)
def test_busy_and_discarded_records(records: str, limit: int, reads: list[list[int]]) -> None:
    """Up to `limit` records are taken, none behind a busy one; a discarded one is no event."""
    kernel = Producer()
    ring = kernel.ring(Ring)
    for number, kind in enumerate(records, 1):
        if kind == "b":
            assert kernel.reserve() is not None
        else:
            kernel.submit(numbered(number), DISCARD if kind == "d" else 0)
    assert [numbers(ring.read(limit)) for _ in reads] == reads
    assert kernel.consumer[0] == f"{records}b".index("b") * RECORD


def test_a_full_ring_is_read_at_once() -> None:
    """As many records as fit are one read, wherever the first of them begins."""
    for start in range(0, SIZE, 8):
        kernel = Producer(position=start)
        ring = kernel.ring(Ring)
        count = 0
        while kernel.reserve() is not None:
            count += 1
        for index in range(count):
            kernel.commit(start + index * RECORD, numbered(index))
        assert count == SIZE // RECORD
        assert numbers(ring.read(100)) == list(range(count))


@pytest.mark.parametrize("position", [2**32 - RECORD, 2**32 - 8, 2**40 + 8, 2**62])
def test_positions_beyond_32_bits(position: int) -> None:
    """Positions count bytes since the start: after 4 GiB they still lead to the right records."""
    kernel = Producer(position=position)
    ring = kernel.ring(Ring)
    for number in range(5):
        kernel.submit(numbered(number))
    assert ring.used == 5 * RECORD
    assert numbers(ring.read(3)) == [0, 1, 2]
    assert kernel.consumer[0] == position + 3 * RECORD
    assert numbers(ring.read(3)) == [3, 4]


@pytest.mark.parametrize("length", [96, 112, 8, 0])
@pytest.mark.parametrize("before", [0, 2])
def test_a_record_of_another_size_is_an_error(length: int, before: int) -> None:
    """A BPF program of another version is told in a sentence, not shown as nonsense numbers."""
    kernel = Producer()
    ring = kernel.ring(Ring)
    for number in range(before):
        kernel.submit(numbered(number))
    strange = kernel.reserve(length)
    assert strange is not None
    kernel.commit(strange, np.zeros(1, np.dtype(f"V{length}")) if length else np.zeros(0, EVENT))
    kernel.submit(numbered(9))
    with pytest.raises(TcctuiError, match="unexpected size") as caught:
        ring.read(100)
    assert caught.value.mend
    assert kernel.consumer[0] == 0


def test_events_are_copies() -> None:
    """What was read stays as it was when the kernel uses the memory again."""
    kernel = Producer()
    ring = kernel.ring(Ring)
    kernel.submit(numbered(1))
    kernel.submit(numbered(2), DISCARD)
    kernel.submit(numbered(3))
    plain = ring.read(1)
    mixed = ring.read(2)
    before = plain.tobytes(), mixed.tobytes()
    kernel.data[:] = 0xFF
    assert (plain.tobytes(), mixed.tobytes()) == before
    assert not np.shares_memory(plain, kernel.data)
    assert not np.shares_memory(mixed, kernel.data)


def test_a_mapped_ring_reads_the_pages_of_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of the consumer, the producer and the data are where the kernel puts them.

    Of the data no more is mapped at a time than was read at once, or a window; over their end, too.
    """
    page = mmap.PAGESIZE
    size = 4 * page
    monkeypatch.setattr(ringbuf, "_WINDOW", page)
    descriptor = os.memfd_create("ring")
    try:
        os.ftruncate(descriptor, 2 * page + 2 * size)
        kernel = Producer(size=size)
        mapped = MappedRing(descriptor, size, EVENT)
        assert mapped.ring.size == size
        before, read, number = map_bytes(), [], 0
        for count in (1, 2, 0, 30, 60, 5, 5, 60, 60, 60):
            for _ in range(count):
                kernel.submit(numbered(number))
                number += 1
            os.pwrite(descriptor, kernel.producer.tobytes(), page)
            os.pwrite(descriptor, kernel.data.tobytes(), 2 * page)
            read += numbers(mapped.ring.read(1000))
            assert os.pread(descriptor, 8, 0) == kernel.producer.tobytes()
            kernel.consumer[:] = kernel.producer
            assert map_bytes() <= before + 60 * RECORD + page
        assert number * RECORD > 2 * size
        assert read == list(range(number))
        mapped.close()
        mapped.close()
        assert map_bytes() == 0
    finally:
        os.close(descriptor)


def map_bytes() -> int:
    """Bytes of the map that this process has in its memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    ends = [line.split()[0].split("-") for line in lines if "memfd:ring" in line]
    return sum(int(end, 16) - int(start, 16) for start, end in ends)


@dataclass
class Written:
    """A record that the model has reserved: its number, and what became of it."""

    number: int
    position: int
    fate: str = "busy"


class ProducerAndReader(RuleBasedStateMachine):
    """Several CPUs reserve, commit and discard in any order, while the reader reads."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.waiting: list[Written] = []

    @initialize(position=st.integers(0, 2**34).map(lambda number: number * 8))
    def start(self, position: int) -> None:
        """Begin anywhere: the ring may have run for days."""
        self.kernel = Producer(position)
        self.ring = self.kernel.ring(Ring)
        self.read_to = position

    @rule(times=st.integers(1, 4))
    def reserve(self, times: int) -> None:
        """Take room for records, as far as there is some."""
        for _ in range(times):
            position = self.kernel.reserve()
            if position is not None:
                self.count += 1
                self.waiting.append(Written(self.count, position))

    def _busy(self) -> list[Written]:
        return [record for record in self.waiting if record.fate == "busy"]

    @precondition(lambda self: self._busy())
    @rule(data=st.data(), fate=st.sampled_from(["committed", "committed", "discarded"]))
    def finish(self, data: st.DataObject, fate: str) -> None:
        """Commit or discard any of the records that are being written."""
        record = data.draw(st.sampled_from(self._busy()))
        flags = DISCARD if fate == "discarded" else 0
        self.kernel.commit(record.position, numbered(record.number), flags)
        record.fate = fate

    @rule(limit=st.integers(0, 10))
    def read(self, limit: int) -> None:
        """Read: the records up to the first busy one come, but for the discarded."""
        expected = []
        for _ in range(limit):
            if not self.waiting or self.waiting[0].fate == "busy":
                break
            record = self.waiting.pop(0)
            self.read_to += RECORD
            if record.fate == "committed":
                expected.append(record.number)
        assert numbers(self.ring.read(limit)) == expected

    @invariant()
    def positions_agree(self) -> None:
        """The consumer's position stands behind the last record that was taken."""
        if hasattr(self, "ring"):
            assert self.kernel.consumer[0] == self.read_to
            assert self.ring.used == len(self.waiting) * RECORD


ProducerAndReader.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
TestProducerAndReader = ProducerAndReader.TestCase
