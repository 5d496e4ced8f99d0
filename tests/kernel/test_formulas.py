"""Random filters in the kernel, one after another in one loaded program, on real connections."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcctui.flows.store import Store
from tcctui.query import Query, parse
from tcctui.query.address_formula import All, AnyOf, Inside, Not, PortRange, Reach, fitted
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.filter_chain import MAX_TESTS
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.addresses import parse_prefix
from tcctui.wire.events import EventKind, Events
from tests.kernel.deadlines import PATIENCE
from tests.kernel.network import Network, inside, run
from tests.kernel.recorder import drain
from tests.kernel.traffic import PORT, Connection, quiet, talk
from tests.unit.formulas import Ends, columns, is_true, queries

pytestmark = pytest.mark.kernel

HOSTS = ("192.0.2.2", "192.0.2.65", "192.0.2.130", "2001:db8::2", "2001:db8::a:2")
CLIENTS = {4: ("192.0.2.1", "192.0.2.33"), 6: ("2001:db8::1", "2001:db8::b:1")}
BLOCKS = (
    *("0.0.0.0/0", "192.0.2.0/26", "192.0.2.128/25", "10.0.0.0/8"),
    *("2001:db8::/112", "2001:db8::a:0/112", "::/1"),
)
PORTS = (PORT, PORT + 1, PORT + 64)

RULES = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class Population:
    """Connections over several addresses and ports, and what their sockets look like."""

    connections: list[Connection]
    ends: dict[int, Ends]

    def talk(self) -> None:
        """Let every socket have an ACK."""
        for connection in self.connections:
            talk(connection, 1)
        quiet(self.connections)

    def of(self, events: Events) -> set[int]:
        """Which of these sockets ACKs have been told of."""
        cookies = events["sock_cookie"][events["kind"] == EventKind.PROBE]
        return set(cookies.tolist()) & self.ends.keys()


def _ends(of: Connection) -> dict[int, Ends]:
    (client, client_port), (server, server_port) = of.endpoints
    near, far = parse_prefix(client).address, parse_prefix(server).address
    one, other = of.cookies
    return {
        one: Ends(near, far, client_port, server_port),
        other: Ends(far, near, server_port, client_port),
    }


def _connect(network: Network, host: str, near: str, port: int, *, mapped: bool) -> Connection:
    """Connect from one address to another, the server perhaps by a `mapped` socket."""
    v6 = ":" in host
    family = socket.AF_INET6 if v6 or mapped else socket.AF_INET
    with inside(network.server):
        listener = socket.socket(family)
    with listener, inside(network.client):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
        listener.listen()
        client = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        client.settimeout(PATIENCE)
        client.bind((near, 0))
        client.connect((host, port))
        server, _ = listener.accept()
    server.settimeout(PATIENCE)
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(client, server)


@pytest.fixture(scope="module")
def people() -> Iterator[Population]:
    """Connect each client's address to each server's and its ports; one more over loopback."""
    with Network() as network, contextlib.ExitStack() as opened:
        for name, addresses in (
            (network.client, (*CLIENTS[4][1:], *CLIENTS[6][1:])),
            (network.server, HOSTS[1:]),
        ):
            for address in addresses:
                bits = "64 nodad" if ":" in address else "24"
                length, *more = bits.split()
                run("ip", "-n", name, "address", "replace", f"{address}/{length}", "dev",
                    network.DEVICE, *more)  # fmt: skip
        made = [
            _connect(network, host, near, port, mapped=near == CLIENTS[4][1])
            for host in HOSTS
            for near in CLIENTS[6 if ":" in host else 4]
            for port in PORTS
        ]
        for connection in made:
            opened.callback(connection.close)
        yield Population(made, {key: end for one in made for key, end in _ends(one).items()})


@pytest.fixture(scope="module")
def source() -> Iterator[BpfSource]:
    """Open the source whose filter is tried: nothing is loaded anew from query to query."""
    with closing(BpfSource()) as opened:
        yield opened


_which = st.sampled_from(["s", "d", "sd"])
_ranges = st.builds(
    lambda end, low, more: PortRange(end, low, low + more),
    _which,
    st.sampled_from([*PORTS, PORT - 1, 1, 32768]),
    st.sampled_from([0, 1, 63, 20000]),
)
_blocks = st.builds(
    lambda end, text: Inside(end, parse_prefix(text)),
    _which,
    st.sampled_from(
        [
            *(*HOSTS, *CLIENTS[4], *CLIENTS[6]),
            *BLOCKS,
        ]
    ),
)
_literals = _ranges | _blocks | st.builds(Not, _ranges | _blocks)
FORMULAS = st.recursive(
    _literals,
    lambda parts: st.builds(
        lambda kind, some: kind(tuple(some)),
        st.sampled_from([All, AnyOf]),
        st.lists(parts, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


def rows(query: Query, events: Events, now_ns: int) -> set[int]:
    """Which flows a table shows that has had these events alone."""
    store = Store(0)
    store.ingest(events, now_ns)
    flows = store.flows(query.fields)
    return set(flows["cookie"][query.mask(flows)].tolist())


@pytest.fixture(scope="module")
def unfiltered() -> Iterator[BpfSource]:
    """Open a source that reports everything."""
    with closing(BpfSource()) as opened:
        yield opened


@RULES
@given(text=queries([*HOSTS, *CLIENTS[4], *CLIENTS[6]], BLOCKS, [*PORTS, PORT - 1, 32768]))
def test_a_query_finds_the_same_with_the_kernel_s_help(
    text: str, people: Population, source: BpfSource, unfiltered: BpfSource
) -> None:
    """The flows that a search shows are the same, whether the kernel has kept others back or not.

    What comes is what `passes` says.
    """
    query = parse(text)
    chosen = KernelFilter.of(query)
    source.narrow(query)
    drain(source)
    drain(unfiltered)
    people.talk()
    delivered, everything = drain(source), drain(unfiltered)
    keys = list(people.ends)
    passing = chosen.passes(*columns([people.ends[key] for key in keys]))
    assert people.of(delivered) == {
        key for key, passes in zip(keys, passing.tolist(), strict=True) if passes
    }
    shown, wanted = (
        rows(query, events, unfiltered.now_ns()) & people.ends.keys()
        for events in (delivered, everything)
    )
    assert shown == wanted


@RULES
@given(reach=FORMULAS)
def test_the_kernel_decides_as_the_formula_says(
    reach: Reach, people: Population, source: BpfSource
) -> None:
    """Of any formula, just those sockets are told of that it holds of: not one more, none fewer."""
    chosen = KernelFilter(fitted(reach, MAX_TESTS))
    source.set_filter(chosen)
    drain(source)
    people.talk()
    seen = people.of(drain(source))
    assert seen == {key for key, ends in people.ends.items() if is_true(reach, ends)}
