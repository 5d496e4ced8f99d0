"""Runs in the guest: what is read of one socket at its ACKs, and what TCP_INFO says of it."""

from __future__ import annotations

import json
import socket
import struct
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, "/opt/tcctui")

from tcctui.arrays import Records
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.inside import EVERYTHING
from tcctui.wire.private_layout import kept

_PLACES = {"rto": 8, "snd_mss": 16, "unacked": 24, "reordering": 88, "min_rtt": 148}
"""Places in struct tcp_info (include/uapi/linux/tcp.h)."""


def main(results: Path, port: int) -> None:
    """Write insides.json: whether sockets can be read, the last reading, and TCP_INFO then."""
    with closing(BpfSource(KernelFilter.on_ports(port))) as source:
        told: dict[str, Any] = {"typed": source.typed, "lacks": source.inside_lacks}
        told["reads"] = source.look_inside(EVERYTHING)
        told |= _of_a_connection(source, port)
    (results / "insides.json").write_text(json.dumps(told))


def _of_a_connection(source: BpfSource, port: int) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", port)) as listening:
        client = socket.socket()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        client.connect(listening.getsockname())
        server, _ = listening.accept()
        with client, server:
            for _ in range(20):
                client.sendall(bytes(100))
                server.recv(100, socket.MSG_WAITALL)
                server.sendall(b"!")
                client.recv(1)
            data = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            info = {name: struct.unpack_from("=I", data, at)[0] for name, at in _PLACES.items()}
            server.sendall(b"!")  # with an ACK whose values are those from before it
            client.recv(1)
            cookie = struct.unpack("=Q", client.getsockopt(socket.SOL_SOCKET, 57, 8))[0]
            events = source.read(0)
            sockets, algorithms = (
                part[part["sock_cookie"] == cookie] for part in source.inside()[:2]
            )
    count = int((events["sock_cookie"] == cookie).sum())
    return {"info": info, "events": count, **_last(sockets, algorithms)}


def _last(sockets: Records, algorithms: Records) -> dict[str, Any]:
    if not len(sockets) or not len(algorithms):
        return {"count": len(sockets)}
    members = {name: int(sockets[name][-1]) for name in ("icsk_rto", "mss_cache", "packets_out")}
    members |= {name: int(sockets[name][-1]) for name in ("reordering", "min_rtt_us")}
    layout = kept(int(algorithms["key"][-1]))
    known = "" if layout is None else layout.struct
    return {"count": len(sockets), "socket": members, "algorithm": known}
