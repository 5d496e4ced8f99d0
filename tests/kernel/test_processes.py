"""Tests of who has which socket open, with real processes and their sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from tcctui.sources.sock_diag.processes import Processes
from tcctui.wire.samples import SAMPLE, Samples
from tests.kernel.network import Network
from tests.kernel.traffic import connect

pytestmark = pytest.mark.kernel

_NAME = b"[b]\x1b[1m\xff\n"
_SETS_NAME = f"open('/proc/self/comm', 'wb').write({_NAME!r});"
_WAITS = "print('ready', flush=True); import sys; sys.stdin.read()"


def _samples(*inodes: int) -> Samples:
    samples = np.zeros(len(inodes), SAMPLE)
    samples["inode"] = inodes
    Processes().look().fill(samples)
    return samples


def _inode(end: socket.socket) -> int:
    return os.fstat(end.fileno()).st_ino


@contextmanager
def _python(*words: str, code: str, fds: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Let Python say its first words, and wait until its standard input is closed."""
    process = subprocess.Popen(
        [*words, sys.executable, "-c", code + _WAITS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=fds,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _said(process: subprocess.Popen[bytes]) -> list[bytes]:
    assert process.stdout is not None
    said: list[bytes] = []
    while not said or said[-1] != b"ready":
        said.append(process.stdout.readline().strip())
        assert said[-1], "it ended"
    return said


def test_this_process_has_its_sockets() -> None:
    """Both ends of a connection of this process, as its own name in /proc says."""
    with Network() as network:
        connection = connect(network, "ipv4")
        ends = (connection.client, connection.server)
        samples = _samples(*map(_inode, ends))
        with open("/proc/self/comm", "rb") as comm:
            name = comm.read().removesuffix(b"\n")
        assert samples["pid"].tolist() == [os.getpid()] * 2
        assert samples["comm"].tolist() == [name] * 2
        connection.close()


def test_a_process_in_another_namespace_with_a_strange_name_is_found() -> None:
    """Network namespaces don't hide a process, and its name comes as it set it."""
    opens = (
        "import os, socket; ends = socket.socket(), socket.socket(socket.AF_INET6);"
        "[print(os.fstat(end.fileno()).st_ino) for end in ends];"
    )
    with (
        Network() as network,
        _python("ip", "netns", "exec", network.server, code=_SETS_NAME + opens) as process,
    ):
        first, second, _ = _said(process)
        samples = _samples(int(first), int(second))
        assert samples["pid"].tolist() == [process.pid] * 2
        assert samples["comm"].tolist() == [_NAME] * 2


def test_a_shared_socket_is_the_parents_until_it_closes_it() -> None:
    """Of two processes with one socket the lowest pid is named; once alone, the other is."""
    with socket.socket() as shared:
        inode = _inode(shared)
        with _python(code=_SETS_NAME, fds=(shared.fileno(),)) as child:
            _said(child)
            lowest = min(os.getpid(), child.pid)
            assert _samples(inode)["pid"].tolist() == [lowest]
            shared.close()
            samples = _samples(inode)
            assert samples["pid"].tolist() == [child.pid]
            assert samples["comm"].tolist() == [_NAME]
        assert _samples(inode)["pid"].tolist() == [0]


def test_processes_may_come_and_go_meanwhile() -> None:
    """Looks while processes end all the time find this one's socket every time."""
    with socket.socket() as own:
        inode = _inode(own)
        going = [subprocess.Popen(["true"]) for _ in range(20)]
        for _ in range(20):
            assert _samples(inode)["pid"].tolist() == [os.getpid()]
            going.append(subprocess.Popen(["true"]))
        for process in going:
            process.wait()
