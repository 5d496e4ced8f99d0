"""Arrays in little memory: what comes out is what went in."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.keyframe.packed import pack
from tcctui.recording.chunks import by_flow
from tcctui.rewind.packed_events import pack_events, unpack_events
from tcctui.wire.events import EVENT, Events
from tcctui.wire.samples import SAMPLE
from tests.unit.story import Story

kinds = st.sampled_from(["u1", "u2", "i8", "f8", "S5", SAMPLE, EVENT])


def noise(seed: int, kind: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """An array of any bytes, most of which are the same in all entries, or nearly."""
    random = np.random.default_rng(seed)
    width = np.dtype(kind).itemsize * int(np.prod(shape[1:], dtype="i8"))
    most = random.choice([0, 1, 3, 255], width)
    data = (random.integers(0, 256, (shape[0], width)) & most).astype("u1")
    return np.frombuffer(data.tobytes(), np.dtype(kind)).reshape(shape)


@settings(max_examples=60)
@given(
    kind=kinds,
    count=st.one_of(st.integers(0, 40), st.sampled_from([2047, 2048, 2049, 4099, 5000])),
    more=st.lists(st.integers(0, 3), max_size=2),
    seed=st.integers(0, 2**32),
)
def test_any_array_comes_back(kind: Any, count: int, more: list[int], seed: int) -> None:
    """Type, shape and every byte are the same, of any size.

    Differences of events lose nothing, even where numbers make no sense or go backwards.
    """
    array = noise(seed, kind, (count, *more))
    back = pack(array).array()
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
    events: Events = noise(seed, EVENT, (count,))
    assert unpack_events(pack_events(events)).tobytes() == events.tobytes()


def test_events_of_connections_take_little() -> None:
    """Of a story of changes without any sense, there are but 30 bytes an event.

    They are not changed by packing: others keep the same chunk.
    """
    events = by_flow(Story(30).events)
    before = events.tobytes()
    assert pack_events(events).nbytes < 30 * len(events)
    assert events.tobytes() == before


def test_it_takes_as_much_memory_as_it_says() -> None:
    """What is counted against a budget is what is allocated, be it little or much."""
    for count in (1, 1000, 20_000):
        array = noise(3, EVENT, (count,))
        pack(array)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        packed = pack(array)
        taken = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert taken == pytest.approx(packed.nbytes, rel=0.05, abs=400)


def test_damage_is_told() -> None:
    """Planes that are cut off, too long, or nonsense are a ValueError, and take no memory."""
    packed = pack(noise(5, EVENT, (3000,)))
    bomb = pack(np.arange(1 << 22, dtype="u8") % 7)
    for damaged in (
        replace(packed, planes=packed.planes[:-9]),
        replace(packed, planes=b""),
        replace(packed, raw=packed.raw + 1),
        replace(packed, shape=(2999,)),
        replace(bomb, shape=(10,)),
    ):
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"."):
            damaged.array()
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
        tracemalloc.stop()
