"""Sentences about limits against the figures that they rest on."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.config.settings import Units
from tcctui.demo import RECORDING
from tcctui.flows.diagnosis.verdicts import EXPLAINED_BY, Limit, explain
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.recording.file import Recording
from tcctui.wire.batch import Batch
from tests.unit.events import MS, SECOND, probes
from tests.unit.samples import look, samples
from tests.unit.stores import MEMORY, ingest
from tests.unit.test_limits import VERDICTS, sampled

BYTES = Units(rate="byte")
_SIZE = r"([\d.]+) ?(Ki|Mi|Gi|)B?"
_PREFIXES = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
_DECIMAL = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_ROUNDED = 1.06
"""Two figures are right to 5 %."""


def size(number: str, prefix: str) -> float:
    """Bytes of a size that is written with two figures."""
    return float(number) * _PREFIXES[prefix]


def mistakes(flows: Flows, place: int, falls: bool) -> list[str]:
    """Claims about a flow that its own figures contradict; `falls` if cwnd fell since before."""
    first, second = explain(flows, place, BYTES)
    text = f"{first} {second}"
    found = []

    def number(name: str) -> float:
        value = float(flows[name][place])
        return 0.0 if np.isnan(value) else value

    flying = number("in_flight")
    for limit, prefix in re.findall(rf"It (?:is|offers) {_SIZE}, ", text):
        if size(limit, prefix) * _ROUNDED + 1 < flying:
            found.append("a limit smaller than what is in flight")
    for rate, prefix in re.findall(r"(?:about|allow) ([\d.]+) ?([kMGT]?)B/s", text):
        if float(rate) * _DECIMAL[prefix] * _ROUNDED + 1 < number("rate"):
            found.append("a rate smaller than what is sent")
    if re.search(r"cwnd (\d+)(, ssthresh \d+)?, all of it in flight", text):
        segments = number("unacked") if number("sampled_ns") >= number("last_ns") else 0
        segments = segments or round(flying / max(number("mss"), 1))
        if abs(segments - number("snd_cwnd")) > 1:
            found.append("a window in flight that is not")
    if falls and re.search(r"grow|doubl", text):
        found.append("growth while cwnd falls")
    if re.search("[Nn]othing (is queued|waits)", text) and (
        number("wqueue") or number("notsent_bytes") or flying
    ):
        found.append("nothing waits while bytes wait")
    if "No queue" in text and re.search(r"is queueing delay", text):
        found.append("a queue and none")
    if "in its life" in text or re.search(r"nan|inf\b", text):
        found.append("another time, or no number")
    # The present has a sentence of its own: the first one has no figure of it.
    if re.search(r"last 2 s.*(cwnd \d+,|in flight|srtt)", first):
        found.append("past and present in one sentence")
    shares = [int(share) for share in re.findall(r"(\d+) % (?:of the last 2 s|by)", first)]
    if sum(shares) > 101 or any(share < 1 for share in shares):
        found.append("shares that do not add up")
    return [f"{mistake}: {text}" for mistake in found]


def all_mistakes(store: Store, before: dict[int, int]) -> list[str]:
    """Find those about all flows; `before` has the cwnd of each, and gets the new one."""
    flows = store.flows(EXPLAINED_BY)
    found = []
    for place, cookie in enumerate(flows["cookie"].tolist()):
        cwnd = int(flows["snd_cwnd"][place])
        found += mistakes(flows, place, cwnd < before.get(cookie, 0))
        before[cookie] = cwnd
    return found


def test_no_sentence_about_the_demo_contradicts_its_figures() -> None:
    """After each quarter of a second of the bundled recording, all sentences hold."""
    recording = Recording(RECORDING)
    store, before, found, said = Store(MEMORY), dict[int, int](), list[str](), set[int]()
    for chunk in recording.chunks(0, recording.span.last_ns):
        for number, batch in enumerate(quarters(chunk.events, chunk.samples)):
            store.take(batch)
            found += all_mistakes(store, before)
            if not number:
                said |= set(store.flows(["limit"])["limit"].tolist())
    assert not found
    assert len(said) > 4


def quarters(events: Any, there: Any) -> list[Batch]:
    """Batches of a quarter of a second, each with the samples that came within it."""
    ends = [int(each["ts_ns"].max()) for each in (events, there) if len(each)]
    begins = [int(each["ts_ns"].min()) for each in (events, there) if len(each)]
    made, at = [], min(begins, default=0)
    while at <= max(ends, default=-1):
        until = at + 250 * MS
        parts = [each[(each["ts_ns"] >= at) & (each["ts_ns"] < until)] for each in (events, there)]
        made.append(Batch(parts[0], [parts[1]] if len(parts[1]) else [], until))
        at = until
    return made


@pytest.mark.parametrize("case", VERDICTS)
def test_no_sentence_about_a_limit_contradicts_its_figures(case: str) -> None:
    """Of every kind of limit, all that is said holds."""
    assert not all_mistakes(sampled(10, 500, **VERDICTS[case]), {})


_SMALL = st.integers(0, 300)
_STATES = st.fixed_dictionaries(
    {
        "snd_cwnd": st.integers(1, 300),
        "snd_ssthresh": st.sampled_from([2, 50, 0x7FFFFFFF]),
        "unacked": _SMALL,
        "wqueue": st.integers(0, 400_000),
        "notsent_bytes": st.sampled_from([0, 200, 1448, 90_000, 400_000]),
        "snd_wnd": st.sampled_from([0, 3000, 65_535, 10**6]),
        "sndbuf": st.sampled_from([16_384, 87_040, 4 << 20]),
        "wmem_queued": st.sampled_from([0, 20_000, 90_000, 5 << 20]),
        "snd_mss": st.sampled_from([0, 536, 1448, 8948]),
        "rtt": st.sampled_from([0, 100, 20_000, 70_000]),
        "min_rtt": st.sampled_from([80, 20_000, 0xFFFFFFFF]),
        "rate_flags": st.integers(0, 1),
        "ca_state": st.integers(0, 4),
        "last_data_sent": st.sampled_from([0, 40, 5000]),
        "rto": st.just(204_000),
        "max_pacing_rate": st.sampled_from([10**5, 10**7, 0xFFFFFFFFFFFFFFFF]),
    }
)
_GROWTH = st.fixed_dictionaries(
    {
        "busy_time": st.integers(0, 500_000),
        "rwnd_limited": st.integers(0, 300_000),
        "sndbuf_limited": st.integers(0, 300_000),
        "bytes_acked": st.integers(0, 10**6),
        "delivered": _SMALL,
        "delivered_ce": st.integers(0, 3),
        "data_segs_out": _SMALL,
        "total_retrans": st.integers(0, 30),
        "bytes_received": st.integers(0, 10),
    }
)
_EVENT = st.tuples(st.integers(1, 300), st.integers(0, 300), st.integers(0, 10**6))


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(st.tuples(_STATES, _GROWTH, st.none() | _EVENT), min_size=2, max_size=12),
    bbr=st.booleans(),
)
def test_no_sentence_about_any_state_contradicts_its_figures(
    steps: list[tuple[dict[str, Any], dict[str, int], tuple[int, int, int] | None]], bbr: bool
) -> None:
    """Whatever samples and events say one after the other, all that is said holds."""
    store, before, total = Store(MEMORY), dict[int, int](), dict[str, int]()
    for number, (state, growth, event) in enumerate(steps):
        now = 10 * SECOND + number * 500 * MS
        total = {name: total.get(name, 0) + more for name, more in growth.items()}
        fields = {**state, **total, "cc": b"cubic"}
        if bbr:
            fields |= {"cc": b"bbr", "bbr_bw": 10**6, "pacing_rate": 10**6, "bbr_pacing_gain": 256}
        look(store, samples(now, **fields))
        if event is not None:
            cwnd, ssthresh, flying = event
            una = number * 10_000
            made = probes(now + MS, snd_una=una, snd_nxt=una + flying, snd_cwnd=cwnd)
            made["ssthresh"], made["srtt"], made["snd_wnd"] = ssthresh, 20_000, state["snd_wnd"]
            ingest(store, made)
        assert not all_mistakes(store, before)


def test_every_limit_has_been_spoken_of() -> None:
    """The states above have each limit that a sample alone can show."""
    seen = {
        int(sampled(10, 500, **fields).flows(["limit"])["limit"][0]) for fields in VERDICTS.values()
    }
    assert seen >= {*Limit} - {Limit.UNKNOWN, Limit.LOSS, Limit.IDLE}
