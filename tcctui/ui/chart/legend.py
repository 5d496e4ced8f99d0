"""The first line of a chart: its title, its curves with their values, and the unit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.style import Style

Piece = tuple[str, Style]

_SHORT = 4
"""Length of units that differ from one moment to another: they are worth more than names."""


def legend(
    title: Piece, curves: Sequence[tuple[str, str, str, Style]], unit: Piece, width: int
) -> list[Piece]:
    """Put as much as fits, with blanks between the pieces.

    Each of `curves` is how its line looks, its name and its present value as text, and its style.
    """
    named = [(f"{line} {name} {value}", style) for line, name, value, style in curves]
    bare = [(f"{line} {value}", style) for line, _, value, style in curves]
    untold = len(curves) > 1 or curves[0][1] != title[0]
    best_first = [(2, [title, *(named if untold else bare), unit])]
    if len(curves) > 1 and len(unit[0]) <= _SHORT:
        close = [(f"{line}{name} {value}", style) for line, name, value, style in curves]
        names = [(f"{line}{name}", style) for line, name, _, style in curves]
        best_first += [(2, [*named, unit]), (1, [*close, unit]), (1, [*names, unit])]
    for count in range(len(curves), -1, -1):
        shown = named[:count] + bare[count:]
        best_first += [(2, [*shown, unit]), (2, shown)]
    for gap, pieces in best_first:
        if sum(cell_len(text) + gap for text, _ in pieces) - gap <= width:
            break
    return [(text + " " * gap, style) for text, style in pieces]


def cropped(text: str, width: int) -> str:
    """Give text of at most `width` cells, with an ellipsis where something is missing."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""
