"""Reading without a screen: what the batches hold, and how they end."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from tcctui.errors import TcctuiError
from tcctui.headless.read_loop import Ending, live
from tcctui.wire.records import joined
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.samples import NO_SAMPLES, samples


def test_what_happens_until_the_end_and_nothing_of_later() -> None:
    """With a duration, all events from before its end come, however many looks that takes."""
    batches = [probes(START + at * 150 * MS) for at in range(20)]
    with Ending() as ending:
        parts = list(live(Delivered(batches), ending, START, 1.0))
    events = joined([NOTHING, *(part.events for part in parts)])
    assert events["ts_ns"].tolist() == [START + at * 150 * MS for at in range(7)]


def test_samples_come_with_the_batch() -> None:
    """All parts of what was sampled are in the batch after which there is no more."""
    source = Delivered([probes(START)], [samples(START, 1), samples(START, 2)])
    with Ending() as ending:
        first = next(live(source, ending, START, 1.0))
    assert [part["sock_cookie"].tolist() for part in first.samples] == [[1], [2]]


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


def test_no_samples_are_no_parts() -> None:
    """A batch without samples has no empty one."""
    with Ending() as ending:
        part = next(live(Delivered([NOTHING], [NO_SAMPLES]), ending, START, 1.0))
    assert part.samples == []
    assert part.now_ns == START + SECOND // 10
    assert np.array_equal(part.events, NOTHING)
