"""Windows of the agent by the wall clock, which may be set at any moment."""

from __future__ import annotations

from typing import Any

from tcctui.fleet.agent.agent import Windows

NS = 1_000_000_000
BOOT_S = 1_800_000_000


class Clock:
    """A wall clock that can be set, and one that runs on: that of the source."""

    def __init__(self) -> None:
        self.ran_s = 5
        self.set_s = BOOT_S

    def now_ns(self) -> int:
        """Nanoseconds since the boot."""
        return self.ran_s * NS

    def wall_ns(self) -> int:
        """Nanoseconds since 1970."""
        return (self.set_s + self.ran_s) * NS


def test_a_clock_that_is_set_ends_a_window_and_loses_none() -> None:
    """An hour on, an hour back: each second is in one window, which has the time it began at."""
    clock, ended = Clock(), []
    source: Any = clock

    def taken(began_s: int, wall_offset_ns: int) -> None:
        ended.append((began_s - BOOT_S, clock.ran_s, wall_offset_ns // NS - BOOT_S))

    windows = Windows(10, taken, source, clock.wall_ns)
    for ran_s, set_s in ((12, 0), (15, 3600), (20, 3600), (23, -3600), (30, -3600)):
        clock.ran_s, clock.set_s = ran_s, BOOT_S + set_s
        windows.take(source)
    assert ended == [
        (0, 12, 0),
        (10, 15, 3600),
        (3610, 20, 3600),
        (3620, 23, -3600),
        (-3580, 30, -3600),
    ]
