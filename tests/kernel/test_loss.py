"""A reader that is too slow: what fitted is right, and the rest is counted."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.wire.events import EVENT, EventKind, Events
from tcctui.wire.records import joined
from tests.kernel import bpftrace
from tests.kernel.alignment import align
from tests.kernel.bpf_objects import held_by
from tests.kernel.deadlines import until
from tests.kernel.network import Network, run
from tests.kernel.recorder import drain, probes_of
from tests.kernel.traffic import PORT, connections, quiet, settle, talk

pytestmark = pytest.mark.kernel

RING_BYTES = 16 * mmap.PAGESIZE
ROOM = (RING_BYTES - 1) // (8 + EVENT.itemsize)
"""Records with their headers that a ring holds: the kernel never fills it to the last byte."""


@pytest.fixture
def small() -> Iterator[BpfSource]:
    """Open a source with a small ring, which nobody reads."""
    with closing(
        BpfSource(KernelFilter.on_ports(PORT), loading=Loading(ring_bytes=RING_BYTES))
    ) as source:
        yield source


@pytest.fixture
def large() -> Iterator[BpfSource]:
    """Open a source for the same events, whose ring has room for all."""
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source:
        yield source


def test_lost_is_exactly_what_is_missing(small: BpfSource) -> None:
    """The ring keeps the oldest, in order and unharmed; lost() is what bpftrace has beyond that."""
    with Network() as network, bpftrace.bpftrace(PORT) as other:
        with connections(network, "ipv4") as first:
            bpftrace.tracing(other, first[0])
        settle(network)
        with connections(network, "ipv4", "ipv6", "mapped") as made:
            quiet(made)
            drain(small)
            assert small.lost() == 0
            cookies = [cookie for connection in made for cookie in connection.cookies]
            for _ in range(200):
                for connection in made:
                    talk(connection, 1)
            quiet(made)
            # A pause of this machine may bring a retransmission, which bpftrace does not print.
            kept, lost = drain(small), small.lost_by_kind()[EventKind.PROBE]
            probes = probes_of(kept, cookies)
            expected = bpftrace.printed(other, cookies, at_least=len(probes) + lost)
    assert len(kept) == ROOM
    pairs = align(probes, expected)
    assert len(pairs.wrong) <= bpftrace.may_lack(len(probes))
    assert lost - bpftrace.may_lack(lost) <= len(pairs.missing) <= lost
    assert len(pairs.missing) > ROOM
    for cookie in cookies:
        places = np.flatnonzero(expected["sock_cookie"] == cookie)
        kept_places = np.intersect1d(places, pairs.theirs)
        assert kept_places.tolist() == places[: len(kept_places)].tolist()


def test_lost_is_told_by_kind(small: BpfSource, large: BpfSource) -> None:
    """Changes of state and ends of sockets that found no room are counted each for itself."""
    drain(small)  # of the second one's own sockets, with which it tests itself
    with Network() as network:
        with connections(network, "ipv4", "ipv6") as made:
            cookies = {cookie for connection in made for cookie in connection.cookies}
            for connection in made:
                talk(connection, 400)
            assert small.lost() > 0
        settle(network)
    events = [drain(large)]

    def all_ended() -> bool:
        events.append(drain(large))
        told = joined(events)
        return cookies <= {*told["sock_cookie"][told["kind"] == EventKind.DESTROY].tolist()}

    # ss no longer has a socket a moment before its end is told.
    until("all ends are told", all_ended)
    assert large.lost() == 0
    happened, kept, lost = by_kind(joined(events)), by_kind(drain(small)), small.lost_by_kind()
    for kind in (EventKind.PROBE, EventKind.STATE, EventKind.DESTROY, EventKind.CA_STATE):
        assert happened[kind] > 0
    assert lost == {kind: happened[kind] - kept[kind] for kind in EventKind}


def test_reading_makes_room_again(small: BpfSource, large: BpfSource) -> None:
    """After an overflow a reader gets everything again, round and round the ring."""
    with Network() as network, connections(network, "ipv4") as made:
        talk(made[0], 400)
        quiet(made)
        drain(small)
        drain(large)
        before, seen = small.lost(), []
        assert before > 0
        for _ in range(20):
            talk(made[0], 50)
            seen.append(drain(small))
        quiet(made)
        ours, expected = np.concatenate([*seen, drain(small)]), drain(large)
    assert len(ours) > 3 * ROOM
    pairs = align(ours, expected)
    assert not pairs.wrong
    assert not pairs.missing
    assert small.lost() == before


def by_kind(events: Events) -> dict[EventKind, int]:
    """Count events."""
    return {kind: int(np.count_nonzero(events["kind"] == kind)) for kind in EventKind}


def test_skipped_is_what_the_kernel_counted(large: BpfSource) -> None:
    """Events that the kernel ran no program for are counted as bpftool says, for each program."""
    with Network() as network, connections(network, "ipv4", "ipv6") as made:
        for connection in made:
            talk(connection, 500)
        quiet(made)
        mine = held_by(os.getpid()).programs
        before = large.skipped()
        listed = json.loads(run("bpftool", "--json", "prog", "list"))
        told = sum(one.get("recursion_misses", 0) for one in listed if one["id"] in mine)
        assert before <= told <= large.skipped()
    infos = [Path(f"/proc/self/fdinfo/{one}") for one in os.listdir("/proc/self/fdinfo")]
    programs = [info.read_text() for info in infos if info.exists()]
    assert sum("recursion_misses:" in text for text in programs) == len(mine)
