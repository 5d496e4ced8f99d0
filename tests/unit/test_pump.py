"""Delivering: every batch to every sink, in order, once."""

from __future__ import annotations

from itertools import islice

import pytest

from tcctui.errors import TcctuiError
from tcctui.pump import deliver, poll, polled
from tcctui.wire.batch import Batch
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, NOTHING, probes
from tests.unit.samples import samples


class Noting:
    """A sink that notes whose batches it had, in a list that it shares with others."""

    def __init__(self, name: str, noted: list[tuple[str, int]]) -> None:
        self._name = name
        self._noted = noted

    def take(self, batch: Batch) -> None:
        """Take note of a batch."""
        self._noted.append((self._name, batch.now_ns))


def batches(*moments: int) -> list[Batch]:
    """Make batches of nothing."""
    return [Batch(NOTHING, [], moment) for moment in moments]


def test_sinks_have_each_batch_before_the_next_comes() -> None:
    """Batches come in their order, and each to the sinks in theirs: the tape after the store."""
    noted: list[tuple[str, int]] = []
    last = deliver(batches(1, 2), Noting("store", noted), Noting("tape", noted))
    assert noted == [("store", 1), ("tape", 1), ("store", 2), ("tape", 2)]
    assert last is not None
    assert last.now_ns == 2


def test_the_batch_that_ends_it_is_delivered() -> None:
    """`until` is asked once all sinks have the batch; nothing is taken from the source after it."""
    noted: list[tuple[str, int]] = []
    source = iter(batches(1, 2, 3))
    last = deliver(source, Noting("store", noted), until=lambda batch: batch.now_ns == 2)
    assert noted == [("store", 1), ("store", 2)]
    assert last is not None
    assert last.now_ns == 2
    assert [batch.now_ns for batch in source] == [3]


def test_nothing_is_delivered_of_nothing() -> None:
    """A source that ends at once has no last batch."""
    assert deliver([]) is None


def test_a_poll_is_what_came_by_its_moment() -> None:
    """It has the events, all parts of what was sampled, and the source's clock after both."""
    source = Delivered([probes(START + MS)], [samples(START, 1), samples(START, 2)])
    batch = poll(source, 0.1)
    assert batch.events["ts_ns"].tolist() == [START + MS]
    assert [part["sock_cookie"].tolist() for part in batch.samples] == [[1], [2]]
    assert batch.now_ns == source.now_ns()


def test_polls_go_on_until_the_source_is_gone() -> None:
    """What a source ends with goes through to whoever delivers."""

    def gone() -> None:
        raise TcctuiError("It has gone.")

    noted: list[tuple[str, int]] = []
    source = Delivered([probes(START + MS), probes(START + 2 * MS)], then=gone)
    with pytest.raises(TcctuiError, match="gone"):
        deliver(polled(source, 0.1), Noting("store", noted))
    assert len(noted) == 2
    assert [len(batch.events) for batch in islice(polled(Delivered(), 0.1), 3)] == [0, 0, 0]
