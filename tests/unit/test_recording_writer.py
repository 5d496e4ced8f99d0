"""Where recordings are written to, and what happens if they can't be; nothing waits for a disk."""

from __future__ import annotations

import os
import resource
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tcctui.errors import PipeClosedError, TcctuiError
from tcctui.files.new_file import NewFile
from tcctui.recording import location, writer_thread
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.file import Recording
from tcctui.recording.location import opened
from tcctui.recording.writer import RecordingWriter, require_pyarrow
from tcctui.recording.writer_thread import RecordingThread
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.nobody import without_privileges
from tests.unit.recordings import ORIGIN, chunk, same, written

END_OF_TIME = 1 << 62


def refusal(path: Path, *, force: bool = False) -> TcctuiError:
    """Give what is said of a place that can't be written to."""
    with pytest.raises(TcctuiError) as caught:
        RecordingWriter(path, ORIGIN, force=force)
    return caught.value


def read(path: Path) -> int:
    """Count the batches of a file, having read them."""
    return len(list(Recording(path).chunks(0, END_OF_TIME)))


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """A new recording has mode 0600 before anything is in it, whatever the umask is."""
    before = os.umask(0)
    try:
        writer = RecordingWriter(tmp_path / "a", ORIGIN)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    writer.close()


def test_every_chunk_is_in_the_file_at_once(tmp_path: Path) -> None:
    """What was written can be read before the recording is ended."""
    path = tmp_path / "a"
    writer = RecordingWriter(path, ORIGIN)
    for number in range(3):
        writer.write(chunk(number))
        assert path.stat().st_size == writer.nbytes
        assert read(path) == number + 1
    assert writer.events == 3 * 31
    writer.close()
    writer.close()
    with pytest.raises(TcctuiError):
        writer.write(chunk(4))


def test_never_overwrites(tmp_path: Path) -> None:
    """What is there stays, unless --force is given."""
    path = written(tmp_path / "a", chunk(0), chunk(1))
    assert "--force" in refusal(path).mend
    assert read(path) == 2
    playing = Recording(path)
    writer = RecordingWriter(path, ORIGIN, force=True)
    writer.write(chunk(0))
    writer.close()
    assert read(path) == 1
    assert len(list(playing.chunks(0, END_OF_TIME))) == 2  # whoever plays the old one goes on


def test_places_that_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories, missing ones, terminals and sockets are told in a sentence."""
    for force in (False, True):
        assert "is a directory" in refusal(tmp_path, force=force).reason
    assert "no directory" in refusal(tmp_path / "none" / "a").reason
    written(tmp_path / "a", chunk(0))
    assert "can't be written" in refusal(tmp_path / "a" / "b").reason
    with terminal() as sub:
        assert "is a terminal" in refusal(Path(os.ttyname(sub))).reason
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert "can't be written" in refused(tmp_path / "socket")

    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    assert "read-only" in refusal(tmp_path / "new").reason


@contextmanager
def terminal() -> Iterator[int]:
    """Open a terminal; gives the end that a program has."""
    main, sub = os.openpty()
    yield sub
    os.close(main)
    os.close(sub)


def test_links(tmp_path: Path) -> None:
    """Links are neither followed nor replaced, whatever they lead to."""
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "fifo", "none", "/dev/null"):
        link = tmp_path / "link"
        link.symlink_to(tmp_path / name)
        for force in (False, True):
            assert "symbolic link" in refused(link, force=force)
            assert "symbolic link" in refusal(link, force=force).reason
        link.unlink()
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "none").exists()


def test_places_that_are_not_ours(public_path: Path) -> None:
    """A directory that others own is refused with the reason."""
    with without_privileges():
        if os.geteuid() == public_path.stat().st_uid:
            public_path.chmod(0o555)
        error = refusal(public_path / "a")
    assert "Permission denied" in error.reason


@contextmanager
def room(size: int) -> Iterator[None]:
    """Let no file become larger than this; what is beyond can't be written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk(tmp_path: Path) -> None:
    """A batch that finds no room leaves nothing, is told, and the next goes on where there is."""
    path = tmp_path / "a"
    writer = RecordingWriter(path, ORIGIN)
    writer.write(chunk(0))
    before = writer.nbytes
    with room(before + 5000):
        with pytest.raises(TcctuiError) as caught:
            writer.write(chunk(1))
        assert "no more room" in caught.value.reason
        assert "31 events" in caught.value.reason
        assert path.stat().st_size == before == writer.nbytes
        assert read(path) == 1
    writer.write(chunk(2))
    writer.close()
    found = Recording(path)
    assert all(map(same, found.chunks(0, END_OF_TIME), [chunk(0), chunk(2)]))
    assert found.remark == ""


def test_full_before_it_begins(tmp_path: Path) -> None:
    """Where not even the beginning finds room, no file is left; the old one stays, --force or not.

    A device that is always full is as a full disk, and is not deleted.
    """
    with room(1000):
        assert "no more room" in refusal(tmp_path / "a").reason
    assert not list(tmp_path.iterdir())
    path = written(tmp_path / "a", chunk(0), chunk(1))
    with room(1000):
        assert "no more room" in refusal(path, force=True).reason
    assert read(path) == 2
    assert list(tmp_path.iterdir()) == [path]
    assert "no more room" in refusal(Path("/dev/full")).reason
    assert Path("/dev/full").exists()


@pytest.mark.parametrize("how", ["replaced", "deleted"])
@pytest.mark.parametrize("until", ["write", "close"])
def test_a_file_that_is_lost_meanwhile(tmp_path: Path, how: str, until: str) -> None:
    """Who records into a file that others replace or delete is told, and told once."""
    path = tmp_path / "a"
    writer = RecordingWriter(path, ORIGIN)
    writer.write(chunk(0))
    if how == "replaced":
        second = RecordingWriter(path, ORIGIN, force=True)
        second.write(chunk(1))
        second.close()
    else:
        path.unlink()
    with pytest.raises(TcctuiError, match=f"was {how}"):
        writer.write(chunk(1)) if until == "write" else writer.close()
    writer.close()
    assert how == "deleted" or read(path) == 1
    writer = RecordingWriter(tmp_path / "b", ORIGIN)
    (tmp_path / "b").rename(tmp_path / "c")  # one that is moved goes on where it is
    writer.write(chunk(0))
    writer.close()
    assert read(tmp_path / "c") == 1


def test_a_fifo(tmp_path: Path) -> None:
    """A FIFO takes a recording as a pipe does, and it is told when its reader has gone."""
    path, got = tmp_path / "fifo", bytearray()
    os.mkfifo(path)

    def take() -> None:
        with path.open("rb", buffering=0) as file:
            while len(got) < 40_000:
                got.extend(file.read(4096))

    reader = threading.Thread(target=take)
    reader.start()
    writer = RecordingWriter(path, ORIGIN)
    with pytest.raises(PipeClosedError):
        write_many(writer)
    reader.join()
    writer.close()
    kept = tmp_path / "kept"
    kept.write_bytes(got)
    assert read(kept) >= 1


def write_many(writer: RecordingWriter) -> None:
    """Write more than any pipe holds."""
    for number in range(1000):
        writer.write(chunk(number))


def test_without_pyarrow(tmp_path: Path) -> None:
    """Where pyarrow is missing, it is said how to get it, and no file is made."""
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path\n"
        "from tcctui.errors import TcctuiError\n"
        "from tcctui.recording.timeline import Origin\n"
        "from tcctui.recording.writer import RecordingWriter, require_pyarrow\n"
        "for use in (require_pyarrow, lambda: RecordingWriter(Path(sys.argv[1]), Origin('h'))):\n"
        "    try: use()\n"
        "    except TcctuiError as error: print(error)\n"
    )
    path = tmp_path / "a"
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.count("pip install 'tcctui[record]'") == 2
    assert not path.exists()
    require_pyarrow()


# Besides a new file


CODE = """
import sys
from pathlib import Path
from tests.unit.recordings import ORIGIN, chunk
from tcctui.recording.writer import RecordingWriter
path = Path(sys.argv[1]) if sys.argv[1] else None
writer = RecordingWriter(path, ORIGIN, force="force" in sys.argv)
writer.write(chunk(0)); writer.close()
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of others")


def refused(path: Path, *, force: bool = False) -> str:
    """Give what is said of a place that nothing is written to."""
    with pytest.raises(TcctuiError) as caught:
        opened(path, force=force)
    return caught.value.reason


@pytest.mark.parametrize("force", ["", "force"])
@pytest.mark.parametrize(
    "way", ["", "/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "link", "itself"]
)
def test_names_of_standard_output(tmp_path: Path, way: str, force: str) -> None:
    """However standard output is called, the recording goes there, and the name stays."""
    out, link = tmp_path / "out", tmp_path / "stdout"
    link.symlink_to("/dev/stdout")
    name = {"link": str(link), "itself": str(out)}.get(way, way)
    with out.open("wb") as file:
        subprocess.run([sys.executable, "-c", CODE, name, force], stdout=file, check=True)
    recording = Recording(out)
    assert recording.totals().batches == 1
    assert recording.remark == ""
    assert link.is_symlink()
    assert Path("/dev/stdout").is_symlink()
    assert sorted(tmp_path.iterdir()) == [out, link]
    if way == "":
        run = [sys.executable, "-c", CODE, name, force]
        with terminal() as sub:
            done = subprocess.run(run, stdout=sub, stderr=subprocess.PIPE, text=True, check=False)
        assert "A recording is no text for a terminal." in done.stderr


def test_other_descriptors(tmp_path: Path) -> None:
    """A descriptor that the shell opened is written to; that of another process is not."""
    out = tmp_path / "out"
    with out.open("wb") as file:
        descriptor = opened(Path(f"/dev/fd/{file.fileno()}"), force=True)
        assert isinstance(descriptor, int)
        assert os.path.samestat(os.fstat(descriptor), out.stat())
        os.close(descriptor)
    assert "Bad file descriptor" in refused(Path("/dev/fd/999"))
    assert "symbolic link" in refused(Path(f"/proc/{os.getppid()}/fd/0"), force=True)


@needs_root
def test_a_fifo_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory such as /tmp, nobody else's FIFO is written to; who called sudo is oneself.

    Nor is a disk written over.
    """
    shared, fifo = tmp_path / "shared", tmp_path / "shared" / "fifo"
    shared.mkdir()
    shared.chmod(0o1777)
    os.mkfifo(fifo, 0o666)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    def accepted() -> None:
        descriptor = opened(fifo, force=False)
        assert isinstance(descriptor, int)
        os.close(descriptor)

    accepted()
    os.chown(fifo, 12345, 12345)
    assert "belongs to another user" in refused(fifo)
    os.close(reader)
    disk = tmp_path / "disk"
    try:
        os.mknod(disk, 0o060600, os.makedev(7, 250))
    except OSError:
        pytest.skip("no block devices can be made here")
    assert "is a disk" in refused(disk, force=True)


def test_replaced_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is opened is what was looked at."""
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "other")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    looked = os.lstat(tmp_path / "other")
    monkeypatch.setattr(os, "lstat", lambda _: looked)
    with pytest.raises(TcctuiError, match="was replaced"):
        location.opened(tmp_path / "fifo", force=False)
    os.close(reader)


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files have no second names, they are made, and replace nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "a"
    new, late = (NewFile(path, force=False) for _ in range(2))
    os.write(new.descriptor, b"new")
    for file in (new, late):
        os.close(file.descriptor)
    new.name()
    with pytest.raises(TcctuiError, match="already exists"):
        late.name()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


# Beside what reads


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
    lost = RecordingThread(Slow(tmp_path / "lost"))
    (tmp_path / "lost").unlink()
    with pytest.raises(TcctuiError, match="was deleted"):  # though seen only at the end
        lost.close()


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


# Beside a dashboard, which waits for nothing


def test_a_fifo_without_a_reader(tmp_path: Path) -> None:
    """Chunks are taken and counted, though nobody opens the FIFO; nothing waits for it at the end.

    Once there is a reader, it gets all of them.
    """
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    lonely = RecordingThread(lambda: RecordingWriter(fifo, ORIGIN, force=False))
    lonely.begun(0)
    lonely.offer(chunk(0))
    assert lonely.stalled_s > 0
    lonely.leave()
    assert lonely.unwritten == len(chunk(0).events)
    assert lonely.writer is None
    second = tmp_path / "second"
    os.mkfifo(second)
    recording = RecordingThread(lambda: RecordingWriter(second, ORIGIN, force=False))
    recording.offer(chunk(0))
    with second.open("rb") as reader:
        recording.begun(SOON)
        reading = threading.Thread(target=reader.read)
        reading.start()
        recording.close()
        reading.join()
    assert recording.unwritten == 0


def test_a_target_that_takes_nothing(tmp_path: Path) -> None:
    """A full pipe stalls nobody: it is seen to take nothing, and left at the end as it is.

    Beyond its room the recording ends, with the reason.
    """
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    recording = RecordingThread(lambda: RecordingWriter(fifo, ORIGIN, force=False), room=1 << 20)
    recording.begun(SOON)
    large = chunk(0, flows=2000)
    with pytest.raises(TcctuiError, match="took nothing"):
        list(map(recording.offer, [large] * 20))
    assert recording.failed
    assert recording.stalled_s > 0
    recording.leave()
    recording.leave()
    assert recording.unwritten == recording.offered > 0
    os.close(reader)


def test_an_idle_second_on_a_stuck_target(tmp_path: Path) -> None:
    """A chunk without records waits, too: the end is not waited for on a frozen file system."""
    writer = Slow(tmp_path / "it")
    recording = RecordingThread(writer)
    recording.offer(replace(chunk(0), events=NO_EVENTS, samples=NO_SAMPLES, keyframe=b""))
    assert max(recording.stalled_s for _ in range(2)) > 0
    recording.leave()
    writer.may.release()


def test_a_slow_target_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as something is taken, the end waits: all of it is in the recording."""
    monkeypatch.setattr(writer_thread, "_PATIENCE", 0.0)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    recording = RecordingThread(lambda: RecordingWriter(fifo, ORIGIN, force=False))
    recording.begun(SOON)
    recording.offer(chunk(0, flows=500))

    class Moving:
        """Says of a target that it has taken something, until all is taken."""

        def __get__(self, thread: RecordingThread, _: object) -> float:
            with suppress(BlockingIOError):
                os.read(reader, 1 << 16)
            return 0.0 if thread.unwritten else 1.0

    monkeypatch.setattr(RecordingThread, "stalled_s", Moving())
    recording.leave()
    assert recording.unwritten == 0
    os.close(reader)


def test_what_can_not_be_opened(tmp_path: Path) -> None:
    """A file that is there is refused at once, in the thread that asks for the recording."""
    path = tmp_path / "it"
    path.write_text("precious")
    recording = RecordingThread(lambda: RecordingWriter(path, ORIGIN))
    with pytest.raises(TcctuiError, match="already exists"):
        recording.begun(SOON)
    recording.leave()
