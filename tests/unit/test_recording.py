"""Recordings on disk: all that was written is read; of damaged ones what is whole, unharmed."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcctui.cli import main
from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording import arrow_reader, ipc_frames
from tcctui.recording.arrow import FORMAT, Encoder
from tcctui.recording.arrow_reader import Decoder
from tcctui.recording.budget import Budget, TooMuchError
from tcctui.recording.chunks import Chunk, pieces
from tcctui.recording.file import Recording
from tcctui.recording.ipc_frames import NOTE, Note
from tcctui.wire.events import EVENT
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.events import NOTHING, SECOND, probes
from tests.unit.recordings import ORIGIN, chunk, random_events, random_samples, same, written

END_OF_TIME = 1 << 62


def all_of(path: Path) -> list[Chunk]:
    """Read all chunks of a file."""
    found = Recording(path)
    try:
        return list(found.chunks(0, END_OF_TIME))
    finally:
        found.close()


def refusal(path: Path) -> TcctuiError:
    """Give what is said of a file that can't be played."""
    with pytest.raises(TcctuiError) as caught:
        Recording(path)
    assert str(path) in caught.value.reason
    assert caught.value.reason.endswith(".")
    return caught.value


def test_all_bytes_come_back(tmp_path: Path) -> None:
    """Events and samples of any content are byte for byte what they were; so is all else."""
    any_bytes = Chunk(0, SECOND, random_events(500), random_samples(50), 3, 4, b"\0key\xff")
    given = [any_bytes, chunk(1), Chunk(2 * SECOND, 3 * SECOND, NOTHING, NO_SAMPLES)]
    path = written(tmp_path / "a", *given)
    assert all(map(same, all_of(path), given))
    found = Recording(path)
    assert found.origin == ORIGIN
    assert found.span == (0, 3 * SECOND)
    assert found.totals() == (3, 531, 0, 0)
    assert found.keyframe(END_OF_TIME) == (SECOND, b"\0key\xff")
    assert found.remark == ""


def test_other_programs_read_it(tmp_path: Path) -> None:
    """Arrow reads it as a stream, with a unit at every field and extremes only where there are."""
    events = probes([1, 2], acks=[0, 9], snd_cwnd=20, snd_cwnd_max=[20, 25])
    path = written(tmp_path / "a", Chunk(0, SECOND, events, chunk(0).samples))
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        table = stream.read_all()
    told = table["events"][0].as_py()
    assert [event["snd_cwnd_max"] for event in told] == [None, 25]
    assert told[0]["saddr"][-4:] == bytes([10, 0, 0, 1])
    assert table["samples"][0].as_py()[0]["cc"] == b"cubic"
    assert table.schema.metadata[b"host"] == b"somewhere"
    for name, units in (("events", 25), ("samples", 60)):
        members = list(table.schema.field(name).type.value_type)
        assert sum(b"unit" in (member.metadata or {}) for member in members) > units
        assert all(b"source" in member.metadata for member in members)


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    """Chunks that end after one moment and begin until another are given, and keyframes before.

    Of some flows, only theirs is read, and what says of none whose it is.
    """
    keys = {3: b"three", 6: b"six"}
    given = [chunk(number, keyframe=keys.get(number, b"")) for number in range(10)]
    given[5] = replace(given[5], events=joined([probes(5 * SECOND, 0), given[5].events]))
    found = Recording(written(tmp_path / "a", *given))
    asked = found.chunks(3 * SECOND, 5 * SECOND)
    assert [part.begin_ns // SECOND for part in asked] == [3, 4, 5]
    assert found.keyframe(4 * SECOND - 1) is None
    assert found.keyframe(4 * SECOND) == (4 * SECOND, b"three")
    assert found.keyframe(END_OF_TIME) == (7 * SECOND, b"six")
    *_, some = found.chunks(5 * SECOND, 5 * SECOND, np.array([2], "u8"))
    assert set(some.events["sock_cookie"]) == {0, 2}
    assert set(some.samples["sock_cookie"]) == {2}


def test_opening_reads_only_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open a recording and to find a keyframe, no batch's body is read but the keyframe's."""
    given = [chunk(n, flows=2000, keyframe=b"k" * (n == 4)) for n in range(10)]
    path = written(tmp_path / "a", *given)
    os.truncate(path, path.stat().st_size - 1)  # of its index
    sizes = counted_reads(monkeypatch)
    found = Recording(path)
    heads = sum(sizes)
    assert heads < 40_000 < path.stat().st_size / 5
    assert found.keyframe(9 * SECOND) == (5 * SECOND, b"k")
    assert sum(sizes) - heads < path.stat().st_size / 5


def test_cut_off_anywhere(tmp_path: Path) -> None:
    """Cut off anywhere, all batches that are whole are read, and what is left out is said."""
    data, whole, ends = small()
    path = tmp_path / "cut"
    around = {end + off for end in ends for off in range(-40, 40)} & {*range(len(data))}
    for size in sorted({*range(0, len(data), 29), *around}):  # of words of 8 bytes, at each byte
        path.write_bytes(data[:size])
        if size < ends[1]:
            refusal(path)
            continue
        found = Recording(path)
        expected = sum(size >= end for end in ends[1:])
        assert found.totals().batches == expected
        assert found.remark, size
        if size in ends or size % 100 == 0:
            read = list(found.chunks(0, END_OF_TIME))
            assert len(read) == expected
            assert all(map(same, read, whole))
        found.close()


def test_zeros_behind_the_cut(tmp_path: Path) -> None:
    """Where a crash of the machine leaves zeros at the end, what is before them is read."""
    data, whole, ends = small()
    path = tmp_path / "cut"
    for size in range(ends[1], len(data), 101):
        path.write_bytes(data[:size] + bytes(5000))
        found = Recording(path)
        expected = sum(size >= end for end in ends[1:])
        assert all(map(same, list(found.chunks(0, END_OF_TIME))[:expected], whole))
        assert found.totals().batches >= expected
        assert found.remark, size
        found.close()


def small() -> tuple[bytes, list[Chunk], list[int]]:
    """Make a small recording; gives where its head and its batches end, too."""
    whole = [replace(chunk(number, flows=1), samples=NO_SAMPLES) for number in range(2)]
    encoder = Encoder(ORIGIN)
    parts = [encoder.head, *map(encoder.batch, whole)]
    ends = np.cumsum([len(part) for part in parts]).tolist()
    return b"".join([*parts, ipc_frames.END]), whole, ends


def test_says_what_is_missing(tmp_path: Path) -> None:
    """What is left out of a file is told in one sentence."""
    data = written(tmp_path / "a", chunk(0), chunk(1)).read_bytes()
    path = tmp_path / "b"
    path.write_bytes(data[: data.rindex(ipc_frames.END) - 20])
    remark = Recording(path).remark
    assert remark.startswith("Of b: the last ")
    assert remark.endswith(" bytes are a batch that was cut off and are left out.")
    path.write_bytes(data[: data.rindex(ipc_frames.END)])
    assert "no end mark" in Recording(path).remark
    path.write_bytes(data[: data.rindex(ipc_frames.END) + 8] + b"more")
    assert Recording(path).remark == "Of b: the last 4 bytes come after its end and are left out."


def test_what_is_no_recording(tmp_path: Path) -> None:
    """Whatever else is given by name, it is said what it is."""
    path = tmp_path / "a"
    for data, said in ((b"", "is empty"), (b"PAR1 and so on, and so on", "is not a recording")):
        path.write_bytes(data)
        assert said in refusal(path).reason
    assert "is a directory" in refusal(tmp_path).reason
    missing = refusal(tmp_path / "none")
    assert "No such file" in missing.reason
    assert missing.mend == "Make one: tcctui record none.arrows"
    assert refusal(tmp_path / ("x" * 300)).mend
    os.mkfifo(tmp_path / "fifo")
    assert "tcctui replay" in refusal(tmp_path / "fifo").mend
    with pa.OSFile(str(path), "w") as file, pa.ipc.new_stream(file, pa.schema([("x", pa.int8())])):
        pass
    assert "is not a recording" in refusal(path).reason
    for name in ("begin_ns", "end_ns", "events"):
        lacking = rewritten(written(tmp_path / name, chunk(0)), lambda table: table.drop([name]))  # noqa: B023
        assert name in refusal(lacking).reason


def rewritten(path: Path, change: Any) -> Path:
    """Write a recording's table as another program would, after a change."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        table = change(stream.read_all())
    path.unlink()
    with pa.OSFile(str(path), "w") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return path


def test_newer_version(tmp_path: Path) -> None:
    """A newer format is not guessed at: it is told to upgrade."""

    def newer(table: Any) -> Any:
        form = {b"tcctui_format": str(FORMAT + 1).encode()}
        return table.replace_schema_metadata({**table.schema.metadata, **form})

    error = refusal(rewritten(written(tmp_path / "a", chunk(0)), newer))
    assert "tcctui 1.2.3" in error.reason
    assert "pip install --upgrade" in error.mend


def with_events(table: Any, change: Any) -> Any:
    """Change the columns of a table's events, by name."""
    at = table.schema.get_field_index("events")
    column = table["events"].combine_chunks()
    items = column.flatten()
    columns = change({member.name: items.field(n) for n, member in enumerate(items.type)})
    struct = pa.StructArray.from_arrays(list(columns.values()), list(columns))
    return table.set_column(at, "events", pa.ListArray.from_arrays(column.offsets, struct))


def test_other_columns(tmp_path: Path) -> None:
    """Unknown columns do not matter, missing ones are zero or as the event's own values."""

    def other(columns: dict[str, Any]) -> dict[str, Any]:
        new = {"new": pa.array(["?"] * len(columns["ts_ns"]))}
        kept = {
            name: column for name, column in columns.items() if name not in ("mark", "srtt_max")
        }
        return new | kept | {"snd_cwnd": columns["snd_cwnd"].cast(pa.int64())}

    given = chunk(0)
    given.events["mark"] = 7
    path = rewritten(written(tmp_path / "a", given), lambda table: with_events(table, other))
    path = rewritten(path, lambda table: table.append_column("newer", pa.array([1.5])))
    (found,) = all_of(rewritten(path, lambda table: table.drop(["lost", "samples"])))
    assert not found.events["mark"].any()
    assert len(found.samples) == found.lost == 0
    given.events["mark"] = 0
    assert found.events.tobytes() == given.events.tobytes()


def test_absurd_values_are_left_out(tmp_path: Path) -> None:
    """Events of kinds or times that cannot be are left out, and batches out of order.

    A batch of a time that no machine runs for is damaged.
    """
    odd = chunk(1)
    odd.events["kind"][0] = 99
    odd.events["ts_ns"][1:3] = 1 << 63, 0
    odd.events["sock_cookie"][3] = 9
    late = replace(chunk(3), begin_ns=10**17, end_ns=10**17)
    path = written(tmp_path / "a", odd, chunk(2), late, chunk(3), chunk(4), chunk(0))
    found = Recording(path)
    assert found.span == (SECOND, 5 * SECOND)
    assert "2 batches are out of order" in found.remark
    first = next(found.chunks(0, END_OF_TIME))
    assert len(first.events) == len(odd.events) - 2
    assert (np.diff(first.events["sock_cookie"].astype("i8")) >= 0).all()
    beyond = replace(chunk(0), begin_ns=1 << 60, end_ns=1 << 60)
    found = Recording(written(tmp_path / "b", chunk(0), beyond))
    assert found.span == (0, SECOND)
    assert "one batch is damaged" in found.remark


def test_a_batch_that_claims_gigabytes(tmp_path: Path) -> None:
    """A buffer that says that it unpacks to terabytes is not believed."""
    data = bytearray(written(tmp_path / "a", chunk(0), chunk(1)).read_bytes())
    encoder = Encoder(ORIGIN)
    batch = encoder.batch(chunk(0))
    length = struct.unpack_from("<I", batch, 4)[0]
    at = len(encoder.head) + 8 + length
    data[at : at + 8] = struct.pack("<q", 1 << 42)
    path = tmp_path / "b"
    path.write_bytes(data)
    found = Recording(path)
    assert [part.begin_ns for part in found.chunks(0, END_OF_TIME)] == [SECOND]
    assert "one batch is damaged" in found.remark


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    """A file that is deleted while it is played can be played to its end.

    If somebody cuts it meanwhile, that is said.
    """
    path = written(tmp_path / "a", chunk(0), chunk(1))
    found = Recording(path)
    path.unlink()
    assert len(list(found.chunks(0, END_OF_TIME))) == 2
    for _ in range(2):
        found.close()
    with pytest.raises(TcctuiError, match="is closed"):
        list(found.chunks(0, END_OF_TIME))
    found = Recording(written(path, chunk(0), chunk(1)))
    os.truncate(path, path.stat().st_size - 500)
    with pytest.raises(TcctuiError, match="was cut short"):
        list(found.chunks(0, END_OF_TIME))


SMALL = [chunk(number, flows=2, keyframe=b"key") for number in range(3)]
_ENCODER = Encoder(ORIGIN)
BYTES = _ENCODER.head + b"".join(map(_ENCODER.batch, SMALL)) + ipc_frames.END


def played(path: Path) -> None:
    """Open a file, read all of it in every way, and let a store take it in; or it is refused."""
    try:
        found = Recording(path)
    except TcctuiError:
        return
    with contextlib.suppress(TooMuchError):
        read(found)
    found.close()


def read(found: Recording) -> None:
    """Read all of a recording in every way."""
    store = Store(1 << 20)
    first_ns, last_ns = found.span
    assert 0 <= first_ns <= last_ns
    for part in found.chunks(0, END_OF_TIME):
        assert part.events.dtype == EVENT
        last = replace(part, begin_ns=max(part.begin_ns, part.end_ns - SECOND))
        deliver(pieces(last, END_OF_TIME), store)
    store.flows(["snd_cwnd", "ssthresh"])
    list(found.chunks(first_ns, last_ns, np.array([1], "u8")))
    found.keyframe(last_ns)
    found.totals()
    assert isinstance(found.remark, str)


FLIPS = st.lists(
    st.tuples(st.integers(0, len(BYTES) - 1), st.integers(1, 255)), min_size=1, max_size=8
)
BEGINNINGS = st.sampled_from([b"", b"\xff\xff\xff\xff", _ENCODER.head])
ANYTHING = st.builds(bytes.__add__, BEGINNINGS, st.binary(max_size=400))


def damaged(flips: list[tuple[int, int]]) -> bytes:
    """A recording with some bits turned."""
    data = bytearray(BYTES)
    for at, bits in flips:
        data[at] ^= bits
    return bytes(data)


@settings(max_examples=250)
@given(FLIPS.map(damaged) | ANYTHING)
@example(damaged([(32411, 5)]))  # a length that is too much
def test_damage_anywhere(tmp_path: Path, data: bytes) -> None:
    """Whatever bytes are others than they were, or all that there is: an answer and no crash."""
    path = tmp_path / "damaged"
    path.write_bytes(data)
    played(path)


def test_an_hour_is_found_by_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour's 3,600 batches are found by the index, or by half a kilobyte of each without."""
    path = written(
        tmp_path / "a",
        *(Chunk(n * SECOND, (n + 1) * SECOND, NOTHING, NO_SAMPLES) for n in range(3600)),
    )
    sizes = counted_reads(monkeypatch)
    for cut, reads, size in ((0, 10, 200_000), (1, 3700, 3600 * 512 + 200_000)):
        sizes.clear()
        os.truncate(path, path.stat().st_size - cut)
        found = Recording(path)
        assert found.totals().batches == 3600
        assert len(sizes) <= reads
        assert sum(sizes) <= size
        assert found.span == (0, 3600 * SECOND)
        found.close()


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the list of how many bytes each reading from a file brings from now on."""
    sizes: list[int] = []
    read = os.read

    def counted(descriptor: int, size: int) -> bytes:
        data = read(descriptor, size)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(os, "read", counted)
    return sizes


def test_a_wrong_index_is_not_used(tmp_path: Path) -> None:
    """An index that is damaged, or another file's, changes nothing: the heads are walked."""
    path = written(tmp_path / "a", chunk(0), chunk(1))
    data = path.read_bytes()
    end = data.rindex(ipc_frames.END) + 8
    others = written(tmp_path / "b", chunk(0, flows=9), chunk(1)).read_bytes()
    others = others[others.rindex(ipc_frames.END) + 8 :]
    swapped = bytearray(data)
    swapped[end + 4] ^= 0xFF
    for wrong in (data[:end] + others, bytes(swapped), data[:end] + data[-16:]):
        path.write_bytes(wrong)
        assert all(map(same, all_of(path), [chunk(0), chunk(1)]))


# Small files that would come to a great deal


def narrow(
    count: int, *, note: Note | None = None, facts: Any = (), compressed: bool = True
) -> Any:
    """Make a recording of events that have a byte of time and a byte of cookie, and no more."""
    kind = pa.struct([("ts_ns", pa.uint8()), ("sock_cookie", pa.uint8())])
    schema = pa.schema(
        [("begin_ns", pa.int64()), ("end_ns", pa.int64()), ("events", pa.list_(kind))],
        metadata={"tcctui_format": "1"},
    )
    zeros = pa.array(np.zeros(count, "u1"))
    items = pa.StructArray.from_arrays([zeros, zeros], fields=list(kind))
    events = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), items)
    batch = pa.RecordBatch.from_arrays([pa.array([0]), pa.array([1000]), events], schema=schema)
    sink = io.BytesIO()
    codec = pa.Codec("zstd") if compressed else None
    writer = pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=codec))
    note = note or Note(0, 1000, 0, 0, count, 0, 0)
    writer.write_batch(batch, {NOTE: note.to_bytes(), **dict(facts)})
    writer.close()
    return sink.getvalue()


def opened(data: bytes) -> tuple[Decoder, bytes]:
    """Give a decoder for a recording, and its first message."""
    at = ipc_frames.PREFIX + ipc_frames.metadata_length(data[: ipc_frames.PREFIX])
    return Decoder(data[:at], Budget("it")), data[at:]


def older(data: bytes) -> bytes:
    """Say of the first batch that it is Arrow's version 4, and nothing of its compression."""
    changed = bytearray(data)
    at = ipc_frames.PREFIX + ipc_frames.metadata_length(data[: ipc_frames.PREFIX])
    length = ipc_frames.metadata_length(data[at:][: ipc_frames.PREFIX])
    metadata = memoryview(changed)[at + ipc_frames.PREFIX :][:length]
    message = ipc_frames._indirect(metadata, 0)
    struct.pack_into("<h", metadata, ipc_frames._field(metadata, message, 0), 3)
    batch = ipc_frames._indirect(metadata, ipc_frames._field(metadata, message, 2))
    table = batch - struct.unpack_from("<i", metadata, batch)[0]
    struct.pack_into("<H", metadata, table + 4 + 2 * 3, 0)
    return bytes(changed)


_OLD = {b"ARROW:experimental_compression": b"ZSTD"}


def test_the_files_made_here_are_read_where_they_do_no_harm() -> None:
    """What the other tests make is refused for what it does, not for how it is made."""
    decoder, message = opened(narrow(1000))
    assert len(decoder.chunk(message, 0).events) == 1000


@pytest.mark.parametrize("data", [older(narrow(1000, facts=_OLD)), narrow(1000, facts=_OLD)])
def test_compression_where_older_arrows_had_it(data: bytes) -> None:
    """What pyarrow would unpack without its size being looked at is refused."""
    decoder, message = opened(data)
    with pytest.raises(ValueError, match=r"Arrow|no standard"):
        decoder.chunk(message, 0)


@pytest.mark.parametrize("compressed", [True, False])
def test_columns_of_a_byte(monkeypatch: pytest.MonkeyPatch, compressed: bool) -> None:
    """Two bytes a row don't become 128: it is refused before there is room made for it."""
    count = ipc_frames.MOST_RECORDS // 128 + 1
    note = Note(0, 1000, 0, 0, 1, 0, 0)
    decoder, message = opened(narrow(count, note=note, compressed=compressed))

    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(arrow_reader, "_records", never)
    with pytest.raises(ValueError, match="larger than any"):
        decoder.chunk(message, 0)
    with monkeypatch.context() as patch:  # as if its head said less
        patch.setattr(arrow_reader, "unpacked", lambda *_: 0)
        with pytest.raises(ValueError, match="larger than any"):
            decoder.chunk(message, 0)
    monkeypatch.setattr(pa, "BufferReader", never)  # and before anything is unpacked
    with pytest.raises(ValueError, match="larger than any"):
        decoder.chunk(message, 0)


def test_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A batch for which there is no memory is left out; an export says so in a sentence."""
    path = written(tmp_path / "a", chunk(0))

    def none(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("tcctui.recording.attribution.Attribution.learn", none)
    assert main(["export", str(path), str(tmp_path / "a.csv")]) == 1
    assert "memory" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()
    monkeypatch.setattr(arrow_reader, "_records", none)
    found = Recording(path)
    assert not list(found.chunks(0, END_OF_TIME))
    assert "damaged" in found.remark


@pytest.mark.parametrize(
    "note",
    [
        Note(0, 1000, 0, 0, 1 << 40, 0, 0),
        Note(0, 1000, 0, 0, 0, 1 << 40, 0),
        Note(0, 1000, 1 << 80, 0, 0, 0, 0),
        Note(0, 1000, 0, 0, 0, 0, 1 << 40),
    ],
)
def test_counts_that_no_batch_has(tmp_path: Path, note: Note) -> None:
    """A batch that says of itself that it has more than can be is damaged."""
    with pytest.raises(ValueError, match="batch"):
        Note.from_bytes(note.to_bytes())
    path = tmp_path / "a"
    path.write_bytes(narrow(10, note=note))
    with pytest.raises(TcctuiError, match="is damaged"):
        Recording(path)


def test_a_note_of_another_time(tmp_path: Path) -> None:
    """A batch that says that it is of another time than it is is damaged, keyframe and all."""
    path = written(tmp_path / "a", chunk(0, keyframe=b"first"), chunk(1, keyframe=b"last"))
    data = path.read_bytes()
    data = data[: data.rindex(ipc_frames.END)] + ipc_frames.END  # without its index
    said, other = (b"1000000000 %d " % end for end in (2_000_000_000, 2_000_000_001))
    assert data.count(said) == 1
    path.write_bytes(data.replace(said, other))
    found = Recording(path)
    assert found.keyframe(END_OF_TIME) == (SECOND, b"first")
    assert "one batch is damaged" in found.remark
    assert [part.begin_ns for part in found.chunks(0, END_OF_TIME)] == [0]
