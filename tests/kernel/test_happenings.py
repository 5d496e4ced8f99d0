"""Retransmits and congestion states, against what the tracepoints print of themselves."""

from __future__ import annotations

import itertools
import json
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tcctui.query import parse
from tcctui.sources.kernel import tracepoint_formats
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.wire.events import AF_INET, AF_INET6, CaState, EventKind, Events, TcpState
from tcctui.wire.tracepoints import BY_KIND
from tests.kernel.bpf_objects import held_by
from tests.kernel.deadlines import until
from tests.kernel.happenings import KINDS as HAPPENINGS
from tests.kernel.happenings import End, ends_of, of_kinds, of_ports, rows
from tests.kernel.network import Network, run
from tests.kernel.recorder import Recorder, drain
from tests.kernel.traffic import KINDS, PORT, Connection, connect, connections, exchange, quiet
from tests.kernel.watching import CLOSED, LOSSY, compare, cut_off, fields, of_end, told, watched

pytestmark = pytest.mark.kernel

OWN_PORTS = KernelFilter.on_ports(PORT, CLOSED)


@pytest.fixture(scope="module")
def source() -> Iterator[BpfSource]:
    """Open a source for the tests' own ports."""
    with closing(BpfSource(OWN_PORTS)) as opened:
        yield opened


@pytest.fixture
def network() -> Iterator[Network]:
    """Join a client and a server without loss."""
    with Network() as made:
        yield made


def retransmits(end: socket.socket) -> int:
    """Read tcpi_total_retrans of TCP_INFO: segments (include/uapi/linux/tcp.h)."""
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    number: int = struct.unpack_from("=I", info, 100)[0]
    return number


def test_lossy_traffic(source: BpfSource) -> None:
    """Each retransmit and each congestion state is told once, with the text's values in all fields.

    They join tcp_probe by skaddr, whatever addresses a socket has; there are no more retransmits
    than TCP_INFO counts segments, and a loop of the machine's own has none.
    """
    with (
        Network(rate="100mbit", queue="100kb", loss=0.05) as network,
        watched(source) as (recorder, text),
    ):
        made = [
            connect(network, kind, congestion=congestion)
            for kind, congestion in itertools.product(KINDS, ("cubic", "reno"))
        ]
        exchange(made, up=1_500_000, down=100_000)
        losing = [one for one in made if one.endpoints[0][0] != "127.0.0.1"]
        lose_some(network, losing)
        segments = {ends_of(one)[0]: retransmits(one.client) for one in made}
        lossless = {ends_of(one)[0] for one in made if one not in losing}
        own_ends = {ends[::step] for one in made for ends in [ends_of(one)] for step in (1, -1)}
        quiet(made)
        events = compare(recorder, text)
        everything = recorder.events
        for one in made:
            one.close()

    sent = of_kinds(events, EventKind.RETRANSMIT)
    for end, count in segments.items():
        own = len(of_end(sent, end, EventKind.RETRANSMIT))
        assert own <= count
        # Where it is busy, a loop of the machine's own may have a probe, too.
        assert own > 0 or end in lossless
    assert set(sent["newstate"]) == {TcpState.ESTABLISHED}
    assert {AF_INET, AF_INET6} == set(sent["family"])
    states = set(of_kinds(events, EventKind.CA_STATE)["newstate"])
    assert {CaState.OPEN, CaState.DISORDER, CaState.RECOVERY} <= states <= {*CaState}
    probes = of_ports(of_kinds(everything, EventKind.PROBE), PORT)
    address = dict(zip((row[1:3] for row in rows(probes)), probes["skaddr"], strict=True))
    # The port's, too, are sockets of a test before, which the kernel may still be closing.
    told_of = [
        (event, row)
        for event, row in zip(events, rows(events), strict=True)
        if row[1:3] in own_ends
    ]
    assert {row[1] for _, row in told_of} >= {end for end in segments if end not in lossless}
    for event, row in told_of:
        assert event["skaddr"] == address[row[1:3]]


def test_what_is_attached(source: BpfSource) -> None:
    """There is a program at each tracepoint that this kernel has, as bpftool says.

    One more is at none: that of packets that leave queues, for which nobody has asked.
    """
    formats = tracepoint_formats.read_formats(tracepoint_formats.mount_tracefs())
    listed = json.loads(run("bpftool", "--json", "perf"))
    programs = held_by(os.getpid()).programs
    attached = [one["tracepoint"] for one in listed if one["prog_id"] in programs]
    wanted = set(formats) - {row.name for row in tracepoint_formats.lacking(formats)}
    assert sorted(attached) == sorted(name.rpartition("/")[2] for name in wanted)
    assert len(programs) == len(attached) + 1


def lose_some(network: Network, over: Sequence[Connection]) -> None:
    """Lose what the clients send, until each has sent some of it again."""
    before = [retransmits(one.client) for one in over]
    network.firewall("tcp dport >= 1024 drop")
    for one in over:
        one.client.sendall(b"lost")

    def sent_again() -> bool:
        now = [retransmits(one.client) for one in over]
        return all(some > so_far for some, so_far in zip(now, before, strict=True))

    until("all send again", sent_again)
    network.firewall("accept")
    for one in over:
        assert one.server.recv(10) == b"lost"


def test_a_timer_that_runs_out_again(source: BpfSource, network: Network) -> None:
    """Each retransmission by the timer is an event and enters Loss anew, until an ACK ends it."""
    with connections(network, "ipv4") as [one], watched(source) as (recorder, text):
        network.firewall("tcp dport >= 1024 drop")
        one.client.sendall(b"lost")
        until("three are lost", lambda: retransmits(one.client) >= 3)
        network.firewall("accept")
        assert one.server.recv(10) == b"lost"
        client = ends_of(one)[0]
        opened = (EventKind.CA_STATE, CaState.OPEN)
        until("the loss is over", lambda: opened in steps(told(recorder), client))
        count = retransmits(one.client)
        events = compare(recorder, text)
    seen = steps(events, client)
    # A tail loss probe is sent without a change of state.
    losses = seen.count((EventKind.CA_STATE, CaState.LOSS))
    assert count - 1 <= losses <= count
    assert seen.count((EventKind.RETRANSMIT, TcpState.ESTABLISHED)) == count
    assert seen[-1] == opened


def steps(events: Events, end: End) -> list[tuple[int, int]]:
    """Give kind and state of what happened at an end."""
    own = of_end(events, end, *HAPPENINGS)
    return list(zip(own["kind"].tolist(), own["newstate"].tolist(), strict=True))


@pytest.mark.parametrize("kind", LOSSY)
def test_a_lost_syn_ack(kind: str, source: BpfSource, network: Network) -> None:
    """Each SYN-ACK that is sent again is told with the ends that the connection will have.

    It has no socket yet, and so no skaddr; the client's SYN is told as a retransmit, too.
    """
    drop = (
        "table inet path; delete table inet path; table inet path"
        " { chain in { type filter hook input priority 0;"
        " tcp flags & (syn | ack) == syn | ack drop; }; }"
    )
    run("ip", "netns", "exec", network.client, "nft", drop)
    with watched(source) as (recorder, text):
        connecting = Connecting(network, kind)
        until(
            "a SYN-ACK is sent again",
            lambda: len(of_kinds(told(recorder), EventKind.RETRANSMIT_SYNACK)),
        )
        run("ip", "netns", "exec", network.client, "nft", "delete table inet path")
        one = connecting.wait()
        client, server = ends_of(one)
        one.close()
        events = compare(recorder, text)
    again = of_kinds(events, EventKind.RETRANSMIT_SYNACK)
    assert {row[1:3] for row in rows(again)} == {(server, client)}
    assert set(again["skaddr"]) == {0}
    syns = of_end(events, client, EventKind.RETRANSMIT)
    assert set(syns["newstate"]) == {TcpState.SYN_SENT}


class Connecting:
    """A connection on its way, in a thread."""

    def __init__(self, network: Network, kind: str) -> None:
        self._threads = ThreadPoolExecutor(1)
        self._connected = self._threads.submit(connect, network, kind)

    def wait(self) -> Connection:
        """Wait until it is there."""
        with self._threads:
            return self._connected.result()


def test_what_could_not_be_sent_again(source: BpfSource, network: Network) -> None:
    """A retransmit that fails on this machine is none, on kernels that tell of it, too."""
    if "err" not in fields(BY_KIND[EventKind.RETRANSMIT].name):
        pytest.skip("before 6.16 tcp_retransmit_skb tells only of what was sent")
    drop = (
        "table inet path; delete table inet path; table inet path"
        f" {{ chain out {{ type filter hook output priority 0; tcp dport {PORT} drop; }}; }}"
    )
    with connections(network, "ipv4") as [one], watched(source) as (recorder, text):
        network.firewall("tcp dport >= 1024 drop")
        one.client.sendall(b"lost")
        until("it is lost", lambda: retransmits(one.client) >= 1)
        run("ip", "netns", "exec", network.client, "nft", drop)
        until("it can not be sent", lambda: text.failures(PORT))
        run("ip", "netns", "exec", network.client, "nft", "delete table inet path")
        network.firewall("accept")
        assert one.server.recv(10) == b"lost"
        events = compare(recorder, text)
        sent = retransmits(one.client)
    assert len(of_kinds(events, EventKind.RETRANSMIT)) <= sent


@pytest.mark.parametrize(
    ("kernel_filter", "passing"),
    [
        (KernelFilter.on_ports(PORT), {"ipv4", "ipv6"}),
        (KernelFilter.on_ports(CLOSED), set()),
        (KernelFilter.of(parse(f"ip:{Network.SERVER}/32")), {"ipv4"}),
        (KernelFilter.of(parse(f"port:{PORT} ip:2001:db8::/64")), {"ipv6"}),
    ],
)
def test_the_filter(
    kernel_filter: KernelFilter, passing: set[str], source: BpfSource, network: Network
) -> None:
    """What the filter keeps out of tcp_probe it keeps out of all kinds, and nothing else."""
    source.set_filter(kernel_filter)
    drain(source)
    with Recorder(source) as recorder:
        ends = {}
        for kind in ("ipv4", "ipv6"):
            one = connect(network, kind)
            ends[kind] = ends_of(one)
            cut_off(one)
    source.set_filter(OWN_PORTS)
    events = of_ports(recorder.events, PORT)
    seen = {
        (kind, EventKind(number))
        for kind, both in ends.items()
        for number in of_end(events, both[0], *HAPPENINGS)["kind"].tolist()
        + of_end(events, both[1], *HAPPENINGS)["kind"].tolist()
    }
    resets = {EventKind.SEND_RESET, EventKind.RECEIVE_RESET, EventKind.CA_STATE}
    assert seen == set(itertools.product(passing, resets))


def test_losing_is_counted_by_kind(network: Network) -> None:
    """What finds the ring full is counted for its own kind, the last of which is the eighth."""
    small = Loading(ring_bytes=4096)
    with closing(BpfSource(KernelFilter.on_ports(PORT), loading=small)) as source:
        for _ in range(30):
            cut_off(connect(network, "ipv4"))
        lost = source.lost_by_kind()
        events = of_ports(drain(source), PORT)
    for kind in (EventKind.SEND_RESET, EventKind.RECEIVE_RESET, EventKind.CA_STATE):
        assert lost[kind] > 0
        assert lost[kind] + len(of_kinds(events, kind)) == 30
    assert lost[EventKind.RETRANSMIT_SYNACK] == 0
