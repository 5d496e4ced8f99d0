"""Tests of the verdicts: real traffic limited in one way, sampled by sock_diag, says which way."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
import pytest

from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES
from tcctui.flows.store import Store
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.sources.sock_diag.namespaces import found, open_diag
from tcctui.wire.events import TcpState
from tests.kernel import limited
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.traffic import connect, cookie

pytestmark = pytest.mark.kernel

_PAUSE = 0.26  # seconds between two looks; windows shorter than 250 ms say nothing
_COLUMNS = ("cookie", "limit", "limit_shares", "state", "rate", "bytes_acked")


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
        assert np.isnan(shares).all() or (shares.min() >= 0 and shares.sum() <= 1 + 1e-6), shares
        return LIMIT_NAMES[int(seen["limit"])]


@contextlib.contextmanager
def _watching(end: socket.socket) -> Iterator[_Watch]:
    """Find a socket among those of all namespaces, as the dashboard does."""
    store, wanted = Store(), cookie(end)
    with contextlib.ExitStack() as opened:
        for namespace in found():
            diag = DiagSocket(namespace.inode, raw=open_diag(namespace))
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
    "bottleneck": (limited.bottleneck, "cwnd"),
    "bottleneck, bbr": (partial(limited.bottleneck, "bbr"), "cwnd"),
    "receiver": (limited.receiver, "receives"),
}


@pytest.mark.parametrize("case", _CASES)
def test_the_verdict_is_right_and_stays(case: str) -> None:
    """Traffic that is limited in one way soon shows this one, and then for two seconds no other."""
    traffic, expected = _CASES[case]
    with traffic() as end, _watching(end) as watch:
        until(f"limited by {expected}", lambda: watch.verdict() == expected, pause=0)
        # What came before it settled may be in the last two seconds that a verdict is of.
        after = [watch.verdict() for _ in range(16)]
        assert after[-8:] == [expected] * 8, after


def test_heavy_loss_is_recovery_most_of_the_time() -> None:
    """Where 30 % are lost, three quarters of the time goes into making up for it."""
    with limited.lossy() as end, _watching(end) as watch:
        until("in recovery", lambda: watch.verdict() == "recovery", pause=0)
        verdicts = [watch.verdict() for _ in range(32)]
        assert verdicts.count("recovery") > len(verdicts) / 2, verdicts
        assert set(verdicts) <= {"recovery", "cwnd"}, verdicts


@pytest.mark.parametrize("state", [TcpState.CLOSE_WAIT, TcpState.FIN_WAIT1])
def test_a_flow_that_is_half_closed_keeps_moving(state: TcpState) -> None:
    """State, bytes and rate of what is sent after one end has ended, where tcp_probe is silent."""
    with Network(rate="4mbit", queue="100kb") as network:
        ends = connect(network, "ipv4", buffers=(1 << 20, 0))
        with _watching(ends.client) as watch:
            if state == TcpState.CLOSE_WAIT:
                ends.server.shutdown(socket.SHUT_WR)
            ends.client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    ends.client.send(bytes(1 << 16))
            if state == TcpState.FIN_WAIT1:
                ends.client.shutdown(socket.SHUT_WR)
            ends.server.setblocking(False)
            looks = []
            for _ in range(5):
                with contextlib.suppress(BlockingIOError):
                    while ends.server.recv(1 << 16):
                        pass
                looks.append(watch.look())
        ends.close()
    assert {TcpState(int(look["state"])) for look in looks} == {state}
    acked = [int(look["bytes_acked"]) for look in looks]
    assert all(later > earlier for earlier, later in itertools.pairwise(acked)), acked
    assert looks[-1]["rate"] > 100_000
