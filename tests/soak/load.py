"""Traffic of every kind on one port: churn, floods, connections in namespaces that come and go.

It is made by a process of its own, so that who measures keys does not wait for its threads.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from tests.kernel.network import inside, run

_ABORT = struct.pack("=ii", 1, 0)  # SO_LINGER: RST instead of FIN, and no TIME_WAIT
_numbers = itertools.count()


KINDS = ("churn", "churn", "flood", "namespace")
"""Kinds of traffic, each as often as it is to be made."""


class Load:
    """Makes traffic on `port` in a process, until the context ends; all sockets are closed then."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.load", str(port)], stdin=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=120)
        assert self._process.returncode == 0

    def start(self, kind: str, chance: random.Random) -> None:
        """Begin with some traffic of `KINDS`, or a `beat`, beside what there is."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind} {chance.random()}\n")
        self._process.stdin.flush()


class _Traffic:
    """Makes traffic on `port` in threads, until `end`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, kind: str, seed: float) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        make, own = getattr(self, kind), random.Random(seed)
        self._threads.append(threading.Thread(target=make, args=(own,), daemon=True))
        self._threads[-1].start()

    def end(self) -> None:
        """Stop all of it."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def churn(self, chance: random.Random) -> None:
        """Open and close hundreds of connections, each of a question and an answer."""
        with _listening(self.port) as listener:
            for _ in range(chance.randrange(100, 1500)):
                if self._over.is_set():
                    return
                with _connected(listener) as (client, server):
                    client.sendall(b"question")
                    server.recv(100)
                    server.sendall(b"answer")
                    client.recv(100)

    def beat(self, _: random.Random) -> None:
        """Send a little on one connection until the end."""
        with _listening(self.port) as listener, _connected(listener) as (client, server):
            while not self._over.wait(0.1):
                client.sendall(b"beat")
                server.recv(100)

    def flood(self, chance: random.Random) -> None:
        """Send as fast as it goes for a second or two, on some connections."""
        with contextlib.ExitStack() as opened:
            listener = opened.enter_context(_listening(self.port))
            pairs = [
                opened.enter_context(_connected(listener)) for _ in range(chance.randrange(1, 6))
            ]
            until = time.monotonic() + 2 * chance.random()
            data = bytes(chance.choice((100, 1448, 16_384)))
            while time.monotonic() < until and not self._over.is_set():
                for client, server in pairs:
                    client.sendall(data)
                    left = len(data)
                    while left:
                        left -= len(server.recv(left))

    def namespace(self, chance: random.Random) -> None:
        """Make a namespace with connections in it, and take it away."""
        name = f"soak-{os.getpid()}-{next(_numbers)}"
        run("ip", "netns", "add", name)
        try:
            run("ip", "-n", name, "link", "set", "lo", "up")
            with inside(name):
                self.churn(chance)
        finally:
            run("ip", "netns", "del", name)


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.settimeout(60)
        listener.bind((_address(), port))
        listener.listen(64)
        yield listener


def _address() -> str:
    """An address of loopback that no other listener of this process has."""
    number = next(_numbers) % 60_000 + 1
    return f"127.1.{number >> 8}.{number & 255}"


@contextlib.contextmanager
def _connected(listener: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    client = socket.create_connection(listener.getsockname(), timeout=60)
    server, _ = listener.accept()
    try:
        yield client, server
    finally:
        for one in (client, server):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            one.close()


if __name__ == "__main__":
    traffic = _Traffic(int(sys.argv[1]))
    for line in sys.stdin:
        kind_of_it, seed_of_it = line.split()
        traffic.start(kind_of_it, float(seed_of_it))
    traffic.end()
