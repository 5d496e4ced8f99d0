"""One end of a connection that is held back in some way, as a program of its own.

`python -m tests.demo_traffic NAME HOST PORT SECONDS`; servers are given their own address.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Callable

_BLOCK = bytes(1 << 14)
SHORT = 400_000
"""Bytes of an answer."""


def _listening(host: str, port: int, congestion: str = "") -> socket.socket:
    listener = socket.create_server((host, port), family=_family(host))
    if congestion:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    return listener


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _connected(host: str, port: int, *, buffer: int = 0) -> socket.socket:
    end = socket.socket(_family(host))
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    if buffer:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    end.connect((host, port))
    return end


def slow_reader(host: str, port: int, until: float) -> None:
    """Read a megabyte a second of what comes."""
    end, _ = _listening(host, port).accept()
    while time.monotonic() < until and end.recv(20_000):
        time.sleep(0.02)


def reader(host: str, port: int, until: float) -> None:
    """Read what comes."""
    end, _ = _listening(host, port).accept()
    while time.monotonic() < until and end.recv(1 << 16):
        pass


def bulk(host: str, port: int, until: float) -> None:
    """Send as much as goes."""
    end = _connected(host, port)
    while time.monotonic() < until:
        end.sendall(_BLOCK)


def small_buffer(host: str, port: int, until: float) -> None:
    """Send as much as goes through a small send buffer."""
    end = _connected(host, port, buffer=32_768)
    while time.monotonic() < until:
        end.sendall(_BLOCK)


def bursts(host: str, port: int, until: float) -> None:
    """Send 60 kB now and then."""
    end = _connected(host, port)
    while time.monotonic() < until:
        end.sendall(bytes(60_000))
        time.sleep(0.25)


def answers(host: str, port: int, until: float) -> None:
    """Answer whoever asks with some hundred kilobytes, and hang up."""
    listener = _listening(host, port, "cubic")
    while time.monotonic() < until:
        end, _ = listener.accept()
        with end:
            end.recv(1000)
            end.sendall(bytes(SHORT))


def asks(host: str, port: int, until: float) -> None:
    """Ask every few seconds."""
    while time.monotonic() < until:
        with _connected(host, port) as end:
            end.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while end.recv(1 << 16):
                pass
        time.sleep(7)


ROLES: dict[str, Callable[[str, int, float], None]] = {
    role.__name__: role for role in (slow_reader, reader, bulk, small_buffer, bursts, answers, asks)
}

if __name__ == "__main__":
    with contextlib.suppress(ConnectionError):
        ROLES[sys.argv[1]](sys.argv[2], int(sys.argv[3]), time.monotonic() + float(sys.argv[4]))
