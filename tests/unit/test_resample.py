"""Charts and sparklines: every column says what happened in its time, and no dip is lost."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcctui.flows.frame import Sparkline
from tcctui.flows.snapshot import Extremes, FlowHistory
from tcctui.flows.store import Store
from tcctui.wire.events import Events
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.past import BUCKET, Bucket, Past, pasts, widened

MEMORY = 4 << 20
SERIES = ("snd_cwnd", "ssthresh", "srtt_us", "in_flight")


def filled(events: Events, now: int, batch: int = 100) -> Store:
    """Give a store that took in events bit by bit, and for which it is `now`."""
    store = Store(MEMORY)
    for part in np.split(events, range(batch, len(events), batch)):
        store.ingest(part, int(part["ts_ns"].max()))
    store.ingest(NOTHING, now)
    return store


def chart(
    store: Store, seconds: float | None, columns: int, at_ns: int | None = None
) -> FlowHistory:
    """The past of flow 1, which is known."""
    past = store.history(1, seconds, columns, at_ns)
    assert past is not None
    return past


def traffic(count: int, spread: int, seed: int) -> Events:
    """Events of flow 1 that begin at 1000 s, at most `spread` milliseconds apart."""
    random = np.random.default_rng(seed)
    una = np.cumsum(random.integers(0, 2**20, count)) % 2**32
    return probes(
        1000 * SECOND + np.cumsum(random.integers(0, spread, count)) * MS,
        snd_cwnd=random.integers(1, 2000, count),
        ssthresh=random.choice([2, 700, 0x7FFFFFFF], count),
        srtt=random.integers(1, 2**32, count),
        snd_una=una,
        snd_nxt=una + random.integers(0, 2**16, count),
    )


class Grid:
    """Where the columns of a chart are: `width` buckets each, the last one holds `newest`."""

    def __init__(self, past: FlowHistory, newest: int) -> None:
        self.count = len(past.series["snd_cwnd"].last)
        self.width = round(past.seconds * SECOND / BUCKET / self.count)
        assert past.seconds == pytest.approx(self.count * self.width / 10)
        self.start = (newest // self.width + 1 - self.count) * self.width
        self.newest = newest

    def buckets(self, past: Past) -> list[Bucket | None]:
        """What happened in each column."""
        seen = {stamp: bucket for stamp, bucket in past.items() if stamp <= self.newest}
        wide = widened(seen, self.width)
        return [wide.get(self.start // self.width + column) for column in range(self.count)]


def numbers(one: Extremes, column: int) -> tuple[float, float, float]:
    """Lowest, highest and last value in a column."""
    return float(one.low[column]), float(one.high[column]), float(one.last[column])


def check(past: FlowHistory, happened: Past, first: int, newest: int) -> None:
    """Compare a chart of the time from bucket `first` to `newest` with what happened."""
    grid = Grid(past, newest)
    assert grid.start <= first, "the window is whole"
    assert grid.start + grid.width > first, "no column is wasted"
    for index, name in enumerate(SERIES):
        for column, bucket in enumerate(grid.buckets(happened)):
            shown = numbers(past.series[name], column)
            if bucket is not None:
                expected = bucket.low[index], bucket.high[index], bucket.last[index]
                assert shown == expected, (name, column)
            elif column:
                assert all(map(math.isnan, shown)), (name, column)
            else:
                earlier = [stamp for stamp in happened if stamp < grid.start]
                held = happened[earlier[-1]].last[index] if earlier else math.nan
                np.testing.assert_array_equal(shown, (held, held, held))


@settings(max_examples=150)
@given(
    seconds=st.sampled_from([60, 10, None]),
    columns=st.integers(30, 300),
    count=st.integers(1, 400),
    spread=st.sampled_from([1, 30, 300, 5000]),
    idle=st.sampled_from([0, 50, 3000, 70_000]),
    seed=st.integers(0, 2**32),
)
def test_every_column_has_its_extremes(
    *, seconds: int | None, columns: int, count: int, spread: int, idle: int, seed: int
) -> None:
    """Low, high and last of each column are those of the events in it: no dip is lost."""
    events = traffic(count, spread, seed)
    now = int(events["ts_ns"][-1]) + idle * MS
    first = now - seconds * SECOND if seconds else int(events["ts_ns"][0])
    past = chart(filled(events, now), seconds, columns)
    check(past, pasts(events)[1], first // BUCKET, now // BUCKET)


@settings(max_examples=100)
@given(
    columns=st.integers(1, 300), seconds=st.sampled_from([60, 10, None]), seed=st.integers(0, 99)
)
@example(columns=1, seconds=60, seed=1)
def test_no_dip_is_lost_at_any_number_of_columns(
    columns: int, seconds: int | None, seed: int
) -> None:
    """The lowest and highest values within the window are in the chart, however narrow it is."""
    events = traffic(500, 300, seed)
    now = int(events["ts_ns"][-1])
    past = chart(filled(events, now), seconds, columns)
    inside = events[events["ts_ns"] >= (now - seconds * SECOND if seconds else 0)]
    for name in ("snd_cwnd", "ssthresh"):
        assert np.nanmin(past.series[name].low) <= inside[name].min()
        assert np.nanmax(past.series[name].high) >= inside[name].max()
        assert np.nanmin(past.series[name].low) >= events[name].min()
        assert past.series[name].last[-1] == events[name][-1]


@pytest.mark.parametrize("seconds", [60, 10, None])
def test_there_are_never_more_columns_than_asked_for(seconds: int | None) -> None:
    """A chart has room for so many columns and no more, whenever it is looked at.

    A window is drawn as finely as they allow, to a factor of two.
    """
    store = filled(traffic(400, 300, seed=1), 1070 * SECOND)
    for columns in range(2, 301):
        for later in range(0, 40, 3):
            past = chart(store, seconds, columns, (1070 * 10 + later) * BUCKET)
            assert len(past.series["snd_cwnd"].last) <= columns
        assert seconds != 60 or len(chart(store, 60, columns).series["snd_cwnd"].last) > columns / 2


@pytest.mark.parametrize("seconds", [60, 10])
@pytest.mark.parametrize("columns", [40, 97, 240])
def test_a_look_at_the_past(seconds: int, columns: int) -> None:
    """At a moment in the past a chart is what it was then: what came later doesn't show."""
    events = traffic(300, 250, seed=3)
    now = int(events["ts_ns"][-1])
    store = filled(events, now)
    happened = pasts(events)[1]
    for back in (0, 1, 2, 5, 9, 13):
        at = now - back * SECOND
        past = chart(store, seconds, columns, at)
        check(past, happened, (at - seconds * SECOND) // BUCKET, at // BUCKET)


def test_a_whole_life_up_to_a_moment_in_the_past() -> None:
    """Of what came later, a chart of the whole life shows no more than the moment's own column."""
    events = traffic(300, 250, seed=3)
    at = int(events["ts_ns"][-1]) - 9 * SECOND
    past = chart(filled(events, at + 9 * SECOND), None, 97, at)
    grid = Grid(past, at // BUCKET)
    assert grid.start <= int(events["ts_ns"][0]) // BUCKET
    *closed, _ = grid.buckets(pasts(events)[1])
    for column, bucket in enumerate(closed):
        shown = numbers(past.series["snd_cwnd"], column)
        expected = (bucket.low[0], bucket.high[0], bucket.last[0]) if bucket else (math.nan,) * 3
        np.testing.assert_array_equal(shown, expected)


def test_a_past_that_is_no_longer_known_is_not_made_up() -> None:
    """Where the recent history has moved on, the present value is not drawn as the past one."""
    events = probes(100 * SECOND + np.arange(2000) * BUCKET, snd_cwnd=range(1, 2001))
    store = filled(events, 300 * SECOND)
    shown = chart(store, 10, 100, at_ns=150 * SECOND).series["snd_cwnd"].last
    assert not np.isin(shown, [2000]).any()


@pytest.mark.parametrize("seconds", [60, 10, None])
@pytest.mark.parametrize("before", [MS, 150 * MS, 3 * SECOND, 90 * SECOND])
def test_a_moment_before_the_flow(seconds: int | None, before: int) -> None:
    """A chart of a moment at which the flow was not there has nothing on it."""
    store = filled(probes(100 * SECOND, snd_cwnd=5), 100 * SECOND)
    past = store.history(1, seconds, 80, 100 * SECOND - before)
    assert past is None or np.isnan(past.series["snd_cwnd"].last).all()


@pytest.mark.parametrize("seconds", [60, 10])
@pytest.mark.parametrize("columns", [61, 67, 86, 150, 233])
def test_columns_stay_as_they_are_while_time_goes_on(seconds: int, columns: int) -> None:
    """A column's extremes don't change as the chart moves to the left, frame after frame."""
    events = traffic(3000, 70, seed=9)
    store = Store(MEMORY)
    shown: dict[int, tuple[float, ...]] = {}
    compared = 0
    for part in np.split(events, range(7, len(events), 7)):
        now = int(part["ts_ns"][-1])
        store.ingest(part, now)
        past = chart(store, seconds, columns)
        grid = Grid(past, now // BUCKET)
        # The first column may lose what is older than the window, the last one is still open.
        for column in range(1, grid.count - 1):
            start = grid.start + column * grid.width
            values = tuple(np.nan_to_num(numbers(past.series["srtt_us"], column), nan=-1.0))
            compared += start in shown
            assert shown.setdefault(start, values) == values, (now, column)
    assert compared > 1000


# Sparklines


@settings(max_examples=60)
@given(
    worst=st.sampled_from(["min", "max"]),
    columns=st.sampled_from([1, 5, 10, 30]),
    spread=st.sampled_from([30, 300, 5000]),
    idle=st.sampled_from([0, 50, 3000, 70_000]),
    seed=st.integers(0, 2**32),
)
def test_sparklines_show_the_worst(
    worst: Literal["min", "max"], columns: int, spread: int, idle: int, seed: int
) -> None:
    """Each column is the lowest or highest value in its time; of a flow not known, nothing is."""
    events = traffic(400, spread, seed)
    now = int(events["ts_ns"][-1]) + idle * MS
    cookies = np.array([9, 1], "u8")
    store = filled(events, now)
    lines = store.sparklines(cookies, [Sparkline("srtt_us", worst, 30, columns)])[0]
    assert lines.shape == (2, columns)
    assert np.isnan(lines[0]).all()
    width = 300 // columns
    wide = widened(pasts(events)[1], width)
    newest = now // BUCKET // width
    expected = [
        (bucket.low if worst == "min" else bucket.high)[2] if bucket else math.nan
        for bucket in map(wide.get, range(newest - columns + 1, newest + 1))
    ]
    np.testing.assert_array_equal(lines[1], expected)


def test_sparklines_of_the_past() -> None:
    """At a moment in the past the sparklines are what they were then."""
    events = probes(100 * SECOND + np.arange(400) * BUCKET, snd_cwnd=range(1000, 600, -1))
    store = filled(events, 140 * SECOND)
    cookies = np.array([1], "u8")
    at = 120 * SECOND + 3 * BUCKET
    lines = store.sparklines(cookies, [Sparkline("snd_cwnd", "min", 30, 10)], at)[0]
    then = events[events["ts_ns"] <= at]
    assert np.nanmin(lines) == then["snd_cwnd"].min()
