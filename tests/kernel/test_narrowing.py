"""A live source that is narrowed to a search while it runs, and widened again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from tcctui.flows.store import Store
from tcctui.query import Query, parse
from tcctui.query.address_formula import Bounds, PortRange, opposite
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.sources.live import LiveSource, open_live
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.traffic import PORT, Connection, connect, cookie, exchange, quiet, talk

pytestmark = pytest.mark.kernel

OTHER = PORT + 1
KINDS = {
    "tcp_probe, every ACK": ("bpf", 0.0),
    "tcp_probe + sock_diag": ("auto", 10.0),
    "sock_diag": ("sock_diag", 10.0),
}
FIELDS = ("closed_ns", "snd_cwnd", "bytes_acked", "state", "last_ns", "sampled_ns", "rate")


def port(number: int) -> Query:
    """Make a query for a port, which the kernel can decide."""
    reach = PortRange("sd", number, number)
    return replace(parse(f"port:{number}"), bounds=Bounds(reach, opposite(reach)))


class Narrowed:
    """A source for two ports, and the store that it fills."""

    def __init__(self, source: LiveSource, *, events: bool, samples: bool) -> None:
        self.source = source
        self.store = Store()
        self.tells = [
            name for name, there in (("last_ns", events), ("sampled_ns", samples)) if there
        ]

    def take(self) -> None:
        """Take in what has come."""
        self.store.ingest(self.source.read(0.05), self.source.now_ns())
        while len(samples := self.source.sampled()):
            self.store.ingest_samples(samples, self.source.now_ns())

    def value(self, key: int, field: str) -> float:
        """Take in what has come, and give what is known of a socket; NaN if nothing."""
        self.take()
        flows = self.store.some_flows(np.array([key], "u8"), FIELDS)
        return float(flows[field][0]) if flows.count else float("nan")

    def knows(self, key: int) -> bool:
        """Whether there is such a flow."""
        return self.value(key, "closed_ns") >= 0

    def catch_up(self, number: int, over: Connection) -> None:
        """Narrow it to a port, and take in all that was on its way.

        That is there once something comes that a connection to this port did since.
        """
        since = self.source.now_ns()
        self.source.narrow(port(number))  # all are sampled anew
        talk(over, 1)
        quiet([over])
        key = cookie(over.client)
        until("all is read", lambda: all(self.value(key, name) > since for name in self.tells))

    def closed(self, key: int) -> bool:
        """Whether it is known to be closed."""
        return self.value(key, "closed_ns") > 0


@pytest.fixture(params=list(KINDS))
def narrowed(request: pytest.FixtureRequest) -> Iterator[Narrowed]:
    """Open each kind of live source."""
    choice, interval_ms = KINDS[request.param]
    source = open_live(
        KernelFilter.on_ports(PORT, OTHER),
        None if choice == "sock_diag" else Loading(),
        choice=choice,
        interval_ms=interval_ms,
        max_cpu=None,
    )
    with closing(source):
        yield Narrowed(source, events=choice != "sock_diag", samples=choice != "bpf")


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Two hosts."""
    with Network() as made:
        yield made


def test_narrower_and_wider(narrowed: Narrowed, network: Network) -> None:
    """Narrowed, a source tells nothing of flows that can't match; widened, they come back.

    What closed meanwhile is known to be closed, whoever tells of it.
    """
    with (
        closing(connect(network, "ipv4")) as wanted,
        closing(connect(network, "ipv4", port=OTHER)) as unwanted,
        closing(connect(network, "ipv6", port=OTHER)) as short,
    ):
        keys = [cookie(one.client) for one in (wanted, unwanted, short)]
        for one in (wanted, unwanted, short):
            talk(one, 3)
        until("all are known", lambda: all(map(narrowed.knows, keys)))
        narrowed.catch_up(PORT, wanted)
        assert narrowed.source.kernel_filter == f"port:{PORT}"
        told = narrowed.value(keys[1], "bytes_acked")
        exchange([unwanted, wanted], up=100_000)
        quiet([unwanted, wanted])
        narrowed.catch_up(PORT, wanted)
        assert narrowed.value(keys[0], "bytes_acked") > 50_000
        assert narrowed.value(keys[1], "bytes_acked") == told, "nothing comes of it"
        short.close()
        until("an end is told all the same", lambda: narrowed.closed(keys[2]))
        with closing(connect(network, "ipv4", port=OTHER)) as new:
            talk(new, 3)
            narrowed.catch_up(PORT, wanted)
            assert not narrowed.knows(cookie(new.client)), "a new one is not known"
            narrowed.source.narrow(None)
            talk(new, 1)
            talk(unwanted, 1)
            until("a new one comes", lambda: narrowed.knows(cookie(new.client)))
        until("it goes on", lambda: narrowed.value(keys[1], "bytes_acked") > 50_000)
        assert not narrowed.closed(keys[1])
    assert narrowed.source.kernel_filter == f"port:{PORT}-{OTHER}"


@pytest.mark.parametrize("narrowed", list(KINDS)[:2], indirect=True)
def test_time_that_was_not_told_of_is_no_burst(narrowed: Narrowed, network: Network) -> None:
    """What was acknowledged while no event told of it did not happen in the moment after."""
    with (
        closing(connect(network, "ipv4")) as one,
        closing(connect(network, "ipv4", port=OTHER)) as other,
    ):
        key = cookie(one.client)
        talk(one, 3)
        talk(other, 3)
        keys = (key, cookie(other.client))
        until("both are known", lambda: all(map(narrowed.knows, keys)))
        narrowed.catch_up(OTHER, other)
        begun_ns = narrowed.source.now_ns()
        exchange([one], up=40_000_000)
        quiet([one])
        for _ in range(40):
            narrowed.take()
        seconds = (narrowed.source.now_ns() - begun_ns) / 1e9
        narrowed.source.narrow(None)
        talk(one, 3)
        rates = [0.0]

        def told() -> bool:
            rates.append(narrowed.value(key, "rate"))
            history = narrowed.store.history(key, 10, 100)
            assert history is not None
            rates.append(float(np.nanmax(history.series["acked_rate"].high)))
            return narrowed.value(key, "bytes_acked") > 40_000_000

        until("but it did happen", told, pause=0)
        for _ in range(20):
            told()
        # A sample, if one comes, knows that it was in all this time; nobody knows when.
        sampled = 41_000_000 / seconds if "sampled_ns" in narrowed.tells else 0.0
        assert max(rates) < max(1e6, sampled)
