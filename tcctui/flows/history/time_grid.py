"""Time grid of a chart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcctui.arrays import I64, Array
from tcctui.flows.history.buckets import BUCKET_NS


@dataclass(frozen=True)
class TimeGrid:
    """`count` columns of `width` recent buckets each; `end` is the number of the newest column.

    A column's number is its time divided by its width: its extremes don't change as time goes on.
    `newest` is the stamp of the present; the newest column is only partly filled.
    """

    width: int
    end: int
    count: int
    newest: int

    @classmethod
    def over(cls, *, first: int, newest: int, step: int, columns: int) -> TimeGrid:
        """Make at most `columns` columns from stamp `first` on, each a multiple of `step` wide."""
        # At any alignment to those multiples, it has no more columns than requested.
        width = max(step, -(-(newest - first) // max(1, columns - 1) // step) * step)
        end = newest // width
        return cls(width, end, end - first // width + 1, newest)

    @property
    def seconds(self) -> float:
        """Time span in seconds."""
        return self.count * self.width * BUCKET_NS / 1e9

    @property
    def width_ns(self) -> int:
        """Nanoseconds in a column."""
        return self.width * BUCKET_NS

    @property
    def begin_ns(self) -> I64:
        """Begin of each column."""
        columns = np.arange(self.end - self.count + 1, self.end + 1)
        return columns * self.width_ns

    def column(self, stamps: Array) -> I64:
        """Column of each stamp; negative, or `count` and above, outside the grid."""
        return stamps // self.width - (self.end - self.count + 1)

    def inside(self, when_ns: Array) -> tuple[Array, I64]:
        """Mask of the moments in the grid and not after the present, and their columns."""
        stamps = when_ns.astype("i8") // BUCKET_NS
        place = self.column(stamps)
        inside = (place >= 0) & (stamps <= self.newest)
        return inside, place[inside]
