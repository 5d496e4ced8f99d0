"""What is kept of every flow's past where memory is short: less of each, before any flow goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.history.buckets import STAMP, WIDTH, Buckets
from tcctui.flows.history.detail import LIFE_PAGES, RECENT_PAGES, Detail
from tcctui.flows.history.history import BYTES_PER_FLOW, History
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import Store
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes
from tests.unit.past import Past, add, widened
from tests.unit.stores import ingest, known
from tests.unit.test_history import held, plain

PAGE_BYTES = 8 * 14 * 4

ROWS = 6


def made(stamps: list[int], seed: int) -> Buckets:
    """Buckets of these stamps, with any values."""
    buckets = np.random.default_rng(seed).integers(0, 2**32, (len(stamps), WIDTH), dtype="u4")
    buckets[:, 1:13] = buckets[:, 1:2]
    buckets[:, STAMP] = stamps
    return buckets


@settings(max_examples=80)
@given(
    rounds=st.lists(
        st.tuples(st.integers(0, ROWS - 1), st.integers(1, 300), st.sampled_from([1, 1, 1, 30])),
        min_size=1,
        max_size=40,
    ),
    pages=st.integers(2 * ROWS + RECENT_PAGES + LIFE_PAGES, 300),
    spared=st.sampled_from([None, 0, 3]),
    seed=st.integers(0, 2**32),
)
def test_what_is_kept_is_right(
    rounds: list[tuple[int, int, int]], pages: int, spared: int | None, seed: int
) -> None:
    """However short memory is, all fits; lives are whole, recent pasts end now and have no gap."""
    history = History(pages * PAGE_BYTES)
    history.grow(ROWS)
    history.detail.spared = np.array([] if spared is None else [spared], "i8")
    models: list[Past] = [{} for _ in range(ROWS)]
    now = 1000
    for number, (row, count, apart) in enumerate(rounds):
        stamps = [now + apart * step for step in range(1, count + 1)]
        now = stamps[-1]
        rows, buckets = np.full(count, row), made(stamps, seed + number)
        while (needed := history.pages_needed(rows, buckets)) > history.pages.free:
            assert history.make_room(needed, now)
        history.add(rows, buckets)
        for stamp, bucket in plain(buckets).items():
            add(models[row], stamp, bucket)
        history.restore(now)
        assert history.pages.free + held(history, ROWS) == pages
    for row, past in enumerate(models):
        if not past:
            continue
        life, width = history.life(row)
        assert plain(life) == widened(past, width)
        recent = plain(history.recent(row))
        assert list(recent) == list(past)[len(past) - len(recent) :]
        if len(recent) > 1:
            assert recent == {stamp: past[stamp] for stamp in recent}
        (stamp, last), *_ = reversed(recent.items())
        assert last.last == past[stamp].last
        if row == spared:
            within = [stamp for stamp in past if stamp > max(past) - 600]
            assert set(within) <= set(recent) or now - max(past) > 600
    history.forget(np.arange(ROWS))
    assert history.pages.free == pages


def test_less_and_more_are_kept_in_steps() -> None:
    """From a minute down to the least and back, by a tenth or a page a step."""
    detail = Detail()
    assert (detail.recent, detail.life, detail.seconds) == (RECENT_PAGES, LIFE_PAGES, 60)
    steps = [detail.seconds]
    while detail.shed():
        steps.append(detail.seconds)
    assert steps == sorted(set(steps), reverse=True)
    assert (detail.recent, detail.life, detail.seconds) == (1, 1, 0)
    assert not detail.restore(1000, used=900, growing=900, rows=450), "half as much again"
    assert detail.restore(1000, used=900, growing=20, rows=10), "most are idle"
    while detail.restore(1000, used=100, growing=50, rows=10):
        pass
    assert (detail.recent, detail.life, detail.seconds) == (RECENT_PAGES, LIFE_PAGES, 60)


def steady(store: Store, cookies: range, seconds: float, since: int = SECOND) -> int:
    """Let flows send in every bucket; gives the time it is then."""
    now = since
    for _ in range(round(seconds * 10)):
        now += 100 * MS
        ingest(store, probes(now, cookies, snd_cwnd=now // SECOND))
    return now


def recent_seconds(store: Store, cookie: int) -> float:
    """How far back the last minute of a flow goes."""
    past = store.history(cookie, 60, 601)
    assert past is not None
    return float((~np.isnan(past.series["snd_cwnd"].last)).sum()) / 10


@pytest.mark.parametrize("flows", [20, 60, 180])
def test_detail_is_shed_before_any_flow(flows: int) -> None:
    """Steady flows that don't fit keep as long a past as is said, all of them, and none goes."""
    store = Store(10 * BYTES_PER_FLOW)
    steady(store, range(1, flows + 1), 70)
    totals = store.totals()
    assert (totals.flows, totals.evicted) == (flows, 0)
    assert totals.seconds_kept < 60
    shown = [recent_seconds(store, cookie) for cookie in range(1, flows + 1, 7)]
    assert min(shown) >= totals.seconds_kept >= 0.6 * 700 / flows - 3
    life = store.history(1, None, 50)
    assert life is not None
    assert np.nanmin(life.series["snd_cwnd"].low) == 1, "back to its beginning"


def test_the_held_flow_keeps_its_minute() -> None:
    """The flow that somebody looks at has all of the last minute, and all detail of its life."""
    store = Store(10 * BYTES_PER_FLOW)
    store.hold([7])
    steady(store, range(1, 100), 70)
    assert recent_seconds(store, 7) >= 60
    assert recent_seconds(store, 8) < 10
    store.hold([8])
    steady(store, range(1, 100), 70, since=71 * SECOND)
    assert recent_seconds(store, 8) >= 60
    assert recent_seconds(store, 7) < 10
    assert store.totals().evicted == 0


def test_sparklines_where_detail_was_shed() -> None:
    """A sparkline shows what is still kept, and nothing where that begins."""
    store = Store(10 * BYTES_PER_FLOW)
    steady(store, range(1, 61), 70)
    kept = store.totals().seconds_kept
    lines = store.sparklines(
        np.arange(1, 61, dtype="u8"), "snd_cwnd", worst="max", seconds=30, columns=30
    )
    shown = ~np.isnan(lines)
    assert (shown.sum(axis=1) >= min(kept, 29)).all()
    assert shown[:, -1].all()
    assert (lines[:, -3] == lines[0, -3]).all()
    assert lines[0, -3] == pytest.approx(70, abs=4)


def test_detail_comes_back() -> None:
    """When most flows have gone, the others soon have their minute again."""
    store = Store(10 * BYTES_PER_FLOW)
    now = steady(store, range(1, 101), 70)
    assert store.totals().seconds_kept < 10
    ingest(store, *(destroy(now, cookie, cookie) for cookie in range(6, 101)))
    now = steady(store, range(1, 6), 100, since=now)
    assert store.totals() == Totals(70_000 + 95 + 5_000, 5, 0)
    assert all(recent_seconds(store, cookie) >= 60 for cookie in range(1, 6))


def test_idle_flows_give_their_recent_past_before_others_do() -> None:
    """What nothing happened in for a minute goes first; a chart still shows the last values."""
    store = Store(11 * BYTES_PER_FLOW)
    now = steady(store, range(1, 11), 61)
    now = steady(store, range(11, 13), 70, since=now + SECOND)
    assert store.totals() == Totals(610 * 10 + 700 * 2, 12, 0)
    past = store.history(3, 10, 50)
    assert past is not None
    assert past.series["snd_cwnd"].last[0] == 62
    assert np.isnan(past.series["snd_cwnd"].last[1:]).all()


def test_a_hundred_thousand_flows_fit() -> None:
    """With the usual budget, flows by the tens of thousands lose detail and never their place."""
    store = Store()
    cookies = np.arange(1, 100_001, dtype="u8")
    for number in range(12):
        store.ingest(probes(SECOND + number * 100 * MS, cookies), SECOND + number * 100 * MS)
    assert store.totals() == Totals(1_200_000, 100_000, 0, 0)
    store.ingest(NOTHING, 200 * SECOND)
    steady(store, range(1, 1001), 20, since=200 * SECOND)
    assert store.totals().evicted == 0
    assert store.totals().seconds_kept > 10, "those that are idle now need less"
    assert len(known(store)) == 100_000
