"""Input of a chart: curves over columns of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.snapshot import Extremes


@dataclass(frozen=True)
class Quantity:
    """Quantity of the y axis; `form` formats its finite values, `unit` follows the legend.

    `tell`, by default `form`, formats values other than ticks, with no more digits than useful.
    """

    title: str
    unit: str
    form: Callable[[float], str]
    tell: Callable[[float], str] | None = None

    def told(self, value: float) -> str:
        """Format a value that is not a tick."""
        return (self.tell or self.form)(value)


@dataclass(frozen=True, eq=False)
class Series:
    """One curve. Its arrays have shape (n,): one value per column of time, the last column is now.

    NaN for a column without a value: the value before is held there, as a congestion window holds
    between ACKs. Infinity (an ssthresh never set) is off the chart.
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
    """Style, for colour and dots: see `colours.CURVES`."""
    now: float | None = None
    """The present value, for the legend; None is the last of `last`."""

    @property
    def present(self) -> float | None:
        """Present value, else the last known one; None if there never was one."""
        if self.now is not None:
            return self.now
        seen = self.last[~np.isnan(self.last)]
        return float(seen[-1]) if seen.size else None


@dataclass(frozen=True, eq=False)
class Ahead:
    """A curve into the future, where it is known how one goes on: behind the others, at their pace.

    `curve` has a value for each of some columns, the first one now; NaN where it is off the chart.
    """

    curve: Series
    seconds: float


@dataclass(frozen=True, eq=False)
class ChartMarks:
    """Signs on the time axis, each `kind[i]` (a `MarkKind`) in column `column[i]` of time."""

    column: npt.NDArray[np.integer[Any]]
    kind: npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Strokes:
    """Vertical strokes over the curves, from `low[i]` to `high[i]` in column `column[i]` of time.

    `kind[i]` is the place in `glyphs`, each a character and its style: of those that share a cell,
    the first of these is drawn. Arrays of shape (n,).
    """

    column: npt.NDArray[np.integer[Any]]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    kind: npt.NDArray[np.integer[Any]]
    glyphs: tuple[tuple[str, str], ...]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Strokes)
            and self.glyphs == other.glyphs
            and all(
                np.array_equal(getattr(self, part), getattr(other, part))
                for part in ("column", "low", "high", "kind")
            )
        )

    __hash__ = None  # type: ignore[assignment]


NO_MARKS = ChartMarks(np.empty(0, "i8"), np.empty(0, "u1"))

Note = tuple[tuple[str, str], ...]
"""Pieces of a line: each a text and its style."""


@dataclass(frozen=True, eq=False)
class ChartData:
    """Content of a chart: curves over the same time, the most important one first.

    Equal content compares equal, so that an unchanged chart is not repainted.
    """

    seconds: float
    """Length of the x axis in seconds: from -`seconds` to 0."""
    series: tuple[Series, ...]
    """The curves; in a shared cell the first one's colour is used."""
    columns: int = 0
    """Number of columns of time, for marks and limits."""
    marks: ChartMarks = NO_MARKS
    """Marks on the time axis."""
    limits: npt.NDArray[np.integer[Any]] | None = None
    """A `Limit` for each column of time, drawn as a strip below the axis."""
    note: Note | None = None
    """A line below the axis, instead of the strip."""
    now: str = "now"
    """Label of the right end of the axis."""
    ahead: Ahead | None = None
    """A curve into the future, which takes a part of the width."""
    elapsed: bool = False
    """True if the axis counts from 0 on the left to `seconds`, instead of back from now."""
    strokes: Strokes | None = None
    """Strokes over the curves, in columns of `columns`."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ChartData)
            and (self.seconds, self.columns, self.note, self.now, self.elapsed)
            == (other.seconds, other.columns, other.note, other.now, other.elapsed)
            and len(self.series) == len(other.series)
            and all(map(_same, self.series, other.series))
            and _goes_on_alike(self.ahead, other.ahead)
            and _alike(self.limits, other.limits)
            and self.strokes == other.strokes
            and _alike(self.marks.column, other.marks.column)
            and _alike(self.marks.kind, other.marks.kind)
        )

    __hash__ = None  # type: ignore[assignment]


def _goes_on_alike(one: Ahead | None, other: Ahead | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.seconds == other.seconds and _same(one.curve, other.curve)


def _alike(one: npt.NDArray[Any] | None, other: npt.NDArray[Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _same(one: Series, other: Series) -> bool:
    about = (one.name, one.style, one.now), (other.name, other.style, other.now)
    return about[0] == about[1] and all(
        np.array_equal(getattr(one, part), getattr(other, part), equal_nan=True)
        for part in ("low", "high", "last")
    )


def extremes_in(curve: Series | Extremes, first: int, last: int) -> tuple[float, float] | None:
    """Return minimum and maximum in columns `first` to `last`, or the last value before them."""
    low, high = curve.low[first : last + 1], curve.high[first : last + 1]
    there = ~np.isnan(low)
    if there.any():
        return float(low[there].min()), float(high[there].max())
    before = curve.last[: last + 1]
    before = before[~np.isnan(before)]
    return (float(before[-1]), float(before[-1])) if before.size else None


def bounds(series: Sequence[Series]) -> tuple[float, float] | None:
    """Return the smallest and the largest finite value, None if there is none."""
    values = [array for one in series for array in (one.low, one.high, one.last)]
    finite = np.concatenate(values) if values else np.empty(0)
    finite = finite[np.isfinite(finite)]
    return (float(finite.min()), float(finite.max())) if finite.size else None
