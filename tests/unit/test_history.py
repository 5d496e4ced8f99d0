"""A flow's past in pages: nothing is lost or mixed up, and less is kept where memory is short."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import FIELDS
from tcctui.flows.frame import Sparkline
from tcctui.flows.history.buckets import ACKED, LAST, MAX, MIN, STAMP, WIDTH, Buckets
from tcctui.flows.history.detail import LIFE_PAGES, RECENT_BUCKETS, RECENT_PAGES, Detail
from tcctui.flows.history.history import BYTES_PER_FLOW, History, Worst
from tcctui.flows.history.pages import PAGE_BYTES
from tcctui.flows.intake.probe_batch import by_flow
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import Store
from tcctui.wire.events import Events
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, together
from tests.unit.past import BUCKET, Bucket, Past, add, pasts, widened
from tests.unit.stores import MEMORY, charted, ingest, known

BUDGET = 4 << 20


def plain(buckets: Buckets) -> Past:
    """Buckets as the model has them."""
    stamps = buckets[:, STAMP].tolist()
    assert stamps == sorted(set(stamps)), "stamps ascend"
    return {
        stamp: Bucket(tuple(row[MIN]), tuple(row[MAX]), tuple(row[LAST]), row[ACKED])
        for stamp, row in zip(stamps, buckets.tolist(), strict=True)
    }


def check(history: History, row: int, past: Past) -> None:
    """Compare a row with its whole past."""
    recent = plain(history.recent(row))
    within = sum(stamp > max(past) - RECENT_BUCKETS for stamp in past)
    assert len(recent) >= min(within + 1, len(past)), "and one from before, if there was one"
    assert recent == {stamp: past[stamp] for stamp in list(past)[len(past) - len(recent) :]}

    life, width = history.life(row)
    assert len(life) <= 256
    assert plain(life) == widened(past, width)
    if width > 1:
        assert len(widened(past, width // 2)) > 64, "no wider than need be"


def held(history: History, rows: int) -> int:
    """Pages that all rows hold together."""
    return int(history.pages_held(np.arange(rows)).sum())


class Flow(NamedTuple):
    """What one flow does in one batch: so many buckets, so far apart at most, after a pause."""

    row: int
    buckets: int
    apart: int
    pause: int


flows = st.builds(
    Flow,
    row=st.integers(0, 3),
    buckets=st.one_of(st.integers(1, 12), st.integers(1, 300)),
    apart=st.sampled_from([1, 1, 2, 50, 5000]),
    pause=st.sampled_from([0, 0, 1, 7, 100_000]),
)
batches = st.lists(flows, min_size=1, max_size=4, unique_by=lambda flow: flow.row).map(sorted)


def made(
    flow: Flow, newest: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.uint32], list[tuple[int, Bucket]]]:
    """Buckets for a flow, as an array and for the model."""
    gaps = random.integers(1, flow.apart, flow.buckets, endpoint=True)
    gaps[0] = flow.pause
    stamps = newest + np.cumsum(gaps)
    most = int(random.choice([10, 2**32 - 1]))
    values = np.sort(random.integers(0, most, (3, flow.buckets, 4), endpoint=True), axis=0)
    buckets = np.empty((flow.buckets, WIDTH), "u4")
    buckets[:, STAMP] = stamps
    buckets[:, MIN], buckets[:, LAST], buckets[:, MAX] = values
    buckets[:, ACKED] = random.integers(0, most, flow.buckets)
    return buckets, list(plain(buckets).items())


@settings(max_examples=60)
@given(
    rounds=st.lists(st.tuples(batches, st.none() | st.integers(0, 3)), min_size=1, max_size=14),
    seed=st.integers(0, 2**32),
)
def test_histories_are_what_happened(
    rounds: list[tuple[list[Flow], int | None]], seed: int
) -> None:
    """After any adds and forgets each row is as its model, and all pages are accounted for."""
    random = np.random.default_rng(seed)
    history = History(BUDGET)
    history.grow(4)
    models: list[Past] = [{} for _ in range(4)]
    total = history.pages.free
    for batch, forgotten in rounds:
        parts = []
        for flow in batch:
            newest = max(models[flow.row], default=1000)
            assert history.newest(np.array([flow.row]))[0] == max(models[flow.row], default=0)
            buckets, model = made(flow, newest, random)
            parts.append((np.full(len(buckets), flow.row), buckets))
            for stamp, bucket in model:
                add(models[flow.row], stamp, bucket)
        rows = np.concatenate([rows for rows, _ in parts])
        # No more pages are left than the history says it needs.
        joined = np.concatenate([buckets for _, buckets in parts])
        needed = history.pages_needed(rows, joined)
        others = history.pages.take(history.pages.free - needed)
        history.add(rows, joined)
        assert history.pages.free >= 0
        history.pages.give_back(others)
        assert history.pages.free + held(history, 4) == total
        if forgotten is not None:
            history.forget(np.array([forgotten]))
            models[forgotten].clear()
            assert history.pages_held(np.array([forgotten]))[0] == 0
    for row, past in enumerate(models):
        if past:
            check(history, row, past)
    history.forget(np.arange(4))
    assert history.pages.free == total


class Recorder:
    """Puts batches of events into a history as the store does; cookie n has row n."""

    def __init__(self, rows: int) -> None:
        self.history = History(BUDGET)
        self.history.grow(rows)
        self._una = np.zeros(rows, "u4")
        self._known = np.zeros(rows, bool)

    def ingest(self, events: Events) -> None:
        """Take in a batch of at most 30 s."""
        batch = next(by_flow(events))
        rows = batch.cookies.astype("i8")
        first = batch.events["snd_una"][batch.first]
        acked = batch.acked(np.where(self._known[rows], self._una[rows], first).astype("u4"))
        self._una[rows] = batch.events["snd_una"][batch.last]
        self._known[rows] = True
        self.history.add(*batch.buckets(rows, self.history.newest(rows), acked))


def traffic(count: int, cookies: int, seed: int) -> Events:
    """Events of several flows that overlap; time sometimes steps back a little."""
    random = np.random.default_rng(seed)
    steps = random.choice([0, 20, 90, 250, -60], count, p=[0.3, 0.3, 0.2, 0.15, 0.05])
    return probes(
        (1_000_000 + np.cumsum(steps)) * (BUCKET // 100),
        random.integers(0, cookies, count),
        snd_cwnd=random.integers(1, 1000, count),
        ssthresh=random.choice([2, 500, 0x7FFFFFFF], count),
        srtt=random.integers(1, 2**32, count),
        snd_una=np.cumsum(random.integers(0, 2**31, count)) % 2**32,
        snd_nxt=random.integers(0, 2**32, count),
    )


@settings(max_examples=40)
@given(
    cookies=st.integers(1, 6),
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(0, 1500), max_size=30),
)
def test_batches_may_be_cut_anywhere(cookies: int, seed: int, cuts: list[int]) -> None:
    """However the same events are cut into batches, every flow's past is that of its events."""
    events = traffic(1500, cookies, seed)
    recorder = Recorder(cookies)
    regular = range(0, len(events), 200)  # a batch may be as long as 30 s, and no longer
    for part in np.split(events, sorted({*cuts, *regular} - {0})):
        if len(part):
            recorder.ingest(part)
    for cookie, past in pasts(events).items():
        check(recorder.history, cookie, past)


def test_many_flows_at_once() -> None:
    """Thousands of flows in the same batches keep their pasts apart."""
    count, batches_in_all = 3000, 12
    recorder = Recorder(count)
    recorder.history = History(16 << 20)
    recorder.history.grow(count)
    random = np.random.default_rng(7)
    seen = []
    for batch in range(batches_in_all):
        cookies = random.permutation(np.repeat(np.arange(count), 2))
        seen.append(
            probes(
                (100 + batch * 3 + np.sort(random.random(len(cookies)))) * BUCKET,
                cookies,
                snd_cwnd=random.integers(1, 1000, len(cookies)),
            )
        )
        recorder.ingest(seen[-1])
    models = pasts(together(*seen))
    assert len(models) == count
    for cookie in range(0, count, 101):
        check(recorder.history, cookie, models[cookie])
    assert held(recorder.history, count) + recorder.history.pages.free == BUDGET * 4 // 448


def test_a_quiet_flow_holds_one_page() -> None:
    """Eight buckets or fewer take one page, which is the last minute and the whole life in one."""
    recorder = Recorder(2)
    total = recorder.history.pages.free
    recorder.ingest(probes(np.arange(1, 9) * BUCKET))
    assert recorder.history.pages_held(np.array([0, 1])).tolist() == [0, 1]
    assert recorder.history.pages.free == total - 1
    recorder.ingest(probes(9 * BUCKET))
    assert recorder.history.pages_held(np.array([1])).tolist() == [4]


def test_a_flow_that_is_seldom_heard_of_holds_a_minute() -> None:
    """With an event every five seconds there are no more pages than a minute of them takes."""
    recorder = Recorder(1)
    for number in range(500):
        recorder.ingest(probes(np.array([1000 + number * 50]) * BUCKET, 0))
    recent = recorder.history.recent(0)
    assert 13 <= len(recent) <= 24
    assert recent[0, STAMP] < recent[-1, STAMP] - RECENT_BUCKETS


def test_memory_of_a_flow() -> None:
    """The fullest history and all columns of a flow take 40 KiB at most."""
    columns = sum(kind.itemsize for kind in FIELDS.values())
    assert BYTES_PER_FLOW + columns <= 40 << 10

    history = History(BYTES_PER_FLOW)
    history.grow(1)
    pages = history.pages.free
    assert pages * 8 * WIDTH * 4 <= BYTES_PER_FLOW
    for stamp in range(1, 700):
        bucket = np.full((1, WIDTH), stamp, "u4")
        if history.pages_needed(np.zeros(1, "i8"), bucket) > history.pages.free:
            break
        history.add(np.zeros(1, "i8"), bucket)
    assert len(history.recent(0)) >= RECENT_BUCKETS, "a flow's budget is enough for 60 s"


@pytest.mark.parametrize("column", [MIN.start, MAX.start + 2, LAST.start + 3])
def test_a_grid_has_every_recent_bucket_in_its_place(column: int) -> None:
    """The grid of many rows has each value where its time is, NaN elsewhere, after wrapping too."""
    recorder = Recorder(4)
    events = traffic(6000, 3, seed=5)
    for part in np.split(events, range(100, len(events), 100)):
        recorder.ingest(part)
    newest = int(events["ts_ns"].max()) // BUCKET + 3
    count = 150
    asked = Worst(column, column in range(MIN.start, MIN.stop), 1, count)
    (grid,) = recorder.history.worst(np.array([2, 0, 3, 1]), [asked], newest)
    assert grid.shape == (4, count)
    assert np.isnan(grid[2]).all(), "the row without a past is empty"
    kind, series = divmod(column - 1, 4)
    for line, cookie in ((0, 2), (1, 0), (3, 1)):
        past = pasts(events)[cookie]
        expected = [
            (bucket.low, bucket.high, bucket.last)[kind][series] if bucket else np.nan
            for bucket in map(past.get, range(newest - count + 1, newest + 1))
        ]
        np.testing.assert_array_equal(grid[line], expected)


# Where memory is short


ROWS = 6


def any_buckets(stamps: list[int], seed: int) -> Buckets:
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
        rows, buckets = np.full(count, row), any_buckets(stamps, seed + number)
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
    past = charted(store, cookie, 60, 601)
    return float((~np.isnan(past.series["snd_cwnd"].last)).sum()) / 10


@pytest.mark.parametrize("flows", [20, 60, 180])
def test_detail_is_shed_before_any_flow(flows: int) -> None:
    """Steady flows that don't fit keep as long a past as is said, all of them, and none goes.

    A sparkline shows what is still kept, and nothing where that begins.
    """
    store = Store(10 * BYTES_PER_FLOW)
    steady(store, range(1, flows + 1), 70)
    totals = store.totals()
    assert (totals.flows, totals.evicted) == (flows, 0)
    assert totals.seconds_kept < 60
    shown = [recent_seconds(store, cookie) for cookie in range(1, flows + 1, 7)]
    assert min(shown) >= totals.seconds_kept >= 0.6 * 700 / flows - 3
    life = charted(store, 1, None, 50)
    assert np.nanmin(life.series["snd_cwnd"].low) == 1, "back to its beginning"
    cookies = np.arange(1, flows + 1, dtype="u8")
    lines = store.sparklines(cookies, [Sparkline("snd_cwnd", "max", 30, 30)])[0]
    assert ((~np.isnan(lines)).sum(axis=1) >= min(totals.seconds_kept, 29)).all()
    assert not np.isnan(lines[:, -1]).any()
    if totals.seconds_kept >= 3:
        assert (lines[:, -3] == lines[0, -3]).all()
        assert lines[0, -3] == pytest.approx(70, abs=4)


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
    past = charted(store, 3, 10, 50)
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


# Longer than there is detail


LONG_AGO = 1000 * SECOND


@pytest.fixture(scope="module")
def long_lived() -> Store:
    """A flow that acknowledges 1000 bytes a second for 20 minutes, with a dip in each minute."""
    store = Store(MEMORY)
    for second in range(1200):
        fed(store, second)
    return store


def fed(store: Store, second: int) -> None:
    """Let one second pass."""
    when = LONG_AGO + second * SECOND + np.arange(10) * 100 * MS
    cwnd = np.where(np.arange(10) + 10 * (second % 60) == 35, 2, 50 + second // 60)
    una = second * 1000 + np.arange(10) * 100
    store.ingest(probes(when, snd_cwnd=cwnd, snd_una=una), LONG_AGO + (second + 1) * SECOND)


@pytest.mark.parametrize("seconds", [61, 300, 900])
def test_no_dip_is_lost_in_five_minutes(long_lived: Store, seconds: float) -> None:
    """All columns are filled, dips are there, and what was acknowledged sums up."""
    past = charted(long_lived, 1, seconds, 100)
    assert seconds <= past.seconds <= seconds * 1.3 + 1
    cwnd, rate = past.series["snd_cwnd"], past.series["acked_rate"].last
    assert len(cwnd.low) <= 100
    assert not np.isnan(cwnd.low).any()
    assert (cwnd.low == 2).sum() == pytest.approx(seconds // 60, abs=1)
    assert cwnd.high.max() == 69
    assert 69 - cwnd.high[1] == pytest.approx(seconds / 60, abs=1.1)
    assert rate[1:-1].mean() == pytest.approx(1000, rel=0.02)


@pytest.mark.parametrize("at", [100, 755])
def test_a_life_until_then_has_nothing_of_later(long_lived: Store, at: int) -> None:
    """A life that went on, and what is known of then, make the life as it was then."""
    then = Store(MEMORY)
    for second in range(max(0, at - 64), at):
        fed(then, second)
    all_: Past = {}
    for first in range(0, at, 50):
        part = Store(MEMORY)
        for second in range(first, min(first + 50, at)):
            fed(part, second)
        # Of a part alone, nothing is acknowledged by its first event.
        all_ |= plain(part._known.history.recent(0))
    lived = long_lived.lived(1)
    assert lived is not None
    recent = then._known.history.recent(0)
    buckets, step = lived.until(
        *then._known.history.life(0), recent, (LONG_AGO // SECOND + at) * 10
    )
    assert step == lived.step
    model = widened(all_, step)
    found = plain(buckets)
    assert list(found) == list(model)
    for stamp, bucket in model.items():
        assert found[stamp].low == bucket.low
        assert found[stamp].high == bucket.high
        assert found[stamp].last == bucket.last
