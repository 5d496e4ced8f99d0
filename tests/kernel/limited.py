"""Traffic that is held back in exactly one way.

Each function is a context in which such a connection works, in namespaces of its own; what it gives
is the end that sends, or the one that receives where `end` says "server" (of `receiver`, always),
to be asked for its cookie and TCP_INFO.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

from tests.kernel.delay_line import DelayedNetwork
from tests.kernel.network import Network, inside
from tests.kernel.repeated import repeated
from tests.kernel.router import RoutedNetwork
from tests.kernel.traffic import Connection, connect

DELAY = 0.010
"""Seconds one way, where a path has a delay."""

End = Literal["client", "server"]

_BLOCK = bytes(1 << 16)

SO_MAX_PACING_RATE = 47  # include/uapi/asm-generic/socket.h


@contextmanager
def slow_reader(congestion: str = "cubic", end: End = "client") -> Iterator[socket.socket]:
    """A receiver that reads 1 MB/s, over a path that carries far more: the receiver's window."""
    with _connected(Network(), congestion) as ends:

        def read() -> None:
            time.sleep(0.02)
            receive(ends.server, 20_000)

        with _working(ends, _bulk(ends.client), read):
            yield getattr(ends, end)


@contextmanager
def stopped_reader(end: End = "client") -> Iterator[socket.socket]:
    """A receiver that never reads: its window closes, and stays closed."""
    with _connected(Network(), "cubic") as ends, _working(ends, _bulk(ends.client)):
        yield getattr(ends, end)


@contextmanager
def small_receive_buffer(congestion: str = "cubic", end: End = "client") -> Iterator[socket.socket]:
    """A quick reader with a small SO_RCVBUF, 20 ms away: the receiver's window."""
    network = DelayedNetwork(delay=DELAY)
    with (
        _connected(network, congestion, buffers=(0, 32_768)) as ends,
        transfer(ends),
    ):
        yield getattr(ends, end)


@contextmanager
def small_send_buffer(
    congestion: str = "cubic", size: int = 32_768, piece: int = 1 << 14
) -> Iterator[socket.socket]:
    """A sender with a small SO_SNDBUF, 20 ms away from a quick reader: the send buffer."""
    network = DelayedNetwork(delay=DELAY)
    with (
        _connected(network, congestion, buffers=(size, 0)) as ends,
        transfer(ends, piece),
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
        transfer(ends),
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
        transfer(ends),
    ):
        yield ends.client


@contextmanager
def paced(congestion: str = "cubic", rate: int = 1_250_000) -> Iterator[socket.socket]:
    """A bulk sender with SO_MAX_PACING_RATE of so many bytes a second, on a path with room."""
    with _connected(Network(), congestion) as ends:
        ends.client.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, struct.pack("=I", rate))
        with transfer(ends):
            yield ends.client


@contextmanager
def marked(congestion: str = "cubic", share: float = 0.008) -> Iterator[socket.socket]:
    """A bulk sender 20 ms away over a path that marks segments (ECN CE), and loses none."""
    network = DelayedNetwork(delay=DELAY)
    with network:
        for name in (network.client, network.server):
            with inside(name):
                Path("/proc/sys/net/ipv4/tcp_ecn").write_text("1")
        network.mangle(
            "meta length > 200 ip ecn != not-ect"
            f" numgen random mod 10000 < {int(share * 10000)} ip ecn set ce"
        )
        with _joined(network, congestion) as ends, transfer(ends):
            yield ends.client


@contextmanager
def policed(
    congestion: str = "cubic", rate: int = 1_250_000, delay: float = DELAY
) -> Iterator[socket.socket]:
    """A bulk sender whose segments are dropped beyond so many bytes a second: a policer."""
    with DelayedNetwork(delay=delay) as network:
        network.firewall(
            f"meta length > 200 limit rate over {rate} bytes/second burst 60000 bytes drop"
        )
        with _joined(network, congestion) as ends, transfer(ends):
            yield ends.client


@contextmanager
def thinking(
    congestion: str = "cubic", size: int = 1_000_000, think: float = 1.5
) -> Iterator[socket.socket]:
    """A server of answers 40 ms away, asked again after a pause: slow start after idle."""
    network = DelayedNetwork(delay=2 * DELAY)
    with network:
        for name in (network.client, network.server):
            with inside(name):
                Path("/proc/sys/net/ipv4/tcp_slow_start_after_idle").write_text("1")
        with _joined(network, congestion) as ends:

            def ask() -> None:
                ends.server.sendall(bytes(400))
                receive(ends.server, size)
                time.sleep(think)

            def answer() -> None:
                receive(ends.client, 400)
                ends.client.sendall(bytes(size))

            with _working(ends, ask, answer):
                yield ends.client


@contextmanager
def small_writes(congestion: str = "cubic") -> Iterator[socket.socket]:
    """Requests in two small writes without TCP_NODELAY, to a peer that delays its ACKs: Nagle."""
    with _connected(Network(), congestion) as ends:
        ends.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

        def ask() -> None:
            ends.client.sendall(bytes(100))
            ends.client.sendall(bytes(200))
            receive(ends.client, 100)

        def answer() -> None:
            receive(ends.server, 300)
            ends.server.sendall(bytes(100))

        with _working(ends, ask, answer):
            yield ends.client


@contextmanager
def narrowed(congestion: str = "cubic") -> Iterator[tuple[socket.socket, Callable[[], None]]]:
    """A bulk sender over a link of 50 Mbit/s with packets of 9000 bytes, which becomes one of 1500.

    Gives the sender, and what does that to the link.
    """
    network = RoutedNetwork(mtu=9000, rate="50mbit", queue="200kb")
    with _connected(network, congestion) as ends, transfer(ends):
        yield ends.client, lambda: network.narrow(1500)


@contextmanager
def overfull_receive_buffer(congestion: str = "cubic") -> Iterator[Connection]:
    """A reader whose buffer is made small once it has offered a large window: it drops segments.

    The window that was offered is not taken back (RFC 9293, 3.8.6): what comes in has no room
    (tcp_data_queue, net/ipv4/tcp_input.c: TCPRcvQDrop), as where many small segments take more
    memory than the window allows for.
    """
    with _connected(Network(), congestion, buffers=(0, 1 << 18)) as ends:

        def read() -> None:
            ends.server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            time.sleep(0.5)
            ends.server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
            receive(ends.server, 1 << 18)

        with _working(ends, _bulk(ends.client), read):
            yield ends


@contextmanager
def receiver(congestion: str = "cubic") -> Iterator[socket.socket]:
    """The end that only receives, of a connection through a bottleneck."""
    with (
        _connected(Network(rate="20mbit", queue="200kb"), congestion) as ends,
        transfer(ends),
    ):
        yield ends.server


@contextmanager
def _connected(
    network: Network, congestion: str, buffers: tuple[int, int] = (0, 0)
) -> Iterator[Connection]:
    with network, _joined(network, congestion, buffers) as ends:
        yield ends


@contextmanager
def _joined(
    network: Network, congestion: str, buffers: tuple[int, int] = (0, 0)
) -> Iterator[Connection]:
    """Connect the hosts of a network that is up."""
    ends = connect(network, "ipv4", congestion=congestion, buffers=buffers)
    for end in (ends.client, ends.server):
        end.settimeout(None)
    try:
        yield ends
    finally:
        ends.close()


def _working(ends: Connection, *works: Callable[[], None]) -> AbstractContextManager[None]:
    """Let each work be done over and over until the context ends, and both ends with it."""
    return repeated(*works, cut=(ends.client, ends.server))


def transfer(ends: Connection, piece: int = 1 << 16) -> AbstractContextManager[None]:
    """Let the client send all the time, so much at once, and the server read."""
    return _working(ends, _bulk(ends.client, piece), _drain(ends.server))


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
