"""Which columns of the table fit a screen, where they are, and cells as wide as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from tcctui.ui.table_columns import COLUMNS, SPARKLINES, TableColumn

GAP = 1
"""Blanks between two columns."""


@dataclass(frozen=True)
class Placed:
    """A column on the screen: where it begins, and how wide it is there."""

    column: TableColumn
    start: int
    width: int


def layout(width: int, columns: Sequence[TableColumn] = (*COLUMNS, *SPARKLINES)) -> list[Placed]:
    """Choose the columns that fit `width` characters, and share out what is left.

    That goes to those columns that have the smallest part of the width which they could use.
    """
    chosen: list[TableColumn] = []
    room = width
    for column in sorted(columns, key=lambda column: column.rank):
        if column.width > room:
            break
        chosen.append(column)
        room -= column.width + GAP
    chosen.sort(key=columns.index)
    widths = {column.name: column.width for column in chosen}
    room = width - sum(widths.values()) - GAP * (len(chosen) - 1)
    growing = [column for column in chosen if column.most > column.width]
    while room > 0 and growing:
        least = min(growing, key=lambda column: widths[column.name] / column.most)
        widths[least.name] += 1
        room -= 1
        if widths[least.name] == least.most:
            growing.remove(least)
    placed = []
    start = 0
    for column in chosen:
        placed.append(Placed(column, start, widths[column.name]))
        start += widths[column.name] + GAP
    return placed


def fit(text: str, width: int, left: bool) -> str:
    """Pad a cell to its width, or cut it: an endpoint in its middle, so that the port stays.

    `width` is in cells of the terminal, of which some characters take two.
    """
    if text.isascii():
        if len(text) > width:
            tail = (width - 1) // 2
            return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"
        return text.ljust(width) if left else text.rjust(width)
    length = cell_len(text)
    if length > width:
        tail = (width - 1) // 2
        # Cutting through a wide character leaves a blank in its place.
        head = set_cell_size(text, width - 1 - tail)
        behind = len(text)
        while behind > 0 and cell_len(text[behind - 1 :]) <= tail:
            behind -= 1
        return set_cell_size(f"{head}…{text[behind:]}", width)
    blanks = " " * (width - length)
    return text + blanks if left else blanks + text
