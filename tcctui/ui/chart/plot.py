"""Curves of a plot, as lines of braille text.

A character cell holds 2 dots side by side and 4 above each other. Dots and cells are counted from
the left and from the bottom, from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tcctui.ui.chart.axes import DOTS_UP

Floats = npt.NDArray[np.float64]
Dots = npt.NDArray[np.int64]

DOTS_ACROSS = 2
"""Dots side by side in one character cell."""

Run = tuple[str, int | None]
"""A piece of a line of text and the number of the path it shows, None for blank space."""

_BRAILLE = 0x2800
_BITS = np.array([[0x40, 0x80], [0x04, 0x20], [0x02, 0x10], [0x01, 0x08]], "u1")
"""Bits of a braille character: of the dots in each row from the bottom, and column."""


def share(cell: int, cells: int) -> float:
    """Distance of the middle of a plot's cell from the right edge, as a part of the width."""
    return (cells - 1 - cell + 0.5) / cells


def cell_of(part: float, cells: int) -> int:
    """Cell at that distance."""
    return min(max(cells - 1 - int(part * cells), 0), cells - 1)


@dataclass(frozen=True, eq=False)
class Path:
    """A line through the centres of dots: `x` and `y`, shape (n,), and where it is lifted.

    A straight line goes from each point to the next, but none leads to a point listed in `starts`.
    """

    x: Dots
    y: Dots
    starts: Dots


def trace(  # noqa: PLR0917
    low: Floats, high: Floats, last: Floats, bottom: float, top: float, width: int, height: int
) -> Path:
    """Return the path of a series.

    `low`, `high`, `last`: shape (n,), the extremes and the last value of n columns of time, which
    are spread over `width` dots; where `last` is NaN, the value before it is held. Every column's
    extremes are on the path, however many columns share a dot. An infinite `last` is off the chart:
    the path stops there. `bottom` and `top` are the values of the dots 0 and `height` - 1.
    """
    known = ~np.isnan(last)
    if not known.any():
        nothing = np.empty(0, np.int64)
        return Path(nothing, nothing, nothing)
    x, low, high, last = _columns_to_dots(low, high, last, known, width)
    drawn = np.isfinite(last)
    starts = drawn & ~np.concatenate(([False], drawn[:-1]))
    x, starts = x[drawn], starts[drawn]

    def dot(values: Floats) -> Dots:
        scaled = (values[drawn] - bottom) * ((height - 1) / (top - bottom))
        return np.clip(np.rint(scaled), 0, height - 1).astype(np.int64)

    a, b, end = dot(low), dot(high), dot(last)
    # Through a column: in at the dot nearest to where the line comes from, then from one extreme to
    # the other, which is the one nearer to the column's last value, and out from there, or from the
    # last value where the way to the next column is long enough for the difference to be seen.
    leave = np.where(end - a <= b - end, a, b)
    far = a + b - leave
    away = np.where(np.diff(x, append=width) > 2, end, leave)
    before = np.concatenate((away[:1], away[:-1]))
    enter = np.where(starts, far, np.clip(before, a, b))
    ys = np.stack((enter, far, leave, away), axis=1)
    lifted = np.zeros(ys.shape, np.bool_)
    lifted[:, 0] = starts
    lifted[:, 1] = enter != far
    # Where the columns before and here touch side by side, a line between them would not be seen.
    needed = np.ones(ys.shape, np.bool_)
    needed[:, 0] = starts | (enter == far) | (enter != before) | (np.diff(x, prepend=0) > 1)
    return Path(np.repeat(x, 4)[needed.ravel()], ys[needed], np.flatnonzero(lifted[needed]))


def _columns_to_dots(
    low: Floats, high: Floats, last: Floats, known: npt.NDArray[np.bool_], width: int
) -> tuple[Dots, Floats, Floats, Floats]:
    """Hold values over gaps and up to now, and give each column its dot, or several columns one.

    Returns x in dots, low, high and last, from the first known column on, each of shape (m,).
    """
    n = last.size
    since = int(known.argmax())
    column = np.arange(since, n)
    held = last[np.maximum.accumulate(np.where(known, np.arange(n), -1))[since:]]
    low = np.where(known[since:], np.fmin(low[since:], held), held)
    high = np.where(known[since:], np.fmax(high[since:], held), held)
    if n > width:
        x = column * width // n
        group = np.flatnonzero(np.diff(x, prepend=-1))
        low = np.minimum.reduceat(low, group)
        high = np.maximum.reduceat(high, group)
        return x[group], low, high, held[np.append(group[1:], x.size) - 1]
    x = (2 * column + 1) * width // (2 * n)
    if x[-1] < width - 1:
        x = np.append(x, width - 1)
        low, high, held = (np.append(v, held[-1]) for v in (low, high, held))
    return x, low, high, held


def draw(paths: Sequence[Path], width: int, height: int) -> list[list[Run]]:
    """Return `height` lines of `width` cells with the paths on them, the first path on top.

    Where paths share a cell, the cell shows the dots of all of them and belongs to the first. Blank
    space after a path counts to it: it looks the same in any colour, and runs cost time.
    """
    bits = np.zeros((height, width), "u1")
    owner = np.full((height, width), -1)
    for number, path in reversed(list(enumerate(paths))):
        own = _cells(path, width, height)
        bits |= own
        owner[own != 0] = number
    before = np.maximum.accumulate(np.where(bits != 0, np.arange(width), 0), axis=1)
    owner = np.take_along_axis(owner, before, axis=1)
    begins = np.ones(owner.shape, np.bool_)
    begins[:, 1:] = owner[:, 1:] != owner[:, :-1]
    characters = np.where(bits != 0, bits + np.uint32(_BRAILLE), np.uint32(ord(" ")))
    text = characters.astype("<u4").tobytes().decode("utf-32-le")
    starts = np.flatnonzero(begins)
    lines: list[list[Run]] = [[] for _ in range(height)]
    ends = [*starts[1:].tolist(), len(text)]
    for start, end, number in zip(starts.tolist(), ends, owner[begins].tolist(), strict=True):
        lines[start // width].append((text[start:end], number if number >= 0 else None))
    return lines


def _cells(path: Path, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Braille bits of the cells that a path goes through, from the top; shape (height, width).

    Each line has a dot in each column, or in each row if it is steep: the one nearest to it.
    """
    dots = np.zeros((DOTS_UP * height, DOTS_ACROSS * width), np.bool_)
    dots[path.y, path.x] = True
    drawn = np.ones(max(path.x.size - 1, 0), np.bool_)
    drawn[path.starts[path.starts > 0] - 1] = False
    dx, dy = np.diff(path.x)[drawn], np.diff(path.y)[drawn]
    steps = np.maximum(np.abs(dx), np.abs(dy))
    line = np.repeat(np.arange(steps.size), steps)
    part = (np.arange(line.size) - (np.cumsum(steps) - steps)[line]) / steps[line]
    x = path.x[:-1][drawn][line] + np.rint(dx[line] * part).astype("i8")
    y = path.y[:-1][drawn][line] + np.rint(dy[line] * part).astype("i8")
    dots[y, x] = True
    cells = dots.reshape(height, DOTS_UP, width, DOTS_ACROSS)
    return np.einsum("hywx,yx->hw", cells.view("u1"), _BITS)[::-1]
