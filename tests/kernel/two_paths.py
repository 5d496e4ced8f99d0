"""An MPTCP connection over two paths of different rate, between two hosts of network namespaces."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from collections.abc import Iterator

from tests.kernel.network import inside, run

IPPROTO_MPTCP = 262

_numbers = itertools.count()

FAST, SLOW = ("10.77.1.1", "10.77.1.2"), ("10.77.2.1", "10.77.2.2")
"""Addresses of the client and of the server on each path."""


class TwoPaths:
    """A `client` and a `server` namespace, joined by a path of 40 Mbit/s and one of 10 Mbit/s.

    The client opens a subflow on the slow path for each of its MPTCP connections, a backup one if
    asked for. Everything is gone when the context ends.
    """

    def __init__(self, *, backup: bool = False) -> None:
        tag = f"{os.getpid()}-{next(_numbers)}"
        self.client, self.server = f"tcc-mc-{tag}", f"tcc-ms-{tag}"
        self._backup = backup
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> TwoPaths:
        with contextlib.ExitStack() as made:
            for name in (self.client, self.server):
                run("ip", "netns", "add", name)
                made.callback(run, "ip", "netns", "delete", name, check=False)
                run("ip", "-n", name, "link", "set", "lo", "up")
                run("ip", "-n", name, "mptcp", "limits", "set", "subflows", "2")
            for device, (mine, other), rate in (("p1", FAST, "40mbit"), ("p2", SLOW, "10mbit")):
                run(
                    *("ip", "link", "add", device, "netns", self.client, "type", "veth"),
                    *("peer", "name", device, "netns", self.server),
                )
                for name, address in ((self.client, mine), (self.server, other)):
                    run("ip", "-n", name, "address", "add", f"{address}/24", "dev", device)
                    run("ip", "-n", name, "link", "set", device, "up")
                run(
                    *("tc", "-n", self.client, "qdisc", "add", "dev", device, "root"),
                    *("tbf", "rate", rate, "burst", "20k", "latency", "50ms"),
                )
            backup = ["backup"] if self._backup else []
            run(
                *("ip", "-n", self.client, "mptcp", "endpoint", "add", SLOW[0], "dev", "p2"),
                *("subflow", *backup),
            )
            self._stack = made.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def transfer(self) -> Iterator[tuple[socket.socket, socket.socket]]:
        """Give the client's and the server's MPTCP socket of a connection that sends all the time.

        The client sends to the server, which reads, until the context ends.
        """
        with contextlib.ExitStack() as made:
            with inside(self.server):
                listening = made.enter_context(_mptcp())
                listening.bind((FAST[1], 0))
                listening.listen()
            with inside(self.client):
                sending = made.enter_context(_mptcp())
            sending.connect(listening.getsockname())
            reading, _ = listening.accept()
            made.enter_context(reading)
            threads = [
                threading.Thread(target=_send, args=(sending,), daemon=True),
                threading.Thread(target=_read, args=(reading,), daemon=True),
            ]
            for thread in threads:
                thread.start()
            try:
                yield sending, reading
            finally:
                for end in (sending, reading):
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                for thread in threads:
                    thread.join(10)


def _mptcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)


def _send(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            end.send(bytes(1 << 16))


def _read(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while end.recv(1 << 16):
            pass
