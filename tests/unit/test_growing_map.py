"""A large array of the kernel's is mapped as far as it is used."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

import numpy as np
import pytest

from tcctui.sources.kernel.growing_map import GrowingArray
from tcctui.sources.kernel.slots import FREE_SLOTS, MARK, Slots
from tcctui.wire.events import EVENT

COUNT = 10_000
VALUE = np.dtype([("number", "u8"), ("rest", "V112")])
"""Of 120 bytes, which divide no page."""


@pytest.fixture
def shared() -> Iterator[int]:
    """Give memory that is shared by its descriptor, as a map of the kernel's is."""
    descriptor = os.memfd_create("map")
    os.ftruncate(descriptor, -(-VALUE.itemsize * COUNT // mmap.PAGESIZE) * mmap.PAGESIZE)
    yield descriptor
    os.close(descriptor)


def test_what_is_reached_is_shared(shared: int) -> None:
    """Values up to the reached one are the map's, in both directions; those behind are zeros."""
    array = GrowingArray(shared, VALUE, COUNT)
    numbers = array.values["number"]
    for at in range(COUNT):
        os.pwrite(shared, np.uint64(at + 1).tobytes(), at * VALUE.itemsize)
    assert not numbers.any()
    for reached in (1, 1500, 1500, COUNT):
        array.reach(reached)
        assert numbers[:reached].tolist() == list(range(1, reached + 1))
    numbers[7] = 99
    assert os.pread(shared, 8, 7 * VALUE.itemsize) == np.uint64(99).tobytes()
    del numbers
    array.close()


def test_what_is_not_reached_takes_no_mapping(shared: int) -> None:
    """A few of many values map a part of the memory alone."""
    array = GrowingArray(shared, VALUE, COUNT)
    array.reach(10)
    with open("/proc/self/maps", encoding="ascii") as file:
        lines = [line.split()[0].split("-") for line in file if "memfd:map" in line]
    assert 0 < sum(int(end, 16) - int(begin, 16) for begin, end in lines) < VALUE.itemsize * 2000
    array.close()


def test_a_refusal_is_told() -> None:
    """Where the kernel maps nothing, there is an OSError."""
    reader, writer = os.pipe()
    array = GrowingArray(reader, VALUE, COUNT)
    with pytest.raises(OSError, match="Permission denied"):
        array.reach(1)
    for descriptor in (reader, writer):
        os.close(descriptor)


def test_slots_are_mapped_before_the_kernel_gets_them() -> None:
    """No slot is in a list that lies beyond what was reached for; that only grows."""
    slots, lists = 8192, np.zeros(2, FREE_SLOTS)
    reached: list[int] = []
    taken = Slots(
        *(np.zeros(slots, MARK), np.zeros(slots, "u8"), np.zeros(slots, EVENT), lists),
        lambda _: None,
        reach=reached.append,
    )
    for _ in range(6):
        taken.tend(0)
        assert lists["slots"].max() < reached[-1]
        lists["taken"] = lists["given"]
    assert reached == sorted(set(reached))
    assert len(reached) > 2
