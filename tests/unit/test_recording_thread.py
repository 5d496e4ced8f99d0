"""Recordings that are written beside what reads: nothing waits for a disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.recording.chunks import Chunk
from tcctui.recording.file import Recording
from tcctui.recording.writer import RecordingWriter
from tcctui.recording.writer_thread import RecordingThread
from tests.unit.recordings import ORIGIN, chunk, same

SOON = 60.0


class Slow(RecordingWriter):
    """Writes when it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, ORIGIN)
        self.may = threading.Semaphore(0)

    def write(self, chunk: Chunk) -> None:
        assert self.may.acquire(timeout=SOON)
        super().write(chunk)


class Full(RecordingWriter):
    """Has no room."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, ORIGIN)
        self.failed = threading.Event()

    def write(self, chunk: Chunk) -> None:
        self.failed.set()
        raise TcctuiError("There is no more room.")


def repeated(what: Callable[[RecordingThread], object], recording: RecordingThread) -> None:
    """Do something often: the other thread may need a moment."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        what(recording)
        time.sleep(0.01)


def test_nobody_waits(tmp_path: Path) -> None:
    """Chunks are taken while one is being written; all of them are in the file at the end."""
    writer = Slow(tmp_path / "it")
    recording = RecordingThread(writer)
    given = [chunk(number) for number in range(5)]
    for part in given:
        recording.write(part)
    assert writer.events == 0
    writer.may.release(5)
    recording.close()
    recording.close()
    opened = Recording(tmp_path / "it")
    read = list(opened.chunks(0, 1 << 62))
    assert opened.remark == ""
    opened.close()
    assert [same(one, other) for one, other in zip(read, given, strict=True)] == [True] * 5


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Beyond its room, whoever gives the next chunk waits until there is room again."""
    writer = Slow(tmp_path / "it")
    recording = RecordingThread(writer, room=1)
    recording.write(chunk(0))
    taken = threading.Event()

    def give() -> None:
        recording.write(chunk(1))
        taken.set()

    other = threading.Thread(target=give)
    other.start()
    assert not taken.wait(0.3)
    writer.may.release()
    assert taken.wait(SOON)
    writer.may.release()
    recording.close()
    other.join()


def test_failures_are_told_once(tmp_path: Path) -> None:
    """What can't be written is told by the next write or at the end; not again."""
    tell: tuple[Callable[[RecordingThread], object], ...] = (
        lambda recording: recording.write(chunk(1)),
        lambda recording: recording.close(),
    )
    for number, told in enumerate(tell):
        writer = Full(tmp_path / str(number))
        recording = RecordingThread(writer)
        recording.write(chunk(0))
        assert writer.failed.wait(SOON)
        with pytest.raises(TcctuiError, match="no more room"):
            repeated(told, recording)
        assert recording.failed
        recording.close()


def test_given_up(tmp_path: Path) -> None:
    """What hangs is left as it is, and what waits behind it is not written later."""
    writer = Slow(tmp_path / "it")
    recording = RecordingThread(writer)
    recording.write(chunk(0))
    recording.write(chunk(1))
    recording.give_up()
    writer.may.release(2)
    with pytest.raises(TcctuiError, match="has ended"):
        repeated(lambda it: it.write(chunk(2)), recording)
    assert writer.events == len(chunk(0).events)


def test_a_file_that_is_lost_at_the_end(tmp_path: Path) -> None:
    """That the file was replaced is told, even if that is seen only when it is closed."""
    path = tmp_path / "a"
    writer = Slow(path)
    output = RecordingThread(writer)
    path.unlink()
    with pytest.raises(TcctuiError, match="was deleted"):
        output.close()
