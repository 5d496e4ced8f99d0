"""The two sentences that say what holds a flow back, and BBR's phase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.diagnosis.bbr import PHASE_NAMES, BbrPhase, phase
from tcctui.flows.diagnosis.verdicts import EXPLAINED_BY, explain
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


VERDICTS: dict[str, dict[str, Any]] = {
    "a full path": {**CWND, **LOST, "data_segs_out": 100},
    "losses without a queue": {**CWND, "rtt": 31_000, **LOST, "data_segs_out": 100},
    "slow start": {**CWND, "rtt": 31_100, "snd_ssthresh": 0x7FFFFFFF},
    "bbr": {
        **{**CWND, "cc": b"bbr", "bbr_bw": 12_500_000, "pacing_rate": 12_375_000},
        **{"bbr_pacing_gain": 256, "bbr_cwnd_gain": 512},
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
    "recovery": {**CWND, **LOST, "data_segs_out": 100, "ca_state": 4, "rto": 200_000},
    "a receiver": {"bytes_received": 1024, "rqueue": 2048},
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
