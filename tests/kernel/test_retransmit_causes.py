"""Each cause of a retransmission, provoked on a path of our own, and named."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest

from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.type_flags import probe_flags
from tcctui.sources.kernel.type_information import of_this_kernel
from tcctui.wire.events import RECOVERY, CaState, EventKind, Events
from tcctui.wire.inside import Asked
from tcctui.wire.retransmits import Cause, causes, undone
from tests.kernel.deadlines import until
from tests.kernel.delay_line import DelayedNetwork
from tests.kernel.limited import receive
from tests.kernel.network import Network, inside, run
from tests.kernel.recorder import Recorder
from tests.kernel.test_exported_values import tcp_info
from tests.kernel.traffic import PORT, connections, cookie, exchange, quiet

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not probe_flags(of_this_kernel()), reason="this kernel has no BTF"),
]

MSS = 1448
DATA = f"tcp dport {PORT} meta length > 200"


@contextmanager
def recorded() -> Iterator[Recorder]:
    """Record all events of the tests' own port."""
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source, Recorder(source) as recorder:
        yield recorder


def retransmits(recorder: Recorder, since_ns: int = 0) -> Events:
    """Retransmissions of clients so far, since a moment."""
    events = recorder.events[recorder.events["ts_ns"] >= since_ns]
    return events[(events["kind"] == EventKind.RETRANSMIT) & (events["dport"] == PORT)]


def seen(recorder: Recorder, since_ns: int = 0) -> set[Cause]:
    """Their causes."""
    return {Cause(cause) for cause in causes(retransmits(recorder, since_ns)).tolist()}


def dropped(network: Network) -> int:
    """Packets that a rule of the server's firewall with a counter has dropped."""
    said = run("ip", "netns", "exec", network.server, "nft", "list", "table", "inet", "path")
    found = re.search(r"counter packets (\d+)", said)
    assert found, said
    return int(found[1])


def test_fast_retransmits() -> None:
    """Segments lost amid others are sent again in Recovery, each with its sequence numbers.

    All that are sent again are as many as TCP_INFO counts.
    """
    with recorded() as recorder, Network() as network, connections(network, "ipv4") as (one,):
        network.firewall(f"{DATA} numgen inc mod 7 == 3 drop")

        def sent_more() -> bool:
            exchange([one], up=500_000)
            several = retransmits(recorder).view(RECOVERY)["segments"] > 1
            return Cause.FAST in seen(recorder) and bool(several.any())

        until("it is told", sent_more)
        quiet([one])
        total = tcp_info(one.client)["total_retrans"]
    told = retransmits(recorder)
    # Some virtual machines run no BPF program while threads of process 1 are interrupted.
    assert 0.9 * total <= told.view(RECOVERY)["segments"].sum() <= total
    found = causes(told)
    assert not {Cause.UNKNOWN, Cause.SYN, Cause.OTHER} & set(found.tolist())
    told = told[found == Cause.FAST]
    at = told.view(RECOVERY)
    assert (at["ca_state"] == CaState.RECOVERY).all()
    assert ((at["end_seq"] - at["seq"]).astype("i4") > 0).all()
    # What is sent again was sent, and is not acknowledged.
    assert ((at["seq"] - told["snd_una"]).astype("i4") >= 0).all()
    assert ((told["snd_nxt"] - at["end_seq"]).astype("i4") >= 0).all()


def test_tail_loss_probes_and_timeouts() -> None:
    """In a black hole a probe comes first, then the timer; behind it, ACKs let out the rest."""
    with recorded() as recorder, Network() as network, connections(network, "ipv4") as (one,):
        exchange([one], up=100_000)
        quiet([one])
        network.firewall(f"{DATA} drop")
        since_ns = time.monotonic_ns()
        one.client.sendall(bytes(20 * MSS))
        until("the probe", lambda: Cause.PROBE in seen(recorder, since_ns))
        until("the timeout", lambda: Cause.TIMEOUT in seen(recorder, since_ns))
        network.firewall(f"tcp dport {PORT} accept")
        receive(one.server, 20 * MSS)
        quiet([one])
        until("the rest", lambda: Cause.AFTER_TIMEOUT in seen(recorder, since_ns))
        told = retransmits(recorder, since_ns)
    found = [Cause(cause) for cause in causes(told).tolist()]
    assert found[0] == Cause.PROBE
    assert set(found) == {Cause.PROBE, Cause.TIMEOUT, Cause.AFTER_TIMEOUT}
    timeouts = told.view(RECOVERY)["retransmits"][np.array(found) == Cause.TIMEOUT]
    assert timeouts[0] == 1
    # Once something is acknowledged they are counted anew.
    assert all(later in {1, earlier + 1} for earlier, later in itertools.pairwise(timeouts))


def test_reordering_timer() -> None:
    """Two SACKs are too few for a fast retransmit: RACK waits a quarter of the RTT for a third."""
    with (
        recorded() as recorder,
        DelayedNetwork(delay=0.01) as network,
        connections(network, "ipv4") as (one,),
    ):
        exchange([one], up=50_000)
        quiet([one])

        since_ns = time.monotonic_ns()

        def the_first_of_three_is_lost() -> bool:
            network.firewall(f"{DATA} numgen inc mod 1000 == 0 drop")
            one.client.sendall(bytes(3 * MSS))
            receive(one.server, 3 * MSS)
            quiet([one])
            return Cause.REORDERING in seen(recorder, since_ns)

        until("the timer", the_first_of_three_is_lost)
        told = retransmits(recorder, since_ns)
    at = told[causes(told) == Cause.REORDERING].view(RECOVERY)
    assert (at["ca_state"] == CaState.RECOVERY).all()
    assert (at["end_seq"] - at["seq"] == MSS).all()


def test_dsack_tells_of_a_spurious_retransmission() -> None:
    """Late segments are retransmitted; the peer says that it got them twice, at the right ACK."""
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT))) as source,
        DelayedNetwork(delay=0.01) as network,
        connections(network, "ipv4") as (one,),
    ):
        exchange([one], up=200_000)
        quiet([one])
        source.focus([cookie(one.client)])
        assert source.look_inside(Asked.ACK)
        counts: list[int] = []

        def told() -> bool:
            source.read(0.02)
            counts.extend(source.inside().acks["dsack_dups"].tolist())
            return len(set(counts)) > 1

        (line,) = network._started

        def late() -> bool:
            before = tcp_info(one.client)["total_retrans"]
            line.send_signal(signal.SIGSTOP)
            one.client.sendall(bytes(10 * MSS))
            try:
                until("a retransmission", lambda: tcp_info(one.client)["total_retrans"] > before)
            finally:
                line.send_signal(signal.SIGCONT)
            receive(one.server, 10 * MSS)
            quiet([one])
            exchange([one], up=20_000)
            return told()

        until("the DSACK", late)
        info = one.client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    assert counts == sorted(counts)
    assert counts[-1] <= struct.unpack_from("=I", info, 216)[0], "tcpi_dsack_dups"


def test_syns() -> None:
    """A SYN without an answer is sent again as such."""
    with recorded() as recorder, Network() as network:
        network.firewall(f"tcp dport {PORT} drop")
        with inside(network.client), socket.socket() as client:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect((Network.SERVER, PORT))
            until("the second SYN", lambda: len(retransmits(recorder)))
    assert seen(recorder) == {Cause.SYN}


def test_a_spurious_timeout_is_taken_back() -> None:
    """ACKs that came late, not never, have the kernel undo its reduction; a true loss has not."""

    def ends(recorder: Recorder, since_ns: int = 0) -> Events:
        events = recorder.events[recorder.events["ts_ns"] >= since_ns]
        states = events[(events["kind"] == EventKind.CA_STATE) & (events["dport"] == PORT)]
        return states[states.view(RECOVERY)["ca_state"] > states["newstate"]]

    with (
        recorded() as recorder,
        DelayedNetwork(delay=0.01) as network,
        connections(network, "ipv4") as (one,),
    ):
        exchange([one], up=200_000)
        quiet([one])
        (line,) = network._started
        line.send_signal(signal.SIGSTOP)
        try:
            one.client.sendall(bytes(10 * MSS))
            until("the timeout", lambda: Cause.TIMEOUT in seen(recorder))
        finally:
            line.send_signal(signal.SIGCONT)
        receive(one.server, 10 * MSS)
        until("it is taken back", lambda: undone(ends(recorder)).any())
        quiet([one])
        network.firewall(f"{DATA} counter drop")
        since_ns = time.monotonic_ns()
        one.client.sendall(bytes(10 * MSS))
        # What is sent again has all that was sent before it on the line.
        until("more is sent again, and lost", lambda: dropped(network) > 11)
        network.firewall(f"tcp dport {PORT} accept")
        receive(one.server, 10 * MSS)
        until("it is over", lambda: len(ends(recorder, since_ns)))
        assert not undone(ends(recorder, since_ns)).any()
