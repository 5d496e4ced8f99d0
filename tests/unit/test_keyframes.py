"""What is known at a moment, as bytes: whatever they are, nothing breaks; arrays packed."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import UNKNOWN
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.keyframe.packed import pack
from tcctui.flows.store import Store
from tcctui.recording.chunks import by_flow
from tcctui.rewind.rewind_log import pack_events, unpack_events
from tcctui.wire.events import EVENT, Events, TcpState
from tcctui.wire.records import pick
from tcctui.wire.samples import SAMPLE
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, state
from tests.unit.stores import ELSEWHERE, SOCKET, filled, ingest, value
from tests.unit.story import BATCH_NS, BEGIN_NS, EVERYTHING, Player, Story, differences

AT_NS = BEGIN_NS + 12 * SECOND


def played(seconds: int = 12) -> Store:
    """Give a store in which much has happened."""
    story, player = Story(seconds), Player()
    player.play(story.events, story.samples, BEGIN_NS + seconds * SECOND)
    return player.store


STORE = played()
DATA = STORE.keyframe().to_bytes()


def with_checksum(data: bytes) -> bytes:
    """Make damaged bytes look as if they were not."""
    return data[:8] + struct.pack("<I", zlib.crc32(data[12:])) + data[12:]


def test_it_comes_back() -> None:
    """A store that goes on from a keyframe says what the first one said, also later."""
    few = Store(1 << 20)
    few.restore(Keyframe.from_bytes(DATA), np.array([3, 4, 99], "u8"))
    assert few.flows([])["cookie"].tolist() == [3, 4], "only those that are asked for"
    other, store = played(), Store(0)
    store.restore(Keyframe.from_bytes(other.keyframe().to_bytes()))
    assert not differences(other.flows(EVERYTHING), store.flows(EVERYTHING))
    assert other.totals().events == store.totals().events
    later = Story(12, seed=5)
    for now_ns in range(AT_NS + BATCH_NS, AT_NS + 3 * SECOND, BATCH_NS):
        for each in (other, store):
            at = np.arange(10) + int(now_ns - AT_NS) // BATCH_NS * 10
            each.ingest(pick(later.events, at), now_ns)
            each.ingest_samples(pick(later.samples, at), now_ns)
    assert not differences(other.flows(EVERYTHING), store.flows(EVERYTHING))


def test_a_closed_flow_has_no_socket_any_more() -> None:
    """Where the kernel has used a socket's address again, events of it are the later flow's."""
    store = Store(0)
    known = filled(probes(SECOND, 2, skaddr=SOCKET), destroy(2 * SECOND, 2, SOCKET))
    ingest(known, probes(3 * SECOND, 1, skaddr=SOCKET, remote=ELSEWHERE))
    store.restore(known.keyframe())
    ingest(store, state(4 * SECOND, SOCKET, TcpState.FIN_WAIT1, remote=ELSEWHERE))
    assert value(store, "state", 1) == TcpState.FIN_WAIT1
    assert value(store, "state", 2) == TcpState.CLOSE


def test_rates_go_on_from_the_last_ticks() -> None:
    """A rate is over the last second, also where that began before the keyframe."""
    known = filled(*(probes(SECOND + at * 50 * MS, snd_una=at * 1000) for at in range(60)))
    store = Store(0)
    store.restore(known.keyframe())
    rates = []
    for later in range(250, 1500, 250):
        for each in (known, store):
            each.ingest(NOTHING, 4 * SECOND + later * MS)
        rates.append(value(known, "rate"))
        assert value(store, "rate") == rates[-1]
    assert rates == sorted({*rates}, reverse=True), "it falls in steps"


@settings(max_examples=100)
@given(data=st.data())
def test_any_damage_is_a_value_error(data: st.DataObject) -> None:
    """Cut off, flipped or made up: ValueError, and nothing else."""
    kind = data.draw(st.sampled_from(["cut", "flip", "noise"]))
    if kind == "cut":
        damaged = DATA[: data.draw(st.integers(0, len(DATA) - 1))]
    elif kind == "noise":
        damaged = DATA[:4] + data.draw(st.binary(max_size=300))
    else:
        place = data.draw(st.integers(0, len(DATA) - 1))
        damaged = DATA[:place] + bytes([DATA[place] ^ (1 << data.draw(st.integers(0, 7)))])
        damaged += DATA[place + 1 :]
    with pytest.raises(ValueError, match=r"."):
        Keyframe.from_bytes(damaged)


@settings(max_examples=150)
@given(data=st.data())
def test_damage_that_the_checksum_does_not_tell_breaks_nothing(data: st.DataObject) -> None:
    """Bytes that somebody made on purpose are refused, or whatever they say can be gone on from."""
    damaged = bytearray(DATA)
    head = struct.unpack_from("<II", DATA)[1]
    most = data.draw(st.sampled_from([head + 12, len(DATA) - 1]))
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(12, most))] = data.draw(st.integers(0, 255))
    goes_on(with_checksum(bytes(damaged)))


def test_fields_that_nobody_knows_are_dropped() -> None:
    """A keyframe of a version that keeps more is gone on from with what is known of it."""
    keyframe = STORE.keyframe()
    sample = keyframe.layouts["latest.samples"]
    assert sample.fields is not None
    wider = np.dtype(
        {
            "names": ["before", *sample.fields],
            "formats": ["u8", *(form for form, *_ in sample.fields.values())],
            "offsets": [0, *(8 + offset for _, offset, *_ in sample.fields.values())],
            "itemsize": sample.itemsize + 8,
        }
    )
    samples = np.zeros(len(keyframe.arrays["columns.cookie"]), wider)
    for name in sample.fields:
        samples[name] = keyframe.arrays["latest.samples"].view(sample)[name]
    arrays = {
        **keyframe.arrays,
        "columns.colour": keyframe.arrays["columns.mark"],
        "colours.shade": keyframe.arrays["columns.mark"],
        "latest.samples": samples.view(f"V{wider.itemsize}"),
    }
    other = replace(keyframe, arrays=arrays, layouts={**keyframe.layouts, "latest.samples": wider})
    store = Store(0)
    store.restore(Keyframe.from_bytes(other.to_bytes()))
    assert not differences(STORE.flows(EVERYTHING), store.flows(EVERYTHING))


def test_fields_that_are_missing_are_unknown() -> None:
    """Of what a keyframe of an older version lacks, nothing is claimed; the rest is there."""
    keyframe = STORE.keyframe()
    missing = ("columns.rcv_wnd", "columns.ca_state", "columns.mss", "limits._main")
    arrays = {name: array for name, array in keyframe.arrays.items() if name not in missing}
    kept = [("ts_ns", "u8"), ("sock_cookie", "u8"), ("info_len", "u2"), ("snd_mss", "u4")]
    samples = np.zeros(len(arrays["columns.cookie"]), kept)
    for name, _ in kept:
        samples[name] = arrays["latest.samples"].view(keyframe.layouts["latest.samples"])[name]
    arrays["latest.samples"] = samples.view(f"V{samples.itemsize}")
    layouts = {**keyframe.layouts, "latest.samples": samples.dtype}
    older = replace(keyframe, arrays=arrays, layouts=layouts)
    store = Store(0)
    store.restore(Keyframe.from_bytes(older.to_bytes()))
    names = ("rcv_wnd", "ca_state", "mss", "limit", "rtt", "min_rtt", "total_retrans", "cc")
    flows, before = (each.flows([*names, "snd_mss", "snd_cwnd"]) for each in (store, STORE))
    assert set(flows["rcv_wnd"].tolist()) == {UNKNOWN["rcv_wnd"]}
    assert set(flows["ca_state"].tolist()) == {UNKNOWN["ca_state"]}
    assert not flows["mss"].any()
    assert not flows["limit"].any()
    assert np.isnan([flows[name] for name in ("rtt", "min_rtt", "total_retrans")]).all()
    assert not flows["cc"].astype(bool).any()
    for name in ("snd_mss", "snd_cwnd"):
        assert np.array_equal(flows[name], before[name], equal_nan=True)
        assert np.count_nonzero(flows[name] > 0) > 5


@pytest.mark.parametrize(
    "written",
    [
        *([528, text] for text in ("ts_ns <u8 0;sock_cookie <u8 528", "ts_ns <u8 -1", "ts_ns", "")),
        *([528, text] for text in ("ts_ns <u8 0;ts_ns <u8 8", "ts_ns <O 0", "ts_ns 999999<u8 0")),
        *([size, "ts_ns <u8 0"] for size in (0, 1 << 40, 100, "528")),
        *([528, "ts_ns <f8 0"], [528, 5], [528], None, 5),
    ],
)
def test_absurd_layouts_are_refused(written: object) -> None:
    """Fields beyond their record, twice, of no type or of another kind are told."""
    assert not goes_on(absurd(lambda head: head[3].__setitem__("latest.samples", written)))


def goes_on(data: bytes) -> bool:
    """Go on from a keyframe where it is not refused; says whether that was possible."""
    story = Story(2, seed=7)
    store = Store(1 << 20)
    try:
        store.restore(Keyframe.from_bytes(data))
    except ValueError:
        return False
    for number in range(1, 9):
        now_ns = AT_NS + number * BATCH_NS
        store.ingest(story.events[number * 20 :][:20], now_ns)
        store.ingest_samples(story.samples[number * 5 :][:5], now_ns)
        store.flows([*EVERYTHING, "age_ns", "queueing_us", "retrans_percent", "bbr_phase"])
    for cookie in store.flows([])["cookie"].tolist()[:12]:
        store.history(cookie, 60, 80)
        store.history(cookie, None, 80)
    return True


def absurd(change: Callable[[Any], None]) -> bytes:
    """Change what describes a keyframe's arrays."""
    length = struct.unpack_from("<II", DATA)[1]
    head = json.loads(DATA[12 : 12 + length])
    change(head)
    made = json.dumps(head).encode()
    return with_checksum(DATA[:4] + struct.pack("<II", len(made), 0) + made + DATA[12 + length :])


def number(name: str, value: Any) -> bytes:
    """Change one of the numbers."""
    return absurd(lambda head: head[1].__setitem__(name, value))


def array(place: int, value: Any) -> bytes:
    """Change what is said of the first array."""
    return absurd(lambda head: next(iter(head[2].values())).__setitem__(place, value))


def behind(head: Any) -> None:
    """Have a byte vary that is the one behind the last of an entry, of each array."""
    for described in head[2].values():
        described[2] = [np.dtype((described[0], tuple(described[1][1:]))).itemsize]


@pytest.mark.parametrize(
    "data",
    [
        absurd(behind),
        *(number(f"ticks.{at}", value) for at, value in ((0, -1), (1, 2**62), (4, -5))),
        *(number("events", value) for value in ("many", 1e300, None, 2**80)),
        absurd(lambda head: head[1].clear()),
        absurd(lambda head: head.__setitem__(1, [2, 1])),  # lists, where names have values
        absurd(lambda head: head.__setitem__(2, [2, 1])),
        absurd(lambda head: head.__setitem__(3, [2, 1])),
        absurd(lambda head: head[2].clear()),
        absurd(lambda head: head[3].clear()),  # records without their layout
        absurd(lambda head: head.pop()),
        absurd(lambda head: head.__setitem__(0, -(2**63))),
        absurd(lambda head: head.__setitem__(0, "now")),
        *(array(0, kind) for kind in ("O", "V99999999", "nonsense", "i4,(", "(1,i4,i4", "(1,2")),
        *(array(0, kind) for kind in ("2i4", "<i4,<i4", "<M8[ns]", "<i4\n", ["<i4"], None)),
        *(array(1, shape) for shape in ([1 << 62], [10_000_000, 10_000], [-1], [], 5)),
        *(array(2, ends) for ends in ([70_000], [-1])),
        array(3, 99),
        array(4, 1 << 40),
    ],
)
def test_absurd_descriptions_are_refused(data: bytes) -> None:
    """Types, sizes and numbers that can't be are told before anything is made of them."""
    assert not goes_on(data)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_rates_that_can_not_be_are_none(value: float) -> None:
    """Infinity is nothing that could be shown."""
    keyframe = STORE.keyframe()
    keyframe.arrays["columns.rate"][:] = value
    store = Store(0)
    store.restore(Keyframe.from_bytes(keyframe.to_bytes()))
    assert np.isnan(store.flows(["rate"])["rate"]).all()


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(STORE.keyframe().arrays)),
    byte=st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, None]),
    seed=st.integers(0, 1000),
)
def test_absurd_values_break_nothing(name: str, byte: int | None, seed: int) -> None:
    """Whatever the numbers of a keyframe are, what comes after is taken in, and all is drawn."""
    keyframe = STORE.keyframe()
    values = keyframe.arrays[name]
    length = values.nbytes
    noise = np.random.default_rng(seed).bytes(length) if byte is None else bytes([byte]) * length
    changed = np.frombuffer(noise, values.dtype).reshape(values.shape)
    goes_on(replace(keyframe, arrays={**keyframe.arrays, name: changed}).to_bytes())


# Arrays in little memory


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
