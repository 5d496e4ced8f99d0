"""Many connections on loopback, held open, of which some are busy: a program of its own."""

from __future__ import annotations

import itertools
import os
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from types import TracebackType

from tests.bench.counters import Counters
from tests.bench.load import load_processor

BUSY = 10_000
"""Flows, at most, that have a request every half second; the others have one in 10 s."""

SERVER_PORT = 11_000
"""The port that all have at one end: a search for another digit finds only some."""

_EACH, _REST = 0.5, 10.0
_TICK = 0.05
_PER_ADDRESS = 5_000  # connections to each of 127.0.0.1, .2 …: ports are short
_SPARE = 100  # descriptors for everything else
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closed without leaving a TIME_WAIT behind
_MESSAGE = b"x" * 64

Pair = tuple[socket.socket, socket.socket]


class ManyFlows:
    """Holds connections open from entering the context on; each end is a flow, `count` in all.

    As many programs hold them as their limits of descriptors ask for. Nothing is sent at first.
    """

    def __init__(self, count: int) -> None:
        self._programs: list[tuple[subprocess.Popen[bytes], Counters]] = []
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._shares = -(-count // (most - _SPARE))
        self._count = count

    def __enter__(self) -> ManyFlows:
        try:
            for number in range(self._shares):
                self._start(number)
            self._until("ready")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self, number: int) -> None:
        counters = Counters()
        share = 2 * -(-self._count // (2 * self._shares))
        busy = min(BUSY, self._count) // self._shares
        numbers = map(str, (number, share, busy, counters.descriptor))
        program = subprocess.Popen(
            [sys.executable, "-m", __name__, *numbers],
            stdin=subprocess.PIPE,
            pass_fds=[counters.descriptor],
        )
        self._programs.append((program, counters))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for program, _ in self._programs:
            assert program.stdin
            program.stdin.close()
        for program, counters in self._programs:
            program.wait(timeout=60)
            counters.close()

    @property
    def count(self) -> int:
        """How many flows there are: all, or as many as this machine opens."""
        return sum(int(counters["ready"]) for _, counters in self._programs)

    def start(self) -> None:
        """Send once on each connection, and then on."""
        for program, _ in self._programs:
            assert program.stdin
            program.stdin.write(b"\n")
            program.stdin.flush()
        self._until("requests")

    def _until(self, counter: str) -> None:
        deadline = time.monotonic() + 60
        for program, counters in self._programs:
            while not counters[counter]:
                assert program.poll() is None, "the connections are gone"
                assert time.monotonic() < deadline, "the connections take too long"
                time.sleep(0.05)


def _open(number: int) -> Iterator[Pair]:
    """Open connections, one after the other, until the machine gives no more."""
    for host in range(1, 255):
        address = f"127.0.{number}.{host}"
        with socket.create_server((address, SERVER_PORT), backlog=64) as listener:
            for _ in range(_PER_ADDRESS):
                try:
                    pair = _pair(listener, address)
                except OSError:
                    return
                yield pair


def _pair(listener: socket.socket, address: str) -> Pair:
    # Bound first, from the same address: else one address would have to give all ports.
    client = socket.create_connection(listener.getsockname(), source_address=(address, 0))
    server, _ = listener.accept()
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    return client, server


def _talk(pair: Pair) -> None:
    for sender, receiver in (pair, pair[::-1]):
        sender.send(_MESSAGE)
        receiver.recv(4096)


def main() -> None:
    """Run as a program: its number, its flows, busy ones of them, and the counters' descriptor."""
    number, count, busy, descriptor = map(int, sys.argv[1:])
    counters = Counters(descriptor)
    os.sched_setaffinity(0, {load_processor()})
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    pairs = list(itertools.islice(_open(number), count // 2))
    counters["ready"] = 2 * len(pairs)
    wanted = select.poll()
    wanted.register(0)
    wanted.poll()
    if not os.read(0, 1):
        return
    # Slowly: a sweep at full speed is a load that nobody asked for.
    for place, pair in enumerate(pairs):
        _talk(pair)
        if place % 1000 == 999:
            time.sleep(0.02)
    counters["requests"] = len(pairs)
    groups = [(pairs[: busy // 2], _EACH), (pairs[busy // 2 :], _REST)]
    places = [0.0, 0.0]
    while not wanted.poll(_TICK * 1e3):
        for number, (group, seconds) in enumerate(groups):
            end = places[number] + len(group) * _TICK / seconds
            for place in range(int(places[number]), int(end)):
                _talk(group[place % len(group)])
            places[number] = end


if __name__ == "__main__":
    main()
