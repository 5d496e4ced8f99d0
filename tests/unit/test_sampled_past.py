"""The past of flows that are sampled: what changes is charted, and idle ones cost no memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcctui.flows.history.pages import PAGE_BYTES
from tcctui.flows.snapshot import FlowHistory, Totals
from tcctui.flows.store import Store
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.samples import look, samples
from tests.unit.stores import MEMORY, filled, ingest, value


def chart(store: Store, seconds: float | None = 10, columns: int = 101) -> FlowHistory:
    """The past of flow 1, which is known."""
    past = store.history(1, seconds, columns)
    assert past is not None
    return past


def curve(values: np.ndarray) -> list[float]:
    """The values that are there, in their order."""
    found: list[float] = values[~np.isnan(values)].tolist()
    return found


def test_idle_flows_take_no_history() -> None:
    """However often idle sockets are sampled, only how they are is kept, and shown."""
    store = Store(100 * PAGE_BYTES)
    for number in range(20):
        look(
            store, samples(np.full(3000, (5 + 5 * number) * SECOND), np.arange(1, 3001), snd_cwnd=7)
        )
    assert store.totals() == Totals(0, 3000, 0), "no page is taken, no detail is shed"
    assert curve(chart(store, None).series["snd_cwnd"].last) == [7]
    assert curve(chart(store).series["snd_cwnd"].last) == [7], "as it was before the window"
    assert (chart(store).series["acked_rate"].last == 0).all()


def test_what_changes_is_charted() -> None:
    """A sample with a change has its bucket, and the flow begins with what it was before."""
    store = Store(MEMORY)
    for number, cwnd in enumerate([10, 10, 10, 20, 20, 30]):
        look(store, samples((10 + number) * SECOND, snd_cwnd=cwnd))
    assert curve(chart(store).series["snd_cwnd"].last) == [10, 20, 30]
    assert curve(chart(store, None).series["snd_cwnd"].last) == [10, 20, 30]
    lines = store.sparklines(np.array([1], "u8"), "snd_cwnd", worst="max", seconds=30, columns=30)
    assert curve(lines[0]) == [10, 20, 30]


def test_the_past_of_idle_flows_that_wake_up() -> None:
    """Flows that were idle for long begin their past in as few buckets as any other."""
    store = Store(300 * PAGE_BYTES)
    cookies = np.arange(1, 301)
    for second in (10, 200, 300):
        look(store, samples(np.full(300, second * SECOND), cookies, snd_cwnd=second))
    assert store.totals() == Totals(0, 300, 0), "a page each is enough"


@pytest.mark.parametrize("every", [100, 250, 500])
def test_the_rate_of_a_watched_flow_is_even(every: int) -> None:
    """Bytes that only samples tell of are spread over the time since the sample before."""
    store = Store(MEMORY)
    for ms in range(0, 20_001, every):
        look(store, samples(10 * SECOND + ms * MS, bytes_acked=ms * 1000))
    rate = chart(store, 10, 51).series["acked_rate"]
    assert rate.last[2:-4] == pytest.approx(1e6, rel=0.01)


def test_the_rate_of_a_flow_with_events() -> None:
    """The chart of the rate is what was acknowledged a second; 0 in a pause, nothing before."""
    store = filled(probes(10 * SECOND, snd_una=0))
    for ms in range(0, 8_001, 50):
        now = 10 * SECOND + ms * MS
        if not 4000 < ms <= 6000:
            ingest(store, probes(now, snd_una=ms * 1000))
        store.ingest(NOTHING, now)
    rate = chart(store, 16, 17).series["acked_rate"].last
    assert np.isnan(rate[:8]).all()
    assert rate[-9:-5] == pytest.approx(1e6, rel=0.06)
    assert (rate[-4:-3] == 0).all()


def test_rates_that_are_sampled() -> None:
    """Of watched flows, delivery rate, pacing rate and BBR's estimate are charted."""
    store = Store(MEMORY)
    for ms in range(0, 8001, 250):
        fields: dict[str, Any] = {"bbr_bw": 300 + ms} if ms >= 4000 else {}
        batch = samples(10 * SECOND + ms * MS, delivery_rate=100 + ms, pacing_rate=200, **fields)
        look(store, batch, samples(10 * SECOND + ms * MS, 2, delivery_rate=9))
    series = chart(store, 10, 11).series
    assert curve(series["delivery_rate"].high) == [*range(850, 8101, 1000), 8100]
    assert curve(series["delivery_rate"].low) == [350, *range(1100, 8101, 1000)]
    assert set(curve(series["pacing_rate"].last)) == {200}
    assert len(curve(series["bbr_bw"].last)) == 5


def test_rates_of_flows_that_nobody_looks_at() -> None:
    """Samples of dumps, seconds apart, don't push those of watched flows out of the log."""
    store = Store(MEMORY)
    cookies = np.arange(1, 5001)
    for second in range(10, 70):
        now = second * SECOND
        look(store, samples(now, delivery_rate=5))
        if second % 5 == 0:
            look(store, samples(np.full(len(cookies), now + MS), cookies + 10, delivery_rate=7))
    assert len(curve(chart(store, 60, 61).series["delivery_rate"].last)) == 59
    other = store.history(20, 60, 61)
    assert other is not None
    assert curve(other.series["delivery_rate"].last) == []


def test_a_paused_chart_has_nothing_of_later() -> None:
    """Looking back at a moment, marks, limits and rates end there."""
    store = Store(MEMORY)
    for ms in range(0, 10_001, 250):
        look(
            store, samples(10 * SECOND + ms * MS, delivery_rate=100 + ms, total_retrans=ms // 1000)
        )
    then = 15 * SECOND
    past = store.history(1, 4, 41, then)
    assert past is not None
    assert max(curve(past.series["delivery_rate"].last)) == 5100
    assert past.marks.count.sum() == 5
    assert past.marks.column.max() == 40
    assert value(store, "total_retrans") == 10
