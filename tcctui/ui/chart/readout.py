"""Readout of the crosshair: the time, and the values there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from tcctui.flows.diagnosis.verdicts import BY_LIMIT
from tcctui.flows.snapshot import FlowHistory
from tcctui.ui.chart import time_axis
from tcctui.ui.chart.chart_data import Series, extremes_in
from tcctui.ui.chart.chart_kinds import Picture
from tcctui.ui.style import units
from tcctui.ui.style.legible import plain
from tcctui.ui.style.signs import MARKS

_SHORT = 4  # length of units that are told

_DOT = " · "


class _Piece(NamedTuple):
    """Text, and the rank at which it is dropped."""

    text: str
    rank: int


def readout(
    past: FlowHistory,
    pictures: Sequence[Picture],
    cells: int,
    cell: int,
    *,
    wall: Callable[[int], int],
    width: int,
) -> str:
    """Values in the time of a plot's cell, as many as fit into `width`.

    `wall` gives the time so many nanoseconds before the right edge of the plot, since 1970; 0 if
    unknown.
    """
    columns = len(past.series["srtt_us"].last)
    first, last = time_axis.columns_of(columns, cells, cell)
    ago_ns = round((columns - 1 - last) * past.seconds / max(columns, 1) * 1e9)
    ago = f"−{ago_ns / 1e9:.1f} s" if ago_ns < 60e9 else f"−{units.span(ago_ns / 1e9)}"
    wall_ns = wall(ago_ns)
    pieces = [_Piece(ago, 5 if wall_ns else 0)]
    if wall_ns:
        long = past.seconds * 1e9 >= units.DATED_NS
        pieces.insert(0, _Piece(units.zoned(wall_ns, 0 if long else 1, dated=long), 0))
    rank = 1
    for picture in pictures:
        unit = picture.quantity.unit
        unit = f" {unit}" if 0 < len(unit) <= _SHORT else ""
        for series in picture.data.series:
            value = _value(picture, series, first, last)
            if value:
                pieces.append(_Piece(f"{plain(series.name)} {value}{unit}", rank))
            rank = 6 if series.name == "cwnd" and rank == 1 else 3
        rank = 1
    worst = time_axis.worst(past.limits[first : last + 1])
    if worst in BY_LIMIT:
        pieces.append(_Piece(BY_LIMIT[worst].phrase, 4))
    pieces += [
        _Piece(f"{MARKS[kind].glyph} {MARKS[kind].word}", 2) for kind in _marks(past, first, last)
    ]
    return _fitted(pieces, width)


def _value(picture: Picture, series: Series, first: int, last: int) -> str:
    """Minimum and maximum there, or the last value before; empty without any."""
    form, there = picture.quantity.told, extremes_in(series, first, last)
    if there is None:
        return ""
    ends = [form(end) if math.isfinite(end) else "∞" for end in there]
    if ends[0] == ends[1]:
        return ends[0]
    number, _, unit = ends[0].partition(" ")
    same = unit == ends[1].partition(" ")[2]
    return f"{number if same else ends[0]}–{ends[1]}"


def _marks(past: FlowHistory, first: int, last: int) -> list[int]:
    inside = (past.marks.column >= first) & (past.marks.column <= last)
    kinds = set(past.marks.kind[inside].tolist())
    return [kind for kind in MARKS if kind in kinds]


def _fitted(pieces: list[_Piece], width: int) -> str:
    text = ""
    while pieces:
        text = " " + _DOT.join(piece.text for piece in pieces if piece.text)
        if cell_len(text) <= width or len(pieces) == 1:
            break
        rank = max(piece.rank for piece in pieces)
        del pieces[max(at for at, piece in enumerate(pieces) if piece.rank == rank)]
    return text
