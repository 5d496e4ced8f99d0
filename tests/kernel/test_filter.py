"""The filter that runs in the kernel, beside a source that has none."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from ipaddress import ip_address, ip_network

import pytest

from tcctui.cli.kernel import filter_of
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.events import Events
from tcctui.wire.records import joined
from tests.kernel.alignment import align
from tests.kernel.bpf_objects import existing, held_by
from tests.kernel.command import trace
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.recorder import Recorder, drain, probes_of
from tests.kernel.traffic import KINDS, PORT, Connection, chatter, connections, quiet, talk

pytestmark = pytest.mark.kernel

OTHER_PORT = PORT + 1

FILTERS = [
    ([str(PORT)], []),
    ([str(PORT), str(OTHER_PORT)], []),
    ([f"1,{OTHER_PORT},2"], []),
    (["1"], []),
    ([], [Network.CLIENT]),
    ([], [f"{Network.SERVER}/32"]),
    ([], ["192.0.2.0/24"]),
    ([], ["127.0.0.0/8"]),
    ([], ["198.51.100.0/24"]),
    ([], ["0.0.0.0/0"]),
    ([], ["2000::/3"]),
    ([], [Network.SERVER6]),
    ([], ["2001:db8::/127"]),
    ([], ["2001:db8::2/127"]),
    ([], ["2001:db8::/32", "127.0.0.1"]),
    ([], ["10.0.0.0/8,127.0.0.1"]),
    ([str(PORT)], ["192.0.2.0/30"]),
    ([str(OTHER_PORT)], ["2001:db8::/64", "127.0.0.0/31"]),
]
"""What may be typed behind --port and --ip."""

GRACE_NS = 20_000_000
"""A program may have looked at the filter well before it takes the time, if it is interrupted."""


@pytest.fixture(scope="module")
def flows() -> Iterator[list[Connection]]:
    """Make connections of every kind, to two ports."""
    with (
        Network() as network,
        connections(network, *KINDS, port=PORT) as some,
        connections(network, *KINDS, port=OTHER_PORT) as others,
    ):
        yield [*some, *others]


@pytest.fixture(scope="module")
def unfiltered() -> Iterator[BpfSource]:
    """Open a source that reports everything."""
    with closing(BpfSource()) as source:
        yield source


@pytest.fixture(scope="module")
def filtered() -> Iterator[BpfSource]:
    """Open the source whose filter is tried."""
    with closing(BpfSource()) as source:
        yield source


def typed(ports: list[str], addresses: list[str]) -> KernelFilter:
    """Give what is made of what stands behind `--port` and `--ip`."""
    return filter_of(Namespace(port=ports, ip=addresses)).in_kernel


def lets_through(ports: list[str], addresses: list[str], flow: Connection) -> bool:
    """Say what a filter is to do with a flow, from the words of the manual."""
    hosts = [host for host, _ in flow.endpoints]
    if ports and not {str(port) for _, port in flow.endpoints} & set(",".join(ports).split(",")):
        return False
    blocks = [ip_network(text, strict=False) for text in ",".join(addresses).split(",") if text]
    return not blocks or any(ip_address(host) in block for block in blocks for host in hosts)


@pytest.mark.parametrize(("ports", "addresses"), FILTERS)
def test_exactly_the_right_flows_pass(
    flows: list[Connection],
    unfiltered: BpfSource,
    filtered: BpfSource,
    ports: list[str],
    addresses: list[str],
) -> None:
    """A filter delivers all events of the flows it names, unchanged, and none of any other."""
    filtered.set_filter(typed(ports, addresses))
    drain(filtered)
    drain(unfiltered)
    for flow in flows:
        talk(flow, 5)
    quiet(flows)
    wanted = [
        cookie for flow in flows for cookie in flow.cookies if lets_through(ports, addresses, flow)
    ]
    others = [cookie for flow in flows for cookie in flow.cookies if cookie not in wanted]
    delivered, all_events = drain(filtered), drain(unfiltered)
    expected = probes_of(all_events, wanted)
    assert set(expected["sock_cookie"].tolist()) == set(wanted)
    assert not len(probes_of(delivered, others))
    pairs = align(probes_of(delivered, wanted), expected)
    assert not pairs.wrong
    assert not pairs.missing


def test_filter_holds_from_the_first_event_on(flows: list[Connection]) -> None:
    """A source never delivers what its filter excludes, not even from while it was opened."""
    ports, addresses = [str(PORT)], [Network.CLIENT6]
    wanted = [flow for flow in flows if lets_through(ports, addresses, flow)]
    others = [cookie for flow in flows if flow not in wanted for cookie in flow.cookies]
    with chatter(*flows, pause=0):
        for _ in range(3):
            batches: list[Events] = []
            with closing(BpfSource(typed(ports, addresses))) as source:
                until("events come", partial(takes, source, batches))
            events = joined(batches)
            assert not len(probes_of(events, others))
            assert events["ts_ns"].min() >= source.attached_ns
    quiet(flows)


def test_options_of_the_command(flows: list[Connection]) -> None:
    """--port and --ip of a command let through flows that match both, and print no other."""
    only = ("--port", str(PORT), "--ip", Network.CLIENT6)
    with chatter(*flows), trace(*only, "--format", "csv", "--count", "50") as command:
        assert command.wait() == 0
        rows = [line.split(",") for line in command.stdout.splitlines()[1:]]
    assert len(rows) == 50
    assert all({row[2], row[4]} == {Network.CLIENT6, Network.SERVER6} for row in rows)
    assert all(str(PORT) in (row[3], row[5]) for row in rows)
    quiet(flows)


def test_filter_changes_while_traffic_runs(
    flows: list[Connection], unfiltered: BpfSource, filtered: BpfSource
) -> None:
    """A new filter holds from the end of the call on, for the very programs that run already."""
    loaded = held_by(os.getpid())
    every = [cookie for flow in flows for cookie in flow.cookies]
    by_port = {port: of_port(flows, port) for port in (PORT, OTHER_PORT)}
    drain(filtered)
    drain(unfiltered)
    spans = []
    with Recorder(filtered) as ours, Recorder(unfiltered) as everything:
        with chatter(*flows):
            for port in [PORT, OTHER_PORT] * 5:
                filtered.set_filter(KernelFilter.on_ports(port))
                start = time.monotonic_ns() + GRACE_NS
                until("events come", partial(recorded, everything, by_port[port], start))
                spans.append((port, start, time.monotonic_ns() - GRACE_NS))
        quiet(flows)
    assert held_by(os.getpid()) == loaded
    assert loaded & existing() == loaded
    seen, all_events = (probes_of(record.events, every) for record in (ours, everything))
    pairs = align(seen, all_events)
    assert not pairs.wrong
    kept_back = all_events[pairs.missing]
    for port, start, end in spans:
        wrong = by_port[PORT if port == OTHER_PORT else OTHER_PORT]
        assert not len(probes_of(between(seen, start, end), wrong))
        assert not len(probes_of(between(kept_back, start, end), by_port[port]))
        assert len(probes_of(between(seen, start, end), by_port[port])) > 10


def takes(source: BpfSource, batches: list[Events]) -> bool:
    """Take what waits in a source, too; says whether that makes some."""
    batches.append(drain(source))
    return sum(map(len, batches)) > 20


def recorded(recorder: Recorder, cookies: list[int], since_ns: int) -> bool:
    """Whether some events of flows were recorded, before just now."""
    events = between(recorder.events, since_ns, time.monotonic_ns() - GRACE_NS)
    return len(probes_of(events, cookies)) > 20


def of_port(flows: list[Connection], port: int) -> list[int]:
    """Give the cookies of the flows to a port."""
    return [cookie for flow in flows for cookie in flow.cookies if flow.endpoints[1][1] == port]


def between(events: Events, start: int, end: int) -> Events:
    """Pick the events of a stretch of time."""
    return events[(events["ts_ns"] >= start) & (events["ts_ns"] < end)]
