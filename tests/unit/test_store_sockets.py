"""The flow that an event is about: sockets end, cookies and addresses come again, clocks jump."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tcctui.flows.columns import DERIVED, FIELDS
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import Store
from tcctui.wire.batch import Batch
from tcctui.wire.events import Events, TcpState
from tests.unit.events import MS, NOTHING, REMOTE, SECOND, destroy, probes, state, together
from tests.unit.samples import samples
from tests.unit.stores import (
    ELSEWHERE,
    MEMORY,
    OTHER_SOCKET,
    SOCKET,
    charted,
    filled,
    ingest,
    known,
    value,
)

# The same socket, connected anew


BEFORE = probes([SECOND, 2 * SECOND], snd_una=[1000, 3000])
AFTER = probes([3 * SECOND, 4 * SECOND], snd_una=[0x4000_0000, 0x4000_0005], remote=ELSEWHERE)


@pytest.mark.parametrize(
    "batches",
    [(BEFORE, AFTER), (together(BEFORE, AFTER),), (BEFORE[:1], together(BEFORE[1:], AFTER))],
)
def test_a_socket_that_is_connected_anew_keeps_its_flow(batches: tuple[Events, ...]) -> None:
    """Connected anew, a cookie shows its new addresses, and the jump of snd_una counts nothing."""
    store = filled(*batches)
    assert known(store) == [1]
    assert value(store, "bytes_acked") == 2005
    assert value(store, "dport") == 80
    assert value(store, "text") == "10.0.0.1:443 198.51.100.9:80 estab"


def test_states_follow_a_socket_that_is_connected_anew() -> None:
    """Where only addresses join states with flows, they do so after the socket moved, too."""
    store = filled(
        probes(SECOND),
        probes(2 * SECOND, remote=ELSEWHERE),
        state(3 * SECOND, SOCKET, TcpState.CLOSE_WAIT),
    )
    assert value(store, "state") == TcpState.ESTABLISHED
    ingest(store, state(4 * SECOND, SOCKET, TcpState.FIN_WAIT1, remote=ELSEWHERE))
    assert value(store, "state") == TcpState.FIN_WAIT1


# A socket's life


@pytest.mark.parametrize("skaddr", [SOCKET, 0], ids=["skaddr", "addresses"])
def test_states_are_followed(skaddr: int) -> None:
    """A state change finds its flow by the socket's address, on older kernels by both ends'."""
    store = filled(
        together(
            probes(SECOND, 1, skaddr=skaddr),
            probes(SECOND, 2, skaddr=skaddr and OTHER_SOCKET, remote=ELSEWHERE),
        ),
        together(
            state(2 * SECOND, SOCKET, TcpState.FIN_WAIT1),
            state(3 * SECOND, SOCKET, TcpState.FIN_WAIT2),
        ),
    )
    assert value(store, "state", 1) == TcpState.FIN_WAIT2
    assert value(store, "state", 2) == TcpState.ESTABLISHED
    assert value(store, "text", 1).endswith(" fin-wait-2")
    assert value(store, "events", 1) == 1, "only tcp_probe events are counted"
    assert store.totals().events == 4
    both = together(probes(SECOND, skaddr=SOCKET), state(SECOND + MS, SOCKET, TcpState.CLOSE_WAIT))
    assert value(filled(both), "state") == TcpState.CLOSE_WAIT, "within the first batch, too"


@pytest.mark.parametrize("skaddr", [SOCKET, 0], ids=["skaddr", "addresses"])
@pytest.mark.parametrize("apart", [True, False], ids=["batches", "one batch"])
def test_age_counts_from_the_opening(skaddr: int, apart: bool) -> None:
    """The age of a flow is from when it became ESTABLISHED, which is before its first event."""
    opening = state(5 * SECOND, SOCKET, TcpState.ESTABLISHED)
    first = probes(8 * SECOND, skaddr=skaddr)
    store = filled(opening, first) if apart else filled(together(opening, first))
    assert value(store, "opened_ns") == 5 * SECOND
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "age_ns") == 4 * SECOND


@pytest.mark.parametrize("apart", [True, False], ids=["batches", "one batch"])
def test_a_flow_begins_with_its_first_record(apart: bool) -> None:
    """A sample from before all events counts as the first, also where both come in one batch.

    So is a whole chunk of the past taken in: its flows have to begin as they began live.
    """
    sampled, events = samples(SECOND), probes([4 * SECOND, 5 * SECOND])
    store = Store(MEMORY)
    if apart:
        store.take(Batch(events[:0], [sampled], 2 * SECOND))
        store.take(Batch(events, [], 5 * SECOND))
    else:
        store.take(Batch(events, [sampled], 5 * SECOND))
    assert value(store, "first_ns") == SECOND


def test_the_age_of_a_closed_flow_stands_still() -> None:
    """A closed flow's age is how old it became; one that was never known is no flow.

    Where the opening was not seen, opened_ns says so, and the age is a lower bound.
    """
    store = filled(probes(2 * SECOND, skaddr=SOCKET), destroy(5 * SECOND, 1, SOCKET))
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "age_ns") == 3 * SECOND
    assert value(store, "closed_ns") == 5 * SECOND
    assert value(store, "state") == TcpState.CLOSE
    store = filled(destroy(SECOND, 7, SOCKET))
    assert (known(store), store.totals()) == ([], Totals(1, 0, 0))
    store = filled(state(SECOND, OTHER_SOCKET, TcpState.ESTABLISHED), probes(8 * SECOND, skaddr=1))
    store.ingest(NOTHING, 9 * SECOND)
    assert (value(store, "opened_ns"), value(store, "age_ns")) == (0, SECOND)


LIVES = {
    "the kernel uses the address again": (SOCKET, REMOTE, SOCKET, ELSEWHERE),
    "both addresses are used again": (SOCKET, REMOTE, SOCKET, REMOTE),
    "without skaddr": (0, REMOTE, 0, ELSEWHERE),
    "without skaddr, both ends again": (0, REMOTE, 0, REMOTE),
}


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize(("first", "second"), [(3, 8), (8, 3)])
def test_a_socket_address_that_is_used_again(life: str, first: int, second: int) -> None:
    """One socket ends, the next begins at its address: however batches fall, both come out right.

    Cookies don't tell which is older: each CPU hands them out from a stock of its own.
    """
    skaddr, remote, next_skaddr, next_remote = LIVES[life]
    alive, ending = [1 * SECOND, 0, TcpState.ESTABLISHED], [1 * SECOND, 0, TcpState.FIN_WAIT1]
    over = [1 * SECOND, 5 * SECOND, TcpState.CLOSE]
    fresh, closing = [6 * SECOND, 0, TcpState.ESTABLISHED], [6 * SECOND, 0, TcpState.CLOSE_WAIT]
    story: tuple[tuple[Events, dict[int, list[int]]], ...] = (
        (state(1 * SECOND, SOCKET, TcpState.ESTABLISHED, remote=remote), {}),
        (probes(2 * SECOND, first, skaddr=skaddr, remote=remote), {first: alive}),
        (state(3 * SECOND, SOCKET, TcpState.FIN_WAIT1, remote=remote), {first: ending}),
        (destroy(5 * SECOND, first, SOCKET, remote=remote), {first: over}),
        (state(6 * SECOND, SOCKET, TcpState.ESTABLISHED, remote=next_remote), {first: over}),
        (
            probes(7 * SECOND, second, skaddr=next_skaddr, remote=next_remote),
            {first: over, second: fresh},
        ),
        (
            state(8 * SECOND, SOCKET, TcpState.CLOSE_WAIT, remote=next_remote),
            {first: over, second: closing},
        ),
    )
    names = ("opened_ns", "closed_ns", "state")
    events = np.concatenate([event for event, _ in story])
    wrong = {}
    for end, (_, expected) in enumerate(story, start=1):
        for cuts in itertools.product([False, True], repeat=end - 1):
            places = [place for place, cut in enumerate(cuts, start=1) if cut]
            store = filled(*np.split(events[:end], places))
            found = {cookie: [value(store, name, cookie) for name in names] for cookie in expected}
            if found != expected:
                wrong[end, tuple(places)] = found
    assert wrong == {}


@pytest.mark.parametrize("skaddr", [SOCKET, 0], ids=["skaddr", "addresses"])
def test_a_state_from_before_a_flow(skaddr: int) -> None:
    """What the earlier socket at an address did in the same batch is not the later one's doing."""
    store = filled(
        together(
            probes(2 * SECOND, 3, skaddr=skaddr),
            state(3 * SECOND, SOCKET, TcpState.FIN_WAIT1),
            destroy(5 * SECOND, 3, SOCKET),
            probes(7 * SECOND, 8, skaddr=skaddr),
        )
    )
    assert value(store, "state", 8) == TcpState.ESTABLISHED
    assert value(store, "opened_ns", 8) == 0
    assert value(store, "state", 3) == TcpState.CLOSE


# Clocks


HOUR = 3600 * SECOND


def sending(store: Store, now: int, seconds: float, *, una: int = 0) -> tuple[int, int]:
    """Let flow 1 send 1 MB/s; gives the time and snd_una after it."""
    for _ in range(round(seconds * 20)):
        now, una = now + 50 * MS, una + 50_000
        store.ingest(probes(now, snd_una=una % 2**32), now)
    return now, una


def test_a_clock_that_jumps_by_hours() -> None:
    """After a resume rates are those of now within half a second, and never beyond what was."""
    store = Store(MEMORY)
    now, una = sending(store, SECOND, 5)
    store.ingest(destroy(now, 2, SOCKET), now)
    ingest(store, together(probes(now, 3), destroy(now, 3, 0)))
    now += 5 * HOUR
    shown = []
    for _ in range(40):
        now, una = sending(store, now, 0.05, una=una)
        shown.append(value(store, "rate"))
    assert max(shown) <= 1.05e6
    assert shown[12:] == pytest.approx([1e6] * len(shown[12:]), rel=0.05)
    assert known(store) == [1], "the closed one is long gone"
    assert value(store, "age_ns") == 5 * HOUR + (5 + 2) * SECOND - 50 * MS
    recent, life = charted(store, 1, 60, 100), charted(store, 1, None, 100)
    assert recent.seconds <= 61
    assert 1 <= np.isfinite(life.series["snd_cwnd"].last).sum() <= 4
    assert life.seconds >= 5 * 3600


def test_events_from_both_sides_of_a_jump_in_one_batch() -> None:
    """What the reader finds after a resume may span hours: all of it is taken in.

    After minutes without a batch the rate is the average.
    """
    before, after = SECOND + np.arange(500) * MS, 9 * HOUR + np.arange(500) * MS
    una = np.arange(1000) * 1000
    store = Store(MEMORY)
    store.ingest(probes(np.append(before, after), snd_una=una), 9 * HOUR + SECOND)
    assert value(store, "bytes_acked") == 999_000
    assert value(store, "age_ns") == 9 * HOUR
    assert 0 <= value(store, "rate") <= 999_000 * 4
    store = Store(MEMORY)
    now, sent = sending(store, SECOND, 3)
    store.ingest(probes(now + 100 * SECOND, snd_una=sent + 50_000_000), now + 100 * SECOND)
    assert value(store, "rate") == pytest.approx(5e5, rel=0.01), "the average, not that of a tick"


def test_a_clock_that_stands_still() -> None:
    """While no time passes rates stay what they were, nothing leaves, and nothing breaks."""
    store = Store(MEMORY)
    now, una = sending(store, SECOND, 3)
    ingest(store, together(probes(now, 2), destroy(now, 2, SOCKET)))
    rate = value(store, "rate")
    for number in range(200):
        una += 10
        store.ingest(probes(now, snd_una=una), now)
        assert value(store, "rate") == rate
        if number % 50 == 0:
            assert store.flows([*FIELDS, *DERIVED]).count == 2
            assert store.history(1, 10, 50) is not None
    now, una = sending(store, now, 2, una=una)
    assert value(store, "rate") == pytest.approx(1e6, rel=0.05)
    assert known(store) == [1, 2]
    sending(store, now, 9, una=una)
    assert known(store) == [1]


def test_a_clock_that_steps_back() -> None:
    """Time goes on from where it was: no rate below zero, no age, and nothing is lost."""
    store = Store(MEMORY)
    now, una = sending(store, 10 * SECOND, 5)
    back, una = sending(store, now - 700 * MS, 0.6, una=una)
    assert 0.9e6 <= value(store, "rate") <= 1.1e6
    assert value(store, "age_ns") == 5 * SECOND - 50 * MS
    now, una = sending(store, back, 3, una=una)
    assert value(store, "rate") == pytest.approx(1e6, rel=0.05)
    assert value(store, "bytes_acked") == una - 50_000
    past = charted(store, 1, 10, 101)
    assert np.isfinite(past.series["snd_cwnd"].last).sum() >= 75


@pytest.mark.parametrize("batches", [1, 7, 1000])
def test_sequence_numbers_that_wrap_many_times(batches: int) -> None:
    """Gigabytes over several wraps are counted whole, and in flight is right at each."""
    una = 0xFFFF_0000 + np.arange(1000) * 20_000_000
    events = probes(
        SECOND + np.arange(1000) * MS, snd_una=una % 2**32, snd_nxt=(una + 70_000) % 2**32
    )
    store = filled(*np.array_split(events, batches))
    assert value(store, "bytes_acked") == 999 * 20_000_000
    assert value(store, "in_flight") == 70_000
    past = charted(store, 1, 60, 600)
    assert np.nanmin(past.series["in_flight"].low) == np.nanmax(past.series["in_flight"].high)


# Cookies that are used again


def reused() -> list[np.ndarray]:
    """Flow 1 sends and ends; after that a connection to elsewhere has its cookie and address."""
    times = np.array([1.0, 1.5, 2.0])
    return [
        state(SECOND // 2, SOCKET, TcpState.ESTABLISHED),
        probes(times * SECOND, snd_una=[0, 10**6, 2 * 10**6], snd_cwnd=99, skaddr=SOCKET),
        destroy(3 * SECOND, 1, SOCKET),
        state(4 * SECOND, SOCKET, TcpState.ESTABLISHED, remote=ELSEWHERE),
        probes(
            (times + 4) * SECOND, snd_una=[5, 6, 7], snd_cwnd=3, skaddr=SOCKET, remote=ELSEWHERE
        ),
    ]


@pytest.mark.parametrize("cuts", [[], [1, 2, 3, 4], [2], [3], [1, 4], [2, 3]])
def test_a_cookie_that_is_used_again(cuts: list[int]) -> None:
    """However the batches fall, after its end a cookie is another flow, and nothing is carried."""
    story = reused()
    edges = [0, *cuts, len(story)]
    store = Store(MEMORY)
    for start, end in itertools.pairwise(edges):
        ingest(store, together(*story[start:end]))
    store.ingest(NOTHING, 6 * SECOND + 300 * MS)
    expected = {"events": 3, "bytes_acked": 2, "first_ns": 5 * SECOND, "last_ns": 6 * SECOND}
    expected |= {"opened_ns": 4 * SECOND, "closed_ns": 0, "state": TcpState.ESTABLISHED}
    assert {name: value(store, name) for name in expected} == expected
    assert 0 <= value(store, "rate") < 10
    assert value(store, "text") == "10.0.0.1:443 198.51.100.9:80 estab"
    for seconds in (60, None):
        past = charted(store, 1, seconds, 100)
        assert np.nanmax(past.series["snd_cwnd"].high) == 3
    store.ingest(NOTHING, 60 * SECOND)
    assert known(store) == [1], "it did not end"
    assert store.totals() == Totals(9, 1, 0)


@pytest.mark.parametrize("together_with_new", [True, False])
def test_late_events_of_a_closed_flow(together_with_new: bool) -> None:
    """What comes after the end but is from before it counts, and opens nothing again."""
    store = filled(probes(SECOND, snd_una=0), destroy(3 * SECOND, 1, SOCKET))
    late = probes([2 * SECOND, 3 * SECOND], snd_una=[500, 900])
    if together_with_new:
        store.ingest(together(late, probes(4 * SECOND, snd_una=77)), 4 * SECOND)
        assert value(store, "closed_ns") == 0
        assert (value(store, "events"), value(store, "bytes_acked")) == (1, 0)
        return
    ingest(store, late)
    assert value(store, "closed_ns") == 3 * SECOND
    assert value(store, "state") == TcpState.CLOSE
    assert (value(store, "events"), value(store, "bytes_acked")) == (3, 900)
    store.ingest(NOTHING, 14 * SECOND)
    assert known(store) == []


def test_a_cookie_that_is_used_over_and_over_in_one_batch() -> None:
    """Of many connections of one cookie in one batch, each ends before the next begins."""
    lives = [
        together(
            probes([number * SECOND, number * SECOND + MS], snd_una=[0, number], skaddr=SOCKET),
            destroy(number * SECOND + 2 * MS, 1, SOCKET),
        )
        for number in range(1, 20)
    ]
    store = filled(together(*lives))
    assert value(store, "first_ns") == 19 * SECOND
    assert value(store, "closed_ns") == 19 * SECOND + 2 * MS
    assert (value(store, "events"), value(store, "bytes_acked")) == (2, 19)
