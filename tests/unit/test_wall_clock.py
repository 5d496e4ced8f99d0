"""Time of day of moments, also where the machine sleeps or its clock is set."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tcctui.recording.origin import clocks
from tcctui.recording.timeline import WallClock
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, SECOND

WALL = 1_790_000_000 * SECOND


def test_each_moment_has_the_time_that_was_right_then() -> None:
    """After a sleep of an hour and a step back, moments before keep theirs, those since have it."""
    now = [START, WALL + START]
    clock = WallClock(WALL, lambda: (now[0], now[1]))
    clock.follow()
    assert clock.at(START) == WALL + START
    now[:] = START + 10 * SECOND, WALL + START + 3610 * SECOND
    clock.follow()
    now[:] = START + 20 * SECOND, WALL + START + 5 * SECOND
    clock.follow()
    assert clock.at(START + 9 * SECOND) == WALL + START + 9 * SECOND
    assert clock.at(START + 12 * SECOND) == WALL + START + 3612 * SECOND
    assert clock.at(START + 21 * SECOND) == WALL + START + 6 * SECOND
    assert clock.offset_ns(0) == WALL


def test_what_is_measured_inexactly_moves_no_label() -> None:
    """A twentieth of a second is none of a person's business; what creeps counts once it is one."""
    moved = [0]
    clock = WallClock(WALL, lambda: (START, WALL + START + moved[0]))
    for moved[0] in (30 * MS, -30 * MS, 49 * MS):
        clock.follow()
        assert clock.at(START) == WALL + START
    moved[0] = 51 * MS
    clock.follow()
    assert clock.at(START) == WALL + START + 51 * MS


def test_a_recording_has_one_offset() -> None:
    """Without a measurement it is the same for all moments; 0 is unknown."""
    clock = WallClock(WALL)
    clock.follow()
    assert [clock.at(0), clock.at(START)] == [WALL, WALL + START]
    assert WallClock().at(START) == 0


def test_a_clock_that_creeps_takes_little_memory() -> None:
    """The oldest moves are forgotten: their moments have that of the oldest that is known."""
    at = count(START, SECOND)
    clock = WallClock(WALL, lambda: (moment := next(at), WALL + 2 * moment))
    for _ in range(3000):
        clock.follow()
    assert clock.at(START + 2999 * SECOND) == WALL + 2 * (START + 2999 * SECOND)
    assert len(clock._steps) == 1000


def test_both_clocks_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement that was interrupted between its two clocks is made again."""
    source = Delivered()
    late = iter([40 * SECOND, 0, 0])

    def wall() -> int:
        source.now += next(late)
        return WALL + source.now

    monkeypatch.setattr(time, "time_ns", wall)
    now_ns, wall_ns = clocks(source)
    assert wall_ns - now_ns == WALL
