"""How finely the kernel tells, by a clock and a load that are made up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tcctui.sources.kernel.resolution import FIRST_NS, LONGEST_NS, Resolution
from tests.unit.events import MS, SECOND

ROUND_NS = 50 * MS


class Machine:
    """Reads in rounds of 50 ms; `cost` gives the share of a core that an interval in ns takes."""

    def __init__(self, base_ms: int, cost: Callable[[int], float], max_cpu: float = 0.25) -> None:
        self.resolution = Resolution(base_ms * MS, max_cpu)
        self.cost = cost
        self.used = 0.0
        self.now = 1000 * SECOND
        self.spent = 0.0
        self.changes: list[int] = []

    def run(self, seconds: float) -> int:
        """Go on for so long; gives the interval in ms."""
        for _ in range(int(seconds * SECOND) // ROUND_NS):
            self.now += ROUND_NS
            before = self.resolution.interval_ns
            self.spent += self.cost(before) * ROUND_NS
            after = self.resolution.adapt(self.now, int(self.spent), self.used)
            if after != before:
                self.changes.append(after // MS)
        return self.resolution.interval_ns // MS


def nothing(_: int) -> float:
    """Cost no time."""
    return 0.0


@pytest.mark.parametrize("base_ms", [0, 1, 10, 40])
def test_it_stays_where_there_is_room(base_ms: int) -> None:
    """With an idle reader and an empty ring nothing changes."""
    machine = Machine(base_ms, nothing)
    assert machine.run(60) == base_ms
    assert not machine.changes


def test_it_doubles_while_the_ring_is_full_up_to_a_second_and_comes_back() -> None:
    """A ring over half full doubles the interval, not in each round, and never beyond a second.

    When the load is gone it halves every two seconds until it is where it began.
    """
    machine = Machine(10, nothing)
    machine.used = 0.6
    assert machine.run(0.1) == 20
    assert machine.run(5) == LONGEST_NS // MS == 1000
    assert machine.changes == [20, 40, 80, 160, 320, 640, 1000]
    machine.used, machine.changes = 0.0, []
    assert machine.run(1.9) == 1000
    assert machine.run(20) == 10
    assert machine.changes == [500, 250, 125, 62, 31, 15, 10]
    machine = Machine(0, nothing)  # the first step is 10 ms, since none can't be doubled
    machine.used = 0.6
    assert machine.run(0.05) == FIRST_NS // MS == 10
    machine.used = 0.0
    assert machine.run(3) == 0


def test_half_a_ring_is_no_reason() -> None:
    """A ring that is just half full stays as it is, but nothing becomes finer."""
    machine = Machine(10, nothing)
    machine.used = 0.6
    machine.run(0.1)
    machine.used = 0.5
    assert machine.run(20) == 20
    machine.used = 0.2
    assert machine.run(20) == 20
    machine.used = 0.1
    assert machine.run(3) == 10


def test_it_doubles_when_reading_takes_too_much() -> None:
    """The share of a core is kept below the limit by as many steps as that takes, and no more."""
    machine = Machine(10, lambda interval: 0.9 * 10 * MS / interval)
    assert machine.run(30) == 40
    assert machine.changes == [20, 40]


@pytest.mark.parametrize("base_ms", [0, 3, 10, 2000])
def test_it_never_leaves_its_bounds(base_ms: int) -> None:
    """Neither finer than what was asked for, nor coarser than a second or that."""
    machine = Machine(base_ms, nothing)
    for used in (0.9, 0.0, 0.9, 0.0):
        machine.used = used
        machine.run(30)
    assert all(max(base_ms, 0) <= change <= max(1000, base_ms) for change in machine.changes)
    assert machine.resolution.interval_ns == base_ms * MS


@pytest.mark.parametrize("share", [0.2, 0.24, 0.26, 0.3, 0.45, 0.49, 0.51])
def test_a_steady_load_does_not_swing(share: float) -> None:
    """Wherever a steady load is to the limit, the interval settles."""
    machine = Machine(10, lambda interval: share * 10 * MS / interval)
    machine.run(10)
    machine.changes = []
    machine.run(120)
    assert not machine.changes


def test_what_fails_again_and_again_is_tried_ever_less() -> None:
    """Where each ACK is too much, and 10 ms next to nothing, it hardly swings.

    What once failed is tried after a minute at the latest, and then forgotten.
    """
    machine = Machine(0, lambda interval: 0.01 if interval else 0.9)
    machine.run(60)
    assert 4 <= len(machine.changes) <= 12
    machine.changes = []
    machine.run(600)
    assert len(machine.changes) <= 2 * 600 / 60
    assert set(machine.changes) == {0, 10}
    machine.cost = nothing
    assert machine.run(70) == 0
    machine.run(60)
    machine.used = 0.6
    machine.run(0.1)
    machine.used = 0.0
    assert machine.run(3) == 0
