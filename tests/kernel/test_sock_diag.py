"""sock_diag against the kernel's own word: getsockopt(TCP_INFO), SO_COOKIE and `ss`."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.wire.addresses import format_endpoint
from tcctui.wire.events import TcpState
from tcctui.wire.samples import SOCKET, TCP_INFO, CcInfo, End, Samples, value
from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside, run
from tests.kernel.traffic import (
    KINDS,
    PORT,
    connect,
    connections,
    cookie,
    quiet,
    send,
    talk,
)

pytestmark = pytest.mark.kernel

_CLOCKS = {"last_data_sent", "last_ack_sent", "last_data_recv", "last_ack_recv"}
"""Fields that move on in a quiet socket, too."""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Give two hosts that all tests of this module share."""
    with Network() as made:
        yield made


def opened(name: str) -> DiagSocket:
    """Open sock_diag in a namespace, as the sampler does."""
    (there,) = (one for one in namespaces.found() if one.name == name)
    return DiagSocket(there.inode, raw=namespaces.open_diag(there))


@pytest.fixture
def client(network: Network) -> Iterator[DiagSocket]:
    """Give sock_diag in the client's namespace."""
    with contextlib.closing(opened(network.client)) as diag:
        yield diag


@pytest.fixture
def server(network: Network) -> Iterator[DiagSocket]:
    """Give sock_diag in the server's namespace."""
    with contextlib.closing(opened(network.server)) as diag:
        yield diag


def of(samples: Samples, end: socket.socket | int) -> Samples:
    """Pick the one sample of a socket, or of a cookie."""
    wanted = end if isinstance(end, int) else cookie(end)
    found = samples[samples["sock_cookie"] == wanted]
    assert len(found) == 1, f"{len(found)} samples of one socket"
    return found


def asked(samples: Samples) -> Samples:
    """What sockets are asked for by."""
    found = np.zeros(len(samples), SOCKET)
    for name in SOCKET.names or ():
        found[name] = samples[name]
    return found


def tcp_info(end: socket.socket) -> bytes:
    """Give TCP_INFO as the socket's owner gets it."""
    return end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512)


def is_in(end: socket.socket, state: TcpState) -> bool:
    """Whether a socket is in a state."""
    return tcp_info(end)[0] == state


def same_as_tcp_info(sample: Samples, info: bytes, apart_ms: float) -> None:
    """Compare each field with TCP_INFO; clocks that say how long ago went on for `apart_ms`."""
    for name, (kind, place) in TCP_INFO.items():
        theirs = np.frombuffer(info, kind, 1, place)[0]
        if name in _CLOCKS:
            # They go by the kernel's ticks, of 10 ms at most.
            assert -10 <= int(theirs) - int(sample[name][0]) <= apart_ms + 10
        else:
            assert sample[name][0] == theirs, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("congestion", ["cubic", "bbr"])
def test_dump_and_query_say_what_tcp_info_says(
    network: Network, client: DiagSocket, server: DiagSocket, kind: str, congestion: str
) -> None:
    """Of a quiet socket every field equals getsockopt(TCP_INFO), dumped or asked for."""
    connection = connect(network, kind, congestion=congestion)
    with contextlib.closing(connection):
        talk(connection, 20)
        quiet([connection])
        theirs = server if kind != "loopback" else client
        for end, diag in ((connection.client, client), (connection.server, theirs)):
            before_ns = time.monotonic_ns()
            dumped = of(diag.dump(), end)
            queried = diag.query(asked(dumped))
            info = tcp_info(end)
            apart_ms = (time.monotonic_ns() - before_ns) / 1e6
            for sample in (dumped, queried):
                assert sample["info_len"] == len(info)
                same_as_tcp_info(sample, info, apart_ms)
                (only,) = sample
                assert only["sock_cookie"] == cookie(end)
                assert only["end"] == End.LIVES
                assert only["cc"] == congestion.encode()
                assert (only["cc_info"] == CcInfo.BBR) == (congestion == "bbr")
                assert np.isnan(value(sample, "bbr_pacing_gain")[0]) == (congestion != "bbr")
                assert only["family"] == end.family
                assert only["inode"] == os.fstat(end.fileno()).st_ino
                assert only["state"] == TcpState.ESTABLISHED
                assert only["sndbuf"] == end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
                assert before_ns <= only["ts_ns"] <= time.monotonic_ns()
            ours, peer = end.getsockname()[:2], end.getpeername()[:2]
            for name, port, (address, number) in (
                ("saddr", "sport", ours),
                ("daddr", "dport", peer),
            ):
                high, low = map(int, only[name])
                text = format_endpoint(high, low, int(only[port]))
                plain = address.removeprefix("::ffff:")
                assert text == (f"[{plain}]:{number}" if ":" in plain else f"{plain}:{number}")


def test_timeouts_are_those_of_tcp_info(network: Network, client: DiagSocket) -> None:
    """Timeouts and their recoveries are the kernel's, and unknown where its tcp_info is older."""
    with connections(network, "ipv4") as (connection,):
        network.firewall("tcp dport >= 1024 drop")
        connection.client.sendall(b"lost")
        until("two timers have run out", lambda: tcp_info(connection.client)[2] >= 2)
        network.firewall("accept")
        assert connection.server.recv(10) == b"lost"
        quiet([connection])
        sample, info = of(client.dump(), connection.client), tcp_info(connection.client)
        names = ("total_rto", "total_rto_recoveries", "total_rto_time")
        if len(info) < 248:  # before 6.7
            assert all(np.isnan(value(sample, name)[0]) for name in names)
            return
        told = struct.unpack_from("=HHI", info, 240)
        assert tuple(int(value(sample, name)[0]) for name in names) == told
        assert told[0] >= 2
        assert told[1] == 1
        assert told[2] >= 200, "two timeouts take as long at least"
        older = sample.copy()
        older["info_len"] = 240
        assert all(np.isnan(value(older, name)[0]) for name in names)


def test_same_as_ss(network: Network, client: DiagSocket) -> None:
    """`ss -tinem` prints of a quiet bbr socket what is in its sample."""
    connection = connect(network, "ipv4", congestion="bbr")
    with contextlib.closing(connection):
        talk(connection, 50, 4000)
        quiet([connection])
        sample = of(client.dump(), connection.client)
        (only,) = sample
        lines = run("ss", "-HOtinem", "-N", network.client).splitlines()
        (line,) = (one for one in lines if f" sk:{cookie(connection.client):x} " in one)
        numbers = dict(re.findall(r"(\w+)[: ]\(?([0-9.]+)", line))
        for theirs, ours in (
            ("cwnd", "snd_cwnd"),
            ("mss", "snd_mss"),
            ("pmtu", "pmtu"),
            ("bytes_sent", "bytes_sent"),
            ("bytes_acked", "bytes_acked"),
            ("bytes_received", "bytes_received"),
            ("segs_out", "segs_out"),
            ("data_segs_out", "data_segs_out"),
            ("delivered", "delivered"),
            ("snd_wnd", "snd_wnd"),
            ("ino", "inode"),
        ):
            assert float(numbers[theirs]) == float(only[ours]), ours
        # In milliseconds, of which ss prints six digits.
        assert float(numbers["minrtt"]) * 1000 == pytest.approx(float(only["min_rtt"]), rel=1e-5)
        assert float(numbers["rtt"]) * 1000 == pytest.approx(float(only["rtt"]), rel=1e-5)
        assert float(numbers["delivery_rate"]) == pytest.approx(float(only["delivery_rate"]) * 8)
        gains = re.search(r"pacing_gain:([0-9.]+),cwnd_gain:([0-9.]+)", line)
        assert gains
        assert float(gains[1]) == pytest.approx(only["bbr_pacing_gain"] / 256, rel=1e-4)
        assert float(gains[2]) == pytest.approx(only["bbr_cwnd_gain"] / 256, rel=1e-4)
        memory = re.search(r"skmem:\(r(\d+),rb(\d+),t(\d+),tb(\d+),f\d+,w(\d+),.*d(\d+)\)", line)
        assert memory
        names = ("rmem_alloc", "rcvbuf", "wmem_alloc", "sndbuf", "wmem_queued", "drops")
        assert [int(one) for one in memory.groups()] == [int(only[name]) for name in names]


def test_states_outside_established(
    network: Network, client: DiagSocket, server: DiagSocket
) -> None:
    """SYN_SENT, FIN_WAIT2 and CLOSE_WAIT have values; listeners and TIME_WAIT are not told."""
    with inside(network.client):
        knocking = socket.socket()
    knocking.setblocking(False)
    with knocking, connections(network, "ipv4") as (connection,):
        network.firewall(f"tcp dport {PORT + 1} drop")
        knocking.connect_ex((Network.SERVER, PORT + 1))
        talk(connection, 2)
        connection.client.shutdown(socket.SHUT_WR)
        assert connection.server.recv(1) == b""
        until("the FIN is acknowledged", partial(is_in, connection.client, TcpState.FIN_WAIT2))
        with inside(network.server):
            listener = socket.create_server((Network.SERVER, PORT + 2))
        with listener:
            ours, theirs = client.dump(), server.dump()
            assert of(ours, knocking)["state"] == TcpState.SYN_SENT
            assert np.isnan(value(of(ours, knocking), "rtt")[0])
            assert of(ours, connection.client)["state"] == TcpState.FIN_WAIT2
            assert of(ours, connection.client)["snd_cwnd"] > 0
            assert of(theirs, connection.server)["state"] == TcpState.CLOSE_WAIT
            assert not np.isin(cookie(listener), theirs["sock_cookie"])
            # It goes on sending, which tcp_probe would not tell.
            before = of(theirs, connection.server)["bytes_sent"][0]
            send(connection.server, connection.client, 5000)
            after = server.query(asked(of(theirs, connection.server)))
            assert after["bytes_sent"][0] == before + 5000
        wanted = cookie(connection.client)
        # Closed while it waits for the other's FIN it is but a memory of the kernel's.
        connection.client.close()
        assert not np.isin(wanted, client.dump()["sock_cookie"])


def test_closed_socket_is_gone(network: Network, client: DiagSocket) -> None:
    """A socket that was closed is gone when asked for, also where another has its address."""
    connection = connect(network, "ipv4")
    wanted = asked(of(client.dump(), connection.client))
    other = wanted.copy()
    other["sock_cookie"] += 1 << 40
    assert client.query(np.concatenate([other, wanted]))["end"].tolist() == [End.GONE, End.LIVES]
    client.dump()
    connection.server.close()
    connection.client.close()
    # It lives on until the server has acknowledged its end.
    until("it is gone", lambda: client.query(wanted)["end"] == [End.GONE])
    (gone,) = client.query(wanted)
    assert (gone["end"], gone["sock_cookie"]) == (End.GONE, wanted["sock_cookie"][0])
    assert len(client.query(wanted)) == 1


def test_socket_bound_to_a_device_is_found(network: Network, client: DiagSocket) -> None:
    """A socket that is bound to a device is found by what a dump told of it, and not without."""
    with inside(network.server):
        listener = socket.create_server((Network.SERVER, PORT))
    with inside(network.client):
        bound = socket.socket()
    with listener, bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"veth0\0")
        bound.connect((Network.SERVER, PORT))
        with listener.accept()[0]:
            stranger = of(client.dump(), bound)
            assert stranger["ifindex"] > 0
            assert client.query(asked(stranger))["end"].tolist() == [End.LIVES]
            unbound = asked(stranger)
            unbound["ifindex"] = 0
            assert client.query(unbound)["end"].tolist() == [End.GONE]


_TOTALS = (
    *("bytes_sent", "bytes_received", "data_segs_out", "data_segs_in"),
    *("total_retrans", "delivered", "min_rtt"),
)


def notices(diag: DiagSocket, *cookies: int) -> Samples:
    """Wait until the ends of these sockets were told."""
    told = [diag.destroyed()]

    def all_told() -> bool:
        told.append(diag.destroyed())
        return bool(np.isin(cookies, np.concatenate(told)["sock_cookie"]).all())

    until("all ends are told", all_told)
    return np.concatenate(told)


def test_final_totals_are_told(network: Network, client: DiagSocket, server: DiagSocket) -> None:
    """A destroyed socket's notice has the totals that TCP_INFO had last."""
    assert client.listen()
    assert server.listen()
    last: dict[int, bytes] = {}
    for kind in ("ipv4", "ipv6", "mapped"):
        connection = connect(network, kind)
        talk(connection, 30, 3000)
        quiet([connection])
        # Whoever gets a reset keeps what it counted.
        reset_by(connection.server)
        last[cookie(connection.client)] = tcp_info(connection.client)
        connection.server.close()
        until("the reset came", partial(is_in, connection.client, TcpState.CLOSE))
        connection.client.close()
    told = notices(client, *last)
    for wanted, info in last.items():
        sample = of(told, wanted)
        assert sample["end"] == End.DESTROYED
        for name in _TOTALS:
            kind, place = TCP_INFO[name]
            assert sample[name][0] == np.frombuffer(info, kind, 1, place)[0], name
        assert sample["bytes_sent"] == 30 * 3000
        assert np.isnan(value(sample, "sndbuf")[0])
        assert sample["cc"] == b""


def reset_by(end: socket.socket) -> None:
    """Let a socket send a reset when it is closed."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_totals_that_were_wiped_are_missing(network: Network, client: DiagSocket) -> None:
    """A socket that resets its connection forgets what it counted: that is missing, and not 0."""
    assert client.listen()
    with contextlib.closing(connect(network, "ipv4")) as connection:
        talk(connection, 3)
        wanted = cookie(connection.client)
        reset_by(connection.client)
        connection.client.close()
        sample = of(notices(client, wanted), wanted)
        assert all(np.isnan(value(sample, name)[0]) for name in _TOTALS)


_CROWD = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
kept = []
for _ in range(int(sys.argv[1])):
    kept.append(socket.create_connection(listener.getsockname()))
    kept.append(listener.accept()[0])
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def counted_calls() -> Iterator[list[int]]:
    """Count the calls of functions, of Python's and of C's, in this thread."""
    calls = [0]

    def count(frame: FrameType, event: str, argument: object) -> None:
        calls[0] += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def test_twenty_thousand_sockets(network: Network, client: DiagSocket) -> None:
    """20,000 sockets are dumped whole, each once, and Python has next to nothing to do for each."""
    crowds = [
        subprocess.Popen(
            ["ip", "netns", "exec", network.client, sys.executable, "-c", _CROWD, "2500"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for crowd in crowds:
            assert crowd.stdout
            assert crowd.stdout.readline() == "ready\n"
        with counted_calls() as calls:
            samples = client.dump()
        # They are for the datagram, of dozens of sockets; each for itself would take as many.
        assert calls[0] < 3 * len(samples)
        assert client.complete
        assert len(samples) >= 20_000
        assert len(np.unique(samples["sock_cookie"])) == len(samples)
        assert (value(samples, "snd_cwnd") > 0).all()
        answered = client.query(asked(samples))
        assert (answered["sock_cookie"] == samples["sock_cookie"]).all()
        assert (answered["end"] == End.LIVES).all()
    finally:
        for crowd in crowds:
            crowd.kill()
            crowd.communicate()


_CHURN = """
import socket, struct
listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
some = []
while True:
    client = socket.create_connection(listener.getsockname())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    some.append((client, listener.accept()[0]))
    if len(some) > 500:
        for end in some.pop(0):
            end.close()
"""


def test_dump_while_sockets_come_and_go(network: Network, client: DiagSocket) -> None:
    """While thousands of sockets come and go, those that stay are in each dump, and once."""
    churn = network.popen(network.client, [sys.executable, "-c", _CHURN])
    with connections(network, *["loopback"] * 20) as staying:
        cookies = [one for connection in staying for one in connection.cookies]
        until("there are many", lambda: len(client.dump()) > 900)
        seen: set[int] = set()

        def many_have_come_and_gone() -> bool:
            for _ in range(50):
                samples = client.dump()
                assert np.isin(cookies, samples["sock_cookie"]).all()
                assert len(np.unique(samples["sock_cookie"])) == len(samples)
                seen.update(samples["sock_cookie"].tolist())
            return len(seen) > 2000

        until("many have come and gone", many_have_come_and_gone, pause=0)
        assert churn.poll() is None
    churn.kill()


def test_namespace_that_is_deleted_while_open() -> None:
    """A namespace that vanishes is no longer found; who has a socket in it still gets answers."""
    with Network() as network:
        before = namespaces.found()
        (there,) = (one for one in before if one.name == network.client)
        diag = opened(network.client)
        connection = connect(network, "loopback")
        assert len(diag.dump()) == 2
    with contextlib.closing(diag):
        connection.close()
        until("nothing is left", lambda: not len(diag.dump()))
        assert diag.listen()
        assert len(diag.destroyed()) == 0
        assert there not in namespaces.found()
        with pytest.raises(OSError, match="No such file"):
            namespaces.open_diag(there)


def test_namespaces_are_found_by_name_and_by_process(network: Network) -> None:
    """Each namespace is there once: our own first, then those with a name or a process."""
    nameless = subprocess.Popen(["unshare", "--net", "sleep", "600"])
    try:
        link = Path(f"/proc/{nameless.pid}/ns/net")
        own = os.stat("/proc/self/ns/net").st_ino
        until("it has a namespace of its own", lambda: link.stat().st_ino != own)
        found = namespaces.found()
        inodes = [one.inode for one in found]
        assert inodes[0] == own
        assert len(set(inodes)) == len(inodes)
        assert {network.client, network.server} <= {one.name for one in found}
        (there,) = (one for one in found if one.inode == link.stat().st_ino)
        assert there.name == str(there.inode)
        with contextlib.closing(DiagSocket(there.inode, raw=namespaces.open_diag(there))) as diag:
            assert len(diag.dump()) == 0
        assert os.stat("/proc/thread-self/ns/net").st_ino == own
    finally:
        nameless.kill()
        nameless.wait()


_DROP = """
import os
# Only now: nobody may not be able to read our modules.
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
"""
_HIDDEN = 'mount -t proc -o hidepid=2 proc /proc && exec "$0" -c "$1"'
_FIND = f"""
from tcctui.sources.sock_diag import namespaces
{_DROP}
own, *others = namespaces.found()
print(own.name, [one.name for one in others if one.path.startswith("/proc")])
"""


def test_own_namespace_is_the_threads(network: Network) -> None:
    """Where the first thread went elsewhere, another still has its own namespace first."""
    with ThreadPoolExecutor(1) as threads:
        before = threads.submit(namespaces.found).result()
        with inside(network.client):
            here, there = namespaces.found(), threads.submit(namespaces.found).result()
    assert there[0] == before[0]
    assert here[0].name == network.client
    (client,) = (one for one in there if one.name == network.client)
    assert client.path != namespaces.OWN


def test_hidden_processes_are_no_trouble() -> None:
    """With /proc mounted with hidepid=2, nobody still finds their namespace, by its number."""
    said = run("unshare", "--mount", "sh", "-c", _HIDDEN, sys.executable, _FIND)
    assert said == f"{os.stat('/proc/self/ns/net').st_ino} []\n"


_AS_NOBODY = f"""
import sys
from tcctui.sources.sock_diag.diag_socket import DiagSocket
{_DROP}
diag = DiagSocket()
print(diag.listen())
samples = diag.dump()
(sample,) = samples[samples["sock_cookie"] == int(sys.argv[1])]
print(sample["cc"].decode(), sample["snd_cwnd"], sample["rtt"])
"""


def test_nobody_gets_the_same(network: Network, client: DiagSocket) -> None:
    """Without privileges there are cwnd, rtt and algorithm of others' sockets, and their ends."""
    with connections(network, "loopback") as (connection,):
        talk(connection, 5)
        quiet([connection])
        wanted = cookie(connection.client)
        program = (sys.executable, "-c", _AS_NOBODY, str(wanted))
        said = run("ip", "netns", "exec", network.client, *program)
        (sample,) = of(client.dump(), wanted)
        assert said == f"True\ncubic {sample['snd_cwnd']} {sample['rtt']}\n"
