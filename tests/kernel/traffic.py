"""TCP connections of the tests' own, made and used from plain sockets."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

from tests.kernel.deadlines import PATIENCE, until
from tests.kernel.network import Network, inside, run
from tests.kernel.repeated import repeated

_SO_COOKIE = 57  # include/uapi/asm-generic/socket.h

PORT = 20_000 + 80 * os.getpid() % 10_000
"""A server's port that other users of this machine hardly have, and no client gets by itself.

tcp_probe is for all namespaces: a process of tests beside this one has another port, and may take
some of the next ones, too.
"""

KINDS = ("ipv4", "ipv6", "mapped", "half-mapped", "loopback")
"""Both ends IPv4; both IPv6; both IPv6 sockets that speak IPv4; only the server such a one; both in
the client's namespace."""


@dataclass(frozen=True)
class Connection:
    """The two sockets of an established connection."""

    client: socket.socket
    server: socket.socket

    @property
    def cookies(self) -> tuple[int, int]:
        """The sockets' cookies: the client's, the server's."""
        return cookie(self.client), cookie(self.server)

    @property
    def endpoints(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Address and port of the client and of the server; IPv4 is dotted in any socket."""
        ends = [end.getsockname()[:2] for end in (self.client, self.server)]
        (client, client_port), (server, server_port) = ends
        return (_plain(client), client_port), (_plain(server), server_port)

    def close(self) -> None:
        """Close both ends, the client's first."""
        self.client.close()
        self.server.close()


def _plain(address: str) -> str:
    return address.removeprefix("::ffff:")


def cookie(end: socket.socket) -> int:
    """Give a socket's cookie, as tcp_probe and ss have it."""
    value: int = struct.unpack("=Q", end.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8))[0]
    return value


def connect(
    network: Network,
    kind: str,
    *,
    port: int = PORT,
    congestion: str = "cubic",
    marks: tuple[int, int] = (0, 0),
    buffers: tuple[int, int] = (0, 0),
) -> Connection:
    """Connect the client to the server, in one of `KINDS`.

    `marks` are SO_MARK of what client and server send. It goes with a packet only over loopback:
    from one namespace to another it is taken off. `buffers` are the client's SO_SNDBUF and the
    server's SO_RCVBUF in bytes, of which the kernel takes twice as much; 0 leaves them to it.
    """
    address = {
        "ipv4": Network.SERVER,
        "ipv6": Network.SERVER6,
        "mapped": f"::ffff:{Network.SERVER}",
        "half-mapped": Network.SERVER,
        "loopback": "127.0.0.1",
    }[kind]
    families = [socket.AF_INET6 if kind in ("ipv6", "mapped") else socket.AF_INET] * 2
    if kind == "half-mapped":
        families[1] = socket.AF_INET6
    with contextlib.ExitStack() as opened:
        with inside(network.client if kind == "loopback" else network.server):
            listener = opened.enter_context(socket.socket(families[1]))
        with inside(network.client):
            client = opened.enter_context(socket.socket(families[0]))
        for end, mark in zip((client, listener), marks, strict=True):
            end.settimeout(PATIENCE)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", mark))
        for end, option, size in zip(
            (client, listener), (socket.SO_SNDBUF, socket.SO_RCVBUF), buffers, strict=True
        ):
            if size:
                end.setsockopt(socket.SOL_SOCKET, option, size)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if families[1] == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::" if families[1] == socket.AF_INET6 else "0.0.0.0", port))
        listener.listen(1)
        client.connect((address, listener.getsockname()[1]))
        server, _ = listener.accept()
        listener.close()
        opened.pop_all()
    server.settimeout(PATIENCE)
    return Connection(client, server)


@contextlib.contextmanager
def connections(network: Network, *kinds: str, port: int = PORT) -> Iterator[list[Connection]]:
    """Make a connection of each kind, closed when the context ends."""
    with contextlib.ExitStack() as opened:
        made = []
        for kind in kinds:
            made.append(connect(network, kind, port=port))
            opened.callback(made[-1].close)
        yield made


def send(sender: socket.socket, receiver: socket.socket, size: int) -> None:
    """Send so many bytes, few enough for the receiver's buffer, and receive them."""
    sender.sendall(bytes(size))
    while size:
        got = len(receiver.recv(size))
        assert got, "the connection ended"
        size -= got


def talk(connection: Connection, rounds: int, size: int = 100) -> None:
    """Send a little from the client to the server and back, so many times."""
    for _ in range(rounds):
        send(connection.client, connection.server, size)
        send(connection.server, connection.client, size)


def quiet(over: Iterable[Connection]) -> None:
    """Wait until all that was sent is acknowledged: until then another event is to come."""
    ends = [end for connection in over for end in (connection.client, connection.server)]
    until("all is acknowledged", lambda: not any(map(_unacked, ends)), pause=0.01)


def _unacked(end: socket.socket) -> int:
    """tcpi_unacked of TCP_INFO (include/uapi/linux/tcp.h): segments on their way."""
    number: int = struct.unpack_from("=I", end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 28), 24)[
        0
    ]
    return number


def exchange(
    over: Sequence[Connection],
    *,
    up: int,
    down: int = 0,
    seconds: float = 2 * PATIENCE,
    piece: int = 1 << 16,
) -> None:
    """Send so many bytes up (client to server) and down, over all connections at once.

    Raises:
        AssertionError: it took longer than `seconds`.

    """
    sending = {one.client: up for one in over} | {one.server: down for one in over}
    receiving = {one.server: up for one in over} | {one.client: down for one in over}
    for end in sending:
        end.setblocking(False)
    deadline = time.monotonic() + seconds
    block = bytes(piece)

    def awaited(end: socket.socket) -> int:
        return bool(receiving[end]) * EVENT_READ | bool(sending[end]) * EVENT_WRITE

    with DefaultSelector() as ready:
        for end in filter(awaited, sending):
            ready.register(end, awaited(end), end)
        while ready.get_map():
            assert time.monotonic() < deadline, f"the transfer took longer than {seconds:g} s"
            for key, events in ready.select(1):
                one: socket.socket = key.data
                if events & EVENT_READ:
                    receiving[one] -= len(one.recv(piece))
                if events & EVENT_WRITE:
                    sending[one] -= one.send(block[: sending[one]])
                if not awaited(one):
                    ready.unregister(one)
                elif awaited(one) != key.events:
                    ready.modify(one, awaited(one), one)
    for end in sending:
        end.settimeout(PATIENCE)


def chatter(*talking: Connection, pause: float = 0.002) -> AbstractContextManager[None]:
    """Let connections talk in a thread, for as long as the context lasts."""

    def go_on() -> None:
        time.sleep(pause)
        for connection in talking:
            talk(connection, 1)

    return repeated(go_on)


@contextlib.contextmanager
def timed_chatter(*talking: Connection, pause: float = 0.002) -> Iterator[Callable[[], float]]:
    """Let connections talk as `chatter` does; gives the longest time so far without a word.

    In seconds: this process may have to wait for a processor.
    """
    last, longest = time.monotonic(), 0.0

    def go_on() -> None:
        nonlocal last, longest
        time.sleep(pause)
        for connection in talking:
            talk(connection, 1)
        now = time.monotonic()
        last, longest = now, max(longest, now - last)

    with repeated(go_on):
        yield lambda: max(longest, time.monotonic() - last)


def settle(network: Network) -> None:
    """Wait until no socket in either namespace can have another tcp_probe event."""

    def quiet() -> bool:
        living = ("state", "connected", "exclude", "time-wait")
        return not any(
            run("ss", "-HtnN", name, *living) for name in (network.client, network.server)
        )

    until("all connections are closed", quiet)


def disconnect(end: socket.socket) -> None:
    """Call connect() with AF_UNSPEC: the socket can be connected anew (tcp_disconnect)."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.connect(end.fileno(), bytes(16), 16) == 0
