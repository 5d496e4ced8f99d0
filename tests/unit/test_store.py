"""The store: what is kept of every flow, its rate, and what is given out."""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import DERIVED, FIELDS
from tcctui.flows.frame import Sparkline
from tcctui.flows.index import KeyIndex
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import Store
from tcctui.wire.events import NO_SSTHRESH, TcpState
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
from tests.unit.stores import MEMORY, SOCKET, charted, filled, ingest, known, value

# What is kept of a flow


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


def test_all_flows_are_given_in_the_order_of_their_cookies() -> None:
    """However they came, and whatever places they got, `flows` has the smallest cookie first.

    `some_flows` keeps the order of the cookies and leaves out those that are not known.
    """
    store = filled(probes(np.arange(3) + SECOND, [3, 2**64 - 1, 2], snd_cwnd=[30, 50, 20]))
    ingest(store, destroy(SECOND + 9, 3, 0), probes(2 * SECOND, 9, snd_cwnd=90))
    store.ingest(NOTHING, 61 * SECOND)
    ingest(store, probes(62 * SECOND + np.arange(2), [4, 1], snd_cwnd=[40, 10]))
    flows = store.flows(["snd_cwnd"])
    assert flows["cookie"].tolist() == [1, 2, 4, 9, 2**64 - 1]
    assert flows["snd_cwnd"].tolist() == [10, 20, 40, 90, 50]
    found = store.some_flows(np.array([4, 99, 1, 9], "u8"), ["snd_cwnd"])
    assert found["cookie"].tolist() == [4, 1, 9]
    assert found["snd_cwnd"].tolist() == [40, 10, 90]
    assert found.count == 3


LARGE = st.integers(1, 2**64 - 1) | st.sampled_from([2**64 - 1, 2**63 + 1, 2**44, 2**44 + 1])
"""Cookies up to 64 bits, some of which are too large for the fast sort."""


@settings(max_examples=60)
@given(
    cookies=st.lists(st.integers(1, 12) | LARGE, min_size=1, max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=8),
    seed=st.integers(0, 2**32),
)
def test_values_are_those_of_the_last_event(cookies: list[int], cuts: list[int], seed: int) -> None:
    """However events are cut into batches, each flow has the values of its last one.

    Bytes acknowledged are how far snd_una went: it wraps at 2³², and a step back counts nothing.
    """
    random = np.random.default_rng(seed)
    count = len(cookies)
    numbers: dict[str, Any] = {
        name: random.integers(0, 2**32, count)
        for name in ("snd_cwnd", "ssthresh", "srtt", "snd_wnd", "rcv_wnd", "snd_nxt", "mark")
    }
    numbers["skaddr"] = np.array(cookies, "u8") + np.uint64(1)
    una = np.cumsum(random.integers(-(2**20), 2**31, count)) % 2**32
    when = SECOND + np.cumsum(random.integers(0, 300 * MS, count))
    events = probes(when, np.array(cookies, "u8"), snd_una=una, **numbers)
    store = filled(*(part for part in np.split(events, sorted(cuts)) if len(part)))
    assert known(store) == sorted(set(cookies))
    for cookie in set(cookies):
        own = events[events["sock_cookie"] == np.uint64(cookie)]
        for field in (*numbers, "snd_una"):
            column = "srtt_us" if field == "srtt" else field
            assert value(store, column, cookie) == own[field][-1]
        flight = (int(own["snd_nxt"][-1]) - int(own["snd_una"][-1])) % 2**32
        assert value(store, "in_flight", cookie) == flight
        slow = own["snd_cwnd"][-1] < own["ssthresh"][-1]  # tcp_in_slow_start
        assert value(store, "slow_start", cookie) == slow
        assert value(store, "state", cookie) == TcpState.ESTABLISHED
        age = int(own["ts_ns"].max()) - int(own["ts_ns"][0])
        assert value(store, "age_ns", cookie) >= age
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
    past = charted(store, 1, 10, 100)
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
    life = charted(store, 1, None, 300)
    recent = charted(store, 1, 60, 300)
    assert np.nanmin(life.series["snd_cwnd"].low) == 1
    assert np.nanmax(life.series["snd_cwnd"].high) == sizes.max()
    assert not np.isnan(recent.series["snd_cwnd"].low).any()
    assert np.nanmax(recent.series["snd_cwnd"].high) == sizes[-1]


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
    lines = store.sparklines(cookies, [Sparkline("snd_cwnd", "min", 30, 10)])[0]
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


def test_an_empty_store_answers() -> None:
    """Before the first event everything can be asked, and the answer is nothing."""
    store = Store(MEMORY)
    store.ingest(NOTHING, SECOND)
    assert store.flows([*FIELDS, *DERIVED]).count == 0
    assert store.some_flows(np.array([1], "u8"), ["text"]).count == 0
    assert store.history(1, 60, 100) is None
    lines = store.sparklines(np.array([1], "u8"), [Sparkline("srtt_us", "max", 30, 10)])[0]
    assert lines.shape == (1, 10)
    assert np.isnan(lines).all()
    assert store.totals() == Totals(0, 0, 0)
    ingest(store, probes(5 * SECOND))
    store.ingest(NOTHING, 4 * SECOND)  # the latest time that it was told, whatever batches say
    assert store.flows([]).now_ns == 5 * SECOND


@pytest.mark.parametrize("threshold", [5, 10, 11, NO_SSTHRESH])
def test_slow_start(threshold: int) -> None:
    """A flow is in slow start while snd_cwnd is below ssthresh (tcp_in_slow_start)."""
    store = filled(probes(SECOND, snd_cwnd=10, ssthresh=threshold))
    assert value(store, "slow_start") == (threshold > 10)


def test_one_thread_puts_in_while_others_take_out() -> None:
    """Snapshots taken meanwhile are whole: columns as long, each flow as one batch left it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns in the midst of everything
    store = Store(27_000)  # so small that flows are evicted all the time
    done = threading.Event()
    failures: list[BaseException] = []

    def take_out() -> None:
        try:
            while not done.is_set():
                flows = store.flows(["mark", "snd_una", "last_ns", "text", "age_ns"])
                assert {len(column) for column in flows.values()} == {flows.count}
                assert (flows["mark"] == flows["snd_una"]).all()
                batches = (flows["last_ns"] - SECOND) // (50 * MS)
                assert (flows["mark"] == batches - 1).all()
                for cookie in flows["cookie"][:3].tolist():
                    store.history(cookie, None, 50)
                    store.history(cookie, 10, 50)
                store.sparklines(flows["cookie"], [Sparkline("snd_cwnd", "min", 30, 10)])[0]
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
                probes(now, cookies, mark=number, snd_una=number, skaddr=cookies),
                destroy(now, int(cookies[0]), int(cookies[0])),
            )
            store.ingest(batch, now)
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert failures == []
    assert store.totals().events == 300 * 41


# The index of keys


keys = st.integers(0, 12) | st.sampled_from([2**64 - 1, 2**63])
puts = st.lists(st.tuples(keys, st.integers(0, 9)), max_size=8, unique_by=lambda pair: pair[1])
steps = st.lists(st.tuples(puts, st.lists(st.integers(0, 20), unique=True)), max_size=12)


@settings(max_examples=200)
@given(steps=steps)
def test_an_index_is_like_a_dict(steps: list[tuple[list[tuple[int, int]], list[int]]]) -> None:
    """The last row put for a key counts; a row that is removed takes no other row's key along."""
    index, model = KeyIndex(), dict[int, int]()
    every = np.array([*range(14), 2**63, 2**64 - 1], "u8")
    for put, removed in steps:
        rows = np.array([row for _, row in put], "i8")
        index.remove_rows(rows)  # a row has one key at a time
        model = {key: row for key, row in model.items() if row not in rows}
        index.put(np.array([key for key, _ in put], "u8"), rows)
        model |= dict(put)
        index.remove_rows(np.array(removed, "i8"))
        model = {key: row for key, row in model.items() if row not in removed}
        assert len(index) == len(model)
        assert index.lookup(every).tolist() == [model.get(key, -1) for key in every.tolist()]
