"""Traffic that is held back in exactly one way.

Each function is a context in which such a connection works, in namespaces of its own; what it gives
is the end that sends (of `receiver`: the end that receives), to be asked for its cookie and
TCP_INFO.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.kernel.delay_line import DelayedNetwork
from tests.kernel.network import Network
from tests.kernel.traffic import Connection, connect

DELAY = 0.010
"""Seconds one way, where a path has a delay."""

_BLOCK = bytes(1 << 16)


@contextmanager
def slow_reader(congestion: str = "cubic") -> Iterator[socket.socket]:
    """A receiver that reads 1 MB/s, over a path that carries far more: the receiver's window."""
    with _connected(Network(), congestion) as ends:

        def read() -> None:
            time.sleep(0.02)
            receive(ends.server, 20_000)

        with _working(ends, _bulk(ends.client), read):
            yield ends.client


@contextmanager
def small_receive_buffer(congestion: str = "cubic") -> Iterator[socket.socket]:
    """A quick reader with a small SO_RCVBUF, 20 ms away: the receiver's window."""
    network = DelayedNetwork(delay=DELAY)
    with (
        _connected(network, congestion, buffers=(0, 32_768)) as ends,
        _working(ends, _bulk(ends.client), _drain(ends.server)),
    ):
        yield ends.client


@contextmanager
def small_send_buffer(
    congestion: str = "cubic", size: int = 32_768, piece: int = 1 << 14
) -> Iterator[socket.socket]:
    """A sender with a small SO_SNDBUF, 20 ms away from a quick reader: the send buffer."""
    network = DelayedNetwork(delay=DELAY)
    with (
        _connected(network, congestion, buffers=(size, 0)) as ends,
        _working(ends, _bulk(ends.client, piece), _drain(ends.server)),
    ):
        yield ends.client


@contextmanager
def bursts(congestion: str = "cubic") -> Iterator[socket.socket]:
    """A sender that writes 50 kB every 200 ms, 20 ms away: the application."""
    with _connected(DelayedNetwork(delay=DELAY), congestion) as ends:

        def write() -> None:
            ends.client.sendall(bytes(50_000))
            time.sleep(0.2)

        with _working(ends, write, _drain(ends.server)):
            yield ends.client


@contextmanager
def requests(congestion: str = "cubic", delay: float = DELAY) -> Iterator[socket.socket]:
    """A client that waits for each answer before it asks again: the application.

    Something is on its way all the time, but for the moments in which either end thinks. Without
    `delay` it is a path within the machine.
    """
    network = DelayedNetwork(delay=delay) if delay else Network()
    with _connected(network, congestion) as ends:

        def ask() -> None:
            ends.client.sendall(bytes(500))
            receive(ends.client, 1000)

        def answer() -> None:
            receive(ends.server, 500)
            ends.server.sendall(bytes(1000))

        with _working(ends, ask, answer):
            yield ends.client


@contextmanager
def bottleneck(congestion: str = "cubic") -> Iterator[socket.socket]:
    """A bulk sender over a link of 20 Mbit/s with a queue of 200 kB: congestion control."""
    with (
        _connected(Network(rate="20mbit", queue="200kb"), congestion) as ends,
        _working(ends, _bulk(ends.client), _drain(ends.server)),
    ):
        yield ends.client


@contextmanager
def lossy(congestion: str = "reno", loss: float = 0.3) -> Iterator[socket.socket]:
    """A bulk sender 20 ms away over a path that loses segments by chance: recovery.

    Measured with cubic and reno, Recovery and Loss take 20 % of the time where 5 % of the segments
    are lost, 30 at 10, 53 at 20, and 75 at 30. Where less than a fifth is lost, most of the time is
    spent on sending little, which is congestion control's doing.
    """
    with (
        _connected(DelayedNetwork(delay=DELAY, loss=loss), congestion) as ends,
        _working(ends, _bulk(ends.client), _drain(ends.server)),
    ):
        yield ends.client


@contextmanager
def receiver(congestion: str = "cubic") -> Iterator[socket.socket]:
    """The end that only receives, of a connection through a bottleneck."""
    with (
        _connected(Network(rate="20mbit", queue="200kb"), congestion) as ends,
        _working(ends, _bulk(ends.client), _drain(ends.server)),
    ):
        yield ends.server


@contextmanager
def _connected(
    network: Network, congestion: str, buffers: tuple[int, int] = (0, 0)
) -> Iterator[Connection]:
    with network:
        ends = connect(network, "ipv4", congestion=congestion, buffers=buffers)
        for end in (ends.client, ends.server):
            end.settimeout(None)
        try:
            yield ends
        finally:
            ends.close()


@contextmanager
def _working(ends: Connection, *works: Callable[[], None]) -> Iterator[None]:
    """Let each work be done over and over in a thread of its own, until the context ends."""
    over = threading.Event()

    def go_on(work: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):  # the connection was shut down
            while not over.is_set():
                work()

    threads = [threading.Thread(target=go_on, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for end in (ends.client, ends.server):
            with contextlib.suppress(OSError):  # the other end has closed it
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def _bulk(sender: socket.socket, size: int = 1 << 16) -> Callable[[], None]:
    block = bytes(size)
    return lambda: sender.sendall(block)


def _drain(receiver: socket.socket) -> Callable[[], None]:
    return lambda: receive(receiver, len(_BLOCK))


def receive(end: socket.socket, size: int) -> None:
    """Receive so many bytes.

    Raises:
        ConnectionError: the connection ended.

    """
    while size:
        got = len(end.recv(size))
        if not got:
            raise ConnectionError
        size -= got
