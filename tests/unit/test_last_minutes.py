"""The last minutes in files: what is kept, what is removed, and what a reader gets meanwhile."""

from __future__ import annotations

import argparse
import errno
import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tcctui.cli import argument_values
from tcctui.cli.state_directory import written_by_agents
from tcctui.errors import TcctuiError
from tcctui.memory import READING_MEMORY
from tcctui.privileges import identity
from tcctui.recording import rolling_files
from tcctui.recording.chunks import Chunk
from tcctui.recording.file import Recording
from tcctui.recording.last_minutes import LastMinutes
from tcctui.recording.rolling import RollingWriter
from tcctui.recording.rolling_files import boot, named
from tests.unit.events import SECOND
from tests.unit.recordings import ORIGIN, chunk, same

MOST = 64 << 20


def rolling(directory: Path, most_s: int = 16, most_bytes: int = MOST) -> RollingWriter:
    """Make a writer of the last seconds."""
    return RollingWriter(directory, lambda: ORIGIN, most_s * SECOND, most_bytes)


def fill(writer: RollingWriter, *numbers: int) -> None:
    """Write chunks, of a second each."""
    for number in numbers:
        writer.write(chunk(number))


def read(directory: Path, since_ns: int = 0, until_ns: int = 1 << 60) -> list[Chunk]:
    """Chunks that a reader gets."""
    files = rolling_files.opened(directory, since_ns)
    with closing(LastMinutes(files, READING_MEMORY)) as minutes:
        return list(minutes.chunks(since_ns, until_ns))


def begins(chunks: list[Chunk]) -> list[int]:
    """Second at which each begins."""
    return [one.begin_ns // SECOND for one in chunks]


def test_the_last_minutes_are_read_while_the_writer_goes_on(tmp_path: Path) -> None:
    """All whole chunks of the newest files are there, the same ones, without the writer's help."""
    writer = rolling(tmp_path)
    fill(writer, *range(5))
    found = read(tmp_path)
    assert begins(found) == [0, 1, 2, 3, 4]
    assert all(same(one, chunk(number)) for number, one in enumerate(found))
    fill(writer, 5)
    assert begins(read(tmp_path)) == [0, 1, 2, 3, 4, 5]
    assert begins(read(tmp_path, 2 * SECOND, 4 * SECOND)) == [2, 3]
    assert [*tmp_path.glob("*.part")] == []


def test_files_are_this_user_s_alone(tmp_path: Path) -> None:
    """Nobody else reads who talked to whom; the directory is made so, too."""
    directory = tmp_path / "state" / "rewind"
    fill(rolling(directory), *range(5))
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_what_is_older_is_removed(tmp_path: Path) -> None:
    """After a long time there are the seconds asked for, and at most an eighth more."""
    writer = rolling(tmp_path, most_s=16)
    fill(writer, *range(100))
    kept = begins(read(tmp_path))
    assert kept == list(range(kept[0], 100))
    assert 16 <= len(kept) <= 16 + 2
    assert len([*tmp_path.iterdir()]) <= 9


def test_bytes_are_limited_whatever_the_time(tmp_path: Path) -> None:
    """After each chunk the files have no more bytes than they may; the newest seconds stay."""
    size = 40_000
    writer = rolling(tmp_path, most_s=3600, most_bytes=8 * size)
    for number in range(60):
        fill(writer, number)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 8 * size + size
    kept = begins(read(tmp_path))
    assert kept[0] > 0
    assert kept[-1] == 59


def test_a_killed_writer_leaves_its_files(tmp_path: Path) -> None:
    """What is cut off in the middle of a chunk is left out; the next writer goes on beside it."""
    writer = rolling(tmp_path)
    fill(writer, *range(5))
    newest = max(tmp_path.iterdir())
    os.truncate(newest, newest.stat().st_size - 100)
    assert begins(read(tmp_path)) == [0, 1, 2, 3]
    again = rolling(tmp_path)
    fill(again, 7, 8)
    assert begins(read(tmp_path)) == [0, 1, 2, 3, 7, 8]
    fill(again, *range(30, 50))
    assert begins(read(tmp_path))[0] >= 30, "the killed one's are removed in their time"


def test_files_of_another_boot_are_removed(tmp_path: Path) -> None:
    """Their clock was another one; a file of another name stays."""
    fill(rolling(tmp_path), 0, 1)
    (own,) = tmp_path.iterdir()
    other = tmp_path / named("0" * 32, 5 * SECOND)
    other.write_bytes(own.read_bytes())
    (tmp_path / "notes.txt").write_text("not ours")
    assert begins(read(tmp_path)) == [0, 1]
    rolling(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {own.name, "notes.txt"}
    assert own.name.startswith(boot())


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """Have no file become larger than so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    """What was written stays readable; it is tried again later, and said that it works."""
    writer = rolling(tmp_path, most_s=160)
    fill(writer, 0)
    with full_at(next(tmp_path.iterdir()).stat().st_size + 10):
        fill(writer, 1, 2, 3)
    (trouble,) = writer.troubles()
    assert "has no more room" in trouble
    assert trouble.endswith("The last minutes are not kept meanwhile.")
    fill(writer, 4, 20)
    assert writer.troubles() == []
    fill(writer, 33, 34)
    assert writer.troubles() == [f"{tmp_path} can be written again."]
    assert begins(read(tmp_path)) == [0, 33, 34]


def test_a_reader_that_comes_while_files_are_removed(tmp_path: Path) -> None:
    """Files that were open are read to their end, whatever is removed meanwhile."""
    writer = rolling(tmp_path, most_s=16)
    fill(writer, *range(16))
    files = rolling_files.opened(tmp_path, 0)
    fill(writer, *range(40, 80))
    with closing(LastMinutes(files, READING_MEMORY)) as minutes:
        assert begins(list(minutes.chunks(0, 1 << 60)))[:16] == list(range(16))


def test_only_files_with_something_of_the_time_are_opened(tmp_path: Path) -> None:
    """A reader of the last seconds leaves an hour of files alone."""
    fill(rolling(tmp_path, most_s=80), *range(80))
    files = rolling_files.opened(tmp_path, 75 * SECOND)
    assert len(files) == 1
    with closing(LastMinutes(files, READING_MEMORY)) as minutes:
        assert minutes.first_ns(75 * SECOND, 1 << 60) == 75 * SECOND
        assert minutes.interval_ns == ORIGIN.interval_ns


def test_where_nothing_is_kept(tmp_path: Path) -> None:
    """There are no files, in a directory that is not there either."""
    assert rolling_files.opened(tmp_path / "none", 0) == []
    assert read(tmp_path) == []


def test_who_may_not_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence, with what to do."""
    fill(rolling(tmp_path), 0, 1)

    def refuse(path: Path, *_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TcctuiError, match=r"Permission denied\. .*run it with sudo"):
        rolling_files.opened(tmp_path, 0)


def test_a_link_is_no_file_of_the_last_minutes(tmp_path: Path) -> None:
    """Whatever it leads to, root is not made to read it."""
    fill(rolling(tmp_path), 0, 1)
    (own,) = tmp_path.iterdir()
    (tmp_path / named(boot(), 9 * SECOND)).symlink_to(own)
    with pytest.raises(TcctuiError, match="can't be opened"):
        rolling_files.opened(tmp_path, 0)


def test_files_are_recordings(tmp_path: Path) -> None:
    """Each is one of its own, with its end, once the writer has closed it."""
    writer = rolling(tmp_path)
    fill(writer, *range(6))
    writer.close()
    for path in sorted(tmp_path.iterdir()):
        with closing(Recording(path)) as recording:
            assert recording.remark == ""


def test_where_a_reader_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In root's directory, and in that of an agent of the user behind sudo; a service's is told."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    user = identity.User(1000, 1000, [1000], "alice", tmp_path)
    for behind, more in ((None, []), (user, [tmp_path / ".local/state/tcctui/rewind"])):
        monkeypatch.setattr(identity, "caller", lambda behind=behind: behind)
        assert written_by_agents("rewind") == [Path("/var/lib/tcctui/rewind"), *more]
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/private/x")
    assert written_by_agents("rewind") == [Path("/var/lib/private/x/rewind")]


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("1h30m", 5400), ("90", 90), ("90s", 90), ("2h", 7200)]
)
def test_times(text: str, seconds: float) -> None:
    """Hours, minutes and seconds."""
    assert argument_values.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "10d", "m", "1000h", "5m3x"])
def test_what_is_no_time(text: str) -> None:
    """Refused."""
    with pytest.raises(argparse.ArgumentTypeError, match="is not a time"):
        argument_values.duration(text)
