"""Rows of `tcctui agent` on real traffic: their sums are what both ends' TCP_INFO counted."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tcctui.fleet.agent import rows
from tcctui.fleet.agent.collecting import Collecting, Most, Telling
from tcctui.fleet.tables.every_table import END, GROUP
from tcctui.pump import poll
from tcctui.source import Source
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.sources.live import open_live
from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside
from tests.kernel.traffic import PORT, connect, cookie, exchange, send, settle

pytestmark = pytest.mark.kernel

_OFFSETS = {
    "total_retrans": ("=I", 100),
    "bytes_acked": ("=Q", 120),
    "bytes_received": ("=Q", 128),
    "data_segs_out": ("=I", 156),
}
"""Members of struct tcp_info (include/uapi/linux/tcp.h)."""


def totals(end: socket.socket) -> Counter[str]:
    """TCP_INFO's totals of a socket, read by itself."""
    info = end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 240)
    return Counter(
        {name: struct.unpack_from(form, info, at)[0] for name, (form, at) in _OFFSETS.items()}
    )


class Watching:
    """An agent's source and store, read by a thread from the start to the end of its context."""

    def __init__(self) -> None:
        in_kernel = KernelFilter.on_ports(PORT).naming("state:listen")
        self.source: Source = open_live(
            in_kernel, Loading(), choice="auto", interval_ms=2000, max_cpu=None
        )
        self._collecting = Collecting(Most(ends=10_000), lifecycle=True)
        self._over = threading.Event()
        self._locked = threading.Lock()
        self._thread = threading.Thread(target=self._read)
        self.groups: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()

    def __enter__(self) -> Watching:
        self._thread.start()
        self.window()  # the first one is not whole
        self.groups.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.source.close()

    def _read(self) -> None:
        while not self._over.is_set():
            batch = poll(self.source, 0.1)
            with self._locked:
                self._collecting.store.take(batch)

    def window(self) -> dict[str, rows.Columns]:
        """End a window, and add up its rows."""
        with self._locked:
            told = Telling(0, 0, Counter(), 0, None)
            tables = {
                table.name: columns
                for table, columns in self._collecting.window(0, 0, (), lambda: told)
            }
        for name, column in tables[GROUP.name].items():
            if name.endswith("_growth") or name in ("opened", "closed", "reset"):
                self.groups[name.removesuffix("_growth")] += round(sum(_list(column)))
        for name in _OFFSETS:
            self.ends[name] += round(float(np.nansum(_list(tables[END.name][name]))))
        self.ends["rows"] += rows.count(tables[END.name])
        return tables


def _list(column: Any) -> Any:
    return column


def test_sums_are_those_of_tcp_info() -> None:
    """Bulk both ways, and over a path that loses: bytes, segments, retransmits of both ends."""
    with Watching() as watched, Network(loss=0.1) as network:
        made = [connect(network, "ipv4") for _ in range(3)]
        sockets = [end for one in made for end in (one.client, one.server)]
        counted: Counter[str] = Counter()
        for step in range(3):
            exchange(made, up=300_000, down=200_000 * step)
            watched.window()

        def told() -> bool:
            nonlocal counted
            watched.window()
            counted = sum(map(totals, sockets), Counter())  # what is lost last is sent again later
            return all(watched.groups[name] == counted[name] for name in _OFFSETS)

        until("rows sum up to TCP_INFO", told, pause=0.5)
        assert counted["total_retrans"] > 0
        assert watched.groups["opened"] == 6
        assert watched.groups["closed"] == 0
        for one in made:
            one.close()
        settle(network)

        def ended() -> bool:
            watched.window()
            return watched.groups["closed"] == 6

        until("all ends are told", ended, pause=0.2)
        assert watched.ends["rows"] == 6
        for name in ("bytes_acked", "bytes_received"):
            assert watched.groups[name] == watched.ends[name]
            assert 0 <= watched.ends[name] - counted[name] <= 6, "a FIN counts as a byte"


def test_many_short_connections_are_all_counted() -> None:
    """Each of many connections that live for a moment has been opened, closed and counted once."""
    count, size = 400, 5000
    with Watching() as watched, Network() as network:
        _found(watched, network)
        with inside(network.server):
            listener = socket.create_server((Network.SERVER, PORT), backlog=256)
        answered = threading.Thread(target=_answer, args=(listener, count, size))
        answered.start()
        cookies = set()
        for number in range(count):
            with inside(network.client):
                client = socket.create_connection((Network.SERVER, PORT))
            cookies.add(cookie(client))
            client.sendall(bytes(100))
            while client.recv(65_536):
                pass
            client.close()
            if number == count // 2:
                watched.window()
        answered.join()
        listener.close()

        def ended() -> bool:
            watched.window()
            return watched.groups["closed"] >= 2 * count

        until("all ends are told", ended, pause=0.2)
        assert watched.groups["opened"] == watched.groups["closed"] == 2 * count
        assert watched.ends["rows"] == 2 * count
        data = count * (size + 100)
        assert data <= watched.groups["bytes_received"] <= data + 2 * count, "FINs count"
        assert data <= watched.groups["bytes_acked"] <= data + 3 * count, "and a SYN, too"


def _found(watched: Watching, network: Network) -> None:
    """Wait until both namespaces are sampled: what ends before that, no sample tells of."""
    first = connect(network, "ipv4")
    send(first.client, first.server, 100)
    send(first.server, first.client, 100)

    def sampled() -> bool:
        watched.window()
        return watched.groups["bytes_received"] == 200

    until("the namespaces are sampled", sampled, pause=0.2)
    first.close()

    def ended() -> bool:
        watched.window()
        return watched.groups["closed"] == 2

    until("the first ends are told", ended, pause=0.2)
    watched.groups.clear()
    watched.ends.clear()


def _answer(listener: socket.socket, count: int, size: int) -> None:
    for _ in range(count):
        server, _ = listener.accept()
        server.recv(100, socket.MSG_WAITALL)
        server.sendall(bytes(size))
        server.close()
