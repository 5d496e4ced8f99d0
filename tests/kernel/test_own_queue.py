"""Queue of this machine beside `tc`: which device, which discipline, and what waits in it."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from tcctui.sources import own_queue
from tcctui.sources.own_queue import OwnQueues
from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside, run
from tests.kernel.traffic import PORT
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
