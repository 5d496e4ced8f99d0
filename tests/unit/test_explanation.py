"""The two sentences that say what holds a flow back, and BBR's phase."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.diagnosis.bbr import PHASE_NAMES, BbrPhase, phase
from tcctui.flows.diagnosis.diagnosis import EXPLAINED_BY, explain
from tcctui.flows.store import Store
from tcctui.wire.samples import TCP_INFO
from tests.unit.events import NOTHING, SECOND, probes
from tests.unit.samples import destroyed, look, samples
from tests.unit.stores import MEMORY, filled
from tests.unit.test_limits import FULL, sampled


def told(store: Store) -> tuple[str, str]:
    """What is said of flow 1."""
    return explain(store.some_flows(np.array([1], "u8"), EXPLAINED_BY))


ROUND: dict[str, Any] = {"rtt": 61_000, "min_rtt": 31_000, "cc": b"cubic", "data_segs_out": 0}
CWND = {"busy_time": 1e6, "snd_ssthresh": 5, **FULL, **ROUND}
LOST = {"total_retrans": 12}


@pytest.mark.parametrize(
    ("fields", "first", "second"),
    [
        (
            {**CWND, **LOST, "data_segs_out": 100},
            "Limited by congestion control (cubic) for 100 % of the last 2 s: cwnd 10, "
            "all of it in flight.",
            "The queue is full: 30 ms of 61 ms srtt is queueing delay; "
            "1.2 % of the segments were retransmitted.",
        ),
        (
            {**CWND, "rtt": 31_000, **LOST, "data_segs_out": 100},
            "Limited by congestion control (cubic) for 100 % of the last 2 s: cwnd 10, "
            "all of it in flight.",
            "There is no queue: srtt 31 ms is the minimum, yet 1.2 % of the segments were "
            "retransmitted: losses, not queueing, keep cwnd low.",
        ),
        (
            {**CWND, "rtt": 31_100, "snd_ssthresh": 0x7FFFFFFF},
            "Limited by congestion control (cubic) for 100 % of the last 2 s: cwnd 10, "
            "all of it in flight.",
            "Still in slow start: cwnd doubles with each round trip of 31 ms.",
        ),
        (
            {
                **CWND,
                "cc": b"bbr",
                "bbr_bw": 12_500_000,
                "pacing_rate": 12_375_000,
                "bbr_pacing_gain": 256,
                "bbr_cwnd_gain": 512,
            },
            "Limited by congestion control (bbr) for 100 % of the last 2 s: cwnd 10, "
            "all of it in flight.",
            "BBR is in probe_bw (inferred), has measured 100 Mb/s and paces at 99 Mb/s; "
            "30 ms of the srtt is queueing delay.",
        ),
        (
            {
                "busy_time": 1e6,
                "rwnd_limited": 0.94e6,
                "snd_wnd": 65_536,
                "wqueue": 80_000,
                "notsent_bytes": 80_000 - 65_536,
                "snd_cwnd": 100,
                "rtt": 1200,
                "min_rtt": 1100,
            },
            "Limited by the peer's receive window for 94 % of the last 2 s: 64 Ki offered, "
            "all of it in flight.",
            "The path has room: srtt 1.2 ms is only 100 µs above the minimum.",
        ),
        (
            {"busy_time": 1e6, "rwnd_limited": 1e6, "snd_wnd": 0, "wqueue": 9},
            "Limited by the peer's receive window for 100 % of the last 2 s: it is zero.",
            "The application there does not read.",
        ),
        (
            {
                "busy_time": 1e6,
                "sndbuf_limited": 0.9e6,
                "sndbuf": 46_080,
                "wqueue": 20 * 1024,
                **ROUND,
            },
            "Limited by the send buffer for 90 % of the last 2 s: it is 45 Ki, with 20 Ki "
            "in flight.",
            "That carries about 6.0 Mb/s over a round trip of 61 ms; a larger SO_SNDBUF, or none "
            "set, lets it send more.",
        ),
        (
            {"busy_time": 0.3e6, **FULL, "last_data_sent": 3200, "data_segs_out": 5},
            "Limited by the application for 70 % of the last 2 s (and for 30 % by congestion "
            "control): nothing is queued.",
            "It last sent 3.2 s ago.",
        ),
        (
            {"busy_time": 0, "rtt": 20_000},
            "Limited by the application for 100 % of the last 2 s: nothing is queued.",
            "cwnd 10 and srtt 20 ms would allow 5.8 Mb/s; it sends 0 b/s.",
        ),
        (
            {**CWND, **LOST, "data_segs_out": 100, "ca_state": 4, "rto": 200_000},
            "Limited by loss recovery for 100 % of the last 2 s: cwnd 10, ssthresh 7.",
            "1.2 % of the segments were retransmitted in its life; the timeout of 200 ms expired.",
        ),
        (
            {"bytes_received": 1024, "rqueue": 2048},
            "This end only receives: its one limit here is reading.",
            "2.0 KiB are received and not read yet.",
        ),
    ],
)
def test_each_verdict_has_its_sentences(fields: dict[str, Any], first: str, second: str) -> None:
    """For each cause, the figures a network engineer asks for next are there."""
    assert told(sampled(10, 1000, **fields)) == (first, second)


def test_before_anything_is_known() -> None:
    """Without a sample, with one, and with none for long, it says so."""
    store = filled(probes(SECOND))
    assert told(store)[0] == "No sample yet."
    look(store, samples(2 * SECOND))
    assert told(store)[0] == "Sampled once so far."
    store.ingest(NOTHING, 32 * SECOND)
    assert told(store)[0] == "Not sampled for 30 s."


def test_a_closed_flow_has_its_totals() -> None:
    """Of a flow that is over, what it was for is said."""
    store = Store(MEMORY)
    look(store, samples(SECOND), destroyed(2 * SECOND, bytes_acked=5 << 20, total_retrans=0))
    store.ingest(NOTHING, 5 * SECOND)
    assert told(store) == (
        "Closed 3.0 s ago.",
        "5.0 MiB acknowledged in total; no segment was retransmitted.",
    )


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
