"""What a chart is given: curves over columns of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Series:
    """One curve. Its arrays have shape (n,): one value per column of time, the last column is now.

    NaN where nothing was seen in a column: the value before is held there, as a congestion window
    holds between ACKs. Infinity (an ssthresh never set) is off the chart.
    """

    name: str
    """For the legend, such as "in flight"."""
    low: npt.NDArray[np.float64]
    """The smallest value in each column."""
    high: npt.NDArray[np.float64]
    """The largest value in each column; both extremes are drawn, so that no dip is lost."""
    last: npt.NDArray[np.float64]
    """The last value in each column."""
    style: str
    """Which colour: "cwnd", "ssthresh" (a dotted line), "in-flight" or "srtt"."""


@dataclass(frozen=True, eq=False)
class ChartData:
    """What a chart shows: curves over the same time, the most important one first.

    Two that show the same are equal, so that a chart that did not change is not painted again.
    """

    seconds: float
    """How long the x axis is: from -`seconds` to 0, which is now."""
    series: tuple[Series, ...]
    """Where curves share a cell, the first has its colour."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ChartData)
            and self.seconds == other.seconds
            and len(self.series) == len(other.series)
            and all(map(_same, self.series, other.series))
        )

    __hash__ = None  # type: ignore[assignment]


def _same(one: Series, other: Series) -> bool:
    return (one.name, one.style) == (other.name, other.style) and all(
        np.array_equal(getattr(one, part), getattr(other, part), equal_nan=True)
        for part in ("low", "high", "last")
    )
