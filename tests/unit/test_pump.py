"""Delivering: every batch to every sink, in order, once; and reading without a screen."""

from __future__ import annotations

import os
import signal
import threading
from itertools import islice
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.headless.read_loop import Ending, live
from tcctui.pump import deliver, poll, polled
from tcctui.wire.batch import Batch
from tcctui.wire.records import joined
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.samples import NO_SAMPLES, samples


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


def test_the_batch_that_ends_it_is_delivered() -> None:
    """Batches come in their order, and each to the sinks in theirs: the tape after the store.

    `until` is asked once all sinks have the batch; nothing is taken from the source after it.
    """
    noted: list[tuple[str, int]] = []
    source = iter(batches(1, 2, 3))
    sinks = (Noting("store", noted), Noting("tape", noted))
    last = deliver(source, *sinks, until=lambda batch: batch.now_ns == 2)
    assert noted == [("store", 1), ("tape", 1), ("store", 2), ("tape", 2)]
    assert last is not None
    assert last.now_ns == 2
    assert [batch.now_ns for batch in source] == [3]
    assert deliver([]) is None


def test_a_poll_is_what_came_by_its_moment() -> None:
    """It has the events, all parts of what was sampled, and the source's clock after both."""
    source = Delivered([probes(START + MS)], [samples(START, 1), samples(START, 2)])
    batch = poll(source, 0.1)
    assert batch.events["ts_ns"].tolist() == [START + MS]
    assert [part["sock_cookie"].tolist() for part in batch.samples] == [[1], [2]]
    assert batch.now_ns == source.now_ns()
    empty = poll(Delivered([NOTHING], [NO_SAMPLES]), 0.1)
    assert (len(empty.events), empty.samples) == (0, [])


def test_polls_go_on_until_the_source_is_gone() -> None:
    """What a source ends with goes through to whoever delivers."""

    def gone() -> None:
        raise TcctuiError("It has gone.")

    noted: list[tuple[str, int]] = []
    source = Delivered([probes(START + MS), probes(START + 2 * MS)], then=gone)
    with pytest.raises(TcctuiError, match="gone"):
        deliver(polled(source, lambda: 0.1), Noting("store", noted))
    assert len(noted) == 2
    assert [len(batch.events) for batch in islice(polled(Delivered(), lambda: 0.1), 3)] == [0, 0, 0]


# Reading without a screen


def test_what_happens_until_the_end_and_nothing_of_later() -> None:
    """With a duration, all events from before its end come, however many looks that takes."""
    batches = [probes(START + at * 150 * MS) for at in range(20)]
    with Ending() as ending:
        parts = list(live(Delivered(batches), ending, START, 1.0))
    assert parts[0].now_ns == START + SECOND // 10
    events = joined([NOTHING, *(part.events for part in parts)])
    assert events["ts_ns"].tolist() == [START + at * 150 * MS for at in range(7)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_what_came_until_then(number: int) -> None:
    """The batches go on until the source has no more of before the signal."""
    source = Delivered([probes(START), probes(START + MS)])
    seen = 0
    with Ending() as ending:
        for part in live(source, ending, START, None):
            seen += len(part.events)
            if seen == 1:
                os.kill(os.getpid(), number)
    assert seen == 2
    assert ending.asked


def test_a_second_signal_ends_it_at_once() -> None:
    """Whoever presses Ctrl-C twice is not kept waiting."""
    with Ending():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_before_there_is_anything_to_finish(tmp_path: Path) -> None:
    """While a FIFO waits for its reader, the first signal ends the command."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Ending() as ending:
        later = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))

        def waits() -> None:
            with ending.at_once():
                later.start()
                fifo.open("wb")

        with pytest.raises(KeyboardInterrupt):
            waits()
        os.kill(os.getpid(), signal.SIGINT)
        assert ending.asked


def test_what_hangs_after_a_signal_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that takes nothing any more can't hold the end up."""
    monkeypatch.setattr("tcctui.headless.read_loop._PATIENCE", 1)
    read, write = os.pipe()
    try:
        with Ending():
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(TcctuiError, match="takes nothing any more"):
                os.write(write, bytes(1 << 24))
    finally:
        os.close(read)
        os.close(write)


def test_signals_are_given_back() -> None:
    """After the context, signals do what they did before, and no alarm is left."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
    with Ending():
        os.kill(os.getpid(), signal.SIGTERM)
    assert {number: signal.getsignal(number) for number in before} == before
    assert signal.alarm(0) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_is_ignored_stays_so(number: int) -> None:
    """Under nohup, or in the background of a script, a recording goes on without its terminal."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Ending() as ending:
            os.kill(os.getpid(), number)
        assert not ending.asked
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
