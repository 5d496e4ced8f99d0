"""The live source on real connections: what samples add to events, against `ss` and /proc."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.fields.connection import ENDS
from tcctui.flows.labels import local, remote
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.sources.live import LiveSource, open_live
from tcctui.wire.addresses import use_zones
from tcctui.wire.events import TcpState
from tests.kernel.command import TCCTUI
from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside, run
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import (
    PORT,
    Connection,
    connect,
    connections,
    cookie,
    disconnect,
    exchange,
    quiet,
    send,
    talk,
)

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

    def ended(self, key: int) -> bool:
        """Take in what has come, and say if a flow is closed."""
        return bool(self.row(key)["closed_ns"])

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
            "it is known with its process, which events tell, and sampled",
            lambda: (
                (row := watched.row(key))
                and row["pid"] == process.pid
                and row["netns_name"]
                and row
            ),
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


def test_a_socket_bound_to_a_device_lives(watched: Watched, network: Network) -> None:
    """A connection bound to a device lives on where its row has no device yet, and when it moves.

    tcp_probe tells no device. Samples find it as dumps have it.
    """
    with inside(network.server):
        listener = socket.create_server((Network.SERVER, PORT))
    with inside(network.client):
        bound = socket.socket()
    with listener, bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"veth0\0")
        bound.connect((Network.SERVER, PORT))
        with listener.accept()[0] as server:
            connection = Connection(bound, server)
            key = cookie(bound)
            talk(connection, 3)
            until("a dump had it", lambda: watched.row(key).get("netns_name"))
            for device in (b"veth0\0", b"\0"):
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
                asked = watched.store.sockets(np.array([key], "u8"))
                asked["ifindex"] = 0
                watched.source.watch(asked)
                for rounds in range(4):
                    talk(connection, 3 + rounds)
                    sent = struct.unpack_from("=I", bound.getsockopt(6, socket.TCP_INFO, 240), 136)

                    def sampled(sent: int = sent[0]) -> bool:
                        row = watched.row(key)
                        assert not row["closed_ns"]
                        return bool(row["segs_out"] >= sent)

                    until("it is sampled", sampled)


def test_connections_of_two_links(watched: Watched) -> None:
    """Two connections with the same link-local ends are told apart by their interfaces."""
    use_zones({})  # other tests' namespaces may have had other names
    with Network() as network, contextlib.ExitStack() as opened:
        run(
            *("ip", "-n", network.client, "link", "add", "other", "type", "veth"),
            *("peer", "name", "other", "netns", network.server),
        )
        for name, host in ((network.client, 1), (network.server, 2)):
            for device in (Network.DEVICE, "other"):
                run("ip", "-n", name, "link", "set", device, "up", "addrgenmode", "none")
                run(
                    *("ip", "-n", name, "address", "add", f"fe80::{host}/64", "dev", device),
                    "nodad",
                )
        with inside(network.server):
            listener = opened.enter_context(
                socket.create_server(("::", PORT), family=socket.AF_INET6)
            )
        clients, made = {}, []
        with inside(network.client):
            for device in (Network.DEVICE, "other"):
                zone = socket.if_nametoindex(device)
                client = opened.enter_context(socket.socket(socket.AF_INET6))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                client.bind(("fe80::1", 50_321, 0, zone))
                client.connect(("fe80::2", PORT, 0, zone))
                made.append(Connection(client, opened.enter_context(listener.accept()[0])))
                clients[device] = cookie(client)
        for connection in made:
            talk(connection, 5)
        keys = list(clients.values())
        ends = [f"[fe80::1%{device}]:50321 [fe80::2%{device}]:{PORT}" for device in clients]

        def told() -> list[str]:
            for connection in made:
                talk(connection, 1)
            watched.take()
            watched.look_at(*keys)
            flows = watched.store.some_flows(np.array(keys, "u8"), [*ENDS, "sampled_ns"])
            known = flows.count == len(keys) and flows["sampled_ns"].all()
            pairs = zip(local(flows), remote(flows), strict=True)
            return [" ".join(pair) for pair in pairs] if known else []

        until("they are told with their interfaces", lambda: told() == ends)
        for _ in range(5):
            assert told() == ends, "events and samples agree"
        for device, key in clients.items():
            query = parse(f"dst:fe80::2%{device} and src:fe80::1")
            flows = watched.store.flows(query.fields)
            assert flows["cookie"][query.mask(flows)].tolist() == [key]
        flows = watched.store.flows(["text"])
        found = [line for line in flows["text"].tolist() if line.startswith(ends[1].encode())]
        assert len(found) == 1, "the name is searched, too"


def test_half_open_connections_of_each_listener(watched: Watched) -> None:
    """Asked for, each listener has the number of its requests: by address, wildcard and device.

    Of all together it is what `ss` lists; nobody asks, nobody has one.
    """
    with Network() as network, contextlib.ExitStack() as opened:

        def listening(host: str, device: str = "") -> int:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with inside(network.server):
                made = opened.enter_context(socket.socket(family))
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
                made.bind((host, PORT))
                made.listen(64)
            return cookie(made)

        def knock(host: str, times: int) -> None:
            for _ in range(times):
                with inside(network.client):
                    family = socket.AF_INET6 if ":" in host else socket.AF_INET
                    made = opened.enter_context(socket.socket(family))
                made.connect((host, PORT))

        second = "192.0.2.3"
        run(*("ip", "-n", network.server, "address", "add", f"{second}/24"), "dev", Network.DEVICE)
        every, own = listening("::"), listening(Network.SERVER)
        bound, silent = listening("0.0.0.0", Network.DEVICE), listening("127.0.0.1")
        # A client's last segment of the handshake does not come.
        network.firewall("tcp flags & (syn|ack|rst) == ack drop")
        knock(Network.SERVER, 3)
        knock(Network.SERVER6, 2)
        knock(second, 4)

        def numbers() -> dict[int, float]:
            watched.take()
            flows = watched.store.flows(["state", "half_open"])
            here = np.isin(flows["cookie"], [every, own, bound, silent])
            assert not (flows["state"] == TcpState.SYN_RECV).any()
            told = flows["half_open"][here].tolist()
            return dict(zip(flows["cookie"][here].tolist(), told, strict=True))

        watched.source.look_for(parse("state:listen"))
        until("they are there", lambda: len(numbers()) == 4)
        assert np.isnan([*numbers().values()]).all()
        watched.source.look_for(parse("half_open>0"))
        expected = {every: 2, own: 3, bound: 4, silent: 0}
        until("they are counted", lambda: numbers() == expected)
        listed = run("ss", "-Htn", "-N", network.server, "state", "syn-recv").splitlines()
        assert len(listed) == sum(expected.values())
        watched.look_at(*expected)
        for _ in range(5):
            assert numbers() == expected


def test_listeners_and_half_open_connections(watched: Watched) -> None:
    """While a search names them, listeners have rows with their queues, and so have requests."""
    with Network() as network, contextlib.ExitStack() as opened:

        def client() -> socket.socket:
            with inside(network.client):
                made = opened.enter_context(socket.socket())
            made.connect((Network.SERVER, PORT))
            return made

        with inside(network.server):
            listener = opened.enter_context(socket.create_server((Network.SERVER, PORT), backlog=7))
        waiting = [client() for _ in range(2)]
        # A client's last segment of the handshake does not come.
        network.firewall("tcp flags & (syn|ack|rst) == ack drop")
        half_open = [client() for _ in range(3)]

        def states() -> dict[int, list[tuple[float, float]]]:
            watched.take()
            flows = watched.store.flows(["state", "sport", "rqueue", "wqueue"])
            here = flows["sport"] == PORT
            queues = zip(
                flows["rqueue"][here].tolist(), flows["wqueue"][here].tolist(), strict=True
            )
            found: dict[int, list[tuple[float, float]]] = {}
            for state, queue in zip(flows["state"][here].tolist(), queues, strict=True):
                found.setdefault(state, []).append(queue)
            return found

        until("connections are there", lambda: TcpState.ESTABLISHED in states())
        assert not {TcpState.LISTEN, TcpState.SYN_RECV} & states().keys()
        watched.source.look_for(parse("state:listen,syn-recv"))
        until(
            "they are there",
            lambda: (
                states().get(TcpState.LISTEN) == [(len(waiting), 7)]
                and len(states().get(TcpState.SYN_RECV, ())) == len(half_open)
            ),
        )
        watched.source.look_for(parse("rate>1"))
        until("they have left", lambda: not {TcpState.LISTEN, TcpState.SYN_RECV} & states().keys())
        assert listener.fileno() >= 0


@pytest.mark.parametrize("bound", [False, True], ids=["other ports", "the same ports"])
def test_a_socket_that_is_connected_again(
    watched: Watched, network: Network, *, bound: bool
) -> None:
    """Each connection of a socket is a flow of its own, with its own bytes, and ends by itself."""
    with inside(network.server):
        listener = socket.create_server((Network.SERVER, PORT))
    with inside(network.client):
        client = socket.socket()
    with listener, client:
        if bound:
            client.bind((Network.CLIENT, 50_123))
        keys, ports, sizes = [], [], (30_000, 20_000, 10_000)
        seen: list[object] = []
        for number, size in enumerate(sizes):
            if number:
                disconnect(client)
            client.connect((Network.SERVER, PORT))
            keys.append(cookie(client) | number << 48)
            ports.append(client.getsockname()[1])
            watched.store.hold(keys)
            with contextlib.suppress(ConnectionResetError), listener.accept()[0] as server:
                send(client, server, size)

                def told(key: int = keys[-1], size: int = size) -> bool:
                    row = watched.row(key)
                    watched.look_at(key)
                    seen[:] = [key, size, row]
                    return bool(row and row["bytes_acked"] in (size, size + 1))

                try:
                    until("its bytes are known", told)
                except AssertionError as error:
                    raise AssertionError(f"{error}: key, size and row are {seen}") from error
        until("all but the last have ended", lambda: all(map(watched.ended, keys[:-1])))
        flows = watched.store.some_flows(np.array(keys, "u8"), ("sport", "bytes_acked"))
        assert flows["sport"].tolist() == ports
        assert [total // 1000 * 1000 for total in flows["bytes_acked"].tolist()] == list(sizes)


def test_final_totals(watched: Watched, network: Network) -> None:
    """The last sample of a connection has its totals, to the last byte."""
    connection = connect(network, "ipv4")
    talk(connection, 5)
    key = cookie(connection.client)
    known = {"cc": b"cubic", "pid": os.getpid()}
    until("it is known", lambda: known.items() <= watched.row(key).items())
    exchange([connection], up=3_000_000)
    connection.close()
    until("its end is known", lambda: watched.row(key)["closed_ns"])
    # The SYN and the FIN count as one byte each.
    totals = range(3_000_500, 3_000_503)
    until("its last sample", lambda: watched.row(key)["bytes_acked"] in totals)
    row = watched.row(key)
    assert {name: row[name] for name in known} == known, "what the end does not tell stays"


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
