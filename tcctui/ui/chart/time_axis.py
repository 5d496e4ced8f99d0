"""Lines below a plot: the time axis with its marks and labels, and the strip of limits.

All are `cells` characters wide, and aligned with the curves above.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from tcctui.flows.diagnosis.verdicts import WORST_FIRST, Limit
from tcctui.ui.chart.axes import Tick
from tcctui.ui.chart.chart_data import ChartMarks
from tcctui.ui.chart.plot import DOTS_ACROSS
from tcctui.ui.style.signs import LIMITS, MARKS
from tcctui.wire.tracepoints import MarkKind

Run = tuple[str, str]
"""A piece of a line: its text, and its style; "" is the axis' own."""

_NO_MARK = len(MARKS)
_RANKS = np.full(max(MARKS) + 1, _NO_MARK)
_RANKS[list(MARKS)] = range(len(MARKS))

_SEVERITIES = np.zeros(max(Limit) + 1, "i8")
_SEVERITIES[list(WORST_FIRST)] = range(len(WORST_FIRST))


def places(columns: int, cells: int) -> npt.NDArray[np.int64]:
    """Cell of each of `columns` columns of time, as `plot.draw` draws them."""
    dots = DOTS_ACROSS * cells
    column = np.arange(columns)
    if columns > dots:
        return column * dots // columns // DOTS_ACROSS
    return (2 * column + 1) * dots // (2 * columns) // DOTS_ACROSS


def columns_of(columns: int, cells: int, cell: int) -> tuple[int, int]:
    """First and last column of time that a cell shows; where it has none, the one before it."""
    drawn = places(columns, cells)
    last = max(int(np.searchsorted(drawn, cell, "right")) - 1, 0)
    return min(int(np.searchsorted(drawn, cell)), last), last


def worst(limits: npt.NDArray[np.integer[Any]]) -> int:
    """The limit shown for several."""
    return WORST_FIRST[int(_SEVERITIES[limits].min())] if len(limits) else Limit.UNKNOWN


def axis(ticks: Sequence[Tick], marks: ChartMarks, columns: int, cells: int) -> list[Run]:
    """Line of the axis, with ticks, and with marks over them."""
    line = ["─"] * cells
    for tick in ticks:
        line[tick.cell] = "┬"
    if not len(marks.column):
        return [("".join(line), "")]
    rank = np.full(cells, _NO_MARK)
    if columns:
        inside = (marks.column >= 0) & (marks.column < columns)
        at = places(columns, cells)[marks.column[inside]]
        np.minimum.at(rank, at, _RANKS[marks.kind[inside]])
    signs = [*MARKS.values(), None]
    marked = [(sign.glyph, sign.style) if (sign := signs[at]) else None for at in rank.tolist()]
    return _runs([mark or (own, "") for mark, own in zip(marked, line, strict=True)])


def strip(limits: npt.NDArray[np.integer[Any]], cells: int) -> list[Run]:
    """Line of limits; blank if unknown."""
    columns = len(limits)
    if not columns:
        return [(" " * cells, "")]
    # Every cell has a column, also with more cells than columns; no column lacks a cell.
    first = np.minimum(np.arange(cells) * columns // cells, columns - 1)
    severity = _SEVERITIES[limits]
    worst = np.minimum.reduceat(severity, first) if columns > cells else severity[first]
    signs = [LIMITS.get(limit) for limit in WORST_FIRST]
    return _runs(
        [(sign.glyph, sign.style) if (sign := signs[at]) else (" ", "") for at in worst.tolist()]
    )


def _runs(cells: Sequence[Run]) -> list[Run]:
    """Join neighbours of one style."""
    return [
        ("".join(map(itemgetter(0), group)), style)
        for style, group in groupby(cells, key=itemgetter(1))
    ]


def legend(limits: npt.NDArray[np.integer[Any]], marks: ChartMarks) -> tuple[Run, ...]:
    """Legend of the glyphs on the strip and the axis, as far as present."""
    there = set(limits.tolist())
    kinds = set(marks.kind.tolist())
    both = Limit.RECOVERY in there and MarkKind.RECOVERY in kinds  # one word for two signs
    pieces = [("limited by", "label")] if there - {Limit.UNKNOWN} else []
    for limit, sign in LIMITS.items():
        if limit in there:
            mark = MARKS[MarkKind.RECOVERY].glyph if both and limit == Limit.RECOVERY else ""
            pieces.append((f"{sign.glyph}{mark} {sign.word}", sign.style))
    if kinds - ({MarkKind.RECOVERY} if both else set()):
        pieces.append(("marks", "label"))
    for kind, sign in MARKS.items():
        if kind in kinds and not (both and kind == MarkKind.RECOVERY):
            pieces.append((f"{sign.glyph} {sign.word}", sign.style))
    return tuple(pieces)


def fitted(note: Sequence[Run], room: int) -> list[Run]:
    """As much of a note as fits, from the beginning, with blanks between its pieces."""
    pieces = list(note)
    for gap in (2, 1):
        if _length(pieces, gap) <= room:
            break
        if gap == 1:  # without the titles: the glyphs are next to what they stand in
            pieces = [piece for piece in pieces if piece[1] != "label"]
    while _length(pieces, gap) > room:
        del pieces[-1]
    return [(text + " " * gap, style) for text, style in pieces]


def _length(pieces: Sequence[Run], gap: int) -> int:
    return sum(cell_len(text) + gap for text, _ in pieces) - gap
