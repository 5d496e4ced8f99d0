"""Runs in the guest: what tcctui tells of retransmits and resets, and what the kernel prints."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, "/opt/tcctui")

from tcctui.sources.kernel import tracepoint_formats
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.addresses import format_address
from tcctui.wire.events import EventKind, TcpState
from tcctui.wire.tracepoints import TRACEPOINTS

_TASK_FD_QUERY = 20  # enum bpf_cmd, include/uapi/linux/bpf.h
_BPF = 321  # on x86-64

KINDS = {
    row.kind: row.name
    for row in TRACEPOINTS
    if EventKind.RETRANSMIT <= row.kind <= EventKind.RETRANSMIT_SYNACK
}


def attached(process: int) -> list[str]:
    """List the tracepoints that a process holds BPF programs at, as the kernel says."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    for descriptor in os.listdir(f"/proc/{process}/fd"):
        name = ctypes.create_string_buffer(128)
        query = struct.pack("=4IQ", process, int(descriptor), 0, 128, ctypes.addressof(name))
        attributes = ctypes.create_string_buffer(query, 48)
        if libc.syscall(_BPF, _TASK_FD_QUERY, attributes, 48) == 0 and name.value:
            found.append(name.value.decode())
    return sorted(found)


def watch(instance: Path, port: int, traffic: Callable[[], None]) -> list[dict[str, Any]]:
    """Let there be traffic, with the tracepoints' own text in an instance; give all events."""
    for tracepoint in KINDS.values():
        switch = instance / "events" / tracepoint / "enable"
        if switch.exists():
            switch.write_text("1")
    source = BpfSource(KernelFilter.on_ports(port))
    try:
        traffic()
        until_closed()
        events = source.read(0)
    finally:
        source.close()
    return [
        {
            "kind": EventKind(event["kind"]).name,
            "saddr": format_address(*(int(half) for half in event["saddr"])),
            "sport": int(event["sport"]),
            "daddr": format_address(*(int(half) for half in event["daddr"])),
            "dport": int(event["dport"]),
            "family": int(event["family"]),
            "newstate": int(event["newstate"]),
            "sock_cookie": int(event["sock_cookie"]),
            "has_skaddr": bool(event["skaddr"]),
        }
        for event in events
        if event["kind"] in KINDS
    ]


def until_closed(seconds: float = 120) -> None:
    """Wait until no connection is left that anything can still happen to.

    Raises:
        AssertionError: there is one after so many seconds.

    """
    deadline = time.monotonic() + seconds
    while set(_states()) - {TcpState.TIME_WAIT, TcpState.LISTEN}:
        assert time.monotonic() < deadline, f"connections in the states {set(_states())}"
        time.sleep(0.05)


def _states() -> list[int]:
    """States of all TCP sockets (proc_net_tcp.rst)."""
    tables = [Path("/proc/net", name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    return [int(line.split()[3], 16) for table in tables for line in table]


def abort(host: str, port: int) -> None:
    """Connect, and close with a reset."""
    with socket.socket(family_of(host)) as client, socket.socket(socket.AF_INET6) as listening:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("::", port))
        listening.listen()
        client.connect((host, port))
        server, _ = listening.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        server.close()


def refused(host: str, port: int) -> None:
    """Connect to where nobody listens."""
    with socket.socket(family_of(host)) as client:
        assert client.connect_ex((host, port))


def family_of(host: str) -> socket.AddressFamily:
    """Give the family of an address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def main(results: Path, port: int, lossy: Callable[[str, str], None]) -> None:
    """Write happenings.json, and beside it happenings.txt, the kernel's own text.

    `lossy` makes traffic with loss between a server that listens at one address and a client that
    connects to another.
    """
    instance = tracepoint_formats.mount_tracefs() / "instances" / "tcctui-happenings"
    instance.mkdir()

    def traffic() -> None:
        lossy("127.0.0.1", "127.0.0.1")
        lossy("::", "::1")
        for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
            abort(host, port)
            refused(host, port)

    events = watch(instance, port, traffic)
    (results / "happenings.json").write_text(json.dumps(events))
    (results / "happenings.txt").write_text((instance / "trace").read_text())
