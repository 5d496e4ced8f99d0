"""The live source on real connections: what samples add to events, against `ss` and /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.flows.store import Store
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.sources.live import LiveSource, open_live
from tcctui.wire.events import TcpState
from tests.kernel.command import TCCTUI
from tests.kernel.deadlines import until
from tests.kernel.network import Network, run
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, connect, connections, cookie, exchange, quiet, talk

pytestmark = pytest.mark.kernel

Row = dict[str, Any]

_NAMES = (
    *("state", "snd_cwnd", "ssthresh", "srtt_us", "mss", "bytes_acked", "closed_ns", "events"),
    *("cc", "comm", "pid", "netns_name", "total_retrans", "min_rtt", "from_sample", "rate"),
    *("segs_out", "snd_wnd", "retrans_percent", "data_segs_out"),
)


class Watched:
    """A store, the live source that fills it, and what is looked at."""

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self.store = Store()

    def take(self) -> None:
        """Take in what has come."""
        self.store.ingest(self.source.read(0.05), self.source.now_ns())
        while len(samples := self.source.sampled()):
            self.store.ingest_samples(samples, self.source.now_ns())

    def look_at(self, *cookies: int) -> None:
        """Have these flows on the screen."""
        self.source.watch(self.store.sockets(np.array(cookies, "u8")))

    def row(self, key: int) -> Row:
        """Take in what has come, and give what is known of a socket; empty if nothing."""
        self.take()
        flows = self.store.some_flows(np.array([key], "u8"), _NAMES)
        return {name: flows[name][0].item() for name in _NAMES} if flows.count else {}


@pytest.fixture(params=["tcp_probe + sock_diag", "sock_diag"])
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    """Open a live source for the tests' own port: with tcp_probe, and without."""
    both = "tcp_probe" in request.param
    source = open_live(
        KernelFilter.on_ports(PORT),
        Loading() if both else None,
        choice="auto" if both else "sock_diag",
        interval_ms=10,
        max_cpu=0.25,
    )
    with closing(source):
        assert source.description.startswith(f"{request.param} · ")
        yield Watched(source)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Make a path between two namespaces."""
    with Network() as made:
        yield made


def test_idle_connections_are_there_at_once(network: Network) -> None:
    """A connection that was idle before tcctui came is in the table, with what `ss` has of it."""
    with connections(network, "ipv4", "ipv6") as made:
        for connection in made:
            talk(connection, 3)
        quiet(made)
        source = open_live(
            KernelFilter.on_ports(PORT), None, choice="sock_diag", interval_ms=10, max_cpu=0.25
        )
        with closing(source):
            watched = Watched(source)
            for connection in made:
                for end, namespace in (
                    (connection.client, network.client),
                    (connection.server, network.server),
                ):
                    key = cookie(end)
                    row = until("it is there", lambda key=key: watched.row(key))  # type: ignore[misc]
                    info = ss_words(namespace, key)
                    assert row["snd_cwnd"] == int(info["cwnd"])
                    assert row["srtt_us"] == pytest.approx(
                        float(info["rtt"].split("/")[0]) * 1e3, abs=1
                    )
                    assert row["cc"] == b"cubic"
                    assert row["mss"] == int(info["mss"])
                    assert row["state"] == TcpState.ESTABLISHED
                    assert row["netns_name"].decode() == namespace
                    assert row["events"] == 0


def ss_words(namespace: str, key: int) -> dict[str, str]:
    """What `ss -tinem` says of a socket: its `name:value` words, and `cc`."""
    lines = run("ss", "-HOtineN", namespace).splitlines()
    line = next(line for line in lines if f"sk:{key:x} " in line or line.endswith(f"sk:{key:x}"))
    words = line.split()
    return dict(word.split(":", 1) for word in words if ":" in word)


def test_retransmits_are_those_of_ss(watched: Watched) -> None:
    """On a lossy path, retransmits and segments are exactly what `ss` counts, also in per cent."""
    with (
        Network(rate="50mbit", queue="60kb", loss=0.03) as lossy,
        connections(lossy, "ipv4") as (connection,),
    ):
        exchange([connection], up=1_500_000)
        quiet([connection])
        key = cookie(connection.client)
        info = ss_words(lossy.client, key)
        total = int(info["retrans"].split("/")[1])
        assert total > 3
        until("it is known", lambda: watched.row(key))
        watched.look_at(key)
        row = until(
            "a sample of the end",
            lambda: (row := watched.row(key))["total_retrans"] == total and row,
        )
        assert row["retrans_percent"] == pytest.approx(100 * total / int(info["data_segs_out"]))


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_flow_in_another_namespace_has_its_process(watched: Watched, side: str) -> None:
    """A connection of another namespace's process has that namespace's name, and the process."""
    with Network() as network:
        server = network.popen(network.server, [*_PYTHON, _SERVER, Network.SERVER, str(PORT)])
        assert server.stdout is not None
        assert server.stdout.readline().strip() == "listening"
        client = network.popen(network.client, [*_PYTHON, _CLIENT, Network.SERVER, str(PORT)])
        process = {"client": client, "server": server}[side]
        assert process.stdout is not None
        key = int(process.stdout.readline())
        row = until(
            "it is known with its process",
            lambda: (row := watched.row(key)) and row["pid"] == process.pid and row,
        )
        assert row["netns_name"].decode() == getattr(network, side)
        assert row["comm"] == Path(f"/proc/{process.pid}/comm").read_bytes().strip()
        for started in (client, server):
            started.kill()


_PYTHON = (sys.executable, "-u", "-c")
_COOKIE = """
import socket, struct, sys, time
def cookie(end): return struct.unpack("=Q", end.getsockopt(1, 57, 8))[0]
"""
_SERVER = (
    _COOKIE
    + """
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("listening")
end, _ = listener.accept()
print(cookie(end))
while data := end.recv(1000): end.sendall(data)
"""
)
_CLIENT = (
    _COOKIE
    + """
end = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print(cookie(end))
for _ in range(1000):
    end.sendall(bytes(100)); end.recv(1000); time.sleep(0.05)
"""
)


def test_what_ends_is_closed(watched: Watched, network: Network) -> None:
    """When a connection is closed, its row is closed within some seconds, whoever tells of it."""
    connection = connect(network, "ipv4")
    talk(connection, 5)
    keys = [cookie(end) for end in (connection.client, connection.server)]
    for key in keys:
        until("it is known", lambda key=key: watched.row(key))  # type: ignore[misc]
    connection.close()
    for key in keys:
        row = until(
            "its end is known",
            lambda key=key: (row := watched.row(key))["closed_ns"] and row,  # type: ignore[misc]
        )
        assert row["state"] == TcpState.CLOSE


def test_final_totals(watched: Watched, network: Network) -> None:
    """The last sample of a connection has its totals, to the last byte."""
    connection = connect(network, "ipv4")
    talk(connection, 5)
    key = cookie(connection.client)
    until("its process is known", lambda: watched.row(key).get("pid") == os.getpid())
    exchange([connection], up=3_000_000)
    connection.close()
    until("its end is known", lambda: watched.row(key)["closed_ns"])
    # The SYN and the FIN count as one byte each.
    totals = range(3_000_500, 3_000_503)
    until("its last sample", lambda: watched.row(key)["bytes_acked"] in totals)
    row = watched.row(key)
    assert (row["cc"], row["pid"]) == (b"cubic", os.getpid()), "what the end does not tell stays"


def test_a_namespace_goes_with_its_flows(watched: Watched) -> None:
    """A deleted namespace is not kept alive, and its flows are closed."""
    with Network() as network:
        connection = connect(network, "ipv4")
        talk(connection, 3)
        key = cookie(connection.client)
        until("it is known", lambda: watched.row(key).get("netns_name"))
        inode = os.stat(f"/run/netns/{network.client}").st_ino
        connection.close()
    until("its end is known", lambda: watched.row(key)["closed_ns"])
    until("nobody holds it", lambda: not held(inode))


def held(inode: int) -> bool:
    """Say whether this process still samples a namespace."""
    listed = subprocess.run(
        ["lsns", "-t", "net", "-n", "-o", "NS"], capture_output=True, text=True, check=False
    ).stdout
    return str(inode) in listed.split()


# As an ordinary user


def test_as_nobody(network: Network, tmp_path: Path) -> None:
    """Without root, the dashboard shows existing connections with cwnd, srtt and cc, and updates.

    It says that these are samples, and by which command there is more.
    """
    tmp_path.chmod(0o777)
    with connections(network, "ipv4") as (connection,), Terminal(tmp_path) as terminal:
        exchange([connection], up=200_000)
        quiet([connection])
        info = ss_words(network.client, cookie(connection.client))
        nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
        inside = f"ip netns exec {network.client} {nobody}"
        terminal.start(f"{inside} env HOME={tmp_path} {TCCTUI} --port {PORT}")
        terminal.shows(rf"{Network.CLIENT}:\d+ +{Network.SERVER}:{PORT} ")
        screen = terminal.shows(r"(?m)^.*sock_diag.*$")[0]
        assert "lost" not in screen
        row = terminal.shows(rf"(?m)^.*{Network.SERVER}:{PORT} .*$")[0].split()
        assert info["cwnd"] in row
        assert "cubic" in row
        terminal.shows("sudo .*tcctui")
        exchange([connection], up=3_000_000)
        terminal.shows(r"3\.05 Mi acked")
        terminal.press("q")
        assert terminal.ended() == 0
