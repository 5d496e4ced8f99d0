"""What the store lets go: flows that are closed, and others when the memory is spent."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcctui.flows.columns import FIELDS, UNKNOWN
from tcctui.flows.history.history import BYTES_PER_FLOW
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import Store
from tcctui.wire.events import TcpState
from tests.unit.events import MS, NOTHING, SECOND, destroy, halves, probes, state, together
from tests.unit.stores import ELSEWHERE, SOCKET, filled, ingest, known, value

PAGE_BYTES = 8 * 14 * 4
"""Bytes of eight buckets, which is what histories grow by."""


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
    assert "192.0.2.7" in value(store, "text")
    store.ingest(NOTHING, 20 * SECOND)
    assert known(store) == []
    ingest(store, probes(21 * SECOND, 2, snd_una=5, snd_cwnd=3, remote=ELSEWHERE))
    expected: dict[str, Any] = dict.fromkeys(FIELDS, 0)
    expected |= {"cookie": 2, "snd_cwnd": 3, "snd_una": 5, "in_flight": 2**32 - 5, "events": 1}
    expected |= {"first_ns": 21 * SECOND, "last_ns": 21 * SECOND, "state": 1, "family": 2}
    expected |= {"sport": 443, "dport": 80, "saddr_lo": halves("10.0.0.1")[1]}
    expected |= {"daddr_lo": halves("198.51.100.9")[1], "ca_state": UNKNOWN["ca_state"]}
    assert {name: value(store, name, 2) for name in FIELDS} == expected
    assert value(store, "text", 2) == "10.0.0.1:443 198.51.100.9:80 estab"
    past = store.history(2, None, 50)
    assert past is not None
    assert np.nanmax(past.series["snd_cwnd"].high) == 3
    lines = store.sparklines(np.array([2], "u8"), "snd_cwnd", worst="max", seconds=30, columns=10)
    assert np.nanmax(lines) == 3


def busy(store: Store, cookie: int, at_ns: int) -> None:
    """Give a flow 12 buckets of history; where memory is short, they are kept in two pages."""
    ingest(store, probes(at_ns + np.arange(12) * 100 * MS, cookie))


def test_who_leaves_when_the_memory_is_spent() -> None:
    """Closed flows go first, then the longest idle, held ones never; those that go are counted."""
    store = Store(10 * PAGE_BYTES)  # one held flow of four pages, and three of two
    store.hold([1])
    for cookie in (1, 2, 3, 4):
        busy(store, cookie, cookie * 2 * SECOND)
    ingest(store, destroy(10 * SECOND, 3, SOCKET))
    assert known(store) == [1, 2, 3, 4]
    assert store.totals() == Totals(49, 4, 0, 0)
    busy(store, 5, 12 * SECOND)
    assert known(store) == [1, 2, 4, 5], "3 is closed"
    busy(store, 6, 14 * SECOND)
    assert known(store) == [1, 4, 5, 6], "1 is idle longer than 2, but held"
    ingest(store, probes(15 * SECOND, 4))
    busy(store, 7, 16 * SECOND)
    assert known(store) == [1, 4, 6, 7], "5 is idle longest now"
    assert store.totals() == Totals(50 + 3 * 12, 4, 3, 0)
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
        ingest(store, probes(SECOND + number * 100 * MS, [1, 2, 3]))
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


def test_a_flow_that_finds_no_memory() -> None:
    """Where all memory is held, a new flow has its values and no past, and nothing breaks."""
    store = Store(BYTES_PER_FLOW)
    for number in range(829):  # 104 buckets of its life are 0.8 s wide: it has all its pages
        ingest(store, probes(SECOND + number * 100 * MS, 2))
    store.hold([2])
    for number in range(20):
        ingest(store, probes(90 * SECOND + number * 100 * MS, 1, snd_cwnd=number))
    assert value(store, "snd_cwnd", 1) == 19
    past = store.history(1, 10, 100)
    assert past is not None
    assert np.isnan(past.series["snd_cwnd"].low).all()
    assert store.totals() == Totals(849, 2, 0, 0)


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
    assert with_past == 100, "one page each"


def test_an_evicted_flow_comes_back_with_its_next_event() -> None:
    """A flow that was evicted and sends again is known again, as a new one."""
    store = Store(8 * PAGE_BYTES)
    for cookie in (1, 2, 3, 4, 5):
        busy(store, cookie, cookie * 2 * SECOND)
    assert 1 not in known(store)
    ingest(store, probes(14 * SECOND, 1, skaddr=SOCKET))
    assert value(store, "first_ns", 1) == 14 * SECOND
    ingest(store, state(15 * SECOND, SOCKET, TcpState.CLOSE_WAIT))
    assert value(store, "state", 1) == TcpState.CLOSE_WAIT


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
