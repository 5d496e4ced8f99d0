"""Processes of connections shorter than any scan of /proc, as the kernel's own events tell them."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.cgroups import MOUNTS
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.type_flags import socket_flags
from tcctui.sources.kernel.type_information import of_this_kernel
from tcctui.wire.events import OWNED, EventKind, Events, TcpState
from tests.kernel.deadlines import until
from tests.kernel.happenings import of_kinds
from tests.kernel.network import Network, inside
from tests.kernel.recorder import Recorder
from tests.kernel.traffic import PORT

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(
        not any("OWNED" in flag for flag in socket_flags(of_this_kernel())),
        reason="this kernel has no BTF",
    ),
]

_PR_SET_NAME = 15  # include/uapi/linux/prctl.h

_SERVER = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
print("listens", flush=True)
for line in sys.stdin:
    one, _ = listener.accept()
    try:
        one.recv(1 if line.startswith("unread") else 4096)
        if line.startswith("reset"):
            one.recv(1)
    except ConnectionResetError:
        pass
    one.close()
    print("closed", flush=True)
"""
"""Takes a connection for each line, and closes it with data unread, or once it was reset."""


@pytest.fixture
def network() -> Iterator[Network]:
    """Join a client and a server."""
    with Network() as made:
        yield made


@pytest.fixture
def server(network: Network) -> Iterator[subprocess.Popen[str]]:
    """Start another process that serves."""
    made = subprocess.Popen(
        [
            *("ip", "netns", "exec", network.server),
            *(sys.executable, "-c", _SERVER, network.SERVER, str(PORT)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with made:
        assert made.stdout is not None
        assert made.stdout.readline() == "listens\n"
        yield made
        made.kill()


def served(server: subprocess.Popen[str], how: str) -> None:
    """Let it take the next connection."""
    assert server.stdin is not None
    server.stdin.write(how + "\n")
    server.stdin.flush()


def gone(server: subprocess.Popen[str]) -> None:
    """Wait until it has closed that."""
    assert server.stdout is not None
    assert server.stdout.readline() == "closed\n"


def of_server(recorder: Recorder, kind: EventKind) -> Events:
    """Events of a kind at the server's end of a connection, and of the listener."""
    events = of_kinds(recorder.events, kind)
    return events[(events["sport"] == PORT) & (events["skaddr"] != 0)]


def accepted(recorder: Recorder) -> Events:
    """Changes of state at the server's end of a connection, without the listener's."""
    events = of_server(recorder, EventKind.STATE)
    return events[events["dport"] != 0]


def pids(events: Events) -> set[int]:
    """Processes that events name."""
    return {*events.view(OWNED)["pid"].tolist()} - {0}


@pytest.mark.parametrize("how", ["reset", "unread"])
def test_whoever_closes_an_accepted_connection_is_named(
    how: str, network: Network, server: subprocess.Popen[str]
) -> None:
    """One that its peer reset, or that is closed with data unread, enters no state by a FIN.

    The process that closes it is named all the same, and no other: not that which a segment
    interrupts.
    """
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source, Recorder(source) as recorder:
        with inside(network.client), socket.socket() as client:
            client.connect((network.SERVER, PORT))
            served(server, how)
            client.sendall(bytes(3))
            if how == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
            gone(server)
        until("its end is there", lambda: len(of_server(recorder, EventKind.DESTROY)))
        ended = of_server(recorder, EventKind.DESTROY)
        states = of_server(recorder, EventKind.STATE)
    assert pids(ended) == {server.pid}
    assert pids(states) <= {server.pid}
    (name,) = {*ended.view(OWNED)["comm"].tolist()}
    assert name.startswith(b"python")


def test_a_thread_s_own_name_is_not_its_process_s(
    network: Network, server: subprocess.Popen[str]
) -> None:
    """As `ss -p` does: the name is the process's, whichever of its threads has the socket."""

    def connect() -> None:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, b"its-own-name")
        with inside(network.client), socket.socket() as client:
            client.connect((network.SERVER, PORT))
            served(server, "unread")

    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source, Recorder(source) as recorder:
        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()
        gone(server)

        def named() -> set[bytes]:
            states = of_kinds(recorder.events, EventKind.STATE)
            owners = states[states["dport"] == PORT].view(OWNED)
            return {*owners["comm"][owners["pid"] == os.getpid()].tolist()}

        until("its beginning is there", named)
    assert named() == {Path("/proc/self/comm").read_text().strip().encode()}


def test_the_container_of_whoever_closes(network: Network, server: subprocess.Popen[str]) -> None:
    """Its cgroup is named in the same event, by the number that the kernel has of it."""
    mount = next((one for one in MOUNTS if (one / "cgroup.controllers").exists()), None)
    if mount is None or not os.access(mount, os.W_OK):
        pytest.skip("no cgroup of the unified hierarchy can be made here")
    group = mount / f"tcctui-{os.getpid()}.scope"
    group.mkdir()
    try:
        (group / "cgroup.procs").write_text(str(server.pid))
        with (
            closing(BpfSource(KernelFilter.on_ports(PORT))) as source,
            Recorder(source) as recorder,
        ):
            with inside(network.client), socket.socket() as client:
                client.connect((network.SERVER, PORT))
                served(server, "whole")
                client.sendall(bytes(3))
                gone(server)
            until("its FIN is there", lambda: pids(of_server(recorder, EventKind.STATE)))
            states = of_server(recorder, EventKind.STATE)
        owned = states[states.view(OWNED)["pid"] == server.pid]
        assert {*owned.view(OWNED)["cgroup"].tolist()} == {group.name.encode()}
    finally:
        server.kill()
        server.wait()
        until("nobody is in it", lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


def test_a_connection_that_nobody_accepted_is_nobodys(network: Network) -> None:
    """Reset while it waits in the accept queue, it is the segment's: no process is named."""
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source, Recorder(source) as recorder:
        with inside(network.server):
            listener = socket.socket()
        with closing(listener), inside(network.client), socket.socket() as client:
            listener.bind((network.SERVER, PORT))
            listener.listen()
            client.connect((network.SERVER, PORT))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            cookie = socket_cookie(client)
            client.close()
            until("the client's end", lambda: cookie in ended_cookies(recorder))
            until("and the server's", lambda: TcpState.CLOSE in accepted(recorder)["newstate"])
            events = accepted(recorder)
    assert pids(events) == set()


def test_who_aborts_a_connection_is_not_its_process(network: Network) -> None:
    """`ss -K` has the socket's lock while it aborts it, and is not named."""
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source, Recorder(source) as recorder:
        with inside(network.server):
            listener = socket.socket()
        with closing(listener), inside(network.client), socket.socket() as client:
            listener.bind((network.SERVER, PORT))
            listener.listen()
            client.connect((network.SERVER, PORT))
            with closing(listener.accept()[0]):
                killed = subprocess.run(
                    ["ss", "-KHtnN", network.server, f"sport = :{PORT} and dport != :0"],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if str(PORT) not in killed.stdout:
                    pytest.skip("this kernel aborts no sockets (CONFIG_INET_DIAG_DESTROY)")
                until("it is closed", lambda: TcpState.CLOSE in accepted(recorder)["newstate"])
                events = accepted(recorder)
                closed = events[events["newstate"] == TcpState.CLOSE]
    assert pids(closed) == set()


def socket_cookie(end: socket.socket) -> int:
    """Cookie of a socket."""
    return int(np.frombuffer(end.getsockopt(socket.SOL_SOCKET, 57, 8), "u8")[0])


def ended_cookies(recorder: Recorder) -> list[int]:
    """Cookies of the sockets whose end was told."""
    cookies: list[int] = of_kinds(recorder.events, EventKind.DESTROY)["sock_cookie"].tolist()
    return cookies
