"""Test of what is read of sockets: members of one of our own, held against its TCP_INFO.

Members are found by name in the kernel's types, and the verifier sees to it that each load is of a
member. This is for all that could be wrong nevertheless.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from tcctui.arrays import Records
from tcctui.wire.samples import TCP_INFO, TCP_INFO_BYTES

_SO_COOKIE = 57  # include/uapi/asm-generic/socket.h
_TRIES = 3  # a timer may change the socket in between
_PATIENCE = 1.0
_MEMBERS: Mapping[str, str] = {
    "mss_cache": "snd_mss",
    "delivered": "delivered",
    "icsk_rto": "rto",
    "packets_out": "unacked",
    "reordering": "reordering",
    "min_rtt_us": "min_rtt",
}
"""Members that are compared, and their names in TCP_INFO."""


@contextmanager
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Connect two sockets of our own over loopback; one is in TIME_WAIT for a while afterwards.

    They are not aborted: an aborted one has no ports at its end, so that every other tracer of
    this machine would be told of it.

    Raises:
        OSError: there is no loopback.

    """
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        client = socket.create_connection(listener.getsockname(), _PATIENCE)
        with client:
            listener.settimeout(_PATIENCE)
            server, _ = listener.accept()
            with server:
                server.settimeout(_PATIENCE)
                yield client, server


def differing(
    client: socket.socket, server: socket.socket, read: Callable[[], Records]
) -> list[str]:
    """Members that differ from TCP_INFO; `read` gives what was read of sockets since its last call.

    All of them differ where nothing was read. Raises OSError where the sockets fail.
    """
    cookie = struct.unpack("=Q", client.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8))[0]
    wrong = list(_MEMBERS)
    for _ in range(_TRIES):
        client.sendall(b"?")
        server.recv(1)
        told = _tcp_info(client)
        server.sendall(b"!")  # with it comes the ACK whose values are those from before it
        client.recv(1)
        records = read()
        own = records[records["sock_cookie"] == np.uint64(cookie)][-1:]
        if len(own):
            wrong = [name for name, of in _MEMBERS.items() if int(own[name][0]) != told[of]]
            if not wrong:
                break
    return wrong


def _tcp_info(end: socket.socket) -> dict[str, int]:
    data = end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    data = data.ljust(TCP_INFO_BYTES, b"\0")
    return {
        of: int(np.frombuffer(data, TCP_INFO[of][0], 1, TCP_INFO[of][1])[0])
        for of in _MEMBERS.values()
    }
