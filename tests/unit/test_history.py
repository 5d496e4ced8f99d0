"""A flow's past in pages: nothing is lost, nothing is mixed up, and no page is held twice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import FIELDS
from tcctui.flows.history.buckets import ACKED, LAST, MAX, MIN, STAMP, WIDTH, Buckets
from tcctui.flows.history.detail import RECENT_BUCKETS
from tcctui.flows.history.history import BYTES_PER_FLOW, History
from tcctui.flows.intake.probe_batch import ProbeBatch
from tcctui.wire.events import Events
from tests.unit.events import probes, together
from tests.unit.past import BUCKET, Bucket, Past, add, pasts, widened

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
        batch = ProbeBatch(events)
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


def test_a_flow_that_has_all_its_pages_needs_no_more() -> None:
    """Once the last minute goes round in its pages, and the life is widened, none is asked for."""
    history = History(BYTES_PER_FLOW)
    history.grow(1)
    rows = np.zeros(1, "i8")
    newest = np.zeros((1, WIDTH), "u4")
    for stamp in range(1, 2000):
        newest[:, STAMP] = stamp
        assert history.pages_needed(rows, newest) <= history.pages.free
        history.add(rows, newest)
    assert history.recent(0)[-1, STAMP] == 1999


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
    grid = recorder.history.grid(np.array([2, 0, 3, 1]), column, newest, count)
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
