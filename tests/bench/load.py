"""Request/response traffic on loopback: a server, and a client with many connections."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from types import TracebackType

from tests.bench.counters import Counters

CONNECTIONS = 200

_REQUEST = b"x" * 64
_SLICE = 0.1


class Load:
    """Keeps one request under way on each of many connections, from entering the context on.

    With a `pause`, in seconds, it rests between two rounds of answers, and leaves others room.

    Server and client have one processor for themselves, the first that we may use; what is
    measured belongs on the last, see `other_processor`.
    """

    def __init__(self, connections: int = CONNECTIONS, *, pause: float = 0.0) -> None:
        self._connections = connections
        self._pause = pause
        self._counters = Counters()

    def __enter__(self) -> Load:
        descriptor = self._counters.descriptor
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                __name__,
                *map(str, (self._connections, descriptor, self._pause)),
            ],
            stdin=subprocess.PIPE,
            pass_fds=[descriptor],
        )
        while not self._counters["requests"]:
            time.sleep(0.05)
            assert self._process.poll() is None, "the load ended"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._counters.close()

    @property
    def requests(self) -> float:
        """Requests that were answered so far."""
        return self._counters["requests"]

    def rates(self, seconds: float) -> list[float]:
        """Measure requests per second for some time: in each tenth of a second of it."""
        found = []
        for _ in range(round(seconds / _SLICE)):
            started, before = time.monotonic(), self.requests
            time.sleep(_SLICE)
            found.append((self.requests - before) / (time.monotonic() - started))
        return found


def load_processor() -> int:
    """Number of the processor that traffic is made on."""
    return min(os.sched_getaffinity(0))


def other_processor() -> int:
    """Number of the processor for what is measured; the load's own if there is no other."""
    return max(os.sched_getaffinity(0))


def serve(listener: socket.socket) -> None:
    """Send back whatever comes, on every connection, until the process is ended."""
    poll = select.epoll()
    listener.setblocking(False)
    poll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
            elif data := _read(descriptor):
                os.write(descriptor, data)
            else:
                connections.pop(descriptor).close()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except ConnectionResetError:
        return b""


def request(port: int, connections: int, counters: Counters, pause: float) -> None:
    """Keep one request under way on each connection, until standard input ends."""
    poll = select.epoll()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    for connection in sockets:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(connection, select.EPOLLIN)
        connection.send(_REQUEST)
    end = select.poll()
    end.register(0)
    answered = 0
    while not end.poll(0):
        for descriptor, _ in poll.poll(1):
            os.read(descriptor, 4096)
            os.write(descriptor, _REQUEST)
            answered += 1
        counters["requests"] = answered
        if pause:
            time.sleep(pause)


def main() -> None:
    """Run as a program: CONNECTIONS, the descriptor of the counters, and the pause."""
    connections, descriptor, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    os.sched_setaffinity(0, {load_processor()})
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    child = os.fork()
    if child == 0:
        serve(listener)
    try:
        request(listener.getsockname()[1], connections, Counters(descriptor), pause)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
