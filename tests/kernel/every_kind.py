"""A thousand connections of every kind: paced, marked, policed, aborted, half-closed and so on."""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.kernel.limited import SO_MAX_PACING_RATE, receive
from tests.kernel.network import Network, inside
from tests.kernel.traffic import PORT, Connection, connect, disconnect, exchange

COUNTS = {
    **{"idle": 150, "paced": 60, "marked": 60, "lossy": 120, "policed": 60, "small buffer": 60},
    **{"slow reader": 60, "bound to a device": 60, "reconnected": 60, "half-closed": 60},
}
"""Kinds of connections that stay open, and how many of each."""

SHORT, ABORTED = 250, 100
"""Connections that last a millisecond, and those of them that a reset ends."""

SHORT_PORT = PORT + 1

_PORTS = {kind: PORT + 2 + place for place, kind in enumerate(COUNTS)}

PORTS = (PORT, SHORT_PORT, *_PORTS.values())
"""Ports of all servers."""


@contextlib.contextmanager
def connected(network: Network) -> Iterator[dict[str, list[Connection]]]:
    """Connect those that stay open; what happens to their segments goes by the server's port."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    for name in (network.client, network.server):
        with inside(name):
            Path("/proc/sys/net/ipv4/tcp_ecn").write_text("1")
    network.firewall(
        f"tcp dport {_PORTS['lossy']} meta length > 200 numgen random mod 100 < 2 drop;"
        f" tcp dport {_PORTS['policed']} meta length > 200"
        " limit rate over 2500000 bytes/second burst 60000 bytes drop"
    )
    network.mangle(
        f"tcp dport {_PORTS['marked']} meta length > 200 ip ecn != not-ect"
        " numgen random mod 100 < 10 ip ecn set ce"
    )
    with contextlib.ExitStack() as opened:
        kinds: dict[str, list[Connection]] = {}
        for kind, count in COUNTS.items():
            buffers = (0, 4096) if kind == "small buffer" else (0, 0)
            kinds[kind] = []
            for _ in range(count):
                one = connect(network, "ipv4", port=_PORTS[kind], buffers=buffers)
                if kind == "reconnected":
                    one = _reconnected(network, one)
                opened.callback(one.close)
                kinds[kind].append(one)
        yield kinds


def _reconnected(network: Network, connection: Connection) -> Connection:
    """Connect the client's socket anew: it keeps its cookie."""
    exchange([connection], up=5000, down=3000)
    disconnect(connection.client)
    connection.server.close()
    with inside(network.server):
        listener = socket.create_server((Network.SERVER, _PORTS["reconnected"]))
    with listener:
        connection.client.connect(listener.getsockname())
        server, _ = listener.accept()
    return Connection(connection.client, server)


def busy(kinds: dict[str, list[Connection]]) -> None:
    """Let each connection do what its kind does, to its end."""
    for one in kinds["paced"]:
        rate = struct.pack("=I", 200_000)
        one.client.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
    for one in kinds["bound to a device"]:
        one.client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, Network.DEVICE.encode())
    sending = [one for kind in kinds if kind not in ("idle", "slow reader") for one in kinds[kind]]
    exchange(sending, up=60_000, down=2000)
    for one in kinds["half-closed"]:
        one.client.shutdown(socket.SHUT_WR)
    exchange(kinds["bound to a device"], up=0, down=30_000)
    for one in kinds["half-closed"]:
        one.server.sendall(bytes(20_000))
        receive(one.client, 20_000)
    for one in kinds["slow reader"]:
        one.client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                one.client.send(bytes(1 << 16))
        receive(one.server, 10_000)


@contextlib.contextmanager
def _answering(network: Network) -> Iterator[None]:
    """Answer each request with 3,000 bytes and close; in the client's namespace."""
    with inside(network.client):
        listener = socket.create_server(("127.0.0.1", SHORT_PORT), backlog=64)

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _ = listener.accept()
                with end, contextlib.suppress(OSError):
                    end.recv(100)
                    end.sendall(bytes(3000))

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def short_ones(network: Network) -> None:
    """Ask `SHORT` times and end in peace, and `ABORTED` times and reset, each in a connection."""
    with _answering(network):
        for number in range(SHORT + ABORTED):
            with inside(network.client):
                client = socket.create_connection(("127.0.0.1", SHORT_PORT))
            abort = number >= SHORT
            with client:
                client.sendall(b"?")
                while client.recv(1 << 16) and not abort:
                    pass
                if abort:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
