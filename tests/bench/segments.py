"""A steady stream of events on loopback: many small segments, made with few system calls."""

from __future__ import annotations

import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from types import TracebackType

from tests.bench.counters import Counters
from tests.bench.load import load_processor

CONNECTIONS = 100

_BLOCK = bytes(32 << 10)  # the largest that is sent at once
_APART = 0.001  # seconds between two bursts
_LOOK = 0.05  # seconds between two looks at how many segments there were


class Segments:
    """Lets connections receive so many segments a second, one event each, in the context.

    They have one processor for themselves, the first that we may use, and a network namespace,
    `namespace`, in which no segment is made of several, as with offloading.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._counters = Counters()
        self.namespace = f"tcctui-segments-{os.getpid()}"

    def __enter__(self) -> Segments:
        _ip("netns", "add", self.namespace)
        _ip("-n", self.namespace, "link", "set", "lo", "mtu", "600", "gso_max_segs", "1", "up")
        descriptor = self._counters.descriptor
        given = (str(self._rate), str(descriptor))
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, sys.executable, "-m", __name__, *given],
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
        _ip("netns", "del", self.namespace)

    @property
    def received(self) -> float:
        """Segments that were received so far, at both ends of all connections."""
        return self._counters["requests"]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _received(end: socket.socket) -> int:
    """tcpi_segs_in of TCP_INFO (include/uapi/linux/tcp.h)."""
    number: int = struct.unpack_from(
        "=I", end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 144), 140
    )[0]
    return number


def _connected() -> list[tuple[socket.socket, socket.socket]]:
    """Make connections; of each, the end that sends comes first."""
    made = []
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as listener:
        for _ in range(CONNECTIONS):
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
            for end in (client, server):
                end.setblocking(False)
                end.setsockopt(socket.SOL_TCP, socket.TCP_CONGESTION, b"cubic")
            made.append(random.choice([(client, server), (server, client)]))
    return made


def _pass(sender: socket.socket, receiver: socket.socket) -> None:
    """Send something as far as it goes, and receive what has come."""
    with suppress(BlockingIOError):
        sender.send(_BLOCK[: random.randrange(len(_BLOCK) // 2, len(_BLOCK))])
    with suppress(BlockingIOError):
        receiver.recv(1 << 20)


def main() -> None:
    """Run as a program: segments a second, and the descriptor of the counters."""
    rate, counters = float(sys.argv[1]), Counters(int(sys.argv[2]))
    os.sched_setaffinity(0, {load_processor()})
    pairs = _connected()
    ends = [end for pair in pairs for end in pair]
    end = select.poll()
    end.register(0)
    before = sum(map(_received, ends))
    begun = look = time.monotonic()
    known = told = blocks = 0.0
    each = 20.0  # segments that a block makes, about
    while True:
        now = time.monotonic()
        if now >= look:
            if end.poll(0):
                return
            look = now + _LOOK
            whole = sum(map(_received, ends)) - before
            if blocks:
                each += (max(1.0, (whole - known) / blocks) - each) / 4
            known = told = counters["requests"] = whole
            blocks = 0
            begun = max(begun, now - known / rate - _LOOK)  # what it can't keep up with is let go
        if told >= (now - begun) * rate:
            time.sleep(_APART)
            continue
        _pass(*random.choice(pairs))
        blocks += 1
        told += each


if __name__ == "__main__":
    main()
