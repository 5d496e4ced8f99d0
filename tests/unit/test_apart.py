"""Processes apart: what they answer, and what no request gets out of them."""

from __future__ import annotations

import errno
import json
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tcctui.alerts import hook_process
from tcctui.alerts.command import OwnRunner
from tcctui.alerts.hook_process import RunnerElsewhere
from tcctui.files import disk, file_process
from tcctui.files.file_process import DiskElsewhere, Place
from tcctui.files.new_file import NewFile
from tcctui.privileges import landlock
from tcctui.privileges.channel import Channel
from tcctui.sources.sock_diag import namespace_process, namespaces, owner_process, process_memory
from tcctui.sources.sock_diag.elsewhere import NamespacesElsewhere, ScansElsewhere
from tcctui.sources.sock_diag.namespaces import Namespace
from tcctui.sources.sock_diag.processes import Processes
from tcctui.wire.samples import SAMPLE

PATIENCE = 60
REQUESTS = 3_000


@contextmanager
def served(serve: Callable[[Channel], None]) -> Iterator[Channel]:
    """Serve in a thread; gives the other end."""
    here, there = socket.socketpair()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with there:
                serve(Channel(there))
        except OSError:
            pass  # the channel was closed: the end
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    channel = Channel(here)
    try:
        yield channel
    finally:
        channel.close()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not failed, failed


def test_owners_are_those_of_a_scan() -> None:
    """Owners from another process are those that this one finds: of our own socket, too."""
    with socket.socket() as one, served(owner_process.serve) as channel:
        samples = np.zeros(1, SAMPLE)
        samples["inode"] = os.fstat(one.fileno()).st_ino & 0xFFFFFFFF
        scans = ScansElsewhere(channel)
        assert len(scans.look().fill(samples)) == 0
        own = samples.copy()
        Processes().look().fill(own)
        assert samples.tobytes() == own.tobytes()
        assert samples["pid"] == os.getpid()
        assert scans.worked > 0


def test_owners_without_the_other_process_are_our_own() -> None:
    """Where it has ended, or answers nonsense, sockets of this user's processes have owners."""
    for answers in ([], [b""], [b"x" * 9], [struct.pack("=QII", 1, 9, 9)]):

        def nonsense(channel: Channel, answers: list[bytes] = answers) -> None:
            for answer in answers:
                channel.receive(9)
                channel.send(answer)

        with socket.socket() as one, served(nonsense) as channel:
            samples = np.zeros(1, SAMPLE)
            samples["inode"] = os.fstat(one.fileno()).st_ino & 0xFFFFFFFF
            scans = ScansElsewhere(channel)
            scans.look()
            scans.look().fill(samples)
            assert samples["pid"] == os.getpid()


def test_memory_is_measured_by_the_process_that_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """It measures the process that asks, whoever scans meanwhile; without it this one does."""
    asked = {os.getppid(): 1234}
    monkeypatch.setattr(owner_process, "together", asked.__getitem__)
    monkeypatch.setattr(process_memory, "own", lambda: 99)
    with served(owner_process.serve) as channel:
        scans = ScansElsewhere(channel)
        scanning = threading.Thread(target=lambda: [scans.look() for _ in range(2)])
        scanning.start()
        assert {scans.memory() for _ in range(50)} == {1234}
        scanning.join(PATIENCE)
    assert scans.memory() == 99


def test_namespaces_are_those_that_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come with their names, whatever these are; a socket is made in one that was listed."""
    own, *_ = namespaces.found()
    found = [own, Namespace(7, "bl\udcffe", "/proc/1/ns/net")]
    monkeypatch.setattr(namespaces, "found", lambda: found)
    opened: list[Namespace] = []

    def open_diag(namespace: Namespace) -> socket.socket:
        opened.append(namespace)
        return namespaces.diag_socket()

    monkeypatch.setattr(namespaces, "open_diag", open_diag)
    monkeypatch.setattr(namespaces, "open_route", lambda _: namespaces.route_socket())
    with served(namespace_process.serve) as channel:
        reach = NamespacesElsewhere(channel)
        with pytest.raises(FileNotFoundError):
            reach.open_diag(own)
        first, second = reach.found()
        assert (first.inode, first.name, first.path) == (own.inode, own.name, namespaces.OWN)
        assert (second.inode, second.name) == (7, "bl\udcffe")
        with reach.open_diag(second) as made, reach.open_listener(first) as listener:
            assert made.family == listener.family == socket.AF_NETLINK
        assert opened == [found[1], own]
        with reach.open_route(second) as made:
            assert (made.family, made.proto) == (socket.AF_NETLINK, 0)
        with pytest.raises(FileNotFoundError):
            reach.open_diag(Namespace(8, "", ""))


def test_namespaces_without_the_other_process() -> None:
    """Where it has ended, none is found, and none can be entered."""
    with served(lambda _: None) as channel:
        reach = NamespacesElsewhere(channel)
        assert reach.found() == []
        with pytest.raises(ConnectionError):
            reach.open_diag(Namespace(8, "", ""))


@pytest.fixture
def places(tmp_path: Path) -> list[Place]:
    """Give the places of a file and of what is saved on request."""
    (tmp_path / "told").mkdir()
    (tmp_path / "saved").mkdir()
    return [Place.of(tmp_path / "told" / "a.arrows"), Place(tmp_path / "saved", r"tcctui-[^/]*")]


@pytest.fixture
def serve(places: list[Place], monkeypatch: pytest.MonkeyPatch) -> Callable[[Channel], None]:
    """Serve files there, without a restriction that would last."""
    monkeypatch.setattr(landlock, "restrict", lambda **_: None)
    return partial(file_process.serve, places)


def test_files_are_made_as_by_this_process(
    tmp_path: Path, serve: Callable[[Channel], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file is made, named, replaced and read by another process as by this one."""
    with served(serve) as channel:
        monkeypatch.setattr(disk, "_used", DiskElsewhere(channel, 7))
        path = tmp_path / "told" / "a.arrows"
        for text in (b"one", b"two"):
            new = NewFile(path, force=text == b"two", mode=0o640)
            os.write(new.descriptor, text)
            os.close(new.descriptor)
            new.name()
            with closing(os.fdopen(disk.disk().open(path, os.O_RDONLY), "rb")) as file:
                assert file.read() == text
        assert [*path.parent.iterdir()] == [path]
        assert path.stat().st_mode & 0o777 == 0o640
        assert disk.disk().lstat(path).st_size == 3
        assert disk.disk().is_directory(path.parent)
        assert not disk.disk().is_directory(tmp_path)
        assert disk.disk().realpath(path) == path
        assert disk.disk().uid == 7


def test_files_of_told_names_are_listed(
    tmp_path: Path, serve: Callable[[Channel], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that were told are listed, however many there are, and no others, nor elsewhere."""
    saved = tmp_path / "saved"
    names = [f"tcctui-{number}" for number in range(450)]
    for name in (*names, "a.arrows", ".hidden"):
        (saved / name).write_text("")
    with served(serve) as channel:
        elsewhere = DiskElsewhere(channel, 0)
        assert elsewhere.names(saved) == sorted(names)
        with pytest.raises(PermissionError):
            elsewhere.names(tmp_path)


def test_no_other_file_is_made(
    tmp_path: Path, serve: Callable[[Channel], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that was not told is refused, by whatever way it leads there."""
    victim = tmp_path / "told" / "victim"
    victim.write_text("mine")
    there = disk.OwnDisk().create(tmp_path / "saved" / "tcctui-1", 0o600)
    os.close(there)
    monkeypatch.chdir(tmp_path / "told")
    refused = [victim, tmp_path / "x", Path("/etc/tcctui-x"), tmp_path / "saved" / "a.arrows"]
    with served(serve) as channel:
        elsewhere = DiskElsewhere(channel, 0)
        for path in refused:
            for call in (
                lambda path: elsewhere.create(path, 0o600),
                lambda path: elsewhere.open(path, os.O_RDONLY),
                elsewhere.unlink,
                elsewhere.lstat,
                lambda path: elsewhere.replace(tmp_path / "saved" / "tcctui-1", path),
                lambda path: elsewhere.link(path, tmp_path / "saved" / "tcctui-2"),
            ):
                with pytest.raises(PermissionError):
                    call(path)
        told = str(tmp_path / "told")
        for raw in (f"{told}/../told/a.arrows", f"{told}/./a.arrows", f"{told}/", "a.arrows", told):
            channel.send(json.dumps(["create", raw, 0o600]).encode())
            assert json.loads(channel.receive(1000)[0])[0] == errno.EACCES
    assert victim.read_text() == "mine"
    assert not list((tmp_path / "told").glob("*.arrows"))


def test_alerts_run_nothing_but_their_command(tmp_path: Path) -> None:
    """The command gets the variables of alerts alone; its exit code comes back."""
    out = tmp_path / "out"
    words = ["/bin/sh", "-c", f"echo $TCCTUI_ALERT $PATH > {out}; exit 3"]
    runner = OwnRunner(words, {}, {"PATH": "mine"})
    with served(partial(hook_process.serve, runner)) as channel:
        elsewhere = RunnerElsewhere(channel, words[0])
        pid = elsewhere.start({"TCCTUI_ALERT": "srtt>1s"})
        code = None
        while code is None:
            code = elsewhere.poll(pid)
        assert code == 3
        assert out.read_text() == "srtt>1s mine\n"
    with served(partial(hook_process.serve, OwnRunner(["/gone"], {}, {}))) as channel:
        elsewhere = RunnerElsewhere(channel, "/gone")
        with pytest.raises(FileNotFoundError):
            elsewhere.start({})
    nonsense: list[object] = [{"LD_PRELOAD": "x"}, {"TCCTUI_ALERT": 3}, [], "x", {"TCCTUI_A=B": ""}]
    for variables in nonsense:
        with served(partial(hook_process.serve, runner)) as channel:
            channel.send(json.dumps(variables).encode())
            with pytest.raises(ConnectionError):
                channel.receive(1000)


# Nonsense


def nonsense(chance: random.Random) -> bytes:
    """Bytes that no tcctui sends: at random, or nearly a request."""
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.choice([0, 1, 7, 8, 9, 10, 300]))
    if kind == 1:
        return struct.pack(
            "=cQ", chance.choice([b"l", b"d", b"n", b"r", b"x"]), chance.getrandbits(64)
        )
    if kind == 2:
        return chance.choice([b"s", b"ss", b"", b"{}", b"[]", b"[[]]", b"null", b"[" * 5000])
    names = ["create", "open", "lstat", "link", "replace", "unlink", "realpath", "is_directory", ""]
    paths = ["/etc/passwd", "/", "", "..", "\0", "tcctui-1", "\udcff", 3, None, [], {}, -1, 2**70]
    return json.dumps(
        [chance.choice(names), *chance.choices(paths, k=chance.randrange(4))]
    ).encode()


@pytest.mark.parametrize("which", ["owners", "namespaces", "files", "alerts", "frames"])
def test_nonsense_gets_nothing(
    which: str,
    serve: Callable[[Channel], None],
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """Whatever is sent, an answer comes or the channel ends: no file is opened, nothing raised."""
    seed = random.randrange(1 << 32)
    record_property("seed", seed)
    chance = random.Random(seed)
    monkeypatch.setattr(owner_process, "scan", list)
    monkeypatch.setattr(namespaces, "found", list)
    serves: dict[str, Callable[[Channel], None]] = {
        "owners": owner_process.serve,
        "namespaces": namespace_process.serve,
        "files": serve,
        "alerts": partial(hook_process.serve, OwnRunner(["/gone"], {}, {})),
        "frames": owner_process.serve,
    }
    sent = 0
    while sent < REQUESTS:
        with served(serves[which]) as channel:
            try:
                while sent < REQUESTS:
                    sent += 1
                    if which == "frames":
                        channel._end.sendall(chance.randbytes(chance.randrange(40)))
                        channel._end.shutdown(socket.SHUT_WR)
                    else:
                        given = [0] * (chance.random() < 0.05)
                        channel.send(nonsense(chance), given)
                    _, files = channel.receive(1 << 20, 253)
                    assert files == []
            except ConnectionError:
                continue
