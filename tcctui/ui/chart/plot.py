"""Geometry of a plot, and its curves as lines of braille text.

The only module that imports plotext. A character cell holds 2 dots side by side and 4 above each
other. Dots and cells are counted from the left and from the bottom, from 0.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.ui.chart.axes import DOTS_UP

Floats = npt.NDArray[np.float64]
Dots = npt.NDArray[np.int64]

DOTS_ACROSS = 2
"""Dots side by side in one character cell."""

Run = tuple[str, int | None]
"""A piece of a line of text and the number of the path it shows, None for blank space."""

_SGR = re.compile(r"\x1b\[([\d;]*)m")
_LOADED = threading.Event()


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

    def key(self) -> tuple[bytes, bytes, bytes]:
        """Key shared by paths that look the same."""
        return self.x.tobytes(), self.y.tobytes(), self.starts.tobytes()


def trace(  # noqa: PLR0917
    low: Floats, high: Floats, last: Floats, bottom: float, top: float, width: int, height: int
) -> Path:
    """Return the path of a series, with as few points as its looks allow.

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
    return _simplify(np.repeat(x, 4)[needed.ravel()], ys[needed], lifted[needed])


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


def _simplify(x: Dots, y: Dots, lifted: npt.NDArray[np.bool_]) -> Path:
    """Drop points that repeat the one before them, and those in the middle of a straight line."""
    keep = (np.diff(x, prepend=-1) != 0) | (np.diff(y, prepend=-1) != 0) | lifted
    x, y, lifted = x[keep], y[keep], lifted[keep]
    dx, dy = np.diff(x), np.diff(y)
    straight = (dx[:-1] * dy[1:] == dx[1:] * dy[:-1]) & (dx[:-1] * dx[1:] + dy[:-1] * dy[1:] > 0)
    keep = np.ones(x.size, np.bool_)
    keep[1:-1] = ~straight | lifted[1:-1] | lifted[2:]
    return Path(x[keep], y[keep], np.flatnonzero(lifted[keep]))


def draw(paths: Sequence[Path], width: int, height: int) -> list[list[Run]]:
    """Return `height` lines of `width` cells with the paths on them, the first path on top.

    Where paths share a cell, the cell shows the dots of all of them and belongs to the first.
    Not for several threads: plotext has one figure.
    """
    plotext = _plotext()
    figure = plotext.figure
    figure.clear.data()
    figure.plot_size(width, height)
    figure.ruler("x", "lower").lim(0, DOTS_ACROSS * width)
    figure.ruler("y", "left").lim(0, DOTS_UP * height)
    for number, path in reversed(list(enumerate(paths))):
        if path.x.size == 0:
            continue
        # The colour is the path's number, for recognising its cells; it is never shown.
        marker = plotext.marker("braille", plotext.pixel(number))
        signal = figure.signal((path.x + 0.5).tolist(), (path.y + 0.5).tolist(), marker=marker)
        signal.lines()
        for start in path.starts.tolist():
            signal.line(start, False)
        figure.draw(signal)
    lines: str = figure.build().string()
    return [_runs(line) for line in lines.splitlines()]


def _runs(line: str) -> list[Run]:
    """Split a line at plotext's colours: SGR 0 for none and SGR 38;5;N for path N.

    Blank space after a path counts to it, as it looks the same in any colour and runs cost time.
    """
    head, *rest = _SGR.split(line)
    runs: list[Run] = [(head, None)] if head else []
    for code, text in zip(rest[::2], rest[1::2], strict=True):
        number = int(code.rpartition(";")[2]) if ";" in code else None
        if runs and number in (None, runs[-1][1]):
            runs[-1] = (runs[-1][0] + text, runs[-1][1])
        elif text:
            runs.append((text, number))
    return runs


def loaded() -> bool:
    """True once plotext is imported: until then the first drawing waits 0.1 to 0.3 s for it."""
    return _LOADED.is_set()


def load() -> None:
    """Import plotext ahead of the first drawing; in any thread."""
    import plotext  # noqa: F401, PLC0415 - not with this module: rows are there before

    _LOADED.set()


@functools.cache
def _plotext() -> Any:
    """Import plotext, with its one figure set to a bare canvas: no frame, no ticks, no colours."""
    load()
    import plotext  # noqa: PLC0415

    plotext.terminal.limit(False, False)  # its idea of the terminal is not the widget's size
    figure = plotext.figure
    figure.clear()
    figure.theme("simple")
    figure.axes(False)
    figure.ruler("both", "both").frequency(0).alignment(lim="edge")
    return plotext
