"""The first line of a chart: its title, its curves with their values, and the unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rich.cells import cell_len, set_cell_size

from tcctui.ui.style import colours

Piece = tuple[str, str]
"""Text, and the name of its style."""

_SHORT = 4
"""Length of units that differ from one moment to another: they are worth more than names."""

CURVES, FLOWS = tuple(colours.CURVES), tuple(colours.FLOWS)
"""Styles of curves, and of flows that are compared."""

_DOTTED = {"ahead", "ssthresh", "pacing", "bbr-bw", "snd-wnd", "before", "flow-2", "flow-4"}
"""Those of limits, and every second flow; theirs are thin where they are steep, too."""

_GAPS: Mapping[str, int] = MappingProxyType(
    {"in-flight": 4, "acked": 4, "bbr-bw": 3, "flow-3": 4, "flow-4": 3}
)
"""Period of the gaps in a dashed line, in cells. Those of curves are within level stretches alone,
so that nothing is left out that was measured.
"""

_THIN = str.maketrans("⠉⠒⠤⣀", "⠁⠂⠄⡀")
_LEVEL = frozenset(cell * 3 for cell in "⠉⠒⠤⣀")
_LINE = "⠒⠒"
_LEFT = 0x47
"""The bits of a braille character that are its dots on the left."""
_THINNEST = {0x2800 + dots: 0x2800 + (dots & _LEFT or dots) for dots in range(256)}


def lined(text: str, style: str, at: int) -> str:
    """Draw a piece of a curve, which begins in column `at` of the plot, with its kind of line."""
    flow, gap = style in FLOWS, _GAPS.get(style)
    line = text
    if style in _DOTTED:
        line = text.translate(_THINNEST if flow else _THIN)
    if gap is None:
        return line
    cells = list(line)
    for place in range((gap - 1 - at) % gap, len(cells), gap):
        beside = text[max(place - 1, 0) : place + 2]
        if flow or beside in _LEVEL:
            cells[place] = " "
    return "".join(cells)


def sample(style: str) -> str:
    """Sample of a line for the legend."""
    line = _LINE.translate(_THIN) if style in _DOTTED else _LINE
    return f"{line} {line[:1]}" if style in _GAPS else line


def legend(
    title: Piece, curves: Sequence[tuple[str, str, str, str]], unit: Piece, width: int
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
