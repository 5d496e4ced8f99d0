"""Rates of flows: bytes acknowledged per second, over about the last second."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from tcctui.arrays import U64, Array, Floats
from tcctui.flows.index import Rows, grown

TICK_NS = 250_000_000
"""Interval of rate computations, in nanoseconds."""

TICKS = 4
"""Number of intervals that a rate covers."""

_EARLY_NS = 25_000_000
"""Nanoseconds that a tick may be early, where batches come about as often as ticks."""

_LONGEST_NS = 2_000_000_000


class EventRate:
    """Events per second, over the last four ticks."""

    def __init__(self) -> None:
        self._told = deque[tuple[int, int]](maxlen=TICKS + 1)  # times, and counts until then

    def tick(self, now_ns: int, events: int) -> None:
        """Record the count of events until now."""
        self._told.append((now_ns, events))
        while len(self._told) > 2 and self._told[-1][0] - self._told[0][0] > _LONGEST_NS:
            self._told.popleft()

    @property
    def per_second(self) -> float:
        """Events per second; NaN while unknown."""
        if len(self._told) < 2:
            return math.nan
        (since_ns, before), (until_ns, now) = self._told[0], self._told[-1]
        return (now - before) * 1e9 / (until_ns - since_ns)

    @property
    def ticks(self) -> list[int]:
        """Times and counts, one tick after the other."""
        return [number for tick in self._told for number in tick]

    def go_on_from(self, ticks: Sequence[int], now_ns: int) -> None:
        """Restore `ticks`; implausible ones are left out, and zeros appended."""
        pairs = list(zip(ticks[::2], ticks[1::2], strict=False))[: TICKS + 1]
        pairs = [(when, events) for when, events in pairs if 0 < when <= now_ns]
        self._told.clear()
        if all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(pairs)):
            self._told.extend(pairs)


class Rates:
    """Remembers each flow's counter at the last four ticks; the oldest gives the rate."""

    def __init__(self) -> None:
        self._counters = np.zeros((0, TICKS), "u8")
        self._when = np.zeros(TICKS, "i8")
        self._ticks = 0
        self.per_second: Floats = np.zeros(0)
        """Bytes per second, by row."""

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._counters = grown(self._counters, rows)
        self.per_second = grown(self.per_second, rows)

    def forget(self, rows: Rows) -> None:
        """Reset the rows."""
        self._counters[rows] = 0
        self.per_second[rows] = 0

    def leave_out(self, rows: Rows, counted: U64) -> None:
        """Move part of the rows' present counts to another time."""
        self._counters[rows] += counted[:, np.newaxis]

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {"counters": self._counters, "per_second": self.per_second}

    @property
    def ticks(self) -> list[int]:
        """Times and number of the last ticks, for a later restore."""
        return [*self._when.tolist(), self._ticks]

    @ticks.setter
    def ticks(self, ticks: Sequence[int]) -> None:
        *when, self._ticks = ticks
        self._when[:] = when

    def check(self, ticks: Sequence[int], now_ns: int) -> None:
        """Check that recorded ticks can be continued at `now_ns`.

        Raises:
            ValueError: they are implausible.

        """
        *when, count = ticks
        if min(*when, count) < 0 or max(*when, when[(count - 1) % TICKS]) > now_ns:
            raise ValueError("rates were worked out in the future")
        if count and when[(count - 1) % TICKS] != max(when):
            raise ValueError("rates were worked out in another order")

    def tick(self, now_ns: int, counter: U64) -> bool:
        """Update the rates if a tick has passed since the last update; True if updated."""
        newest = (self._ticks - 1) % TICKS
        since = now_ns - int(self._when[newest])
        if self._ticks and since < TICK_NS - _EARLY_NS:
            return False
        if self._ticks and since > _LONGEST_NS:
            # The clock jumped, or there was a pause: earlier counts say nothing of the present.
            self._work_out(now_ns, counter, newest)
            self._ticks = 0
        elif self._ticks:
            self._work_out(now_ns, counter, self._ticks % TICKS if self._ticks >= TICKS else 0)
        slot = self._ticks % TICKS
        self._counters[:, slot] = counter
        self._when[slot] = now_ns
        self._ticks += 1
        return True

    def _work_out(self, now_ns: int, counter: U64, since: int) -> None:
        elapsed = now_ns - int(self._when[since])
        self.per_second = (counter - self._counters[:, since]).astype("f8") * (1e9 / elapsed)
