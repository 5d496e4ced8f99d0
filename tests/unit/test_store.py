"""The store: which flow an event is about, what is kept of it, and what is let go."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.events import NO_SSTHRESH, Events, TcpState
from tcctui.flows.columns import DERIVED, FIELDS
from tcctui.flows.history import BYTES_PER_FLOW
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import Store
from tests.unit.events import (
    LOCAL,
    MS,
    NOTHING,
    REMOTE,
    SECOND,
    Endpoint,
    destroy,
    halves,
    probes,
    state,
    together,
)

MEMORY = 4 << 20
SOCKET, OTHER_SOCKET = 0xFFFF_8880_0000_1000, 0xFFFF_8880_0000_2000
"""Kernel addresses of sockets."""


def filled(*batches: Events, memory: int = MEMORY) -> Store:
    """Give a store that took in these batches, each at the time of its last event."""
    store = Store(memory)
    ingest(store, *batches)
    return store


def ingest(store: Store, *batches: Events) -> None:
    """Let a store take in batches, each at the time of its last event."""
    for batch in batches:
        store.ingest(batch, int(batch["ts_ns"].max()))


def value(store: Store, name: str, cookie: int = 1) -> Any:
    """One column of one flow, as a Python value."""
    found = store.some_flows(np.array([cookie], "u8"), [name])
    assert found.count == 1, f"flow {cookie} is known"
    return found[name][0].item() if name != "text" else found[name][0]


def known(store: Store) -> list[int]:
    """Cookies of all flows, ascending."""
    return sorted(store.flows([])["cookie"].tolist())


# What is kept of a flow


def test_each_cookie_is_a_flow_with_its_newest_values() -> None:
    """Two flows in one batch keep their own values, all of them from their last event."""
    store = filled(
        together(
            probes(1 * SECOND, 5, snd_cwnd=10, srtt=100, mark=1),
            probes(2 * SECOND, 9, snd_cwnd=20, ssthresh=7, snd_wnd=70, rcv_wnd=71, skaddr=3),
            probes(3 * SECOND, 5, snd_cwnd=11, srtt=101, mark=2, snd_nxt=500, snd_una=200),
        )
    )
    five = {"snd_cwnd": 11, "srtt_us": 101, "mark": 2, "events": 2, "in_flight": 300}
    five |= {"first_ns": SECOND, "last_ns": 3 * SECOND, "snd_nxt": 500, "snd_una": 200}
    nine = {"snd_cwnd": 20, "ssthresh": 7, "snd_wnd": 70, "rcv_wnd": 71, "events": 1, "skaddr": 3}
    for cookie, expected in ((5, five), (9, nine)):
        assert {name: value(store, name, cookie) for name in expected} == expected
    assert known(store) == [5, 9]


def test_a_known_flow_goes_on() -> None:
    """A later batch changes what is new, and leaves when the flow was first seen."""
    store = filled(probes(SECOND, snd_cwnd=10), probes([2 * SECOND, 3 * SECOND], snd_cwnd=[4, 5]))
    assert value(store, "snd_cwnd") == 5
    assert value(store, "events") == 3
    assert value(store, "first_ns") == SECOND
    assert value(store, "last_ns") == 3 * SECOND
    assert value(store, "age_ns") == 2 * SECOND
    assert value(store, "state") == TcpState.ESTABLISHED


@pytest.mark.parametrize(
    ("local", "remote"),
    [(LOCAL, REMOTE), (("2001:db8::7", 8443), ("::1", 1)), (("::ffff:10.0.0.1", 2), ("::", 3))],
)
def test_addresses_and_ports(local: Endpoint, remote: Endpoint) -> None:
    """Both ends are kept as halves of 128-bit addresses, and can be searched as text."""
    store = filled(probes(SECOND, local=local, remote=remote))
    for end, (address, port) in (("s", local), ("d", remote)):
        found = value(store, f"{end}addr_hi"), value(store, f"{end}addr_lo")
        assert found == halves(address)
        assert value(store, f"{end}port") == port
    shown = [
        address.removeprefix("::ffff:") if "." in address else f"[{address}]"
        for address in (local[0], remote[0])
    ]
    assert value(store, "text") == f"{shown[0]}:{local[1]} {shown[1]}:{remote[1]} estab"


def test_flows_are_given_in_the_order_asked_for() -> None:
    """`some_flows` keeps the order of the cookies and leaves out those that are not known."""
    store = filled(probes(np.arange(4) + SECOND, [3, 1, 2, 4], snd_cwnd=[30, 10, 20, 40]))
    found = store.some_flows(np.array([4, 99, 1, 3], "u8"), ["snd_cwnd"])
    assert found["cookie"].tolist() == [4, 1, 3]
    assert found["snd_cwnd"].tolist() == [40, 10, 30]
    assert found.count == 3


@pytest.mark.parametrize("threshold", [5, 10, 11, NO_SSTHRESH])
def test_slow_start(threshold: int) -> None:
    """A flow is in slow start while snd_cwnd is below ssthresh (tcp_in_slow_start)."""
    store = filled(probes(SECOND, snd_cwnd=10, ssthresh=threshold))
    assert value(store, "slow_start") == (threshold > 10)


@pytest.mark.parametrize(
    ("una", "acked"),
    [
        ([1000], 0),
        ([1000, 1000, 2500], 1500),
        ([0xFFFF_FF00, 0x100], 512),
        ([0xFFFF_FFFF, 0, 0x7FFF_FFFF], 1 + 0x7FFF_FFFF),
        ([2000, 1500], 0),
        ([2000, 3000, 2500], 1000),
        ([0x10, 0xFFFF_FFF0], 0),
    ],
)
def test_bytes_acked_is_how_far_snd_una_went(una: list[int], acked: int) -> None:
    """Sequence numbers wrap at 2³², and a step back counts nothing; in one batch and in several."""
    events = probes(np.arange(len(una)) * MS + SECOND, snd_una=una)
    assert value(filled(events), "bytes_acked") == acked
    assert value(filled(*(events[at : at + 1] for at in range(len(una)))), "bytes_acked") == acked


@pytest.mark.parametrize(
    ("nxt", "una", "in_flight"),
    [(5000, 2000, 3000), (7, 7, 0), (0x100, 0xFFFF_FF00, 0x200), (0, 0xFFFF_FFFF, 1)],
)
def test_bytes_in_flight(nxt: int, una: int, in_flight: int) -> None:
    """In flight is snd_nxt - snd_una modulo 2³²."""
    assert value(filled(probes(SECOND, snd_nxt=nxt, snd_una=una)), "in_flight") == in_flight


def test_cookies_as_large_as_they_get() -> None:
    """Cookies too large for the fast sort, up to 64 bits, are told apart as well as small ones."""
    cookies = [2**64 - 1, 2**63 + 1, 1, 2**44, 2**63 + 1, 2**64 - 1, 1, 2**44 + 1]
    store = filled(
        probes(
            np.arange(8) * MS + SECOND,
            np.array(cookies, "u8"),
            snd_cwnd=range(8),
            snd_una=np.arange(8) * 100,
        )
    )
    assert known(store) == sorted(set(cookies))
    for cookie in set(cookies):
        places = [place for place, other in enumerate(cookies) if other == cookie]
        assert value(store, "snd_cwnd", cookie) == places[-1]
        assert value(store, "bytes_acked", cookie) == (places[-1] - places[0]) * 100
        assert value(store, "events", cookie) == len(places)


@settings(max_examples=60, deadline=None)
@given(
    cookies=st.lists(st.integers(1, 12) | st.integers(1, 2**64 - 1), min_size=1, max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=8),
    seed=st.integers(0, 2**32),
)
def test_values_are_those_of_the_last_event(cookies: list[int], cuts: list[int], seed: int) -> None:
    """However events are cut into batches, each flow has the values of its last one."""
    random = np.random.default_rng(seed)
    count = len(cookies)
    numbers: dict[str, Any] = {
        name: random.integers(0, 2**32, count)
        for name in ("snd_cwnd", "ssthresh", "srtt", "snd_wnd", "rcv_wnd", "snd_nxt", "mark")
    }
    una = np.cumsum(random.integers(0, 2**31, count)) % 2**32
    when = SECOND + np.cumsum(random.integers(0, 300 * MS, count))
    events = probes(when, np.array(cookies, "u8"), snd_una=una, **numbers)
    store = filled(*(part for part in np.split(events, sorted(cuts)) if len(part)))
    assert known(store) == sorted(set(cookies))
    for cookie in set(cookies):
        own = events[events["sock_cookie"] == np.uint64(cookie)]
        for field in (*numbers, "snd_una"):
            column = "srtt_us" if field == "srtt" else field
            assert value(store, column, cookie) == own[field][-1]
        assert value(store, "first_ns", cookie) == own["ts_ns"][0]
        assert value(store, "last_ns", cookie) == own["ts_ns"][-1]
        assert value(store, "events", cookie) == len(own)
        steps = [(int(b) - int(a)) % 2**32 for a, b in itertools.pairwise(own["snd_una"])]
        assert value(store, "bytes_acked", cookie) == sum(s for s in steps if s < 2**31)


def test_time_that_goes_backwards_within_a_flow() -> None:
    """An event with an older time than the one before it is the newest, and its dip is kept."""
    store = filled(
        probes(
            [10 * SECOND, 12 * SECOND, 11 * SECOND, 12 * SECOND + 1],
            snd_cwnd=[10, 20, 3, 30],
            snd_una=[0, 100, 200, 300],
        ),
        probes(9 * SECOND, snd_cwnd=2, snd_una=400),
    )
    assert value(store, "snd_cwnd") == 2
    assert value(store, "bytes_acked") == 400
    past = store.history(1, 10, 100)
    assert past is not None
    assert np.nanmin(past.series["snd_cwnd"].low) == 2
    assert np.nanmax(past.series["snd_cwnd"].high) == 30
    assert past.series["snd_cwnd"].last[-1] == 2


@pytest.mark.parametrize("dense", [0, 1000])
def test_a_batch_that_spans_minutes(dense: int) -> None:
    """After a long pause of the reader one batch may hold minutes: all of it is taken in."""
    when = np.concatenate([np.full(dense, SECOND), SECOND + np.arange(3000) * 100 * MS])
    sizes = np.arange(len(when)) % 5000 + 1
    store = Store(MEMORY)
    store.ingest(probes(when, snd_cwnd=sizes, snd_una=np.arange(len(when))), int(when[-1]))
    assert value(store, "events") == len(when)
    assert value(store, "bytes_acked") == len(when) - 1
    life = store.history(1, None, 300)
    recent = store.history(1, 60, 300)
    assert life is not None
    assert recent is not None
    assert np.nanmin(life.series["snd_cwnd"].low) == 1
    assert np.nanmax(life.series["snd_cwnd"].high) == sizes.max()
    assert not np.isnan(recent.series["snd_cwnd"].low).any()
    assert np.nanmax(recent.series["snd_cwnd"].high) == sizes[-1]


def test_batches_that_span_minutes_give_their_memory_back() -> None:
    """Flows that left hold no memory: dozens, one after the other, fit into the budget of two."""
    store = Store(2 * BYTES_PER_FLOW)
    now = SECOND
    for cookie in range(1, 40):
        when = now + np.concatenate([np.zeros(1000, "i8"), np.arange(1000) * 100 * MS])
        now = int(when[-1]) + 1
        store.ingest(together(probes(when, cookie), destroy(now, cookie, cookie)), now)
        past = store.history(cookie, 60, 100)
        assert past is not None
        assert not np.isnan(past.series["snd_cwnd"].low).any()
        now += 20 * SECOND
        store.ingest(NOTHING, now)
    assert store.totals() == Totals(39 * 2001, 0, 0)


# The same socket, connected anew


ELSEWHERE: Endpoint = ("198.51.100.9", 80)


def test_a_socket_that_is_connected_anew_keeps_its_flow() -> None:
    """Connected anew, a cookie shows its new addresses, and the jump of snd_una counts nothing."""
    store = filled(
        probes([SECOND, 2 * SECOND], snd_una=[1000, 3000]),
        probes([3 * SECOND, 4 * SECOND], snd_una=[0x4000_0000, 0x4000_0005], remote=ELSEWHERE),
    )
    assert known(store) == [1]
    assert value(store, "bytes_acked") == 2005
    assert value(store, "dport") == 80
    assert value(store, "text") == "10.0.0.1:443 198.51.100.9:80 estab"


def test_a_socket_that_is_connected_anew_within_one_batch() -> None:
    """The jump of snd_una between two connections counts nothing where one batch has both."""
    before = probes([SECOND, SECOND + MS], snd_una=[1000, 3000])
    after = probes(
        [SECOND + 2 * MS, SECOND + 3 * MS], snd_una=[0x4000_0000, 0x4000_0005], remote=ELSEWHERE
    )
    assert value(filled(together(before, after)), "bytes_acked") == 2005
    assert value(filled(before[:1], together(before[1:], after)), "bytes_acked") == 2005


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


def test_a_state_in_the_batch_of_the_first_event() -> None:
    """A connection that opens, sends and closes its end within one batch is shown as it is."""
    store = filled(
        together(probes(SECOND, skaddr=SOCKET), state(SECOND + MS, SOCKET, TcpState.CLOSE_WAIT))
    )
    assert value(store, "state") == TcpState.CLOSE_WAIT


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


def test_age_without_an_opening_counts_from_the_first_event() -> None:
    """Where the opening was not seen, opened_ns says so, and the age is a lower bound."""
    store = filled(state(SECOND, OTHER_SOCKET, TcpState.ESTABLISHED), probes(8 * SECOND, skaddr=1))
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "opened_ns") == 0
    assert value(store, "age_ns") == SECOND


def test_the_age_of_a_closed_flow_stands_still() -> None:
    """A closed flow's age is how old it became."""
    store = filled(probes(2 * SECOND, skaddr=SOCKET), destroy(5 * SECOND, 1, SOCKET))
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "age_ns") == 3 * SECOND
    assert value(store, "closed_ns") == 5 * SECOND
    assert value(store, "state") == TcpState.CLOSE


def test_a_destroyed_socket_that_is_not_known() -> None:
    """The end of a socket that never had a tcp_probe event makes no flow."""
    store = filled(destroy(SECOND, 7, SOCKET))
    assert known(store) == []
    assert store.totals() == Totals(1, 0, 0)


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
    story = (
        state(1 * SECOND, SOCKET, TcpState.ESTABLISHED, remote=remote),
        probes(2 * SECOND, first, skaddr=skaddr, remote=remote, snd_cwnd=10),
        state(3 * SECOND, SOCKET, TcpState.FIN_WAIT1, remote=remote),
        state(4 * SECOND, SOCKET, TcpState.CLOSE, remote=remote),
        destroy(5 * SECOND, first, SOCKET, remote=remote),
        state(6 * SECOND, SOCKET, TcpState.ESTABLISHED, remote=next_remote),
        probes(7 * SECOND, second, skaddr=next_skaddr, remote=next_remote, snd_cwnd=20),
        state(8 * SECOND, SOCKET, TcpState.CLOSE_WAIT, remote=next_remote),
    )
    names = ("opened_ns", "closed_ns", "state", "snd_cwnd")
    wrong = {}
    for cuts in itertools.product([False, True], repeat=len(story) - 1):
        places = [place for place, cut in enumerate(cuts, start=1) if cut]
        store = filled(*np.split(np.concatenate(story), places))
        found = [[value(store, name, cookie) for name in names] for cookie in (first, second)]
        if found != [
            [1 * SECOND, 5 * SECOND, TcpState.CLOSE, 10],
            [6 * SECOND, 0, TcpState.CLOSE_WAIT, 20],
        ]:
            wrong[tuple(places)] = found
    assert wrong == {}


# Letting go


def test_closed_flows_leave_after_ten_seconds() -> None:
    """A closed flow can be looked at for 10 s, then it leaves; it does not count as evicted."""
    store = filled(together(probes(SECOND, [1, 2]), destroy(2 * SECOND, 1, SOCKET)))
    store.ingest(NOTHING, 12 * SECOND - MS)
    assert known(store) == [1, 2]
    store.ingest(NOTHING, 12 * SECOND + 300 * MS)
    assert known(store) == [2]
    assert store.totals() == Totals(3, 1, 0)
    assert store.history(1, 60, 100) is None


def test_held_flows_stay() -> None:
    """A flow that somebody looks at stays after its end, until it is no longer held."""
    store = filled(together(probes(SECOND, [1, 2]), destroy(SECOND, 1, 7), destroy(SECOND, 2, 8)))
    store.hold([2])
    store.ingest(NOTHING, 60 * SECOND)
    assert known(store) == [2]
    assert store.history(2, None, 100) is not None
    store.hold([])
    store.ingest(NOTHING, 61 * SECOND)
    assert known(store) == []


def test_a_row_that_is_used_again_starts_anew() -> None:
    """Nothing of a flow that left shows in the next one that takes its place."""
    store = filled(
        probes([SECOND, 2 * SECOND], snd_una=[0, 10**6], snd_cwnd=99, mark=5, skaddr=SOCKET),
        destroy(2 * SECOND, 1, SOCKET),
    )
    store.ingest(NOTHING, 3 * SECOND)
    store.ingest(NOTHING, 20 * SECOND)
    assert known(store) == []
    ingest(store, probes(21 * SECOND, 2, snd_una=5, snd_cwnd=3, remote=ELSEWHERE))
    expected: dict[str, Any] = dict.fromkeys(FIELDS, 0)
    expected |= {"cookie": 2, "snd_cwnd": 3, "snd_una": 5, "in_flight": 2**32 - 5, "events": 1}
    expected |= {"first_ns": 21 * SECOND, "last_ns": 21 * SECOND, "state": 1, "family": 2}
    expected |= {"sport": 443, "dport": 80, "saddr_lo": halves("10.0.0.1")[1]}
    expected |= {"daddr_lo": halves("198.51.100.9")[1]}
    assert {name: value(store, name, 2) for name in FIELDS} == expected
    past = store.history(2, None, 50)
    assert past is not None
    assert np.nanmax(past.series["snd_cwnd"].high) == 3
    lines = store.sparklines(np.array([2], "u8"), "snd_cwnd", worst="max", seconds=30, columns=10)
    assert np.nanmax(lines) == 3


def busy(store: Store, cookie: int, at_ns: int) -> None:
    """Give a flow 12 buckets of history: two pages for the last minute, two for its life."""
    ingest(store, probes(at_ns + np.arange(12) * 100 * MS, cookie))


PAGE_BYTES = 8 * 14 * 4


def test_who_leaves_when_the_memory_is_spent() -> None:
    """Closed flows go first, then the longest idle, held ones never; those that go are counted."""
    store = Store(16 * PAGE_BYTES)  # four flows of four pages
    for cookie in (1, 2, 3, 4):
        busy(store, cookie, cookie * 2 * SECOND)
    ingest(store, destroy(10 * SECOND, 3, SOCKET))
    store.hold([1])
    assert store.totals() == Totals(49, 4, 0)
    busy(store, 5, 12 * SECOND)
    assert known(store) == [1, 2, 4, 5], "3 is closed"
    busy(store, 6, 14 * SECOND)
    assert known(store) == [1, 4, 5, 6], "1 is idle longer than 2, but held"
    busy(store, 4, 16 * SECOND)
    assert known(store) == [1, 4, 6], "5 is idle longest now, and 4 needed room"
    assert store.totals() == Totals(49 + 3 * 12, 3, 3)
    for cookie in known(store):
        past = store.history(cookie, None, 300)
        assert past is not None
        assert np.nanmax(past.series["snd_cwnd"].high) == 0


def test_a_history_goes_on_in_the_memory_it_has() -> None:
    """A flow whose past fills the whole budget gets newer buckets for older ones, without end."""
    store = Store(BYTES_PER_FLOW)
    for number in range(1500):
        ingest(store, probes(SECOND + number * 100 * MS, snd_cwnd=number))
    past = store.history(1, 10, 200)
    assert past is not None
    assert past.series["snd_cwnd"].last[-1] == 1499
    assert np.nanmin(past.series["snd_cwnd"].low) >= 1499 - 103


def test_full_histories_push_nobody_out() -> None:
    """Flows that have all their pages take no more: none is evicted to make room for nothing."""
    store = Store(3 * BYTES_PER_FLOW)
    for number in range(1500):
        for cookie in (1, 2, 3):
            ingest(store, probes(SECOND + number * 100 * MS, cookie))
    assert store.totals() == Totals(4500, 3, 0)


def test_a_newcomer_does_not_stop_full_histories() -> None:
    """Flows that need no more memory go on where a new one in the same batch finds none."""
    store = Store(2 * BYTES_PER_FLOW)
    for number in range(1500):
        cookies = [2, 3] if number < 1300 else [1, 2, 3]
        ingest(store, probes(SECOND + number * 100 * MS, cookies, snd_cwnd=number))
    for cookie in (2, 3):
        past = store.history(cookie, 10, 200)
        assert past is not None
        assert past.series["snd_cwnd"].last[-1] == 1499


def test_a_batch_of_more_flows_than_there_is_memory_for() -> None:
    """Where the budget is too small for a batch, it is spent on some flows, not left unused."""
    store = Store(100 * PAGE_BYTES)
    for number in range(3):
        ingest(store, probes(SECOND + number * 100 * MS, range(1, 201), snd_cwnd=7))
    assert known(store) == list(range(1, 201))
    lines = store.sparklines(
        np.arange(1, 201, dtype="u8"), "snd_cwnd", worst="min", seconds=30, columns=10
    )
    with_past = int((~np.isnan(lines)).any(axis=1).sum())
    assert 40 <= with_past <= 50, "two pages each"


def test_an_evicted_flow_comes_back_with_its_next_event() -> None:
    """A flow that was evicted and sends again is known again, as a new one."""
    store = Store(16 * PAGE_BYTES)
    for cookie in (1, 2, 3, 4, 5):
        busy(store, cookie, cookie * 2 * SECOND)
    assert 1 not in known(store)
    ingest(store, probes(14 * SECOND, 1, skaddr=SOCKET))
    assert value(store, "first_ns", 1) == 14 * SECOND
    ingest(store, state(15 * SECOND, SOCKET, TcpState.CLOSE_WAIT))
    assert value(store, "state", 1) == TcpState.CLOSE_WAIT


# Rates


def test_the_rate_is_that_of_the_last_second() -> None:
    """A steady flow's rate is what it sends; when it stops, the rate is 0 within 1.5 s."""
    store = Store(MEMORY)
    now = SECOND
    for number in range(100):
        now += 50 * MS
        store.ingest(probes(now, [1, 2], snd_una=[number * 50_000, 7]), now)
        if number > 40:
            assert value(store, "rate", 1) == pytest.approx(1e6, rel=0.01)
            assert value(store, "rate", 2) == 0
    for _ in range(30):
        now += 50 * MS
        store.ingest(NOTHING, now)
    assert value(store, "rate", 1) == 0


def test_a_burst_is_in_the_rate_for_a_second() -> None:
    """A rate looks back about one second, neither much less nor much more."""
    store = Store(MEMORY)
    now = SECOND
    shown = []
    for number in range(80):
        now += 50 * MS
        store.ingest(probes(now, snd_una=0 if number < 40 else 10**6), now)
        shown.append(value(store, "rate"))
    lasted = sum(rate > 0 for rate in shown) * 50 * MS
    assert 0.9 * SECOND <= lasted <= 1.3 * SECOND
    assert max(shown) == pytest.approx(1e6, rel=0.3)


# Taking out


def test_snapshots_are_copies() -> None:
    """What was taken out doesn't change when the store goes on."""
    store = filled(probes([SECOND, SECOND + 1], [1, 2], snd_cwnd=[10, 20], skaddr=SOCKET))
    cookies = np.array([1, 2], "u8")
    names = [*FIELDS, *DERIVED]
    flows, some = store.flows(names), store.some_flows(cookies, names)
    past = store.history(1, 60, 100)
    lines = store.sparklines(cookies, "snd_cwnd", worst="min", seconds=30, columns=10)
    assert past is not None
    taken = [*flows.values(), *some.values(), lines]
    taken += [part for one in past.series.values() for part in (one.low, one.high, one.last)]
    before = [array.copy() for array in taken]
    ingest(
        store,
        probes([SECOND + 2, SECOND + 3], [1, 2], snd_cwnd=99, snd_una=9999, local=("::1", 1)),
        state(SECOND + 4, SOCKET, TcpState.LAST_ACK),
        destroy(SECOND + 5, 1, SOCKET),
    )
    store.ingest(NOTHING, 100 * SECOND)
    for array, copy in zip(taken, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_moment_of_a_snapshot_never_steps_back() -> None:
    """`now_ns` is the latest time the store was told, whatever the batches say."""
    store = filled(probes(5 * SECOND))
    assert store.flows([]).now_ns == 5 * SECOND
    store.ingest(NOTHING, 4 * SECOND)
    assert store.flows([]).now_ns == 5 * SECOND


def test_an_empty_store_answers() -> None:
    """Before the first event everything can be asked, and the answer is nothing."""
    store = Store(MEMORY)
    store.ingest(NOTHING, SECOND)
    assert store.flows([*FIELDS, *DERIVED]).count == 0
    assert store.some_flows(np.array([1], "u8"), ["text"]).count == 0
    assert store.history(1, 60, 100) is None
    lines = store.sparklines(np.array([1], "u8"), "srtt_us", worst="max", seconds=30, columns=10)
    assert lines.shape == (1, 10)
    assert np.isnan(lines).all()
    assert store.totals() == Totals(0, 0, 0)


def test_one_thread_puts_in_while_others_take_out() -> None:
    """Snapshots taken meanwhile are whole: columns as long, each flow as one batch left it."""
    store = Store(60 * PAGE_BYTES)  # so small that flows are evicted all the time
    done = threading.Event()
    failures: list[BaseException] = []

    def take_out() -> None:
        try:
            while not done.is_set():
                flows = store.flows(["snd_cwnd", "mark", "text", "age_ns"])
                assert {len(column) for column in flows.values()} == {flows.count}
                assert (flows["snd_cwnd"] == flows["mark"]).all()
                for cookie in flows["cookie"][:3].tolist():
                    store.history(cookie, None, 50)
                    store.history(cookie, 10, 50)
                store.sparklines(flows["cookie"], "snd_cwnd", worst="min", seconds=30, columns=10)
                store.hold(flows["cookie"][:1].tolist())
                store.totals()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=take_out) for _ in range(2)]
    for thread in threads:
        thread.start()
    random = np.random.default_rng(3)
    now = SECOND
    try:
        for number in range(300):
            now += 50 * MS
            cookies = random.integers(1, 60, 40) + number // 10
            batch = together(
                probes(now, cookies, snd_cwnd=number, mark=number, skaddr=cookies),
                destroy(now, int(cookies[0]), int(cookies[0])),
            )
            store.ingest(batch, now)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert store.totals().events == 300 * 41
