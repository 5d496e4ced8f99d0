"""Segments that this machine drops: of whose connection, how many, and the kernel's reason."""

from __future__ import annotations

from contextlib import closing

import pytest

from tcctui.flows.store import Store
from tcctui.pump import poll
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.type_flags import probe_flags
from tcctui.sources.kernel.type_information import of_this_kernel
from tests.kernel.deadlines import until
from tests.kernel.limited import overfull_receive_buffer
from tests.kernel.network import Network
from tests.kernel.traffic import PORT, connections, cookie, exchange

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not probe_flags(of_this_kernel()), reason="this kernel has no BTF"),
]


class Watched:
    """A store that takes in what happens to connections of the tests' own port."""

    def __init__(self, source: BpfSource) -> None:
        self._source = source
        self._store = Store()

    def drops(self, key: int) -> tuple[int, str]:
        """Give the number of a flow's dropped segments, and the last one's reason."""
        self._store.take(poll(self._source, 0.02))
        flows = self._store.flows(["dropped", "drop_reason"])
        here = flows["cookie"] == key
        if not here.any():
            return 0, ""
        return int(flows["dropped"][here][0]), bytes(flows["drop_reason"][here][0]).decode()


@pytest.mark.parametrize("kind", ["ipv4", "ipv6"])
def test_a_firewall(kind: str) -> None:
    """What nftables drops is both ends' own, with the count that nftables has itself."""
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT))) as source,
        Network() as network,
        connections(network, kind, "ipv4") as (one, other),
    ):
        watched = Watched(source)
        keys = [cookie(one.client), cookie(one.server)]
        family = "ip6 version 6" if kind == "ipv6" else f"tcp sport {one.client.getsockname()[1]}"
        network.firewall(f"{family} tcp dport {PORT} meta length > 200 numgen inc mod 7 == 3 drop")

        def sent_more() -> bool:
            exchange([one, other], up=300_000)
            return all(watched.drops(key)[0] > 2 for key in keys)

        until("some were dropped", sent_more)
        found = [watched.drops(key) for key in (*keys, cookie(other.client))]
    assert [reason for _, reason in found] == ["NETFILTER_DROP", "NETFILTER_DROP", ""]
    assert found[0][0] == found[1][0]


def test_a_full_queue() -> None:
    """What a bottleneck's queue has no room for is dropped by the qdisc."""
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT))) as source,
        Network(rate="50mbit", queue="30kb") as network,
        connections(network, "ipv4") as (one,),
    ):
        watched = Watched(source)

        def sent_more() -> bool:
            exchange([one], up=1_000_000)
            return watched.drops(cookie(one.client))[0] > 0

        until("some were dropped", sent_more)
        _, reason = watched.drops(cookie(one.client))
    assert reason.startswith("QDISC_")


def test_an_overfull_receive_buffer() -> None:
    """What an overfull receive buffer has no room for is dropped for that."""
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT))) as source,
        overfull_receive_buffer() as one,
    ):
        watched = Watched(source)
        # Others are dropped, too: probes of the window that is closed by then.
        until(
            "some were dropped for that",
            lambda: watched.drops(cookie(one.client))[1] in {"PROTO_MEM", "SOCKET_RCVBUFF"},
        )
