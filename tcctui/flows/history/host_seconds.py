"""Totals of each second over all flows, for a timeline of the host."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import Array, Records, distinct
from tcctui.wire.tracepoints import MarkKind

SLOTS = 1024
"""Seconds that are kept: 17 minutes in 72 kB."""

MOST_STEPS = 86_400
"""Steps of a recording at most: of a day they are seconds, of a week longer."""

_KINDS = len(MarkKind)

ENTRY = np.dtype(
    [
        ("stamp", "i8"),
        ("goodput", "f8"),
        ("in_loss", "u4"),
        ("marks", "u4", (_KINDS,)),
        ("worst", "u4"),
        ("net_hi", "u8"),
        ("net_lo", "u8"),
    ]
)
"""One second, or one step of several.

`stamp` is its number since the clock's zero. `goodput`: bytes per second that the peers
acknowledge, at its end. `in_loss`: connections in state Loss, at most. `marks`: occurrences of each
`MarkKind`. `worst`: retransmits to the remote net (as groups have it) that had most of them.
"""


class HostPast(NamedTuple):
    """Totals of consecutive steps, ascending (`ENTRY`), and the length of each.

    With `many` they are of many hosts, of which one always has a timeout or a reset.
    """

    entries: Records
    step_ns: int
    many: bool = False


class HostSeconds:
    """Ring of the last `slots` steps of `seconds` each."""

    def __init__(self, slots: int = SLOTS, seconds: int = 1) -> None:
        self.step_ns = seconds * 1_000_000_000
        """Length of a step."""
        self._ring = np.zeros(slots, ENTRY)
        self._ticked = -1

    @classmethod
    def over(cls, first_ns: int, last_ns: int) -> HostSeconds:
        """Make room for all of a time: in seconds, or in longer steps where there are too many."""
        seconds = (last_ns - first_ns) // 1_000_000_000 + 2
        step = -(-seconds // MOST_STEPS)
        return cls(-(-seconds // step) + 1, step)

    def add_marks(self, when_ns: Array, kinds: Array, counts: Array) -> None:
        """Count occurrences, in any order; those before the ring's time are left out."""
        stamps = when_ns.astype("i8") // self.step_ns
        for stamp in distinct(stamps).tolist():
            self._entry(stamp)
        slots = stamps % len(self._ring)
        there = self._ring["stamp"][slots] == stamps
        np.add.at(self._ring["marks"], (slots[there], kinds[there]), counts[there].astype("u4"))

    def ended(self, now_ns: int) -> np.void | None:
        """Entry of the second before this one, to be completed, once; None at any other time."""
        second = now_ns // 1_000_000_000
        if second == self._ticked:
            return None
        self._ticked = second
        return self._entry((second - 1) * 1_000_000_000 // self.step_ns)

    def _entry(self, stamp: int) -> np.void | None:
        """Entry of a step, cleared if it is a new one; None for one before the ring's time."""
        entry: np.void = self._ring[stamp % len(self._ring)]
        if entry["stamp"] < stamp:
            self._ring[stamp % len(self._ring)] = np.zeros((), ENTRY)
            entry["stamp"] = stamp
        return entry if entry["stamp"] == stamp else None

    def between(self, first_ns: int, last_ns: int) -> HostPast:
        """Copy the steps from one moment to another, ascending; unknown ones are zero."""
        first, last = first_ns // self.step_ns, max(first_ns, last_ns) // self.step_ns
        stamps = np.arange(max(first, last - len(self._ring) + 1), last + 1)
        found: Records = self._ring[stamps % len(self._ring)].copy()
        found[found["stamp"] != stamps] = 0
        found["stamp"] = stamps
        return HostPast(found, self.step_ns)
