"""What BpfSource delivers, against what the tracepoint prints of itself."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.program import Loading
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import AF_INET, AF_INET6, NO_SSTHRESH, Events
from tests.kernel.alignment import Alignment, align
from tests.kernel.bpf_objects import held_by, misses
from tests.kernel.network import Network
from tests.kernel.recorder import Recorder, probes_of
from tests.kernel.tracefs import ProbeText
from tests.kernel.traffic import KINDS, connect, exchange, settle

pytestmark = pytest.mark.kernel

MARKS = (0x2A, 0x8000_0001)


@dataclass(frozen=True)
class Seen:
    """The same events twice: as BpfSource delivered them, and as text.

    `unseen` is how many of them BPF can't have seen, in the kernel's own account.
    """

    ours: Events
    text: Events
    pairs: Alignment
    unseen: int


@pytest.fixture(
    scope="module", params=["compiled", "from the cache", "the tracepoint's own fields"]
)
def seen(request: pytest.FixtureRequest) -> Iterator[Seen]:
    """Watch sockets of every kind send both ways, the client's data through a lossy bottleneck.

    With a program that was compiled just now, and with the same one out of the cache; and with one
    that does not read the socket, as on a kernel whose types are not known.
    """
    typed = request.param != "the tracepoint's own fields"
    loading = Loading(fresh=request.param != "from the cache", typed=typed)
    source = BpfSource(loading=loading)
    assert source.cached == (request.param == "from the cache")
    try:
        with (
            Network(rate="50mbit", queue="60kb", loss=0.02) as network,
            Recorder(source) as recorder,
            ProbeText() as text,
        ):
            tasks = threads_of_init()
            made = [
                connect(network, kind, congestion=congestion, marks=MARKS)
                for kind, congestion in itertools.product(KINDS, ("cubic", "reno"))
            ]
            cookies = [cookie for connection in made for cookie in connection.cookies]
            try:
                exchange(made, up=500_000, down=200_000)
            finally:
                for connection in made:
                    connection.close()
            settle(network)
            text.stop()
            printed, interrupted = text.probes(), text.interrupted_pids()
        own = np.isin(printed["sock_cookie"], np.array(cookies, "u8"))
        ours, theirs = probes_of(recorder.events, cookies), printed[own]
        hidden = np.isin(interrupted, list(tasks | threads_of_init()))
        unseen = np.count_nonzero(own & hidden) + misses(held_by(os.getpid()).programs)
        yield Seen(ours, theirs, align(ours, theirs), unseen)
    finally:
        source.close()


def threads_of_init() -> set[int]:
    """List the threads of process 1."""
    return {int(task) for task in os.listdir("/proc/1/task")}


def test_every_event_is_as_the_kernel_prints_it(seen: Seen) -> None:
    """Each delivered event is one of the text's, equal in all fields, in the socket's order."""
    assert not seen.pairs.wrong, f"{len(seen.pairs.wrong)} are wrong: {seen.pairs.wrong[:5]}"
    assert len(np.unique(seen.ours["sock_cookie"])) == 2 * 2 * len(KINDS)


def test_no_event_is_missing(seen: Seen) -> None:
    """Whatever the text has is delivered, but for the few that BPF was not run for.

    The kernel runs no tracing program while another is at work on the same CPU, which it counts;
    and some virtual machines run none while the threads of process 1 are interrupted.
    """
    missing = seen.pairs.missing
    assert len(missing) <= seen.unseen, (
        f"{len(missing)} of {len(seen.text)} events are missing, the first: {seen.text[missing[0]]}"
    )


def test_skaddr_is_one_per_socket(seen: Seen) -> None:
    """Sockets and their kernel addresses belong together one to one, as their hashes do."""
    for events in (seen.ours, seen.text):
        pairs = set(zip(events["sock_cookie"].tolist(), events["skaddr"].tolist(), strict=True))
        assert len(pairs) == len({cookie for cookie, _ in pairs})
        assert len(pairs) == len({skaddr for _, skaddr in pairs})
    assert np.all(seen.ours["skaddr"] >> np.uint64(63)), "not kernel addresses"


def test_timestamps_are_close(seen: Seen) -> None:
    """Both read CLOCK_MONOTONIC within a millisecond, but where a busy host interrupts them."""
    ours, theirs = seen.ours["ts_ns"][seen.pairs.ours], seen.text["ts_ns"][seen.pairs.theirs]
    apart = np.abs(ours.astype("i8") - theirs.astype("i8")) / 1e6
    assert np.median(apart) < 1


def test_traffic_was_varied(seen: Seen) -> None:
    """The comparison means something: every kind of address is there, and no field stood still."""
    events = seen.text
    mapped = (events["saddr"][:, 0] == 0) & (
        events["saddr"][:, 1] >> np.uint64(32) == V4_MAPPED >> 32
    )
    assert {*zip(events["family"].tolist(), mapped.tolist(), strict=True)} == {
        (AF_INET, True),
        (AF_INET6, True),
        (AF_INET6, False),
    }
    assert set(events["mark"].tolist()) == {0, *MARKS}
    assert NO_SSTHRESH in events["ssthresh"]
    assert len(np.unique(events["data_len"])) > 3
    for field in ("snd_nxt", "snd_una", "snd_cwnd", "ssthresh", "snd_wnd", "srtt", "rcv_wnd"):
        assert len(np.unique(events[field])) > 10, f"{field} hardly ever changed"
