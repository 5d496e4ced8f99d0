"""Bytes acknowledged, and their rate, told by events, by samples, or by both."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcctui.flows.store import Store
from tcctui.wire.events import TcpState
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.samples import look, samples
from tests.unit.stores import MEMORY, charted, filled, ingest, value


def acked_in_chart(store: Store, seconds: float = 60) -> float:
    """Bytes acknowledged over the last seconds, by the chart of the rate."""
    past = charted(store, 1, seconds, 100)
    width = past.seconds / len(past.limits)
    rate = past.series["acked_rate"].last
    now = store.flows([]).now_ns
    born = value(store, "first_ns")
    spans = np.full(len(rate), width)
    newest = now / SECOND - math.floor(now / SECOND / width + 1e-9) * width
    spans[-1] = max(newest, 0.05)
    begun = np.floor(now / SECOND / width + 1e-9) * width + np.arange(1 - len(rate), 1) * width
    spans[:-1] = np.minimum(spans[:-1], np.maximum(begun[:-1] + width - born / SECOND, 0.05))
    return float(np.nansum(rate * spans))


def test_the_total_is_that_of_the_sockets_whole_life() -> None:
    """What was acknowledged before the first event is known from a sample, and events add to it."""
    store = filled(probes([SECOND, 2 * SECOND], snd_una=[0, 500]))
    assert value(store, "bytes_acked") == 500
    look(store, samples(3 * SECOND, bytes_acked=10_500))
    assert value(store, "bytes_acked") == 10_500
    # Whether the sample had these 200 already, nobody knows; it had not the next ones.
    ingest(store, probes(4 * SECOND, snd_una=700))
    assert value(store, "bytes_acked") == 10_500
    ingest(store, probes(5 * SECOND, snd_una=800))
    assert value(store, "bytes_acked") == 10_600
    look(store, samples(6 * SECOND, bytes_acked=10_800))
    assert value(store, "bytes_acked") == 10_800


def test_a_sample_from_before_the_newest_event() -> None:
    """A sample that is delivered late is no reason to count anything twice."""
    store = filled(probes([SECOND, 4 * SECOND], snd_una=[0, 500]))
    look(store, samples(3 * SECOND, bytes_acked=10_300))
    assert value(store, "bytes_acked") == 10_300
    look(store, samples(5 * SECOND, bytes_acked=10_500))
    assert value(store, "bytes_acked") == 10_500


def test_a_sample_that_the_kernel_took_later_than_its_time() -> None:
    """What it counts twice with the events from between is taken back by the next quiet sample."""
    store = Store()
    ingest(store, probes(SECOND + MS * np.arange(1, 5), snd_una=[0, 500, 700, 900]))
    store.ingest_samples(samples(SECOND + 2 * MS, bytes_acked=900), 2 * SECOND)
    ingest(store, probes(4 * SECOND, snd_una=1000))
    look(store, samples(5 * SECOND, bytes_acked=1000))
    assert value(store, "bytes_acked") == 1000
    ingest(store, probes(6 * SECOND, snd_una=1200))
    assert value(store, "bytes_acked") == 1200


def test_events_of_after_a_sample_that_come_before_it() -> None:
    """A replay takes in a second's events, then its samples: the total is as if in their order.

    Of two flows that had 1 MB and 2 MB before; it lacks what the last ACK acknowledged.
    """
    when = SECOND + 10 * MS * np.arange(100)
    store = Store()
    una = 1000 * np.arange(100)
    ingest(store, probes(np.tile(when, 2), np.repeat([1, 2], 100), snd_una=np.tile(una, 2)))
    half = samples([when[50] + MS, when[20] + MS], [1, 2], bytes_acked=[1_051_000, 2_021_000])
    store.ingest_samples(half, 2 * SECOND)
    assert value(store, "bytes_acked", 1) == 1_099_000
    assert value(store, "bytes_acked", 2) == 2_099_000


def test_a_sample_that_was_made_later_than_its_time() -> None:
    """What events told in between is counted twice until a sample is newer than all events."""
    store = filled(probes([SECOND, 2 * SECOND], snd_una=[0, 500]))
    look(store, samples(3 * SECOND, bytes_acked=11_500))  # made at 5 s, on a busy machine
    ingest(store, probes([4 * SECOND, 5 * SECOND], snd_una=[1000, 1500]))
    look(store, samples(6 * SECOND, bytes_acked=11_500))
    assert value(store, "bytes_acked") == 11_500
    ingest(store, probes([7 * SECOND, 8 * SECOND], snd_una=[1700, 1900]))
    assert value(store, "bytes_acked") == 11_900


@settings(max_examples=200)
@given(
    steps=st.lists(st.integers(0, 3000), min_size=2, max_size=40),
    told=st.lists(st.sampled_from("eesb-"), min_size=2, max_size=40),
    late=st.lists(st.integers(0, 2), min_size=2, max_size=40),
    before=st.integers(0, 10**7),
)
def test_totals_never_go_back(steps: list[int], told: str, late: list[int], before: int) -> None:
    """Whoever tells of each step, and however late, the total only grows, and ends as it should."""
    store = Store(MEMORY)
    true = before
    waiting: list[tuple[int, int, int]] = []  # delivered when, sampled when, total
    shown = 0
    for number, (step, by, delay) in enumerate(zip(steps, told, late, strict=False)):
        when = (number + 1) * 100 * MS
        true += step
        if by in "eb":
            ingest(store, probes(when, snd_una=true))
        if by in "sb":
            waiting.append((number + delay, when, true))
        for due in [one for one in waiting if one[0] <= number]:
            store.ingest_samples(samples(due[1], bytes_acked=due[2]), when)
            waiting.remove(due)
        if store.totals().flows:
            total = value(store, "bytes_acked")
            assert shown <= total <= true
            shown = total
    when = (len(steps) + 9) * 100 * MS
    ingest(store, probes(when, snd_una=true))
    look(store, samples(when + MS, bytes_acked=true))
    assert value(store, "bytes_acked") == true


@settings(max_examples=60)
@given(
    told=st.lists(st.sampled_from("eessb-"), min_size=1, max_size=60),
    every=st.sampled_from([100, 250, 400]),
)
@example(told=[*"ssssssee"], every=400)
def test_nothing_is_in_the_chart_twice(told: list[str], every: int) -> None:
    """The chart of the rate has as many bytes as were acknowledged, whoever told of them."""
    store = filled(probes(10 * SECOND, snd_una=0, snd_nxt=100_000))
    look(store, samples(10 * SECOND + MS, bytes_acked=0))
    now, true = 10 * SECOND + MS, 0
    for by in told:
        now += every * MS
        true += 1000
        if by in "eb":
            ingest(store, probes(now, snd_una=true, snd_nxt=true + 100_000))
        if by in "sb":
            look(store, samples(now + MS, bytes_acked=true))
    # What has not been told of for a while yet comes with the next word.
    now += SECOND
    look(store, samples(now, bytes_acked=true))
    assert acked_in_chart(store) == pytest.approx(true, rel=0.02)


# Rates


@pytest.mark.parametrize(
    ("every", "within"), [(100, 0.02), (250, 0.02), (1000, 0.02), (5000, 0.02)]
)
def test_the_rate_of_a_flow_that_is_only_sampled(every: int, within: float) -> None:
    """A steady flow has its rate however seldom it is sampled, at any time; then it is unknown."""
    store = Store(MEMORY)
    now = SECOND
    shown = []
    for number in range(40_000 // 50):
        now += 50 * MS
        if number * 50 % every == 0:
            look(store, samples(now, bytes_acked=now // MS * 1000, state=TcpState.CLOSE_WAIT))
        store.ingest(NOTHING, now)
        shown.append(value(store, "rate"))
    assert math.isnan(shown[0]), "one sample says nothing of a rate"
    settled = np.array(shown[2 * every // 50 + 10 :])
    assert settled == pytest.approx(1e6, rel=0.02)
    store.ingest(NOTHING, now + 20 * SECOND)
    assert value(store, "rate") == pytest.approx(1e6, rel=0.02), "the next sample may take as long"
    store.ingest(NOTHING, now + 36 * SECOND)
    assert math.isnan(value(store, "rate"))


def test_the_rate_of_a_flow_that_is_sampled_more_often_now() -> None:
    """When the screen comes to a flow, nothing of what went before shows as a peak.

    Before Linux 4.1 TCP_INFO has no total: of flows that are only sampled, no rate is known.
    """
    store = Store(MEMORY)
    times = [*range(1000, 21_000, 5000), *range(16_250, 20_000, 250)]
    for when in times:
        store.ingest_samples(samples(when * MS, bytes_acked=when * 1000), when * MS)
        store.ingest(NOTHING, when * MS)
        rate = value(store, "rate")
        assert math.isnan(rate) or rate == pytest.approx(1e6, rel=0.01)
    store = Store(MEMORY)
    for second in range(1, 5):
        look(store, samples(second * SECOND, info_len=104, bytes_acked=second))
    assert math.isnan(value(store, "rate"))


def test_the_rate_of_a_flow_that_leaves_established() -> None:
    """Where tcp_probe falls silent and samples go on, so does the rate, without a peak."""
    store = Store(MEMORY)
    now, lowest = SECOND, []
    for number in range(200):
        now += 50 * MS
        true = now // MS * 1000
        if number < 100:
            store.ingest(probes(now, snd_una=true), now)
        if number % 5 == 0:
            store.ingest_samples(samples(now, bytes_acked=true), now)
        store.ingest(NOTHING, now)
        if number > 40:
            lowest.append(value(store, "rate"))
    assert max(lowest) <= 1.1e6
    assert min(lowest) >= 0.5e6
    assert lowest[-1] == pytest.approx(1e6, rel=0.02)
    assert value(store, "bytes_acked") == true - true % 1000 or value(store, "bytes_acked") <= true


@pytest.mark.parametrize(("apart_ms", "burst"), [(900, True), (1100, False)])
def test_one_ack_acknowledges_no_more_than_was_in_flight(apart_ms: int, burst: bool) -> None:
    """After a while without events, what is beyond that is in the total, and at no moment."""
    store = filled(probes(10 * SECOND, snd_una=0, snd_nxt=3_000))
    now = 10 * SECOND + apart_ms * MS
    ingest(store, probes(now, snd_una=50_000_000, snd_nxt=50_003_000))
    assert value(store, "bytes_acked") == 50_000_000
    assert acked_in_chart(store) == pytest.approx(50_000_000 if burst else 3_000, rel=0.02)
    ingest(store, probes(now + 300 * MS, snd_una=50_001_000, snd_nxt=50_003_000))
    assert (value(store, "rate") > 1e7) == burst
