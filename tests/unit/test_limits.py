"""What limits a flow: shares of time from two samples, the verdict, and two sentences about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.diagnosis.bbr import PHASE_NAMES, BbrPhase, phase
from tcctui.flows.diagnosis.verdicts import CAUSES, EXPLAINED_BY, Limit, explain
from tcctui.flows.store import Store
from tcctui.wire.events import CaState, EventKind, TcpState
from tcctui.wire.samples import TCP_INFO
from tests.unit.events import MS, NOTHING, SECOND, probes, together
from tests.unit.samples import destroyed, look, samples
from tests.unit.stores import MEMORY, SOCKET, charted, filled, ingest, value
from tests.unit.test_marks import happens

MSS = 1448
FULL: dict[str, Any] = {"snd_cwnd": 10, "wqueue": 30 * MSS, "notsent_bytes": 20 * MSS}
"""The window is full, and more is to be sent."""
FULL_BUFFER: dict[str, Any] = {
    "wqueue": 8 * MSS,
    "wmem_queued": 33_000,
    "sndbuf": 32_768,
    "snd_cwnd": 30,
}
"""All that the buffer takes is in flight, in a window that is far from full."""
UNREAD: dict[str, Any] = {"rqueue": 37 << 10, "rcv_wnd": 0, "last_data_recv": 1400, "rcv_mss": MSS}
"""The application does not read: its window is closed."""
SMALL: dict[str, Any] = {"rcv_wnd": 40_000, "rcv_rtt": 20_000, "rcvbuf": 65_536}
"""A window that carries 2 MB/s."""
FAR: dict[str, Any] = {"snd_wnd": 10**6}


def sampled(seconds: float, every: int = 250, **growth: Any) -> Store:
    """A flow that is sampled every so many ms; counters grow by so much a second."""
    store = Store(MEMORY)
    counters = (
        *("busy_time", "rwnd_limited", "sndbuf_limited", "bytes_received", "data_segs_out"),
        *("total_retrans", "delivered", "delivered_ce", "bytes_acked"),
    )
    for ms in range(0, round(seconds * 1000) + 1, every):
        fields = {
            name: round(value * ms / 1000) if name in counters else value
            for name, value in growth.items()
        }
        look(store, samples(10 * SECOND + ms * MS, **{**FAR, **fields}))
    return store


def shares(store: Store) -> dict[str, float]:
    """The shares of the last 2 s, by cause, those that are there."""
    found = store.some_flows(np.array([1], "u8"), ["limit_shares"])["limit_shares"][0]
    return {
        cause.name: round(share, 2)
        for cause, share in zip(CAUSES, found.tolist(), strict=True)
        if share > 0.005
    }


@pytest.mark.parametrize(
    ("growth", "verdict", "expected"),
    [
        ({"busy_time": 1e6, **FULL}, Limit.CWND, {"CWND": 1}),
        ({"busy_time": 1e6, "rwnd_limited": 0.9e6, **FULL}, Limit.RWND, {"RWND": 0.9, "CWND": 0.1}),
        ({"busy_time": 1e6, "sndbuf_limited": 0.8e6}, Limit.SNDBUF, {"SNDBUF": 0.8, "APP": 0.2}),
        ({"busy_time": 1e6, **FULL_BUFFER}, Limit.SNDBUF, {"SNDBUF": 1}),
        ({"busy_time": 1e6, **FULL_BUFFER, "rate_flags": 1}, Limit.SNDBUF, {"SNDBUF": 1}),
        ({"busy_time": 1e6, **FULL_BUFFER, "wmem_queued": 9_000}, Limit.APP, {"APP": 1}),
        ({"busy_time": 1e6, **FULL_BUFFER, **FULL}, Limit.CWND, {"CWND": 1}),
        ({"busy_time": 1e6, **FULL_BUFFER, "notsent_bytes": 4 * MSS}, Limit.SNDBUF, {"SNDBUF": 1}),
        ({"busy_time": 1e6, **FULL_BUFFER, "snd_cwnd": 8}, Limit.CWND, {"CWND": 1}),
        ({"busy_time": 0.1e6, **FULL_BUFFER}, Limit.APP, {"APP": 0.9, "SNDBUF": 0.1}),
        (
            {"busy_time": 1e6, "rwnd_limited": 1e6, "snd_wnd": 0, "wqueue": 9},
            Limit.RWND,
            {"RWND": 1},
        ),
        ({"busy_time": 0.2e6, **FULL}, Limit.APP, {"APP": 0.8, "CWND": 0.2}),
        ({"busy_time": 1e6, "wqueue": 3 * MSS, "rate_flags": 1}, Limit.APP, {"APP": 1}),
        ({"busy_time": 1e6, "wqueue": 3 * MSS}, Limit.APP, {"APP": 1}),
        ({"busy_time": 1e6, "rate_flags": 1, **FULL}, Limit.CWND, {"CWND": 1}),
        ({"busy_time": 1e6, "ca_state": 3, **FULL}, Limit.RECOVERY, {"RECOVERY": 1}),
        ({"busy_time": 1e6, "ca_state": 4, **FULL, "snd_wnd": 0}, Limit.RWND, {"RWND": 1}),
        ({"bytes_received": 1e6}, Limit.RECEIVES, {"RECEIVES": 1}),
        ({"bytes_received": 1e6, **UNREAD}, Limit.READER, {"READER": 1}),
        (UNREAD, Limit.READER, {"READER": 1}),
        ({"bytes_received": 1e6, **UNREAD, "rcv_wnd": 70_000}, Limit.RECEIVES, {"RECEIVES": 1}),
        ({"bytes_received": 2e6, **SMALL}, Limit.RCVBUF, {"RCVBUF": 1}),
        ({"bytes_received": 1e6, **SMALL}, Limit.RECEIVES, {"RECEIVES": 1}),
        ({"bytes_received": 2e6, **SMALL, "rcv_wnd": 0xFFFF_FFFF}, Limit.RECEIVES, {"RECEIVES": 1}),
        (
            {"bytes_received": 2e6, **SMALL, "rcv_rtt": 1000, "rtt": 90},
            Limit.RECEIVES,
            {"RECEIVES": 1},
        ),
        ({"bytes_received": 1e6, "data_segs_out": 99}, Limit.APP, {"APP": 1}),
        ({}, Limit.APP, {"APP": 1}),
        ({"info_len": 160, **FULL}, Limit.CWND, {"CWND": 1}),
        ({"info_len": 160}, Limit.APP, {"APP": 1}),
    ],
)
def test_verdicts(growth: dict[str, Any], verdict: Limit, expected: dict[str, float]) -> None:
    """Each cause is told by its clock."""
    store = sampled(10, **growth)
    assert value(store, "limit") == verdict
    assert shares(store) == pytest.approx(expected, abs=0.03)


def test_a_listener_has_no_verdict() -> None:
    """What waits in a listener's queue are connections: no data, and nobody's window."""
    store = sampled(10, **UNREAD, state=TcpState.LISTEN)
    assert value(store, "limit") == Limit.UNKNOWN
    assert np.isnan(store.flows(["limit_shares"])["limit_shares"]).all()


@pytest.mark.parametrize("every", [100, 1000, 5000])
@pytest.mark.parametrize("clock", ["rwnd_limited", "sndbuf_limited"])
def test_shares_are_the_same_however_often_a_flow_is_sampled(clock: str, every: int) -> None:
    """From ten times a second to once in five, the last 2 s are the clocks' 2 s."""
    store = sampled(10, every, busy_time=1e6, **{clock: 0.6e6}, **FULL)
    name = clock.removesuffix("_limited").upper()
    assert shares(store) == pytest.approx({name: 0.6, "CWND": 0.4}, abs=0.03)


def test_a_flow_is_limited_by_nobody_knows_what() -> None:
    """Before two samples, and long after the last one, there is no verdict."""
    store = filled(probes(SECOND))
    look(store, samples(SECOND, 2), samples(SECOND + 200 * MS, 2))
    for cookie in (1, 2):
        assert value(store, "limit", cookie) == Limit.UNKNOWN
    assert np.isnan(store.flows(["limit_shares"])["limit_shares"]).all()
    look(store, samples(2 * SECOND, 2))
    assert value(store, "limit", 2) == Limit.APP
    store.ingest(NOTHING, 60 * SECOND)
    assert value(store, "limit", 2) == Limit.UNKNOWN
    # On a kernel that has no clocks, a full window of the other end is told by tcp_probe's.
    store = filled(probes(SECOND, snd_wnd=10 * MSS, snd_nxt=10 * MSS, skaddr=SOCKET))
    fields = {"info_len": 160, **FULL, "snd_cwnd": 50}
    look(store, *(samples((2 + number) * SECOND, **fields) for number in range(4)))
    assert value(store, "limit") == Limit.RWND


def test_time_in_recovery_by_events() -> None:
    """CA_STATE events tell how long recovery lasted, better than two samples do."""
    store = filled(probes(SECOND, skaddr=SOCKET))
    for number in range(20):
        begin = 2 * SECOND + number * 500 * MS
        look(store, samples(begin, busy_time=number * 500_000, **FULL, **FAR))
        ingest(
            store,
            together(
                happens(EventKind.CA_STATE, begin + 100 * MS, CaState.RECOVERY),
                happens(EventKind.CA_STATE, begin + 200 * MS, CaState.LOSS),
                happens(EventKind.CA_STATE, begin + 300 * MS, CaState.OPEN),
            ),
        )
    assert shares(store) == pytest.approx({"RECOVERY": 0.4, "CWND": 0.6}, abs=0.03)


def test_the_strip_shows_each_second() -> None:
    """The strip under the chart has what limited the flow then, and nothing where it is unknown."""
    store = Store(MEMORY)
    busy = rwnd = 0
    for ms in range(0, 12_001, 250):
        if 4000 < ms <= 8000:
            busy += 250_000
        if ms > 8000:
            busy, rwnd = busy + 250_000, rwnd + 250_000
        fields = {"busy_time": busy, "rwnd_limited": rwnd, **(FULL if ms > 4000 else {}), **FAR}
        look(store, samples(100 * SECOND + ms * MS, **fields))
    past = charted(store, 1, 20, 21)
    assert past.limits.tolist()[-13:-1] == [Limit.APP] * 4 + [Limit.CWND] * 4 + [Limit.RWND] * 4
    assert set(past.limits.tolist()[:-13]) == {Limit.UNKNOWN}
    assert len(past.limits) == len(past.series["snd_cwnd"].last)


@settings(max_examples=100)
@given(
    looks=st.lists(
        st.tuples(
            st.integers(10, 9000),
            st.floats(0, 1.3),
            st.floats(0, 1),
            st.floats(0, 1),
            st.booleans(),
        ),
        min_size=2,
        max_size=30,
    )
)
def test_shares_of_a_second_never_exceed_it(
    looks: list[tuple[int, float, float, float, bool]],
) -> None:
    """Whatever the clocks say, and however long the windows are, a second has at most a whole."""
    store = Store(MEMORY)
    now, busy, rwnd, sndbuf = 10 * SECOND, 0.0, 0.0, 0.0
    for ms, more, first, second, full in looks:
        now += ms * MS
        busy += ms * 1000 * more
        rwnd += ms * 1000 * more * first
        sndbuf += ms * 1000 * more * second
        clocks: dict[str, Any] = {
            "busy_time": int(busy),
            "rwnd_limited": int(rwnd),
            "sndbuf_limited": int(sndbuf),
        }
        look(store, samples(now, **clocks, **(FULL if full else {})))
        sums = store.keyframe().arrays["limits._recent"].astype("i8").sum(axis=2)[0]
        assert sums.max() <= 250
    span = now - (10 * SECOND + looks[0][0] * MS)
    assert sums.sum() >= 0.9 * min(span / SECOND, 3) * 250 - 250
    found = store.flows(["limit_shares"])["limit_shares"]
    assert np.isnan(found).all() or found.sum() == pytest.approx(1)


# Explanation, and BBR's phase


def told(store: Store) -> tuple[str, str]:
    """What is said of flow 1."""
    return explain(store.some_flows(np.array([1], "u8"), EXPLAINED_BY))


ROUND: dict[str, Any] = {"rtt": 61_000, "min_rtt": 31_000, "cc": b"cubic", "data_segs_out": 1000}
CWND = {"busy_time": 1e6, "snd_ssthresh": 5, **FULL, **ROUND}
LOST = {"total_retrans": 12}
QUIET = {"rtt": 31_000, "data_segs_out": 1000}


VERDICTS: dict[str, dict[str, Any]] = {
    "a full path": {**CWND, **LOST},
    "losses without a queue": {**CWND, **QUIET, **LOST},
    "slow start": {**CWND, "rtt": 31_100, "snd_ssthresh": 0x7FFFFFFF},
    "bbr": {
        **{**CWND, "cc": b"bbr", "bbr_bw": 12_500_000, "pacing_rate": 12_375_000},
        **{"bbr_pacing_gain": 256, "bbr_cwnd_gain": 512},
    },
    "marks": {**CWND, **QUIET, "delivered_ce": 30},
    "a policer": {
        **{**CWND, **QUIET, "bytes_acked": 1_200_000, "delivered": 830, "total_retrans": 20},
    },
    "a policer of bbr": {
        **{**CWND, **QUIET, "cc": b"bbr", "bbr_bw": 1_250_000, "snd_ssthresh": 0x7FFFFFFF},
        **{"bytes_acked": 1_200_000, "delivered": 830, "total_retrans": 90},
    },
    "pacing": {
        **{**CWND, **QUIET, "snd_cwnd": 30, "bytes_acked": 1_240_000},
        **{"max_pacing_rate": 1_250_000, "pacing_rate": 1_250_000, "wmem_queued": 99, "sndbuf": 9},
    },
    "small writes": {
        **{"busy_time": 1e6, "wqueue": 300, "notsent_bytes": 200, "unacked": 1, "rtt": 40_000},
        **{"min_rtt": 50, "data_segs_out": 50},
    },
    "the peer's window": {
        **{"busy_time": 1e6, "rwnd_limited": 0.94e6, "snd_wnd": 65_536, "wqueue": 80_000},
        **{"notsent_bytes": 80_000 - 65_536, "snd_cwnd": 100, "rtt": 1200, "min_rtt": 1100},
    },
    "a closed window": {"busy_time": 1e6, "rwnd_limited": 1e6, "snd_wnd": 0, "wqueue": 9},
    "the send buffer": {
        **{"busy_time": 1e6, "sndbuf_limited": 0.9e6, "sndbuf": 46_080, "wqueue": 20 * 1024},
        **ROUND,
    },
    "two causes": {"busy_time": 0.3e6, **FULL, "last_data_sent": 3200, "data_segs_out": 5},
    "the application": {"busy_time": 0, "rtt": 20_000},
    "recovery": {**CWND, **LOST, "ca_state": 4, "rto": 200_000},
    "a receiver": {"bytes_received": 1024, "rqueue": 2048},
    "a receiver of all that its buffer takes": {"bytes_received": 2e6, **SMALL},
    "a reader that stopped": {**UNREAD, "data_segs_in": 9},
    "a slow reader": {"bytes_received": 1e6, **UNREAD, "rcv_wnd": 30 << 10},
    "a receiver of segments out of order": {"bytes_received": 1e6, "rcv_ooopack": 1234},
}
"""Samples of a flow, in which each cause is found."""


def diagnoses() -> Iterator[tuple[str, str]]:
    """Names of all cases, each with its two sentences; test_messages.py compares them."""
    for name, fields in VERDICTS.items():
        yield name, "\n".join(told(sampled(10, 1000, **fields)))
    store = filled(probes(SECOND))
    yield "no sample", "\n".join(told(store))
    look(store, samples(2 * SECOND))
    yield "one sample", "\n".join(told(store))
    store.ingest(NOTHING, 32 * SECOND)
    yield "no sample for long", "\n".join(told(store))
    closed = Store(MEMORY)
    look(closed, samples(SECOND), destroyed(2 * SECOND, bytes_acked=5 << 20, total_retrans=0))
    closed.ingest(NOTHING, 5 * SECOND)
    yield "a closed flow", "\n".join(told(closed))


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), length=st.integers(0, 240), closed=st.booleans())
def test_there_are_always_two_sentences(seed: int, length: int, closed: bool) -> None:
    """Whatever a kernel tells or does not tell, nothing breaks, and nothing reads as no number."""
    random = np.random.default_rng(seed)
    store = Store(MEMORY)
    for second in range(1, 4):
        fields: dict[str, Any] = {
            name: random.choice([0, 1, 3, 1000, 10**6, 2**32 - 1]) & (255 if kind == "u1" else ~0)
            for name, (kind, _) in TCP_INFO.items()
        }
        fields |= {"wqueue": random.choice([0, 10**6]), "rqueue": random.choice([0, 9])}
        look(store, samples(second * SECOND, info_len=length, **fields))
    if closed:
        look(store, destroyed(5 * SECOND))
    for sentence in told(store):
        assert sentence.endswith(".")
        assert "nan" not in sentence
        assert "inf" not in sentence.replace("inferred", "")


# BBR


@pytest.mark.parametrize(
    ("pacing", "cwnd", "expected"),
    [
        (739, 739, BbrPhase.STARTUP),
        (88, 739, BbrPhase.DRAIN),
        (320, 512, BbrPhase.PROBE_BW),
        (192, 512, BbrPhase.PROBE_BW),
        (256, 512, BbrPhase.PROBE_BW),
        (256, 256, BbrPhase.PROBE_RTT),
        (np.nan, np.nan, BbrPhase.UNKNOWN),
        (500, 100, BbrPhase.UNKNOWN),
    ],
)
def test_the_phase_follows_from_the_gains(pacing: float, cwnd: float, expected: BbrPhase) -> None:
    """Gains of tcp_bbr.c tell its phases apart; others are no phase."""
    found = phase(np.array([pacing]), np.array([cwnd]))
    assert found.tolist() == [expected]
    assert set(PHASE_NAMES) == set(BbrPhase)


def test_the_receive_rate_is_of_the_last_two_looks() -> None:
    """It is known from the second look on, and no longer than its verdict."""
    store = sampled(0, bytes_received=1e6)
    assert np.isnan(value(store, "rcv_rate"))
    look(store, samples(10 * SECOND + 500 * MS, bytes_received=10**6, **FAR))
    assert value(store, "rcv_rate") == pytest.approx(2e6)
    store.ingest(NOTHING, 60 * SECOND)
    assert np.isnan(value(store, "rcv_rate"))


def test_what_an_overfull_receive_buffer_dropped_stays_its_windows() -> None:
    """A recovery in which the peer's window was closed is the window's until it ends."""
    store = Store(MEMORY)
    for second in range(10):
        fields = {**FAR, **FULL, "ca_state": 4, "snd_wnd": 0 if second == 3 else 10**6}
        look(store, samples((10 + second) * SECOND, busy_time=second * 10**6, **fields))
        if second > 4:
            assert value(store, "limit") == Limit.RWND
    for second in range(10, 14):
        look(store, samples((10 + second) * SECOND, busy_time=second * 10**6, **FULL, **FAR))
    assert value(store, "limit") == Limit.CWND


def test_growth_of_the_receive_buffer_is_told_with_its_figures() -> None:
    """From how much to how much, in which time, and that it goes on or when it stopped."""
    store = Store(MEMORY)

    def received(quarter: int, rcvbuf: int) -> None:
        more: dict[str, Any] = {
            "bytes_received": 10**6 * quarter,
            "rcvbuf": rcvbuf,
            "rcv_wnd": 1 << 20,
        }
        look(store, samples(10 * SECOND + quarter * 250 * MS, **more, **FAR))

    for quarter in range(4):
        received(quarter, 128 << 10)
    assert "receive buffer" not in told(store)[1]
    for quarter in range(4, 10):
        received(quarter, (quarter - 2) << 20)
    said = "; its receive buffer grew from 128 KiB to 7.0 MiB within 1.5 s, and still grows."
    assert told(store)[1].endswith(said)
    for quarter in range(10, 30):
        received(quarter, 7 << 20)
    assert told(store)[1].endswith(" to 7.0 MiB within 1.5 s, and stopped 5.0 s ago.")
    received(30, 8 << 20)
    said = "grew from 7.0 MiB to 8.0 MiB within 250 ms, and still grows."
    assert told(store)[1].endswith(said)
    for quarter in range(31, 160):
        received(quarter, 8 << 20)
    assert "receive buffer" not in told(store)[1]
