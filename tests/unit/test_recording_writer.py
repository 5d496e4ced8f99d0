"""Where recordings are written to, and what happens if they can't be."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.recording.file import Recording
from tcctui.recording.writer import PipeClosedError, RecordingWriter, require_pyarrow
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_belongs_to_who_called_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under sudo the recording is the calling user's, so that he can replay it."""
    monkeypatch.setenv("SUDO_UID", "12345")
    monkeypatch.setenv("SUDO_GID", "2345")
    path = written(tmp_path / "a", chunk(0))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 2345)


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
    """What is there stays, unless --force is given; a link to nowhere stays even then."""
    path = written(tmp_path / "a", chunk(0), chunk(1))
    assert "--force" in refusal(path).mend
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for force in (False, True):
        assert "symbolic link" in refusal(tmp_path / "link", force=force).reason
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "nowhere").exists()
    assert read(path) == 2
    playing = Recording(path)
    writer = RecordingWriter(path, ORIGIN, force=True)
    writer.write(chunk(0))
    writer.close()
    assert read(path) == 1
    assert len(list(playing.chunks(0, END_OF_TIME))) == 2  # whoever plays the old one goes on


def test_places_that_are_no_files(tmp_path: Path) -> None:
    """Directories, missing ones and terminals are told in a sentence."""
    assert "is a directory" in refusal(tmp_path).reason
    assert "is a directory" in refusal(tmp_path, force=True).reason
    assert "no directory" in refusal(tmp_path / "none" / "a").reason
    written(tmp_path / "a", chunk(0))
    assert "can't be written" in refusal(tmp_path / "a" / "b").reason
    main, sub = os.openpty()
    assert "is a terminal" in refusal(Path(os.ttyname(sub))).reason
    os.close(main)
    os.close(sub)


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
    """Where not even the beginning finds room, no file is left."""
    with room(1000):
        assert "no more room" in refusal(tmp_path / "a").reason
    assert not list(tmp_path.iterdir())


def test_full_before_it_replaces(tmp_path: Path) -> None:
    """Where the new recording finds no room, the old one stays, --force or not."""
    path = written(tmp_path / "a", chunk(0), chunk(1))
    with room(1000):
        assert "no more room" in refusal(path, force=True).reason
    assert read(path) == 2
    assert list(tmp_path.iterdir()) == [path]


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


def test_a_file_that_is_moved_meanwhile(tmp_path: Path) -> None:
    """A recording may be moved while it is made: it goes on where it is."""
    writer = RecordingWriter(tmp_path / "a", ORIGIN)
    (tmp_path / "a").rename(tmp_path / "b")
    writer.write(chunk(0))
    writer.close()
    assert read(tmp_path / "b") == 1


def test_a_full_device() -> None:
    """A device that is always full is as a full disk, and is not deleted."""
    assert "no more room" in refusal(Path("/dev/full")).reason
    assert Path("/dev/full").exists()


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


def test_standard_output(tmp_path: Path) -> None:
    """Standard output takes a recording behind what is there, and a terminal is refused."""
    code = (
        "from tests.unit.recordings import ORIGIN, chunk\n"
        "from tcctui.recording.writer import RecordingWriter\n"
        "writer = RecordingWriter(None, ORIGIN)\n"
        "writer.write(chunk(0)); writer.close()"
    )
    path = tmp_path / "a"
    with path.open("wb") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert read(path) == 1
    assert Recording(path).remark == ""
    main, sub = os.openpty()
    run = subprocess.run(
        [sys.executable, "-c", code], stdout=sub, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(main)
    os.close(sub)
    assert "A recording is no text for a terminal." in run.stderr


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


def test_a_disk_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only disk is named as such."""

    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    assert "read-only" in refusal(tmp_path / "a").reason
