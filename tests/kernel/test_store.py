"""What the store knows of real connections, against `ss` and what was sent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import pytest

from tcctui.flows.columns import FIELDS
from tcctui.flows.store import Store
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.events import EVENT, NO_SSTHRESH, TcpState
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.recorder import drain
from tests.kernel.socket_statistics import SocketStatistics, ss
from tests.kernel.traffic import (
    KINDS,
    PORT,
    connections,
    exchange,
    quiet,
    send,
    talk,
)

pytestmark = pytest.mark.kernel

SENT, PING = 400_000, 700

Row = dict[str, Any]


class Watched:
    """A store, and the source that fills it."""

    def __init__(self, source: BpfSource) -> None:
        self.source = source
        self.store = Store()

    def row(self, cookie: int) -> Row:
        """Take in what has come, and give what is known of a socket; empty if nothing."""
        self.store.ingest(drain(self.source), self.source.now_ns())
        flows = self.store.some_flows(np.array([cookie], "u8"), FIELDS)
        return {name: flows[name][0].item() for name in FIELDS} if flows.count else {}


@pytest.fixture(scope="module")
def source() -> Iterator[BpfSource]:
    """Open a source for the tests' own port."""
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as opened:
        yield opened


@pytest.fixture
def watched(source: BpfSource) -> Watched:
    """Begin with an empty store."""
    return Watched(source)


@pytest.fixture(scope="module")
def lossy() -> Iterator[Network]:
    """Make a path that fills up and loses some."""
    with Network(rate="50mbit", queue="60kb", loss=0.01) as network:
        yield network


@pytest.mark.parametrize("kind", KINDS)
def test_store_agrees_with_ss(lossy: Network, watched: Watched, kind: str) -> None:
    """Of a quiet connection, cwnd, ssthresh, srtt, window and state are exactly what ss says.

    tcp_probe speaks from before the ACK that it is called for is processed: so what ss says of a
    quiet connection is what the next event has. The last digit of ss's rtt is a microsecond.
    """
    with connections(lossy, kind) as (connection,):
        exchange([connection], up=SENT, down=50_000)
        talk(connection, 3)
        quiet([connection])
        namespaces = lossy.client, lossy.client if kind == "loopback" else lossy.server
        cookies = connection.cookies
        for pings in range(3):  # once is enough, unless the kernel did not run BPF for the event
            known = [watched.row(cookie)["events"] for cookie in cookies]
            before = [ss(*end) for end in zip(namespaces, cookies, strict=True)]
            send(connection.client, connection.server, PING)
            quiet([connection])
            rows = [watched.row(cookie) for cookie in cookies]
            acked = [SENT + 3 * 100 + pings * PING, 50_000 + 3 * 100]
            if all(row["events"] > count for row, count in zip(rows, known, strict=True)):
                break
    for row, expected in zip(rows, before, strict=True):
        assert row["snd_cwnd"] == expected.cwnd
        assert row["ssthresh"] == current_ssthresh(expected)
        assert row["srtt_us"] == pytest.approx(expected.rtt_us, abs=1)
        assert row["snd_wnd"] == expected.snd_wnd
        assert (TcpState(row["state"]).name, expected.state) == ("ESTABLISHED", "ESTAB")
    assert [row["in_flight"] for row in rows] == [PING, 0]
    assert [row["bytes_acked"] for row in rows] == acked


def current_ssthresh(flow: SocketStatistics) -> int:
    """Give tcp_current_ssthresh() (include/net/tcp.h), which tcp_probe has; ss has snd_ssthresh."""
    return max(flow.ssthresh, (flow.cwnd >> 1) + (flow.cwnd >> 2))


def test_path_moved_the_values(lossy: Network, watched: Watched) -> None:
    """Losses on the path set ssthresh, so that what is compared with ss are values that move."""
    with connections(lossy, "ipv4") as (connection,):

        def moved() -> bool:
            exchange([connection], up=4 * SENT)
            row = watched.row(connection.cookies[0])
            return bool(row["ssthresh"] < NO_SSTHRESH and row["srtt_us"] > 1000)

        until("ssthresh is set, and srtt is the queue's", moved)


def test_in_flight_is_what_is_not_acknowledged(watched: Watched) -> None:
    """While the network swallows what was sent, in_flight is exactly that."""
    with Network() as network, connections(network, "ipv4") as (connection,):
        talk(connection, 5)
        network.firewall("meta l4proto tcp meta length > 200 drop")
        connection.client.sendall(bytes(5000))
        send(connection.server, connection.client, 10)
        row = watched.row(connection.cookies[0])
    assert (row["in_flight"], row["bytes_acked"]) == (5000, 500)


@pytest.mark.parametrize("kind", KINDS)
def test_life_of_a_connection(watched: Watched, kind: str) -> None:
    """Opening, both ways of closing and the end are seen when they happen, as ss has the states."""
    with Network() as network:
        before = watched.source.now_ns()
        with connections(network, kind) as (connection,):
            talk(connection, 5)
            client, server = connection.cookies
            server_namespace = network.client if kind == "loopback" else network.server
            for cookie in connection.cookies:
                row = watched.row(cookie)
                assert before < row["opened_ns"] < row["first_ns"] < watched.source.now_ns()
                assert (row["state"], row["closed_ns"]) == (TcpState.ESTABLISHED, 0)

            connection.server.shutdown(socket.SHUT_WR)
            assert connection.client.recv(1) == b""
            until("FIN is acknowledged", lambda: ss(server_namespace, server).state == "FIN-WAIT-2")
            assert ss(network.client, client).state == "CLOSE-WAIT"
            assert watched.row(server)["state"] == TcpState.FIN_WAIT2
            assert watched.row(client)["state"] == TcpState.CLOSE_WAIT
        for cookie in (client, server):
            row = until("its end is seen", partial(ended_row, watched, cookie))
            assert row["state"] == TcpState.CLOSE
            assert row["last_ns"] < row["closed_ns"] < watched.source.now_ns()


def test_closed_flow_leaves_after_ten_seconds(watched: Watched) -> None:
    """A closed connection can be looked at for ten seconds of the store's time, not longer."""
    with Network() as network, connections(network, "ipv4") as (connection,):
        talk(connection, 5)
        cookie = connection.cookies[0]
        assert watched.row(cookie)
    closed: int = until("its end is seen", lambda: ended_row(watched, cookie))["closed_ns"]
    known = []
    for seconds in (9, 11):
        watched.store.ingest(np.empty(0, EVENT), closed + seconds * 10**9)
        known.append(watched.store.some_flows(np.array([cookie], "u8"), ()).count)
    assert known == [1, 0]


def ended_row(watched: Watched, cookie: int) -> Row:
    """Give what is known of a socket once it is destroyed, empty until then."""
    row = watched.row(cookie)
    return row if row["closed_ns"] else {}
