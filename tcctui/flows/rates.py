"""How fast flows send: bytes acknowledged per second, over about the last second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.flows.index import Rows, grown

TICK_NS = 250_000_000
"""How often rates are worked out."""

_TICKS = 4

_LONGEST_NS = 2_000_000_000


class Rates:
    """Remembers each flow's counter at the last four ticks; the oldest gives the rate."""

    def __init__(self) -> None:
        self._counters = np.zeros((_TICKS, 0), "u8")
        self._when = np.zeros(_TICKS, "i8")
        self._ticks = 0
        self.per_second = np.zeros(0)
        """Bytes per second, by row."""

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        if rows == len(self.per_second):
            return
        self._counters = grown(self._counters.T, rows).T
        self.per_second = grown(self.per_second, rows)

    def forget(self, rows: Rows) -> None:
        """Begin anew with the rows."""
        self._counters[:, rows] = 0
        self.per_second[rows] = 0

    def tick(self, now_ns: int, counter: npt.NDArray[np.uint64]) -> bool:
        """Work the rates out if a tick has passed since the last time; says whether it has."""
        newest = (self._ticks - 1) % _TICKS
        since = now_ns - int(self._when[newest])
        if self._ticks and since < TICK_NS:
            return False
        if self._ticks and since > _LONGEST_NS:
            # The clock jumped, or nobody asked: what was before says nothing of the present.
            self._work_out(now_ns, counter, newest)
            self._ticks = 0
        elif self._ticks:
            self._work_out(now_ns, counter, self._ticks % _TICKS if self._ticks >= _TICKS else 0)
        slot = self._ticks % _TICKS
        self._counters[slot] = counter
        self._when[slot] = now_ns
        self._ticks += 1
        return True

    def _work_out(self, now_ns: int, counter: npt.NDArray[np.uint64], since: int) -> None:
        elapsed = now_ns - int(self._when[since])
        self.per_second = (counter - self._counters[since]) * (1e9 / elapsed)
