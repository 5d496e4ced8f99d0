"""Programs of hosts: a process each, named for what it does."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

WEB, DATABASE, INGEST = 443, 5432, 9092
"""Ports of services."""

congestion = ""
"""Congestion control of all sockets of this process."""

_ASKED = 16
"""Bytes of a request: the length of its answer, in decimal digits."""

_PIECE, _PIECE_S = 12_000, 0.1
"""Bytes of a piece of a film, and seconds between two."""

_SMALL = 4096
"""Receive buffer that is too small, as SO_RCVBUF is asked for: the kernel gives twice as much."""


def answers(address: str, port: int) -> None:
    """Answer each request with as many bytes as it asks for."""

    def answer(end: socket.socket) -> None:
        while size := end.recv(_ASKED, socket.MSG_WAITALL):
            end.sendall(bytes(int(size)))

    _serve(address, port, answer)


def streams(address: str, port: int) -> None:
    """Answer each request with as many bytes as it asks for, at the pace of a film."""

    def answer(end: socket.socket) -> None:
        while size := end.recv(_ASKED, socket.MSG_WAITALL):
            for _ in range(0, int(size), _PIECE):
                end.sendall(bytes(_PIECE))
                time.sleep(_PIECE_S)

    _serve(address, port, answer)


def ingests(address: str, port: int, receive_buffer: int = 0) -> None:
    """Read all that comes, through a receive buffer of a size."""

    def read(end: socket.socket) -> None:
        while end.recv(1 << 16):
            pass

    _serve(address, port, read, receive_buffer)


def ingests_slowly(address: str, port: int) -> None:
    """Read all that comes through a receive buffer that is too small for the path."""
    ingests(address, port, _SMALL)


class Asked(NamedTuple):
    """Requests: size of an answer, connections at once, requests of each, seconds between two."""

    size: int
    many: int
    times: int
    pause_s: float


def asks(targets: Sequence[str], port: int, *numbers: float) -> None:
    """Ask targets in turn; `numbers` are those of `Asked`."""
    size, many, times, pause_s = Asked(*numbers)  # type: ignore[arg-type]

    def work(number: int) -> None:
        for target in itertools.cycle(_rotated(targets, number)):
            with suppress(OSError), _connected(target, port) as end:
                for _ in range(times):
                    end.sendall(str(size).rjust(_ASKED).encode())
                    left = size
                    while left and (got := len(end.recv(min(left, 1 << 16)))):
                        left -= got
                    time.sleep(pause_s)
            time.sleep(pause_s)

    _together(work, many)


def ships(targets: Sequence[str], port: int, size: int, times: int, pause_s: float) -> None:
    """Send a piece now and then to each of the targets, over connections of so many pieces."""

    def work(number: int) -> None:
        while True:
            with suppress(OSError), _connected(targets[number], port) as end:
                for _ in range(times):
                    end.sendall(bytes(size))
                    time.sleep(pause_s)
            time.sleep(pause_s)

    _together(work, len(targets))


def _rotated(targets: Sequence[str], by: int) -> list[str]:
    by %= len(targets)
    return [*targets[by:], *targets[:by]]


def _together(work: Callable[[int], None], many: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _socket(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    return made


def _connected(target: str, port: int) -> socket.socket:
    end = _socket(target)
    try:
        end.connect((target, port))
    except BaseException:
        end.close()
        raise
    return end


def _serve(
    address: str, port: int, work: Callable[[socket.socket], None], receive_buffer: int = 0
) -> None:
    """Let a thread work on each connection that comes."""
    with _socket(address) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind((address, port))
        listener.listen(64)

        def one(end: socket.socket) -> None:
            with suppress(OSError), end:
                work(end)

        while True:
            end, _ = listener.accept()
            threading.Thread(target=one, args=(end,), daemon=True).start()


ROLES: dict[str, Callable[..., None]] = {
    role.__name__: role for role in (answers, streams, ingests, ingests_slowly, asks, ships)
}
