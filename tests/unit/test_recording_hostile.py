"""Recordings that somebody made to do harm: small files that would come to a great deal."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tcctui.cli import main
from tcctui.errors import TcctuiError
from tcctui.recording import arrow_reader
from tcctui.recording import ipc_frames as frames
from tcctui.recording.arrow_reader import Decoder
from tcctui.recording.file import Recording
from tcctui.recording.ipc_frames import NOTE, Note
from tests.unit.events import SECOND
from tests.unit.recordings import chunk, written

END_OF_TIME = 1 << 57


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
    at = frames.PREFIX + frames.metadata_length(data[: frames.PREFIX])
    return Decoder(data[:at]), data[at:]


def older(data: bytes) -> bytes:
    """Say of the first batch that it is Arrow's version 4, and nothing of its compression."""
    changed = bytearray(data)
    at = frames.PREFIX + frames.metadata_length(data[: frames.PREFIX])
    length = frames.metadata_length(data[at:][: frames.PREFIX])
    metadata = memoryview(changed)[at + frames.PREFIX :][:length]
    message = frames._indirect(metadata, 0)
    struct.pack_into("<h", metadata, frames._field(metadata, message, 0), 3)
    batch = frames._indirect(metadata, frames._field(metadata, message, 2))
    table = batch - struct.unpack_from("<i", metadata, batch)[0]
    struct.pack_into("<H", metadata, table + 4 + 2 * 3, 0)
    return bytes(changed)


_OLD = {b"ARROW:experimental_compression": b"ZSTD"}


def test_the_files_made_here_are_read_where_they_do_no_harm() -> None:
    """What the other tests make is refused for what it does, not for how it is made."""
    decoder, message = opened(narrow(1000))
    assert len(decoder.chunk(message).events) == 1000


@pytest.mark.parametrize("data", [older(narrow(1000, facts=_OLD)), narrow(1000, facts=_OLD)])
def test_compression_where_older_arrows_had_it(data: bytes) -> None:
    """What pyarrow would unpack without its size being looked at is refused."""
    decoder, message = opened(data)
    with pytest.raises(ValueError, match=r"Arrow|no standard"):
        decoder.chunk(message)


@pytest.mark.parametrize("compressed", [True, False])
def test_columns_of_a_byte(monkeypatch: pytest.MonkeyPatch, compressed: bool) -> None:
    """Two bytes a row don't become 128: it is refused before there is room made for it."""
    count = frames.MOST_RECORDS // 128 + 1
    note = Note(0, 1000, 0, 0, 1, 0, 0)
    decoder, message = opened(narrow(count, note=note, compressed=compressed))

    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(arrow_reader, "_records", never)
    with pytest.raises(ValueError, match="larger than any"):
        decoder.chunk(message)
    with monkeypatch.context() as patch:  # as if its head said less
        patch.setattr(arrow_reader, "unpacked", lambda *_: 0)
        with pytest.raises(ValueError, match="larger than any"):
            decoder.chunk(message)
    monkeypatch.setattr(pa, "BufferReader", never)  # and before anything is unpacked
    with pytest.raises(ValueError, match="larger than any"):
        decoder.chunk(message)


def test_no_memory_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch for which there is no memory is left out, and said to be."""
    path = written(tmp_path / "a", chunk(0))
    found = Recording(path)

    def none(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(arrow_reader, "_records", none)
    assert not list(found.chunks(0, END_OF_TIME))
    assert "damaged" in found.remark


def test_no_memory_for_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An export that needs more memory than there is says so in a sentence."""
    path = written(tmp_path / "a", chunk(0))

    def none(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("tcctui.export.attribution.Attribution.learn", none)
    assert main(["export", str(path), str(tmp_path / "a.csv")]) == 1
    assert "memory" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


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
    data = data[: data.rindex(frames.END)] + frames.END  # without its index
    said, other = (b"1000000000 %d " % end for end in (2_000_000_000, 2_000_000_001))
    assert data.count(said) == 1
    path.write_bytes(data.replace(said, other))
    found = Recording(path)
    assert found.keyframe(END_OF_TIME) == (SECOND, b"first")
    assert "one batch is damaged" in found.remark
    assert [part.begin_ns for part in found.chunks(0, END_OF_TIME)] == [0]
