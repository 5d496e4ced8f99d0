"""Tests of the verdicts: real traffic limited in one way, sampled by sock_diag, says which way."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
import pytest

from tcctui.flows.diagnosis.health import Sign
from tcctui.flows.diagnosis.verdicts import EXPLAINED_BY, LIMIT_NAMES, explain
from tcctui.flows.store import Store
from tcctui.query import Query, parse
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.sources.sock_diag.namespaces import found, open_diag
from tcctui.wire.events import TcpState
from tests.kernel import limited
from tests.kernel.deadlines import PATIENCE, until
from tests.kernel.network import Network
from tests.kernel.repeated import repeated
from tests.kernel.traffic import connect, cookie

pytestmark = pytest.mark.kernel

_SO_SNDBUFFORCE = 32  # include/uapi/asm-generic/socket.h

_PAUSE = 0.26  # seconds between two looks; windows shorter than 250 ms say nothing
_COLUMNS = (
    *("cookie", "limit", "limit_shares", "state", "rate", "bytes_acked", "health", "mss"),
    *("total_retrans", "rcvbuf"),
)


class _Watch:
    """A socket, asked for again and again, and what a store makes of it."""

    def __init__(self, sock_cookie: int, diag: DiagSocket, store: Store) -> None:
        self._cookie, self._diag, self._store = np.array([sock_cookie], "u8"), diag, store

    def look(self) -> dict[str, Any]:
        """Wait a little, take another sample, and give the flow's columns."""
        time.sleep(_PAUSE)
        samples = self._diag.query(self._store.sockets(self._cookie))
        self._store.ingest_samples(samples, time.monotonic_ns())
        flows = self._store.some_flows(self._cookie, _COLUMNS)
        assert flows.count == 1
        return {name: flows[name][0] for name in _COLUMNS}

    def verdict(self) -> str:
        """What another sample says that limits the flow; its shares are sound."""
        seen = self.look()
        shares = seen["limit_shares"]
        assert np.isnan(shares).all() or (shares.min() >= 0 and abs(shares.sum() - 1) < 1e-6)
        return LIMIT_NAMES[int(seen["limit"])]

    def found(self, query: Query) -> bool:
        """Say whether a search finds the flow in another sample."""
        self.look()
        return bool(query.mask(self._store.some_flows(self._cookie, query.fields))[0])

    def said(self) -> str:
        """Give both sentences on the flow, by the newest sample."""
        return " ".join(explain(self._store.some_flows(self._cookie, EXPLAINED_BY)))


@contextlib.contextmanager
def _watching(end: socket.socket) -> Iterator[_Watch]:
    """Find a socket among those of all namespaces, as the dashboard does."""
    store, wanted = Store(), cookie(end)
    with contextlib.ExitStack() as opened:
        for namespace in found():
            try:
                diag = DiagSocket(namespace.inode, raw=open_diag(namespace))
            except OSError:  # it is another test's, and gone by now
                continue
            opened.callback(diag.close)
            samples = diag.dump()
            samples = samples[samples["sock_cookie"] == wanted]
            if len(samples):
                store.ingest_samples(samples, time.monotonic_ns())
                yield _Watch(wanted, diag, store)
                return
    raise AssertionError("no namespace has the socket")


_Traffic = Callable[[], AbstractContextManager[socket.socket]]

_CASES: dict[str, tuple[_Traffic, str]] = {
    "slow reader": (limited.slow_reader, "rwnd"),
    "slow reader, bbr": (partial(limited.slow_reader, "bbr"), "rwnd"),
    "small SO_RCVBUF": (limited.small_receive_buffer, "rwnd"),
    "small SO_SNDBUF": (limited.small_send_buffer, "sndbuf"),
    "bursts": (limited.bursts, "app"),
    "bursts, bbr": (partial(limited.bursts, "bbr"), "app"),
    "requests": (limited.requests, "app"),
    "requests without delay": (partial(limited.requests, delay=0.0), "app"),
    "bottleneck": (limited.bottleneck, "queue"),
    "bottleneck, bbr": (partial(limited.bottleneck, "bbr"), "queue"),
    "SO_MAX_PACING_RATE": (limited.paced, "pacing"),
    "SO_MAX_PACING_RATE, bbr": (partial(limited.paced, "bbr"), "pacing"),
    "congestion marks": (limited.marked, "ecn"),
    "random loss": (partial(limited.lossy, "cubic", 0.01), "loss"),
    "policer": (limited.policed, "policer"),
    "policer, bbr": (partial(limited.policed, "bbr"), "policer"),
    "answers after pauses": (limited.thinking, "idle"),
    "small writes": (limited.small_writes, "nagle"),
    "receiver": (limited.receiver, "receives"),
    "slow reader, its own end": (partial(limited.slow_reader, end="server"), "reader"),
    "stopped reader, its own end": (partial(limited.stopped_reader, end="server"), "reader"),
    "small SO_RCVBUF, its own end": (
        partial(limited.small_receive_buffer, end="server"),
        "rcvbuf",
    ),
}


@pytest.mark.parametrize("case", _CASES)
def test_the_verdict_is_right_and_stays(case: str) -> None:
    """Traffic that is limited in one way soon shows this one, and for two seconds no other.

    Before, it may show another one: until it has settled, and on a busy machine, where the process
    that carries the segments comes late.
    """
    traffic, expected = _CASES[case]
    seen: deque[str] = deque(maxlen=8)

    def stays() -> bool:
        seen.append(watch.verdict())
        return list(seen) == [expected] * 8

    with traffic() as end, _watching(end) as watch:
        until(f"limited by {expected}", stays, seconds=2 * PATIENCE, pause=0)


def test_heavy_loss_is_recovery_most_of_the_time() -> None:
    """Where 30 % are lost, most of eight seconds goes into making up for it, and none into else.

    On a busy machine the process that carries the segments is a queue as well.
    """
    seen: deque[str] = deque(maxlen=32)

    def mostly() -> bool:
        seen.append(watch.verdict())
        recovers = seen.count("recovery") > 16 and len(seen) == 32
        return recovers and set(seen) <= {"recovery", "loss", "queue"}

    with limited.lossy() as end, _watching(end) as watch:
        until("in recovery", mostly, seconds=2 * PATIENCE, pause=0)


def test_a_path_that_became_narrow_is_told_in_its_own_segments() -> None:
    """After the path's MTU fell from 9000 to 1500, mss is the kernel's, and cwnd is seen in use."""
    full = parse("inflight>0.8*cwnd*mss")
    with limited.narrowed() as (end, narrow), _watching(end) as watch:
        until("large segments fill cwnd", lambda: watch.found(full), pause=0)
        assert watch.look()["mss"] > 8000
        narrow()
        until("mss is small", lambda: watch.look()["mss"] < 1500, pause=0)
        assert watch.look()["mss"] == end.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        until("small segments fill cwnd", lambda: watch.found(full), pause=0)
        until("limited by a queue", lambda: watch.verdict() == "queue", pause=0)
        until("cwnd is full", lambda: watch.look() and "all of it in flight" in watch.said())


def test_a_receive_buffer_that_grew_is_told_with_its_sizes() -> None:
    """From the first of tcp_rmem to what SO_RCVBUF is, once the application reads quickly."""
    with Network(rate="100mbit", queue="1mb") as network:
        ends = connect(network, "ipv4")
        begun = ends.server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        with _watching(ends.server) as watch, limited.transfer(ends):
            watch.look()
            grew = f"its receive buffer grew from {begun >> 10} KiB to "
            until("it grew", lambda: watch.look() and grew in watch.said(), pause=0)
            until("no more", lambda: watch.look() and " and stopped " in watch.said(), pause=0)
            size = ends.server.getsockopt
            until(
                "its size is the kernel's",
                lambda: watch.look()["rcvbuf"] == size(socket.SOL_SOCKET, socket.SO_RCVBUF) > begun,
                pause=0,
            )
        ends.close()


def test_what_an_overfull_receive_buffer_drops_is_its_windows() -> None:
    """Losses by a receive buffer without room are the peer's window's, and none is recovery."""
    seen: deque[tuple[str, int]] = deque(maxlen=12)

    def stays() -> bool:
        look = watch.look()
        seen.append((LIMIT_NAMES[int(look["limit"])], int(look["total_retrans"])))
        lost = len(seen) == 12 and seen[-1][1] > seen[0][1]
        return lost and {verdict for verdict, _ in seen} == {"rwnd"}

    with limited.overfull_receive_buffer() as ends, _watching(ends.client) as watch:
        until("losses, and limited by rwnd", stays, seconds=2 * PATIENCE, pause=0)


_SUFFERS: dict[str, tuple[_Traffic, Sign]] = {
    "5 % lost": (partial(limited.lossy, loss=0.05), Sign.LOSS),
    "a full queue": (limited.bottleneck, Sign.QUEUE),
    "a window that is closed": (limited.stopped_reader, Sign.ZERO),
    "a third lost": (limited.lossy, Sign.RTO | Sign.LOSS),
}


@pytest.mark.parametrize("case", _SUFFERS)
def test_a_flow_that_suffers_is_marked_whatever_limits_it(case: str) -> None:
    """Loss, timeouts, a queue of three round trips and a closed window are signs of its health."""
    traffic, signs = _SUFFERS[case]
    with traffic() as end, _watching(end) as watch:
        until(str(signs), lambda: int(watch.look()["health"]) & signs == signs, pause=0)


@pytest.mark.parametrize("state", [TcpState.CLOSE_WAIT, TcpState.FIN_WAIT1])
def test_a_flow_that_is_half_closed_keeps_moving(state: TcpState) -> None:
    """State, bytes and rate of what is sent after one end has ended, where tcp_probe is silent.

    There is enough to send for many times as long, and little of it goes while nobody reads.
    """
    looks: list[dict[str, Any]] = []

    def acked() -> list[int]:
        return [int(look["bytes_acked"]) for look in looks]

    def moves() -> bool:
        looks.append(watch.look())
        return len(set(acked())) > 4 and looks[-1]["rate"] > 50_000

    with Network(rate="1mbit", queue="100kb") as network:
        ends = connect(network, "ipv4", buffers=(0, 16_384))
        ends.client.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 1 << 20)
        with _watching(ends.client) as watch:
            if state == TcpState.CLOSE_WAIT:
                ends.server.shutdown(socket.SHUT_WR)
            ends.client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    ends.client.send(bytes(1 << 16))
            if state == TcpState.FIN_WAIT1:
                ends.client.shutdown(socket.SHUT_WR)
            read = partial(limited.receive, ends.server, 10_000)
            with repeated(read, cut=(ends.server,)):
                until("it moves on and on", moves, pause=0)
        ends.close()
    assert {TcpState(int(look["state"])) for look in looks} == {state}
    assert acked() == sorted(acked())
