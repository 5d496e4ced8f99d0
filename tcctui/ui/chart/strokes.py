"""Vertical strokes over a plot's curves, such as retransmitted segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcctui.ui.chart import time_axis
from tcctui.ui.chart.chart_data import Strokes
from tcctui.ui.chart.legend import Piece

Line = Sequence[tuple[int, str, str]]
"""Cells of a line that are drawn over, from the left: column, character and style."""

_NOTHING = 0xFF


def lines(
    strokes: Strokes, reach: tuple[float, float], columns: int, width: int, rows: int
) -> list[Line]:
    """Cells of each line from the top, of a plot whose dots reach from one value to another.

    A stroke has a cell at least, also where its range is empty.
    """
    bottom, top = reach
    grid = np.full((rows, width), _NOTHING, "u1")
    there = (strokes.column >= 0) & (strokes.column < columns)
    there &= (strokes.high >= bottom) & (strokes.low <= top)
    if not there.any() or not width:
        return [()] * rows
    at = time_axis.places(columns, width)[strokes.column[there]]
    scale = rows / (top - bottom)
    low, high = (
        np.clip((rows - 1) - np.floor((value[there] - bottom) * scale), 0, rows - 1).astype("i8")
        for value in (strokes.low, np.maximum(strokes.low, strokes.high - 1e-9 * (top - bottom)))
    )
    # The fewest there can be: of strokes in the same cells, one.
    found = np.unique(np.stack([strokes.kind[there], at, high, low]), axis=1)
    for kind, column, first, last in found.T[::-1].tolist():
        grid[first : last + 1, column] = kind
    return [
        [(int(column), *strokes.glyphs[line[column]]) for column in np.flatnonzero(line < _NOTHING)]
        for line in grid
    ]


def over(pieces: Sequence[Piece], line: Line) -> list[Piece]:
    """Draw over a line of the plot; its first two pieces are of the axis beside it."""
    beside, pieces = pieces[:2], pieces[2:]
    made: list[Piece] = [*beside]
    at, coming = 0, iter([*line, (1 << 30, "", "")])
    column, glyph, glyph_style = next(coming)
    for text, style in pieces:
        end, begin = at + len(text), 0
        while column < end:
            made.append((text[begin : column - at], style))
            made.append((glyph, glyph_style))
            begin = column - at + 1
            column, glyph, glyph_style = next(coming)
        made.append((text[begin:], style))
        at = end
    return [(text, style) for text, style in made if text]
