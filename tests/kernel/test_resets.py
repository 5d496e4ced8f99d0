"""Resets that are sent and received, against what the tracepoints print of themselves."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.events import EVENT, EventKind, TcpState
from tcctui.wire.tracepoints import BY_KIND
from tests.kernel.deadlines import until
from tests.kernel.happenings import HappeningText, ends_of, halves, of_kinds, rows
from tests.kernel.network import Network, inside, run
from tests.kernel.traffic import PORT, connect, connections, exchange
from tests.kernel.watching import CLOSED, LOSSY, abort, compare, fields, of_end, told, watched

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def source() -> Iterator[BpfSource]:
    """Open a source for the tests' own ports."""
    with closing(BpfSource(KernelFilter.on_ports(PORT, CLOSED))) as opened:
        yield opened


@pytest.fixture
def network() -> Iterator[Network]:
    """Join a client and a server without loss."""
    with Network() as made:
        yield made


@pytest.mark.parametrize("by_server", [False, True])
@pytest.mark.parametrize("kind", LOSSY)
def test_an_aborted_connection(
    kind: str, by_server: bool, source: BpfSource, network: Network
) -> None:
    """Who sends a reset and who gets it are told with their own ends, skaddr and cookie.

    The state that a socket goes back to when it is disconnected is not told: it is nobody's.
    """
    order = -1 if by_server else 1
    with watched(source) as (recorder, text):
        one = connect(network, kind)
        ends, (_, other_cookie) = ends_of(one)[::order], one.cookies[::order]
        exchange([one], up=100, down=100)
        this, other = (one.client, one.server)[::order]
        abort(this)
        with pytest.raises(ConnectionResetError):
            other.recv(1)
        other.close()
        events = compare(recorder, text)
        everything = recorder.events
    [sent] = of_kinds(events, EventKind.SEND_RESET)
    [received] = of_kinds(events, EventKind.RECEIVE_RESET)
    assert rows(np.array([sent], EVENT))[0][1:3] == ends
    assert rows(np.array([received], EVENT))[0][1:3] == ends[::-1]
    assert received["sock_cookie"] == other_cookie
    assert sent["newstate"] == TcpState.CLOSE  # it is set first (tcp_disconnect)
    for event, end in zip((sent, received), ends, strict=True):
        assert set(of_end(everything, end, EventKind.PROBE)["skaddr"]) == {event["skaddr"]}


@pytest.mark.parametrize("kind", LOSSY)
def test_data_that_was_not_read(kind: str, source: BpfSource, network: Network) -> None:
    """A server that closes and leaves data unread sends a reset from its own end."""
    with watched(source) as (recorder, text):
        one = connect(network, kind)
        client, server = ends_of(one)
        one.client.sendall(b"unread")
        until("it is there", lambda: one.server.recv(1, socket.MSG_PEEK))
        one.server.close()
        until(
            "the reset is there",
            lambda: len(of_end(told(recorder), client, EventKind.RECEIVE_RESET)),
        )
        one.client.close()
        events = compare(recorder, text)
    [sent] = of_kinds(events, EventKind.SEND_RESET)
    assert rows(np.array([sent], EVENT))[0][1:3] == (server, client)
    assert len(of_end(events, client, EventKind.RECEIVE_RESET)) == 1


@pytest.mark.parametrize("six", ["", "6"])
def test_a_closed_port(six: str, source: BpfSource, network: Network) -> None:
    """A reset that no socket sends names the end that it was asked at as its own, where it is told.

    Kernels before 6.10 do not tell of it.
    """
    with watched(source) as (recorder, text):
        family = socket.AF_INET6 if six else socket.AF_INET
        hosts = [getattr(network, end + six) for end in ("CLIENT", "SERVER")]
        with inside(network.client), socket.socket(family) as asking:
            asking.bind(("", 0))
            port = asking.getsockname()[1]
            with pytest.raises(ConnectionRefusedError):
                asking.connect((hosts[1], CLOSED))
        events = compare(recorder, text)
    client, server = (halves(hosts[0]), port), (halves(hosts[1]), CLOSED)
    [received] = rows(of_kinds(events, EventKind.RECEIVE_RESET))
    assert received[1:3] == (client, server)
    if "sport" not in fields(BY_KIND[EventKind.SEND_RESET].name):
        [sent] = of_kinds(events, EventKind.SEND_RESET)
        assert rows(np.array([sent], EVENT))[0][1:3] == (server, client)
        assert (sent["skaddr"], sent["newstate"]) == (0, 0)


def test_a_socket_that_waits_no_more(source: BpfSource, network: Network) -> None:
    """Once a small socket waits for a connection's end, its reset has the ends and no skaddr."""
    if "sport" in fields(BY_KIND[EventKind.SEND_RESET].name):
        pytest.skip("before 6.10 only full sockets tell of a reset")
    with watched(source) as (recorder, text):
        one = connect(network, "half-mapped")
        client, server = ends_of(one)
        one.client.close()
        assert one.server.recv(1) == b""
        waiting = ("ss", "-HtnN", network.client, "state", "fin-wait-2")
        until("the client's end is acknowledged", lambda: run(*waiting))
        one.server.sendall(b"too late")
        until("it is reset", lambda: len(of_end(told(recorder), server, EventKind.RECEIVE_RESET)))
        one.server.close()
        events = compare(recorder, text)
    [sent] = of_kinds(events, EventKind.SEND_RESET)
    assert rows(np.array([sent], EVENT))[0][1:3] == (client, server)
    assert (sent["skaddr"], sent["newstate"]) == (0, TcpState.TIME_WAIT)


def test_a_listener_answers_to_nobody_known(source: BpfSource, network: Network) -> None:
    """A reset that a listener sends to a stray ACK does not say to whom: it is not told."""
    with watched(source) as (recorder, text):
        with inside(network.server):
            listener = socket.socket()
        with inside(network.client):
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        with listener, raw:
            listener.bind((Network.SERVER, PORT))
            listener.listen()
            raw.sendto(stray_ack(40_000, PORT), (Network.SERVER, PORT))
            until("the listener answers", lambda: f":{PORT} dest=0.0.0.0:0 " in printed(text))
        with connections(network, "ipv4"):
            compare(recorder, text)
        assert not len(of_kinds(told(recorder), EventKind.SEND_RESET))


def printed(text: HappeningText) -> str:
    """Give all lines so far as one, in the form of kernels since 6.10."""
    return "\n".join(text.lines()).replace(f"sport={PORT} dport=0 ", f":{PORT} dest=0.0.0.0:0 ")


def stray_ack(sport: int, dport: int) -> bytes:
    """Make an IPv4 segment that is of no connection, from the client to the server."""
    segment = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 5 << 4, 0x10, 1024, 0, 0)
    hosts = socket.inet_aton(Network.CLIENT) + socket.inet_aton(Network.SERVER)
    pseudo = hosts + struct.pack("!HH", socket.IPPROTO_TCP, len(segment))
    total = sum(struct.unpack(f"!{(len(pseudo) + len(segment)) // 2}H", pseudo + segment))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return segment[:16] + struct.pack("!H", ~total & 0xFFFF) + segment[18:]
