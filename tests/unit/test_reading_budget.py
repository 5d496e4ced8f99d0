"""Recordings from strangers: what they may cost, and the sentence that refuses more."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from tcctui import memory
from tcctui.errors import TcctuiError
from tcctui.export.command import export
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.recording import arrow_reader, ipc_frames
from tcctui.recording.arrow import Encoder, pa
from tcctui.recording.arrow_reader import Decoder
from tcctui.recording.budget import FREE, Budget, TooMuchError, records_size
from tcctui.recording.chunks import NO_EVENTS, Chunk, by_flow
from tcctui.recording.file import Recording
from tcctui.recording.file_index import MARK, TRAILER
from tcctui.recording.ipc_frames import Note
from tcctui.recording.stream import RecordingStream
from tcctui.reference.blocks import Paragraph
from tcctui.reference.recording import blocks
from tcctui.wire.events import EVENT, EventKind, Events
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.command_line import Main
from tests.unit.events import SECOND, probes
from tests.unit.recordings import ORIGIN, chunk, written
from tests.unit.samples import samples
from tests.unit.test_recording import narrow

END_OF_TIME = 1 << 62
MIB = 1 << 20


def regular(count: int, flows: int) -> Events:
    """Make a second of events that differ in nothing but time and sequence numbers."""
    number = np.arange(count)
    return by_flow(
        probes(
            10**12 + number * (SECOND // count),
            number % flows + 1,
            snd_cwnd=10,
            srtt=100,
            snd_nxt=number // flows * 1448 + 14_480,
            snd_una=number // flows * 1448,
        )
    )


def starting(flows: range, second: int) -> Chunk:
    """Make a second in which these flows have their first ACK."""
    cookies = np.array(flows)
    at_ns = np.full(len(flows), second * SECOND + 5)
    events = probes(at_ns, cookies, skaddr=cookies)
    return Chunk(second * SECOND, (second + 1) * SECOND, events, NO_SAMPLES)


def ending(count: int, second: int) -> Chunk:
    """Make a second in which flows of its own begin and end."""
    begun = starting(range(count * second + 1, count * second + count + 1), second)
    ended = begun.events.copy()
    ended["kind"] = EventKind.DESTROY
    return replace(begun, events=by_flow(joined([begun.events, ended])))


def read(path: Path, budget: int = memory.READING_MEMORY) -> int:
    """Read all of a recording; gives the number of its events."""
    found = Recording(path, budget)
    try:
        return sum(len(part.events) for part in found.chunks(0, END_OF_TIME))
    finally:
        found.close()


@pytest.fixture
def unpacking(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the sizes of the messages that are given to pyarrow to unpack."""
    sizes: list[int] = []
    reader = pa.BufferReader

    def counted(data: bytes) -> Any:
        sizes.append(len(data))
        return reader(data)

    monkeypatch.setattr(pa, "BufferReader", counted)
    return sizes


# Work, beside the bytes that ask for it


def test_a_bomb_is_refused_when_opened(tmp_path: Path, unpacking: list[int]) -> None:
    """Three kilobytes of four million events are refused by what their heads say alone."""
    count = ipc_frames.MOST_RECORDS // 128 - 1
    path = tmp_path / "bomb.arrows"
    path.write_bytes(narrow(count))
    with pytest.raises(TooMuchError, match="is refused: it has 4,194,303 events"):
        Recording(path)
    assert not unpacking


def test_a_bomb_that_says_less(tmp_path: Path, unpacking: list[int]) -> None:
    """A batch that says that it has one event is refused before it is unpacked or laid out."""
    count = ipc_frames.MOST_RECORDS // 128 - 1
    path = tmp_path / "a"
    path.write_bytes(narrow(count, note=Note(0, 1000, 0, 0, 1, 0, 0)))
    with pytest.raises(TooMuchError, match="a batch of 536,870,784 bytes"):
        read(path)
    assert len(unpacking) == 1  # two bytes an event


def many(path: Path, batches: int, count: int) -> Path:
    """Write a file of batches that say nothing of themselves, each of `count` cheap events."""
    data = narrow(count, note=Note(0, 1000, 0, 0, 0, 0, 0))
    at = ipc_frames.PREFIX + ipc_frames.metadata_length(data[: ipc_frames.PREFIX])
    end = data.rindex(ipc_frames.END)
    path.write_bytes(data[:at] + data[at:end] * batches)
    return path


def test_many_small_bombs(tmp_path: Path, unpacking: list[int]) -> None:
    """Batches each of which would pass are added up: the file is refused, not each batch."""
    path = many(tmp_path / "a", 30, 200_000)
    with pytest.raises(TooMuchError, match="bytes unpacked from"):
        read(path)
    assert len(unpacking) == 3
    assert read(many(tmp_path / "b", 2, 200_000)) == 400_000


def test_reading_twice_costs_once(tmp_path: Path) -> None:
    """A recording that is played again and again does not spend its budget."""
    path = many(tmp_path / "a", 2, 200_000)
    found = Recording(path)
    for _ in range(5):
        assert sum(len(part.events) for part in found.chunks(0, END_OF_TIME)) == 400_000


@pytest.mark.parametrize("flows", [1, 10, 1000])
def test_no_traffic_is_a_bomb(flows: int) -> None:
    """What packs best of all that can be recorded has half of what is free, however long it is."""
    events = regular(200_000, flows)
    size = len(Encoder(ORIGIN).batch(Chunk(10**12, 10**12 + SECOND, events, NO_SAMPLES)))
    assert records_size(len(events), 0) < FREE * size / 2
    budget = Budget("it", MIB)
    hours = np.full(100_000, size)
    budget.memory = 1 << 30
    budget.see_batches(hours, np.full(100_000, len(events)), np.zeros(100_000, "i8"))


def test_idle_sockets_are_no_bomb() -> None:
    """A hundred thousand idle sockets, alike in all but their ends, are free, too."""
    cookies = np.arange(100_000) * 2 + 5000
    looks = samples(10**12, cookies, cc=b"cubic", comm=b"nginx", rtt=1000)
    size = len(Encoder(ORIGIN).batch(Chunk(10**12, 10**12 + SECOND, NO_EVENTS, looks)))
    assert records_size(0, len(looks)) < FREE * size


def test_long_silences_cost(tmp_path: Path) -> None:
    """Batches of minutes without anything are paid for, as each piece of their time is played.

    A recorder that was stopped now and then is none of these.
    """
    minutes = 120 * SECOND

    def silent(count: int) -> Path:
        chunks = (
            Chunk(at * minutes, (at + 1) * minutes, NO_EVENTS, NO_SAMPLES) for at in range(count)
        )
        return written(tmp_path / f"{count}", *chunks)

    assert read(silent(8)) == 0
    with pytest.raises(TooMuchError):
        read(silent(12))


# Memory that is held


def with_index(path: Path, numbers: Any) -> Path:
    """Give a recording of one batch another index."""
    data = written(path, chunk(0)).read_bytes()
    end = data.rindex(ipc_frames.END)
    first = ipc_frames.PREFIX + ipc_frames.metadata_length(data[: ipc_frames.PREFIX])
    packed = zlib.compress(numbers(first, end).astype("<i8").tobytes())
    path.write_bytes(data[: end + 8] + packed + TRAILER.pack(len(packed), MARK))
    return path


def test_an_index_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of batches that have no room in the file are not unpacked: the heads are walked."""

    def empty(first: int, end: int) -> Any:
        numbers = np.zeros((100_000, 9), "i8")
        numbers[:, 0] = first
        numbers[-1, 1] = end - first
        return numbers

    path = with_index(tmp_path / "a", empty)
    unpacked: list[int] = []
    frombuffer = np.frombuffer

    def counted(data: Any, *form: Any) -> Any:
        unpacked.append(len(data))
        return frombuffer(data, *form)

    monkeypatch.setattr(np, "frombuffer", counted)
    found = Recording(path)
    assert found.totals().batches == 1
    assert max(unpacked) < 100_000


def test_messages_that_are_no_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file with nothing but schemas in it, no more than a thousand are looked at."""
    head = Encoder(ORIGIN).head
    path = tmp_path / "a"
    path.write_bytes(head * 1500)
    reads: list[int] = []
    read_ = os.read

    def counted(descriptor: int, size: int) -> bytes:
        reads.append(size)
        return read_(descriptor, size)

    monkeypatch.setattr(os, "read", counted)
    with pytest.raises(TcctuiError, match="no whole batch"):
        Recording(path)
    assert len(reads) < 2200


def test_more_batches_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of batches has a limit, whether there is an index of them or not."""
    path = written(tmp_path / "a", *(chunk(number) for number in range(20)))
    for cut in (0, 1):
        os.truncate(path, path.stat().st_size - cut)
        monkeypatch.setattr(Budget, "most_batches", 20)
        assert read(path) > 0
        monkeypatch.setattr(Budget, "most_batches", 19)
        with pytest.raises(TooMuchError, match="batches"):
            Recording(path)


def test_connections_that_are_open_at_once(tmp_path: Path) -> None:
    """More open connections than may be are refused, in one batch or in many.

    Those that ended don't count, so that a recording of churn is read for hours.
    """
    budget = 200 * 8192
    many_ = [starting(range(50 * at + 1, 50 * at + 51), at) for at in range(20)]
    with pytest.raises(TooMuchError, match="more than 200 open connections"):
        read(written(tmp_path / "many", *many_), budget)
    one = starting(range(1, 202), 0)
    with pytest.raises(TooMuchError, match="more than 200 open connections"):
        read(written(tmp_path / "one", one), budget)
    path = written(tmp_path / "ending", *(ending(50, at) for at in range(20)))
    assert read(path, budget) == 2000


def test_going_back_forgets(tmp_path: Path) -> None:
    """Connections that were open at one moment don't count at another, after a jump."""
    parts = [starting(range(50 * at + 1, 50 * at + 51), at) for at in range(6)]
    found = Recording(written(tmp_path / "a", *parts), 200 * 8192)
    for at in (4, 2, 0, 5, 1):
        assert len(list(found.chunks(at * SECOND, at * SECOND + SECOND // 2))) == 1


def test_a_keyframe_of_too_much(tmp_path: Path) -> None:
    """A keyframe is refused by the size that it says it unpacks to, before it is unpacked."""
    store = Store(0)
    store.ingest_samples(samples(10, np.arange(1, 2000)), 10)
    path = written(tmp_path / "a", chunk(0, keyframe=store.keyframe().to_bytes()))
    assert Recording(path).keyframe(SECOND) is not None
    with pytest.raises(TooMuchError, match="a keyframe of"):
        Recording(path, 4 * MIB).keyframe(SECOND)
    budget = Budget("it")
    for at in range(1000):  # as measured, of 100,000 idle connections, and of 10,000
        budget.charge_keyframe(2 * at, 609_713, 131_800_000)
        budget.charge_keyframe(2 * at + 1, 27_027, 13_180_000)
    with pytest.raises(TooMuchError, match="a keyframe of"):
        Budget("it").charge_keyframe(7, 100_000, 131_800_000)

    def many_small() -> None:
        for at in range(40):
            budget.charge_keyframe(at, 20_000, 13_180_000)

    with pytest.raises(TooMuchError, match="a keyframe of"):
        many_small()
    bad = written(tmp_path / "b", chunk(0, keyframe=b"nothing that is one"))
    assert Recording(bad).keyframe(SECOND) == (SECOND, b"nothing that is one")
    with pytest.raises(ValueError, match="keyframe"):
        Keyframe.from_bytes(b"nothing that is one")


def test_a_table_of_too_many_flows(tmp_path: Path) -> None:
    """More connections than a table of flows has memory for are refused before it is made.

    They don't have to be open at once, as each has a row.
    """
    path = written(tmp_path / "a", *(ending(50, at) for at in range(100)))
    export(path, tmp_path / "a.csv", table="flows", progress=False, memory=5000 * 2048)
    export(path, tmp_path / "e.csv", progress=False, memory=4999 * 2048)
    with pytest.raises(TcctuiError, match="5,000 connections") as refused:
        export(path, tmp_path / "b.csv", table="flows", progress=False, memory=4999 * 2048)
    assert "--reading-memory" in refused.value.mend


def test_the_reference_states_the_limits() -> None:
    """The numbers of `tcctui help recording` are those of the default budget."""
    budget = Budget("it")
    text = " ".join(block.text for block in blocks() if isinstance(block, Paragraph))
    assert f"{budget.most_flows:,} connections" in text
    assert f"{budget.most_batches:,} batches" in text
    assert f"stand for {FREE} of" in text
    assert budget.most_in_batch // EVENT.itemsize == 2 << 20


# Pipes


def piped(data: bytes, tmp_path: Path) -> BinaryIO:
    """Give a file with these bytes, which is read as a pipe is."""
    path = tmp_path / "pipe"
    path.write_bytes(data)
    return path.open("rb")


def test_a_bomb_in_a_pipe(tmp_path: Path, unpacking: list[int]) -> None:
    """A pipe is refused like a file, before anything is unpacked; a sentence says so."""
    count = ipc_frames.MOST_RECORDS // 128 - 1
    with piped(narrow(count), tmp_path) as file, pytest.raises(TooMuchError, match="is refused"):
        RecordingStream(file)
    assert len(unpacking) == 1


def test_a_message_of_a_gigabyte_in_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that says it is larger than may be is refused before room is made for it."""
    path = written(tmp_path / "a", chunk(0, flows=200))
    with path.open("rb") as file, pytest.raises(TooMuchError, match="a batch of"):
        RecordingStream(file, 8 * 1024)
    monkeypatch.setattr(arrow_reader, "unpacked", lambda *_: 0)
    with path.open("rb") as file:
        stream = RecordingStream(file)
        stream.close()


def test_days_of_a_pipe() -> None:
    """What comes through a pipe is not added up where it is as traffic is."""
    encoder = Encoder(ORIGIN)
    budget = Budget("it", 4 * MIB)
    decoder = Decoder(encoder.head, budget)
    at = nbytes = 0
    while nbytes < 2 * budget.memory:
        events = regular(2000, 10)
        message = encoder.batch(Chunk(10**12, 10**12 + SECOND, events, NO_SAMPLES))
        nbytes += decoder.chunk(message, at).events.nbytes
        at += len(message)


# All commands


@pytest.mark.parametrize(
    "command",
    [
        ["export", "FILE", "OUT"],
        ["export", "FILE", "OUT", "--table", "flows"],
        ["trace", "--summary", "--replay", "FILE"],
        ["trace", "--alert", "retrans>3", "--replay", "FILE"],
    ],
)
def test_the_option_raises_the_limit(
    command: list[str], tmp_path: Path, main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that reads refuses in one line, names the option, and obeys it."""
    limits: list[int] = []

    def limited(nbytes: int) -> AbstractContextManager[None]:
        limits.append(nbytes)
        return nullcontext()

    monkeypatch.setattr(memory, "limited", limited)
    path = many(tmp_path / "file", 4, 150_000)
    given = [{"FILE": str(path), "OUT": str(tmp_path / "out.csv")}.get(one, one) for one in command]
    status, _, err = main(*given)
    assert status == 1
    assert "is refused" in err
    assert "--reading-memory 2G" in err
    assert main(*given, "--reading-memory", "2G")[0] in (0, 3)
    assert limits == [2 << 30, 4 << 30]
    assert main(*given, "--reading-memory", "1k")[0] == 2


def test_memory_that_may_not_be_taken() -> None:
    """Beyond the limit there is a MemoryError, and no more of the machine's memory is taken."""
    code = """
from tcctui import memory
with memory.limited(64 << 20):
    try:
        bytearray(256 << 20)
    except MemoryError:
        print("none")
bytearray(256 << 20)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "none\n"


def test_no_memory_is_one_sentence(
    main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that runs out of memory says so, without a traceback."""

    def none(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("tcctui.headless.outcome.outcome_of", none)
    path = written(tmp_path / "a", chunk(0))
    status, _, err = main("trace", "--summary", "--replay", str(path))
    assert status == 1
    assert "more memory than it may" in err
    assert "Traceback" not in err
