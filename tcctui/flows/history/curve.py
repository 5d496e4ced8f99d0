"""Curves of values known at moments, over the columns of a chart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Floats
from tcctui.flows.snapshot import Extremes

_SECOND = 1_000_000_000


class Window(NamedTuple):
    """The `seconds` until a moment, in equal columns."""

    until_ns: int
    seconds: float
    columns: int

    @property
    def since_ns(self) -> int:
        """Its begin."""
        return self.until_ns - max(round(self.seconds * _SECOND), 1)

    def between(self, first: int, last: int) -> tuple[int, int]:
        """First and last moment of columns from one to another."""
        span = self.until_ns - self.since_ns
        begin, end = (self.since_ns - at * span // -self.columns for at in (first, last + 1))
        return begin, self.until_ns if last + 1 >= self.columns else end - 1

    def places(self, when_ns: I64) -> I64:
        """Column of each moment; negative before the begin."""
        span = self.until_ns - self.since_ns
        return np.minimum((when_ns - self.since_ns) * self.columns // span, self.columns - 1)


class Curve(NamedTuple):
    """Values from moments on, until the next; arrays of shape (n,), NaN where unknown.

    A `total` is drawn as its growth per second. From `over_ns` on nothing is known.
    """

    when_ns: I64
    values: Floats
    total: bool = False
    over_ns: int = 1 << 62

    def over(self, window: Window) -> Extremes:
        """Extremes and last value in each column; infinite, off the chart, from `over_ns` on."""
        drawn = self._growth(window) if self.total else self._values(window)
        if self.over_ns < window.until_ns:
            over = max(int(window.places(np.array([self.over_ns], "i8"))[0]) + 1, 0)
            for part in (drawn.low, drawn.high, drawn.last):
                part[over:] = np.inf
        return drawn

    def _values(self, window: Window) -> Extremes:
        first = max(int(np.searchsorted(self.when_ns, window.since_ns)) - 1, 0)
        last = int(np.searchsorted(self.when_ns, window.until_ns, "right"))
        when, values = self.when_ns[first:last], self.values[first:last]
        known = ~np.isnan(values)
        # What there was before the begin holds in the first column.
        at, values = np.maximum(window.places(when[known]), 0), values[known]
        low, high, latest = np.full((3, window.columns), np.nan)
        np.fmin.at(low, at, values)
        np.fmax.at(high, at, values)
        latest[at] = values  # ascending: of several, the newest stays
        return Extremes(low, high, latest)

    def _growth(self, window: Window) -> Extremes:
        edges = np.linspace(window.since_ns, window.until_ns, window.columns + 1)
        places = np.searchsorted(self.when_ns, edges.astype("i8"), "right")
        grew = np.diff(np.append(np.nan, self.values)[places])
        rate = grew * (window.columns / window.seconds)
        return Extremes(rate, rate.copy(), rate.copy())
