"""Curves of a plot, as lines of braille text.

A character cell holds 2 dots side by side and 4 above each other. Dots and cells are counted from
the left and from the bottom, from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tcctui.ui.chart.axes import DOTS_UP

Floats = npt.NDArray[np.float64]
Dots = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DOTS_ACROSS = 2
"""Dots side by side in one character cell."""

_TURN = 3
"""Cells that a curve has before another one has its turn."""

Curve = tuple[Floats, Floats, Floats]
"""The lowest, the highest and the last value in each of n columns of time, shape (n,) each."""

Run = tuple[str, int | None]
"""A piece of a line of text and the number of the curve it shows, None for blank space."""

_FROM = np.array([0b1111, 0b1110, 0b1100, 0b1000, 0], "u1")
_UP_TO = np.array([0, 0b0001, 0b0011, 0b0111, 0b1111], "u1")
"""The dots of a column of a cell, lowest bit at the bottom: from one on, and below one."""

_LEFT, _RIGHT = (
    np.array([sum(bits[at] for at in range(DOTS_UP) if dots >> at & 1) for dots in range(16)], "u1")
    for bits in ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
)
"""Bits of a braille character for the dots of either of its columns."""

_CHARACTERS = np.arange(0x2800, 0x2900, dtype="<u4")
_CHARACTERS[0] = ord(" ")


def share(cell: int, cells: int) -> float:
    """Distance of the middle of a plot's cell from the right edge, as a part of the width."""
    return (cells - 1 - cell + 0.5) / cells


def cell_of(part: float, cells: int) -> int:
    """Cell at that distance."""
    return min(max(cells - 1 - int(part * cells), 0), cells - 1)


class _Spans(NamedTuple):
    """The dots of curves: from `low` to `high` in each column of dots that is `drawn`.

    Each has shape (curves, columns of dots).
    """

    low: Dots
    high: Dots
    drawn: Mask


def draw(
    curves: Sequence[Curve],
    bottom: float,
    top: float,
    width: int,
    height: int,
    *,
    alternate: bool = False,
) -> list[list[Run]]:
    """Return `height` lines of `width` cells with curves of n columns each, the first one on top.

    The columns are spread over the width; where a last value is NaN, the value before it is held.
    Every column's extremes are there, however many columns share a dot. An infinite last value is
    off the chart: there the curve is interrupted. `bottom` and `top` are the values of the lowest
    and of the highest dot.

    Where curves share a cell, the cell shows the dots of all of them and belongs to the first; if
    they `alternate`, to each of them in turn, so that no curve hides an equal one.
    Blank space after a curve counts to it: it looks the same in any colour, and runs cost time.
    """
    if not curves:
        return [[(" " * width, None)] for _ in range(height)]
    size = DOTS_ACROSS * width, DOTS_UP * height
    low, high, drawn = _connected(_spans(np.array(curves), bottom, top, *size))
    cells = (DOTS_UP * np.arange(height - 1, -1, -1, dtype=np.int16))[:, None]
    first = np.where(drawn, low, size[1]).astype(np.int16)[:, None] - cells
    end = (high + 1).astype(np.int16)[:, None] - cells
    dots = _FROM[np.minimum(np.maximum(first, 0), DOTS_UP)]
    dots &= _UP_TO[np.minimum(np.maximum(end, 0), DOTS_UP)]
    own = _LEFT[dots[..., 0::2]] | _RIGHT[dots[..., 1::2]]
    bits = np.bitwise_or.reduce(own)
    there = own != 0
    if alternate:
        turn = np.arange(width) // _TURN % np.maximum(there.sum(0), 1)
        there &= there.cumsum(0) - 1 == turn
    owner = np.where(bits, there.argmax(0), -1)
    before = np.maximum.accumulate(np.where(bits, np.arange(width), 0), 1)
    owner = owner[np.arange(height)[:, None], before]
    return _runs(_CHARACTERS[bits].tobytes().decode("utf-32-le"), owner)


def _spans(values: Floats, bottom: float, top: float, width: int, height: int) -> _Spans:
    """Find the dots of curves, shape (curves, 3, columns of time); they are not connected yet."""
    low, high, last = values.swapaxes(0, 1)
    columns = last.shape[1]
    known = ~np.isnan(last)
    if not known.all():
        at = np.maximum.accumulate(np.where(known, np.arange(columns), 0), 1)
        last = last[np.arange(len(last))[:, None], at]
    low, high = np.fmin(low, last), np.fmax(high, last)
    if columns > width:
        first = -(np.arange(width) * -columns // width)
        low, high = np.fmin.reduceat(low, first, 1), np.fmax.reduceat(high, first, 1)
        last = last[:, [*first[1:] - 1, -1]]
    drawn = np.isfinite(last)
    scaled = np.where(drawn, np.array((low, high, last)) - bottom, 0) * (
        (height - 1) / (top - bottom)
    )
    low, high, last = np.clip(np.rint(scaled), 0, height - 1).astype(np.int64)
    if columns >= width:
        return _Spans(low, high, drawn)
    before, after, exact, part = _between(columns, width)
    begin = last[:, before]
    way = np.clip(begin, low[:, after], high[:, after]) - begin
    line = begin + np.rint(way * part).astype(np.int64)
    there = drawn[:, before] & (exact | drawn[:, after]) & (before >= 0)
    return _Spans(
        np.where(exact, low[:, before], line), np.where(exact, high[:, before], line), there
    )


@lru_cache(16)
def _between(columns: int, width: int) -> tuple[Dots, Dots, Mask, Floats]:
    """Of each column of dots, the column of time at or before it, -1 without one, and the next.

    Then, whether it is that of the first, and the part of the way to the next.
    """
    dots = np.arange(width)
    places = (2 * np.arange(columns) + 1) * width // (2 * columns)
    before = np.searchsorted(places, dots, "right") - 1
    after = np.minimum(before + 1, columns - 1)
    begin, end = places[before], places[after]
    part = (dots - begin) / np.maximum(end - begin, 1)
    return before, after, begin == dots, np.where(after == before, 0.0, part)


def _connected(spans: _Spans) -> _Spans:
    """Have the dots of neighbouring columns touch: each goes half of the way to the other."""
    low, high, drawn = spans
    both = drawn[:, 1:] & drawn[:, :-1]
    rise = np.where(both, np.maximum(low[:, 1:] - high[:, :-1] - 1, 0), 0)
    fall = np.where(both, np.maximum(low[:, :-1] - high[:, 1:] - 1, 0), 0)
    lower, higher = low.copy(), high.copy()
    higher[:, :-1] += rise // 2
    lower[:, :-1] -= fall // 2
    np.maximum(higher[:, 1:], high[:, 1:] + fall - fall // 2, out=higher[:, 1:])
    np.minimum(lower[:, 1:], low[:, 1:] - rise + rise // 2, out=lower[:, 1:])
    return _Spans(lower, higher, drawn)


def _runs(text: str, owner: Dots) -> list[list[Run]]:
    """Divide the text of all lines where another curve begins, and lines."""
    begins = np.ones(owner.shape, np.bool_)
    begins[:, 1:] = owner[:, 1:] != owner[:, :-1]
    starts = np.flatnonzero(begins).tolist()
    lines: list[list[Run]] = [[] for _ in owner]
    width = owner.shape[1]
    ends = [*starts[1:], len(text)]
    for start, end, number in zip(starts, ends, owner[begins].tolist(), strict=True):
        lines[start // width].append((text[start:end], number if number >= 0 else None))
    return lines
