"""Causes behind cwnd: what ACKs and samples say of pauses, policers, pacing, marks and losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcctui.flows.diagnosis.verdicts import EXPLAINED_BY, Limit, explain
from tcctui.flows.store import Store
from tests.unit.events import MS, SECOND, probes
from tests.unit.samples import look, samples
from tests.unit.stores import MEMORY, ingest, value
from tests.unit.test_limits import FAR, FULL, MSS, sampled, shares

BEGIN = 100 * SECOND
QUIET: dict[str, Any] = {"rtt": 20_500, "min_rtt": 20_000, "snd_ssthresh": 7, **FULL, **FAR}


def limits(growth: dict[str, Any], seconds: int = 20, every: int = 250) -> Store:
    """A flow without a queue whose counters grow by so much a second."""
    return sampled(seconds, every, busy_time=1e6, data_segs_out=1000, **{**QUIET, **growth})


@pytest.mark.parametrize(
    ("growth", "expected"),
    [
        ({}, Limit.CWND),
        ({"total_retrans": 10}, Limit.LOSS),
        ({"total_retrans": 10, "rtt": 60_000}, Limit.QUEUE),
        ({"rtt": 60_000}, Limit.QUEUE),
        ({"delivered_ce": 10}, Limit.ECN),
        ({"delivered_ce": 10, "rtt": 60_000}, Limit.ECN),
        ({"total_retrans": 10, "bytes_acked": 900_000, "delivered": 621}, Limit.POLICER),
        ({"total_retrans": 10, "delivered": 621, "rtt": 60_000}, Limit.QUEUE),
        ({"bytes_acked": 990_000, "max_pacing_rate": 10**6}, Limit.PACING),
        ({"bytes_acked": 500_000, "max_pacing_rate": 10**6}, Limit.CWND),
        # A loss long ago does not hold a cwnd that has left its ssthresh far behind.
        ({"snd_cwnd": 14, "total_retrans": 0}, Limit.CWND),
        # BBR does not slow down for a few losses.
        ({"bbr_bw": 10**6, "total_retrans": 10}, Limit.CWND),
        ({"bbr_bw": 10**6, "total_retrans": 90}, Limit.LOSS),
    ],
)
def test_what_lets_no_more_through(growth: dict[str, Any], expected: Limit) -> None:
    """Losses with and without a queue, marks, a policer and pacing are told apart by figures."""
    assert value(limits(growth), "limit") == expected


def test_the_cause_of_a_reduction_stays_until_cwnd_has_recovered() -> None:
    """Between two losses it is still the loss that keeps cwnd small."""
    store = Store(MEMORY)
    for number, again in enumerate([0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]):
        fields = {**QUIET, "total_retrans": again, "busy_time": number * 500_000}
        look(store, samples(BEGIN + number * 500 * MS, **fields))
    assert value(store, "limit") == Limit.LOSS
    for number in range(14, 24):
        fields = {**QUIET, "total_retrans": 3, "busy_time": number * 500_000, "snd_cwnd": 40}
        fields |= {"wqueue": 60 * MSS, "notsent_bytes": 20 * MSS}
        look(store, samples(BEGIN + number * 500 * MS, **fields))
    assert value(store, "limit") == Limit.CWND


def cuts(gaps: list[float], rates: list[float], **fields: Any) -> Store:
    """A flow with a sample, whose ssthresh falls after these times at these rates since before."""
    store = Store(MEMORY)
    look(store, samples(BEGIN, **{**QUIET, **fields}))
    when, una, made = BEGIN, 0.0, []
    for gap, rate in zip(gaps, rates, strict=True):
        for ssthresh, part in ((20, 0.5), (10, 0.5)):
            when += int(gap * part * SECOND)
            una += gap * part * rate
            made.append((when, int(una), ssthresh))
    events = [
        probes(when, snd_una=una, snd_nxt=una + 10 * MSS, ssthresh=ssthresh, snd_cwnd=15)
        for when, una, ssthresh in made
    ]
    ingest(store, np.concatenate(events))
    return store


def policed(store: Store) -> tuple[bool, float]:
    """True if losses of flow 1 look like a policer's; and its rate."""
    found = store.flows(["limit_evidence"])["limit_evidence"]
    known = store._known
    is_policed = known.limits.acks.policing.policed(known.cookies.rows)
    return bool(is_policed[0]), float(found["policed_rate"][0])


def test_a_policer_has_the_same_rate_between_all_losses() -> None:
    """Long and short stretches are equally fast, as a token bucket is empty at each loss."""
    random = np.random.default_rng(3)
    gaps = random.uniform(0.1, 1.2, 30).tolist()
    even, rate = policed(cuts(gaps, random.normal(1.25e6, 3e4, 30).tolist()))
    assert even
    assert rate == pytest.approx(1.25e6, rel=0.03)
    # Losses by chance: cwnd grows until the next one, so that long stretches are faster.
    uneven, _ = policed(cuts(gaps, [4e5 + 6e5 * gap for gap in gaps]))
    assert not uneven
    # BBR has no ssthresh: what tcp_probe calls so follows its cwnd, and tells nothing.
    bbr, rate = policed(cuts(gaps, [1.25e6] * 30, bbr_bw=10**6))
    assert (bbr, rate) == (False, 0)


def burst(begin: int, una: int, first_cwnd: int, rounds: int, srtt_ns: int = 40 * MS) -> list[Any]:
    """Events of a burst in slow start: (time, snd_una, snd_nxt, cwnd), one for each round trip."""
    found, cwnd = [], first_cwnd
    for number in range(rounds):
        found.append((begin + (number + 1) * srtt_ns, una, una + cwnd * MSS, cwnd))
        una, cwnd = una + cwnd * MSS, 2 * cwnd
    return found


def thinking(bursts: int, *, reset: bool = True, **more: Any) -> Store:
    """Bursts of five round trips every 2 s; samples fall into the pauses between them."""
    store, una, cwnd = Store(MEMORY), 0, 10
    idle: dict[str, Any] = {
        "wqueue": 0,
        "rtt": 40_000,
        "min_rtt": 40_000,
        **FAR,
        "snd_ssthresh": 300,
        **more,
    }
    for number in range(bursts):
        begin = BEGIN + number * 2 * SECOND
        fields = {**idle, "busy_time": number * 200_000, "bytes_acked": una, "snd_cwnd": cwnd}
        look(store, samples(begin, **fields))
        rounds = burst(begin + 100 * MS, una, 10 if reset else 310, 5)
        una, cwnd = rounds[-1][2], rounds[-1][3]
        whole = [
            probes(when, snd_una=at, snd_nxt=nxt, snd_cwnd=size, ssthresh=300, srtt=40_000)
            for when, at, nxt, size in rounds
        ]
        ingest(store, np.concatenate(whole))
    return store


def test_busy_time_has_its_cause_from_the_acks_within_it() -> None:
    """Where all samples fall into pauses, a full window that ACKs saw is not the application's."""
    found = shares(thinking(8))
    assert found == pytest.approx({"APP": 0.9, "IDLE": 0.1}, abs=0.02)
    small = Store(MEMORY)
    for number in range(20):
        begin = BEGIN + number * SECOND
        look(small, samples(begin, busy_time=number * 200_000, snd_cwnd=10, wqueue=0, **FAR))
        when = begin + np.arange(1, 6) * 40 * MS
        ingest(small, probes(when, snd_una=number * 100, snd_nxt=number * 100 + 500, snd_cwnd=10))
    assert shares(small) == {"APP": 1}


def test_a_pause_that_resets_cwnd() -> None:
    """Slow start after idle is named with the pause, both cwnds, and the burst's time."""
    store = thinking(8)
    assert value(store, "limit") == Limit.IDLE
    first, second = explain(store.some_flows(np.array([1], "u8"), EXPLAINED_BY))
    assert "the pause of 1.8 s reset cwnd from 160 to 10 (tcp_slow_start_after_idle)" in first
    assert "took 200 ms instead of" in second
    evidence = store.flows(["limit_evidence"])["limit_evidence"][0]
    assert (evidence["before"], evidence["after"]) == (160, 10)
    again = thinking(8, reset=False)
    assert value(again, "limit") == Limit.APP
    assert not again.flows(["limit_evidence"])["limit_evidence"]["restarted_ns"].any()


def test_no_pause_resets_bbrs_cwnd() -> None:
    """The kernel leaves it alone after a pause: what reduces it is BBR's own probe of the RTT."""
    assert Limit.IDLE.name not in shares(thinking(8, bbr_bw=10**6))


def test_losses_reset_no_cwnd_by_a_pause() -> None:
    """A timeout of retransmission reduces cwnd as well, with something in flight."""
    store = Store(MEMORY)
    ingest(
        store,
        probes(BEGIN, snd_una=0, snd_nxt=50 * MSS, snd_cwnd=50, ssthresh=60),
        probes(BEGIN + SECOND, snd_una=0, snd_nxt=50 * MSS, snd_cwnd=1, ssthresh=60),
    )
    assert not store.flows(["limit_evidence"])["limit_evidence"]["restarted_ns"].any()


def test_two_causes_of_equal_share_do_not_alternate() -> None:
    """A verdict stays until another cause has clearly more of the time."""
    store = Store(MEMORY)
    seen, rwnd, busy = [], 0.0, 0
    for number in range(60):
        busy += 500_000
        rwnd += 500_000 * (0.52 if number % 2 else 0.48)
        look(
            store,
            samples(BEGIN + number * 500 * MS, busy_time=busy, rwnd_limited=int(rwnd), **QUIET),
        )
        seen.append(value(store, "limit"))
    assert len({*seen[2:]}) == 1, seen
    for number in range(60, 70):
        busy += 500_000
        rwnd += 500_000 * (0.3 if seen[-1] == Limit.RWND else 0.7)
        fields = {"busy_time": busy, "rwnd_limited": int(rwnd), **QUIET}
        look(store, samples(BEGIN + number * 500 * MS, **fields))
    assert value(store, "limit") != seen[-1], "another cause with clearly more replaces it"


def test_a_window_of_segments_of_another_size_is_full() -> None:
    """After a smaller MTU of the path, cwnd is full by segments, and mss is the new one."""
    store = Store(MEMORY)
    big, small = 8948, 1448
    for number in range(12):
        mss, pmtu = (big, 9000) if number < 4 else (small, 1500)
        fields = {"snd_mss": mss, "pmtu": pmtu, "snd_cwnd": 173, "unacked": 173, **FAR}
        fields |= {"wqueue": 200 * mss, "notsent_bytes": 27 * mss, "busy_time": number * 500_000}
        look(store, samples(BEGIN + number * 500 * MS, **fields))
    assert value(store, "mss") == small
    first, second = explain(store.some_flows(np.array([1], "u8"), EXPLAINED_BY))
    assert "cwnd 173, all of it in flight" in second, (first, second)
