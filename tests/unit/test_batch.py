"""How many ACKs events stand for, and how events are copied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.intake.probe_batch import by_flow
from tcctui.wire.events import EVENT, Events
from tcctui.wire.records import joined, pick
from tests.unit.events import NOTHING, probes, together

TOP = 2**32 - 1


def counted(*counts: int, begun: bool = False, cookie: int = 1) -> Events:
    """Make events of one flow with these counts of ACKs; the first may have begun the count."""
    events = probes(list(range(1, len(counts) + 1)), cookie, acks=list(counts))
    events["begun"][0] = begun
    return events


def stands_for(events: Events, told: int = 0) -> tuple[int, int]:
    """Give how many ACKs one flow's events stand for, and the count told then."""
    batch, before = next(by_flow(events)), np.array([told], "u4")
    return int(batch.acks(before)[0]), int(batch.told(before)[0])


CASES = {
    "each alone": (counted(0, 0, 0), 0, 3, 0),
    "alone behind a count": (counted(0, 0), 7, 2, 7),
    "first": (counted(1, begun=True), 0, 1, 1),
    "first that found room": (counted(5, 6, 10, begun=True), 0, 10, 10),
    "a count goes on": (counted(12, 20), 10, 10, 20),
    "delivered twice": (counted(10, 10, 11), 10, 1, 11),
    "wraps": (counted(2), TOP, 3, 2),
    "wraps within a batch": (counted(TOP - 1, TOP, 3), TOP - 2, 6, 3),
    "another count, as far as the one before": (counted(1, 4, begun=True), 1, 4, 4),
    "another count, farther than the one before": (counted(9, 12, begun=True), 3, 12, 12),
    "alone within a count": (counted(0, 0, 4, 0), 2, 5, 4),
    "another count within a batch": (together(counted(5), counted(2, 3, begun=True)), 4, 4, 3),
    "alone, then a count": (together(counted(0, 0), counted(3, 5, begun=True)), 0, 7, 5),
    "a flow not known from its beginning": (counted(1000, 1003), 0, 4, 1003),
    "older than what is told": (counted(8, 12), 10, 4, 12),
}


@pytest.mark.parametrize(("events", "told", "expected", "then"), CASES.values(), ids=CASES)
def test_what_events_stand_for(events: Events, told: int, expected: int, then: int) -> None:
    """Counts are told apart by where they begin, modulo 2³², with events that stand alone between.

    Of a flow that is not known, the first event stands for itself; what moves back, for nothing.
    """
    assert stands_for(events, told) == (expected, then)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["alone", "counted", "anew"])), max_size=60
    ),
    st.integers(1, TOP - 400),  # the wrap is above
    st.integers(1, 8),
)
def test_batches_of_flows_count_what_happened(
    happened: list[tuple[int, str]], start: int, size: int
) -> None:
    """However events of several flows are cut into batches, each ACK counts once."""
    count, told, acks, found = (dict.fromkeys((1, 2, 3), number) for number in (start, start, 0, 0))
    parts = []
    for number, (cookie, how) in enumerate(happened):
        begun, step = how == "anew", 1 if how == "alone" else number % 5 + 1
        if how != "alone":
            count[cookie] = step if begun else count[cookie] + step
        value = 0 if how == "alone" else count[cookie]
        parts.append(probes(number + 1, cookie, acks=value, begun=begun))
        acks[cookie] += step
    for first in range(0, len(parts), size):
        batch = next(by_flow(joined(parts[first : first + size])))
        cookies = batch.cookies.tolist()
        before = np.array([told[cookie] for cookie in cookies], "u4")
        for cookie, number in zip(cookies, batch.acks(before).tolist(), strict=True):
            found[cookie] += number
        told.update(zip(cookies, batch.told(before).tolist(), strict=True))
    assert found == acks


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(0, 3))
def test_copies_are_whole_events(places: list[int], begin: int) -> None:
    """Picking by places or by a mask, and joining, copy each byte and share none."""
    events = np.frombuffer(np.random.default_rng(1).bytes(10 * EVENT.itemsize), EVENT)
    chosen = np.array(places, "i8")
    assert pick(events, chosen).tobytes() == b"".join(events[one].tobytes() for one in places)
    mask = np.isin(np.arange(10), chosen)
    assert pick(events, mask).tobytes() == events[mask].tobytes()
    parts = [events[begin : begin + 2], NOTHING, events[5:]]
    both = joined(parts)
    assert both.dtype == EVENT
    assert both.tobytes() == b"".join(part.tobytes() for part in parts)
    assert not np.shares_memory(both, events)
    assert joined([events]) is events
