"""Queue of this machine beside `tc`: which device, which discipline, and what waits in it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tcctui.sources import own_queue
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.queue_waits import QUEUED
from tcctui.sources.own_queue import OwnQueues
from tcctui.wire.inside import Asked
from tests.kernel.command import Command
from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside, run
from tests.kernel.traffic import PORT, Connection, connections, cookie, quiet, talk
from tests.unit.events import halves


def in_tc(namespace: str, device: str) -> dict[str, int | str]:
    """Root queueing discipline of a device as `tc` has it."""
    text = run("ip", "netns", "exec", namespace, "tc", "-s", "-j", "qdisc", "show", "dev", device)
    found: dict[str, int | str] = json.loads(text)[0]
    return found


def test_the_queue_is_that_of_tc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow token bucket that is full: bytes and packets that wait, and those dropped."""
    monkeypatch.setattr(own_queue, "_EVERY", 0)
    with Network() as network:
        slow = ("tbf", "rate", "8kbit", "burst", "2000", "limit", "20000")
        tc = ("ip", "netns", "exec", network.client, "tc", "qdisc")
        run(*tc, "replace", "dev", network.DEVICE, "root", *slow)
        netns = os.stat(Path("/run/netns", network.client)).st_ino
        queues, server = OwnQueues(), (halves(network.CLIENT), halves(network.SERVER))
        assert queues.of(netns, server) is None, "another namespace's"
        with inside(network.client), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

            def full() -> bool:
                sender.sendto(bytes(1000), (network.SERVER, PORT))
                found = queues.of(netns, server)
                return found is not None and found.drops > 3

            until("it is full", full)

            def same() -> bool:
                told, found = in_tc(network.client, network.DEVICE), queues.of(netns, server)
                assert found is not None
                assert (found.device, found.kind) == (network.DEVICE, "tbf")
                return (found.backlog, found.qlen, found.drops) == (
                    *(told["backlog"], told["qlen"], told["drops"]),
                )

            # A packet leaves each second: mostly none between the two.
            until("they agree", same)

            def told() -> bool:
                sender.sendto(bytes(1000), (network.SERVER, PORT))
                found = queues.of(netns, server)
                return found is not None and found.wait_us > 0 and found.backlog > 5000

            monkeypatch.setattr(own_queue, "_EVERY", 3.0)
            until("it is known how long that takes", told)
            found = queues.of(netns, server)
            assert found is not None
            # 1,000 bytes a second, and whole packets: one more or less of three.
            assert 0.4 < found.wait_us / 1e6 / (found.backlog / 1000) < 2.1
            monkeypatch.setattr(own_queue, "_EVERY", 0)
            ipv6 = halves(network.CLIENT6), halves(network.SERVER6)
            found = queues.of(netns, ipv6)
            assert found is not None
            assert found.device == network.DEVICE
            assert queues.of(netns, (server[0], halves("203.0.113.1"))) is None, "no route"
            local = halves("127.0.0.1")
            assert queues.of(netns, (local, local)) is None, "the loopback has no queue"


def test_rules_by_source_are_followed() -> None:
    """A host with two ways out may choose by its own address: the queue is that way's."""
    with Network() as network:
        client = ("ip", "netns", "exec", network.client)
        for device, address in (("way0", "198.51.100.1"), ("way1", "198.51.100.2")):
            run(*client, "ip", "link", "add", device, "type", "veth", "peer", f"{device}-peer")
            for end in (device, f"{device}-peer"):
                run(*client, "ip", "link", "set", end, "up")
            run(*client, "ip", "address", "add", f"{address}/32", "dev", device)
            run(*client, "tc", "qdisc", "replace", "dev", device, "root", "pfifo")
        run(*client, "ip", "route", "add", "203.0.113.0/24", "dev", "way0")
        run(*client, "ip", "rule", "add", "from", "198.51.100.2", "table", "7")
        run(*client, "ip", "route", "add", "203.0.113.0/24", "dev", "way1", "table", "7")
        netns = os.stat(Path("/run/netns", network.client)).st_ino
        with inside(network.client):
            for device, address in (("way0", "198.51.100.1"), ("way1", "198.51.100.2")):
                found = OwnQueues().of(netns, (halves(address), halves("203.0.113.9")))
                assert found is not None
                assert found.device == device


_TRACED = """
tracepoint:qdisc:qdisc_enqueue /args->handle == 0x07a70000/ { @since[args->skbaddr] = nsecs; }
tracepoint:qdisc:qdisc_dequeue /args->handle == 0x07a70000 && @since[args->skbaddr]/ {
  if (@packets == 0) { printf("at work\\n"); }
  @packets++; @waited += nsecs - @since[args->skbaddr]; delete(@since[args->skbaddr]);
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
            return "at work" in bpftrace.stdout

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
        seen = dict(re.findall(r"^@(packets|waited): (\d+)$", bpftrace.stdout, re.MULTILINE))
    assert told is None, "from the first look on"
    (tc_early, early), (tc_late, late) = before, after
    of_tc = {name: int(tc_late[name]) - int(tc_early[name]) for name in ("packets", "bytes")}
    ours = {name: late[name] - early[name] for name in late}
    assert ours["bytes"] == ours["packets"] * (1000 + 14 + 20 + 32), "with headers and timestamps"
    # As bpftrace it misses what the kernel runs no BPF for; a neighbour's are there, too.
    assert 100 < ours["packets"] <= of_tc["packets"] < 230
    assert ours["bytes"] <= of_tc["bytes"]
    # bpftrace saw those of `talk`, too, which wait for next to nothing.
    packets, waited = (int(seen[name]) for name in ("packets", "waited"))
    assert abs(packets - ours["packets"]) < 20
    assert waited > packets * 3_000_000, "some milliseconds each"
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
            counted.append(totals(source, one)["packets"])
            assert (source.queue_wait(key) is None) or asked & Asked.QUEUE
        assert source._waits is not None
        assert set(source._waits._totals["sock_cookie"].tolist()) == {0, key}
    assert counted[0] == counted[1] >= 5
    assert counted[2] >= 10
