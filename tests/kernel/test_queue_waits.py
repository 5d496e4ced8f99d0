"""Waits of a connection's own packets in this machine's queues, beside bpftrace and `tc`."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.queue_waits import QUEUED
from tcctui.wire.inside import Asked
from tests.kernel.command import Command
from tests.kernel.deadlines import until
from tests.kernel.network import Network, run
from tests.kernel.test_own_queue import in_tc
from tests.kernel.traffic import Connection, connections, cookie, quiet, talk

_TRACED = """
tracepoint:qdisc:qdisc_enqueue /args->handle == 0x07a70000/ { @since[args->skbaddr] = nsecs; }
tracepoint:qdisc:qdisc_dequeue /args->handle == 0x07a70000 && @since[args->skbaddr]/ {
  printf("%llu\\n", nsecs - @since[args->skbaddr]); delete(@since[args->skbaddr]);
}
"""


@contextlib.contextmanager
def shaped(network: Network, *words: str) -> Iterator[None]:
    """Give the client's device a queue."""
    tc = ("ip", "netns", "exec", network.client, "tc", "qdisc")
    run(*tc, "replace", "dev", network.DEVICE, "root", "handle", "7a7:", *words)
    yield


@contextlib.contextmanager
def queues_watched(*watched: Connection) -> Iterator[BpfSource]:
    """Have the waits of some clients' packets counted."""
    with contextlib.closing(BpfSource(interval_ms=100)) as source:
        source.focus([cookie(one.client) for one in watched])
        source.look_inside(Asked.QUEUE)
        source.read(0)
        yield source


def totals(source: BpfSource, of: Connection) -> dict[str, int]:
    """Totals that the kernel's program has of a client."""
    assert source._waits is not None
    held = source._waits._totals
    (mine,) = held[held["sock_cookie"] == np.uint64(cookie(of.client))]
    return {name: int(mine[name]) for name in QUEUED.names or ()}


def waits_in(bpftrace: Command) -> list[int]:
    """Nanoseconds that packets waited, as bpftrace printed them."""
    return [int(line) for line in re.findall(r"^(\d+)$", bpftrace.stdout, re.MULTILINE)]


def test_own_waits_are_those_that_bpftrace_sees() -> None:
    """Of one connection, packets, bytes and waits in a slow queue are bpftrace's and tc's."""
    with (
        Network() as network,
        connections(network, "ipv4") as (one,),
        shaped(network, "tbf", "rate", "4mbit", "burst", "3000", "limit", "1000000"),
        queues_watched(one) as source,
        Command("bpftrace", "-B", "line", "-e", _TRACED) as bpftrace,
    ):

        def at_work() -> bool:
            talk(one, 1)
            return bool(waits_in(bpftrace))

        until("bpftrace is attached", at_work)
        quiet([one])
        before = in_tc(network.client, network.DEVICE), totals(source, one)
        for _ in range(200):  # each in a packet of its own
            one.client.sendmsg([bytes(1000)], [], socket.MSG_EOR)
        received = 0
        while received < 200_000:
            received += len(one.server.recv(1 << 16))
        quiet([one])
        after = in_tc(network.client, network.DEVICE), totals(source, one)
        told = source.queue_wait(cookie(one.client))
        bpftrace.end(signal.SIGINT)
        seen = waits_in(bpftrace)
    assert told is None, "from the first look on"
    (tc_early, early), (tc_late, late) = before, after
    of_tc = {name: int(tc_late[name]) - int(tc_early[name]) for name in ("packets", "bytes")}
    ours = {name: late[name] - early[name] for name in late}
    assert ours["bytes"] == ours["packets"] * (1000 + 14 + 20 + 32), "with headers and timestamps"
    # As bpftrace it misses what the kernel runs no BPF for; a neighbour's are there, too.
    assert 100 < ours["packets"] <= of_tc["packets"] < 230
    assert ours["bytes"] <= of_tc["bytes"]
    # bpftrace saw those of `talk`, too, which wait for next to nothing.
    assert len(seen) > 0.9 * ours["packets"]
    # Where it has missed the two ends of a wait, it tells a longer one that nobody had.
    waited = sum(one for one in seen if one < 1.2 * late["longest_ns"])
    assert waited > ours["packets"] * 3_000_000, "some milliseconds each"
    assert ours["wait_ns"] == pytest.approx(waited, rel=0.1)


def test_own_waits_are_not_those_of_others() -> None:
    """Where a connection has a class of its own it waits less than another in the same queue."""
    with (
        Network() as network,
        connections(network, "ipv4", "ipv6") as (bulk, sparse),
        shaped(network, "htb", "default", "1"),
        queues_watched(bulk, sparse) as source,
    ):
        for number in ("1", "2"):
            run(
                *("ip", "netns", "exec", network.client, "tc", "class", "add", "dev"),
                *(network.DEVICE, "parent", "7a7:", "classid", f"7a7:{number}"),
                *("htb", "rate", "2mbit", "quantum", "2000"),
            )
        # htb takes the class from it (htb_classify, net/sched/sch_htb.c).
        sparse.client.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 0x07A70002)
        bulk.client.setblocking(False)
        received = 0
        while received < 300_000:
            with contextlib.suppress(BlockingIOError):
                bulk.client.send(bytes(20_000))
            with contextlib.suppress(BlockingIOError):
                received += len(bulk.server.recv(1 << 20, socket.MSG_DONTWAIT))
            talk(sparse, 1)
        busy, quick = (totals(source, one) for one in (bulk, sparse))
    assert busy["packets"] > 10 < quick["packets"]
    means = [one["wait_ns"] / one["packets"] for one in (busy, quick)]
    assert means[1] < means[0] / 4
    assert busy["longest_ns"] > 5_000_000


def test_queues_are_watched_only_while_that_is_asked_for() -> None:
    """Nothing is counted before, nor after; other flows than those in focus never are."""
    with (
        Network() as network,
        connections(network, "ipv4", "ipv6") as (one, other),
        shaped(network, "tbf", "rate", "100mbit", "burst", "30000", "limit", "1000000"),
        queues_watched(one) as source,
    ):
        key = cookie(one.client)
        counted = []
        for asked in (Asked.QUEUE, Asked.SOCKET, Asked.QUEUE | Asked.SOCKET):
            source.look_inside(asked)
            source.read(0)
            for _ in range(5):
                talk(one, 1)
                talk(other, 1)
            quiet([one])  # its last ACK may come late
            counted.append(totals(source, one)["packets"])
            assert (source.queue_wait(key) is None) or asked & Asked.QUEUE
        assert source._waits is not None
        assert set(source._waits._totals["sock_cookie"].tolist()) == {0, key}
    assert counted[0] == counted[1] >= 5
    assert counted[2] >= 10
