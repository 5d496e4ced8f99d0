"""Clocks that stand still, jump or step back, and cookies that are used again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tcctui.flows.columns import DERIVED, FIELDS
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import Store
from tcctui.wire.events import TcpState
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, state, together
from tests.unit.stores import ELSEWHERE, MEMORY, SOCKET, filled, ingest, known, value

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
    recent, life = store.history(1, 60, 100), store.history(1, None, 100)
    assert recent is not None
    assert life is not None
    assert recent.seconds <= 61
    assert 1 <= np.isfinite(life.series["snd_cwnd"].last).sum() <= 4
    assert life.seconds >= 5 * 3600


def test_events_from_both_sides_of_a_jump_in_one_batch() -> None:
    """What the reader finds after a resume may span hours: all of it is taken in."""
    before, after = SECOND + np.arange(500) * MS, 9 * HOUR + np.arange(500) * MS
    una = np.arange(1000) * 1000
    store = Store(MEMORY)
    store.ingest(probes(np.append(before, after), snd_una=una), 9 * HOUR + SECOND)
    assert value(store, "bytes_acked") == 999_000
    assert value(store, "age_ns") == 9 * HOUR
    assert 0 <= value(store, "rate") <= 999_000 * 4


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
    past = store.history(1, 10, 101)
    assert past is not None
    assert np.isfinite(past.series["snd_cwnd"].last).sum() >= 75


def test_a_reader_that_was_away() -> None:
    """After minutes without a batch the rate is the average, not what came divided by a tick."""
    store = Store(MEMORY)
    now, una = sending(store, SECOND, 3)
    store.ingest(probes(now + 100 * SECOND, snd_una=una + 50_000_000), now + 100 * SECOND)
    assert value(store, "rate") == pytest.approx(5e5, rel=0.01)


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
    past = store.history(1, 60, 600)
    assert past is not None
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
            (times + 4) * SECOND,
            snd_una=[5, 6, 7],
            snd_cwnd=3,
            skaddr=SOCKET,
            remote=ELSEWHERE,
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
        past = store.history(1, seconds, 100)
        assert past is not None
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
