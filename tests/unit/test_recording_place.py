"""What a recording may be written to besides a new file, and what not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.files.new_file import NewFile, give_to_caller, ours
from tcctui.recording import location
from tcctui.recording.file import Recording
from tcctui.recording.location import opened
from tests.unit.nobody import without_privileges

CODE = """
import sys
from pathlib import Path
from tests.unit.recordings import ORIGIN, chunk
from tcctui.recording.writer import RecordingWriter
writer = RecordingWriter(Path(sys.argv[1]), ORIGIN, force="force" in sys.argv)
writer.write(chunk(0)); writer.close()
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of others")


def refused(path: Path, *, force: bool = False) -> str:
    """Give what is said of a place that nothing is written to."""
    with pytest.raises(TcctuiError) as caught:
        opened(path, force=force)
    return caught.value.reason


@pytest.mark.parametrize("force", ["", "force"])
@pytest.mark.parametrize("way", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "link", "itself"])
def test_names_of_standard_output(tmp_path: Path, way: str, force: str) -> None:
    """However standard output is called, the recording goes there, and the name stays."""
    out, link = tmp_path / "out", tmp_path / "stdout"
    link.symlink_to("/dev/stdout")
    name = {"link": str(link), "itself": str(out)}.get(way, way)
    with out.open("wb") as file:
        subprocess.run([sys.executable, "-c", CODE, name, force], stdout=file, check=True)
    assert Recording(out).totals().batches == 1
    assert link.is_symlink()
    assert Path("/dev/stdout").is_symlink()
    assert sorted(tmp_path.iterdir()) == [out, link]


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


def test_links(tmp_path: Path) -> None:
    """Links are neither followed nor replaced, whatever they lead to."""
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "fifo", "none", "/dev/null"):
        link = tmp_path / "link"
        link.symlink_to(tmp_path / name)
        for force in (False, True):
            assert "symbolic link" in refused(link, force=force)
        link.unlink()
    assert (tmp_path / "file").read_text() == "mine"


@needs_root
def test_no_disk(tmp_path: Path) -> None:
    """A disk is not written over."""
    disk = tmp_path / "disk"
    try:
        os.mknod(disk, 0o060600, os.makedev(7, 250))
    except OSError:
        pytest.skip("no block devices can be made here")
    assert "is a disk" in refused(disk, force=True)


def test_a_socket(tmp_path: Path) -> None:
    """A socket with a name is told in a sentence."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert "can't be written" in refused(tmp_path / "socket")


@needs_root
def test_a_fifo_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory such as /tmp, nobody else's FIFO is written to; who called sudo is oneself."""
    shared, fifo = tmp_path / "shared", tmp_path / "shared" / "fifo"
    shared.mkdir()
    shared.chmod(0o1777)
    os.mkfifo(fifo, 0o666)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    mine = opened(fifo, force=False)
    assert isinstance(mine, int)
    os.close(mine)
    os.chown(fifo, 12345, 12345)
    assert "belongs to another user" in refused(fifo)
    monkeypatch.setenv("SUDO_UID", "12345")
    callers = opened(fifo, force=False)
    assert isinstance(callers, int)
    os.close(callers)
    os.close(reader)
    with without_privileges():
        assert not ours(12345)


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


@pytest.mark.parametrize("user", ["99999999999999", "4" * 5000, "²", "", "-1", "x"])
def test_sudo_that_says_nonsense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    """What SUDO_UID says may be anything: the file is made nevertheless."""
    monkeypatch.setenv("SUDO_UID", user)
    monkeypatch.setenv("SUDO_GID", user)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with (tmp_path / "a").open("wb") as file:
        give_to_caller(file.fileno())


def test_a_file_system_without_owners_and_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files have neither owners nor second names, they are made, and replace nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1000")
    for name in ("fchown", "link"):
        monkeypatch.setattr(os, name, refuse)
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
