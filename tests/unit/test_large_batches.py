"""Large batches of events: taken in by some thousands, cut between flows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tcctui.flows.intake import event_intake
from tcctui.flows.intake.probe_batch import by_flow
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.wire.batch import Batch
from tcctui.wire.events import EVENT, Events
from tests.unit.events import SECOND, probes
from tests.unit.samples import samples

NAMES = frozenset({"bytes_acked", "snd_cwnd", "acks", "events", "last_ns", "state", "limit"})


def acks(count: int, flows: int, end_ns: int) -> Events:
    """ACKs of flows in turn, in the half second until `end_ns`."""
    at = np.arange(count)
    made = probes(end_ns - (count - at) * (SECOND // 2 // count), 1 + at % flows)
    made["snd_una"] = (end_ns // 10**6 + at) & 0xFFFF_FFFF
    made["snd_nxt"] = made["snd_una"] + 5000
    made["snd_cwnd"] = 10 + at % 7
    return made


def test_a_batch_is_cut_between_flows() -> None:
    """Each flow is in one part, with all of its events in order; together they are the batch."""
    events = acks(1000, 7, SECOND)  # a flow has more than a part's
    events = np.concatenate([events, acks(300, 90, 2 * SECOND)])
    parts = [*by_flow(events, 50)]
    assert len(parts) > 7
    flows = [set(part.cookies.tolist()) for part in parts]
    assert sum(map(len, flows)) == len(set().union(*flows)) == 90
    found = np.concatenate([part.events for part in parts])
    order = np.argsort(events["sock_cookie"], kind="stable")
    assert np.array_equal(found, events[order])


def known(at_once: int, monkeypatch: pytest.MonkeyPatch) -> Flows:
    """Flows of a store that has taken in batches, each with late samples of all, cut so."""
    monkeypatch.setattr(event_intake, "_AT_ONCE", at_once)
    store = Store(0)
    for number in range(1, 9):
        now = number * SECOND
        looks = samples(now - SECOND // 4, np.arange(1, 301), bytes_acked=number * 2000)
        store.take(Batch(acks(2000, 300, now), [looks], now))
    return store.flows(NAMES)


def test_a_cut_batch_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples that are older than some of the batch's events find them in whatever part."""
    whole, cut = known(10**6, monkeypatch), known(100, monkeypatch)
    for name in NAMES:
        assert np.array_equal(whole[name], cut[name]), name


def test_a_large_batch_takes_little_memory() -> None:
    """Beside the batch itself, less than half of it: a reader that comes late finds all at once."""
    store = Store(0)
    for number in (1, 2, 3):
        store.ingest(acks(60_000, 10_000, number * SECOND), number * SECOND)
    late = acks(60_000, 10_000, 4 * SECOND)
    tracemalloc.start()
    store.ingest(late, 4 * SECOND)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert late.itemsize == EVENT.itemsize
    assert most < late.nbytes * 1.5
