"""`tcctui record` on a source made by hand: what is in the file, what is said, and every end."""

from __future__ import annotations

import io
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tcctui import last_look
from tcctui.errors import TcctuiError
from tcctui.headless.record import Progress, record, size
from tcctui.recording.chunks import Chunk
from tcctui.recording.file import Recording
from tcctui.recording.writer import RecordingWriter
from tcctui.recording.writer_thread import RecordingThread
from tcctui.wire.records import joined
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, NOTHING, probes
from tests.unit.samples import NO_SAMPLES, samples


@pytest.fixture(autouse=True)
def _no_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the wait for last samples, which no stand-in delivers."""
    monkeypatch.setattr(last_look, "FINAL", 0)


class Terminal(io.StringIO):
    """Text that goes to a terminal."""

    def isatty(self) -> bool:
        return True


def run(
    source: Delivered, path: Path | None, duration: float | None = 1.0, *, status: int = 0
) -> str:
    """Record, and give the remarks."""
    remarks = io.StringIO()
    assert record(source, path, force=False, duration=duration, remarks=remarks) == status
    return remarks.getvalue()


def chunks(path: Path) -> list[Chunk]:
    """Read all that is in a recording."""
    recording = Recording(path)
    try:
        assert recording.remark == ""
        return list(recording.chunks(0, 1 << 62))
    finally:
        recording.close()


def moments(path: Path) -> list[int]:
    """Give the moments of all events in a recording."""
    events = joined([NOTHING, *(chunk.events for chunk in chunks(path))])
    return sorted(events["ts_ns"].tolist())


def test_all_is_in_the_file(tmp_path: Path) -> None:
    """Events, samples, losses and origin are there; a chunk is a second, but for quiet ones."""
    batches = [probes(START + at * 100 * MS, 7) for at in range(5)]
    source = Delivered(batches, [samples(START, 7), samples(START + MS, 8)])
    run(source, tmp_path / "file", 3.5)
    written = chunks(tmp_path / "file")
    assert moments(tmp_path / "file") == [START + at * 100 * MS for at in range(5)]
    told = joined([NO_SAMPLES, *(chunk.samples for chunk in written)])
    assert told["sock_cookie"].tolist() == [7, 8]
    assert written[0].end_ns == START + 1000 * MS
    assert len(written) == 2
    assert written[1].begin_ns == written[0].end_ns
    assert written[1].end_ns >= START + 3500 * MS
    assert (written[-1].lost, written[-1].skipped) == (3, 4)
    recording = Recording(tmp_path / "file")
    origin = recording.origin
    recording.close()
    assert (origin.description, origin.kernel_filter) == (Delivered.description, "port 443")
    assert (origin.host, origin.kernel) == (os.uname().nodename, os.uname().release)
    assert 1e18 < origin.wall_offset_ns < 4e18


def test_quiet_seconds(tmp_path: Path) -> None:
    """Where nothing comes there is a chunk in 5 s; what comes then follows without a gap."""
    batches = [NOTHING] * 125 + [probes(START + 12_550 * MS, 7)] + [NOTHING] * 20
    run(Delivered(batches), tmp_path / "file", 14.0)
    written = chunks(tmp_path / "file")
    ends = [(chunk.end_ns - START) // (1000 * MS) for chunk in written]
    assert ends == [5, 10, 13, 14]
    begins = [chunk.begin_ns for chunk in written]
    assert begins == [START, *(chunk.end_ns for chunk in written[:-1])]
    assert moments(tmp_path / "file") == [START + 12_550 * MS]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it(number: int, tmp_path: Path) -> None:
    """After a signal the file has all until then, and its end; the closing line counts it."""
    left = [number]

    def once() -> None:
        if left:
            os.kill(os.getpid(), left.pop())

    said = run(Delivered([probes(START, 7)], then=once), tmp_path / "file", None)
    assert moments(tmp_path / "file") == [START]
    last = said.splitlines()[-1]
    expected = r"  00:00:0\d  1 events  [\d.]+ kB  [\d.]+ B/event  3 lost, 4 skipped by the kernel"
    assert re.fullmatch(expected, last)


def test_the_source_goes_away(tmp_path: Path) -> None:
    """What came before is in the file, and the failure is told."""

    def fail() -> None:
        raise TcctuiError("The BPF program was unloaded.")

    source = Delivered([probes(START, 7)], then=fail)
    with pytest.raises(TcctuiError, match="unloaded"):
        run(source, tmp_path / "file")
    assert moments(tmp_path / "file") == [START]


def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reading wait until each chunk has been written, or can't be: that is another thread's.

    Reading here takes no time: a thousand reads may be over before that thread has run at all.
    """
    usual = RecordingThread.write

    def write(self: RecordingThread, chunk: Chunk) -> None:
        usual(self, chunk)
        while self._nbytes and not (self.failed or self._over):
            time.sleep(0.001)

    monkeypatch.setattr(RecordingThread, "write", write)


def test_a_closed_pipe(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a reader it ends with the code that a shell has of SIGPIPE, and a sentence."""
    in_step(monkeypatch)
    read, write = os.pipe()
    left = [read]

    def nobody_reads() -> None:
        if left:
            os.close(left.pop())

    kept = os.dup(1)
    os.dup2(write, 1)
    try:
        said = run(Delivered(then=nobody_reads), None, None, status=141)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(write)
    assert said.splitlines()[-1] == "The reader of the recording has closed the pipe."


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told, and what was written before stays readable, to its end.

    However long the writer takes to close the file: the program would end before it has.
    """
    write, close = RecordingWriter.write, RecordingWriter.close
    written: list[Chunk] = []

    def slow(self: RecordingWriter) -> None:
        time.sleep(0.2)
        close(self)

    def fails(self: RecordingWriter, chunk: Chunk) -> None:
        if written:
            raise TcctuiError("There is no more room.")
        written.append(chunk)
        write(self, chunk)

    in_step(monkeypatch)
    monkeypatch.setattr(RecordingWriter, "write", fails)
    monkeypatch.setattr(RecordingWriter, "close", slow)
    batches = [probes(START + at * 100 * MS, 7) for at in range(50)]
    with pytest.raises(TcctuiError, match="no more room"):
        run(Delivered(batches), tmp_path / "file", None)
    assert moments(tmp_path / "file") == sorted(written[0].events["ts_ns"].tolist())
    assert len(written) == 1


def test_what_hangs_is_not_written_to_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a write hangs, reading goes on; a second Ctrl-C ends it, and nothing more is written.

    Until then chunks wait, and time goes on: the write of the first one is still under way.
    """
    calls, freed, looks = [], threading.Event(), []
    writes = threading.Event()

    def hangs(self: RecordingWriter, *chunk: Chunk) -> None:
        calls.append(chunk)
        writes.set()
        freed.wait(60)

    def again() -> None:
        writes.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    def interrupted() -> None:
        looks.append(1)
        if len(looks) == 40:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=again).start()

    monkeypatch.setattr(RecordingWriter, "write", hangs)
    monkeypatch.setattr(RecordingWriter, "close", hangs)
    with pytest.raises(KeyboardInterrupt):
        run(Delivered(then=interrupted), tmp_path / "file", None)
    assert len(calls) == 1
    assert len(looks) >= 40
    freed.set()


def test_less_than_there_could_be(tmp_path: Path) -> None:
    """Without root it says that there are samples alone, and why; at the end, what ended since."""
    source = Delivered([], [samples(START, 7)])
    source.shortfall = TcctuiError("It needs root.", "Run: sudo tcctui record")
    said = run(source, tmp_path / "file")
    assert said.startswith("Recording less than there is: It needs root. Run: sudo tcctui record\n")
    source = Delivered()
    source.then = lambda: setattr(source, "shortfall", TcctuiError("Sampling broke off."))
    said = run(source, tmp_path / "other")
    assert "From some time on, less was recorded: Sampling broke off." in said
    assert "wall clock" not in said


def test_a_wall_clock_that_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the wall clock is set, or the machine sleeps, it says by which clock times go."""
    source, read = Delivered(), time.time
    source.then = lambda: monkeypatch.setattr(time, "time", lambda: read() + 3600)
    said = run(source, tmp_path / "file")
    assert "The wall clock went +3,600 s against the kernel's meanwhile: it was set" in said


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (10**13, "10.0 TB")],
)
def test_sizes(nbytes: int, text: str) -> None:
    """Sizes are in powers of 1000."""
    assert size(nbytes) == text


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Chunks leave each second: none is kept."""
    batches = [probes(np.full(1000, START + at * 100 * MS), 7) for at in range(100)]
    run(Delivered(batches), tmp_path / "file", 10.0)
    assert [len(chunk.events) for chunk in chunks(tmp_path / "file")][:9] == [10_000] * 9


def writer(path: Path | None) -> RecordingWriter:
    """Make something that has written a little."""
    stand_in = object.__new__(RecordingWriter)
    stand_in.path, stand_in.nbytes, stand_in.events = path, 12_345_678, 1_234_567
    return stand_in


def test_the_line_is_rewritten_in_place(tmp_path: Path) -> None:
    """On a terminal the line is written over itself, once a second, and then ended."""
    out = Terminal()
    progress = Progress(Delivered(), writer(tmp_path), out)
    progress.show()
    progress.show()
    progress.end()
    _, line, last = out.getvalue().split("\r")
    assert line.startswith("  00:00:00  1,234,567 events  12.3 MB  10.0 B/event  3 lost")
    assert line.endswith("\x1b[K")
    assert last.endswith("\x1b[K\n")


def test_nothing_is_written_over_a_replay(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In `tcctui record - | tcctui replay -`, all is said before anything is sent."""
    out, said = Terminal(), []

    def put(self: RecordingWriter, data: bytes) -> None:
        said.append(out.getvalue())

    monkeypatch.setattr(RecordingWriter, "_put", put)
    monkeypatch.setattr("tcctui.headless.record.into_a_pipe", lambda: True)
    source = Delivered()
    source.then = lambda: setattr(source, "shortfall", TcctuiError("Sampling broke off."))
    assert record(source, None, force=False, duration=3.0, remarks=out) == 0
    intro = "Recording tcp_probe + sock_diag · 6.12.0, port 443; Ctrl-C ends it.\n"
    assert set(said) == {intro}
    assert out.getvalue() == intro


def test_the_last_samples_are_of_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a recording ends every socket is sampled once more, and that is in it."""
    first = samples(START, [7, 8])
    source = Delivered([probes(START, 7)], [first])
    ended_ns: list[int] = []

    def asked() -> None:
        ended_ns.append(source.now)
        source._samples = [samples(source.now + MS, [7, 8], bytes_sent=9000)]

    monkeypatch.setattr(source, "sample_all", asked)
    path = tmp_path / "it"
    record(source, path, force=False, duration=1.0, remarks=io.StringIO())
    recording = Recording(path)
    told = joined([chunk.samples for chunk in recording.chunks(0, 1 << 62)])
    recording.close()
    last = told[told["ts_ns"] > START]
    assert last["sock_cookie"].tolist() == [7, 8]
    assert (last["bytes_sent"] == 9000).all()
    assert int(last["ts_ns"].min()) > ended_ns[0] >= START + 10**9
