"""Waits in queues, from totals as the kernel's program counts them."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.sources.kernel.queue_waits import QUEUED, QueueWaits


class Counted:
    """Totals of two places, and a clock."""

    def __init__(self) -> None:
        self.totals = np.zeros(2, QUEUED)
        self.now = 100.0
        self.waits = QueueWaits(self.totals, lambda: self.now)

    def leave(self, place: int, cookie: int, packets: int, wait_ms: int, longest_ms: int) -> None:
        """Have packets of 1,000 bytes leave a queue, and half a second pass."""
        held = self.totals[place]
        if held["sock_cookie"] != cookie:
            self.totals[place] = np.zeros((), QUEUED)
            held["sock_cookie"] = cookie
        held["packets"] += packets
        held["bytes"] += 1000 * packets
        held["wait_ns"] += packets * wait_ms * 1_000_000
        held["byte_us"] += packets * 1000 * wait_ms * 1000
        held["longest_ns"] = longest_ms * 1_000_000
        self.now += 0.5


def test_waits_are_those_between_two_looks() -> None:
    """Mean, longest and backlog are of the packets since the look before, by Little's law."""
    counted = Counted()
    counted.leave(0, 7, 1000, 50, 90)
    assert counted.waits.of(0, 7) is None, "of how long a time is not known yet"
    counted.leave(0, 7, 100, 20, 30)
    # 200 packets a second, each 20 ms in the queue: 4 of them are there at a time.
    told = counted.waits.of(0, 7)
    assert told is not None
    assert told[:3] == (100, 20_000.0, 30_000.0)
    assert told.backlog == pytest.approx(4000)
    counted.leave(0, 7, 10, 5, 6)
    told = counted.waits.of(0, 7)
    assert told is not None
    assert (told.packets, told.wait_us, told.longest_us) == (10, 5000.0, 6000.0)


def test_a_look_too_early_tells_the_same() -> None:
    """Frames come faster than looks: between two, what was told stays."""
    counted = Counted()
    for _ in range(2):
        counted.leave(0, 7, 10, 5, 6)
        told = counted.waits.of(0, 7)
    counted.totals["packets"] += 5
    counted.now += 0.1
    assert counted.waits.of(0, 7) == told is not None
    counted.now += 0.5
    assert counted.waits.of(0, 7) != told


def test_nothing_is_told_of_quiet_or_other_flows() -> None:
    """A flow whose packets did not wait has no waits; nor has the one that had its place before."""
    counted = Counted()
    for _ in range(2):
        counted.leave(0, 7, 10, 5, 6)
        counted.waits.of(0, 7)
    counted.now += 1
    assert counted.waits.of(0, 7) is None
    assert counted.waits.of(0, 8) is None, "the place is still the other one's"
    counted.leave(0, 8, 10, 5, 6)
    assert counted.waits.of(0, 8) is None
    counted.leave(0, 8, 10, 5, 6)
    assert counted.waits.of(0, 8) is not None
    assert counted.waits.of(1, 8) is None
