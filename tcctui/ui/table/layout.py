"""Layout of the table: the columns that fit, their places, and cells of their width."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rich.cells import cell_len, set_cell_size

from tcctui.ui.table.columns import BY_NAME, USUAL, TableColumn

GAP = 1
"""Blanks between two columns."""

_ARROW = " → "
"""Stands between the ends of a flow."""

_NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Placed:
    """A column on the screen: where it begins, and how wide it is there."""

    column: TableColumn
    start: int
    width: int


def layout(
    width: int, names: Sequence[str] = (), widths: Mapping[str, int] = _NOTHING
) -> list[Placed]:
    """Choose the columns that fit `width` characters, and share out what is left.

    Those are the ones with `names`, in that order: where one has no room, it and all behind it are
    left out. Without any it is as many of the usual ones as fit, those that matter most. Columns
    are tight where one more has room then; a usual one if it can be tight itself. What is left goes
    to those columns that have the smallest part of the width which they could use, but for those
    that have been made as wide as `widths` says. Names that no column has are nobody's.
    """
    columns = named(names)
    usual = not columns
    if usual:
        columns = named(USUAL)
    least = {column.name: narrowest(column, widths) for column in columns}
    chosen: list[TableColumn] = []
    room = width
    for column in sorted(columns, key=lambda column: column.rank) if usual else columns:
        if least[column.name] > room and (column.tight or not usual):
            room += _tightened([column, *chosen], least, widths)
        if least[column.name] > room:
            if usual and column.tight:
                continue  # there is room for a narrower one, perhaps
            break
        chosen.append(column)
        room -= least[column.name] + GAP
    chosen.sort(key=columns.index)
    taken = {column.name: least[column.name] for column in chosen}
    room = width - sum(taken.values()) - GAP * (len(chosen) - 1)
    growing = [
        column for column in chosen if column.most > column.width and column.name not in widths
    ]
    while room > 0 and growing:
        short = min(growing, key=lambda column: taken[column.name] / column.most)
        taken[short.name] += 1
        room -= 1
        if taken[short.name] == short.most:
            growing.remove(short)
    placed = []
    start = 0
    for column in chosen:
        placed.append(Placed(column, start, taken[column.name]))
        start += taken[column.name] + GAP
    return placed


def _tightened(
    columns: Sequence[TableColumn], least: dict[str, int], widths: Mapping[str, int]
) -> int:
    """Make columns tight whose width nobody has chosen; gives the characters that become free.

    The first one has no place yet.
    """
    free = 0
    for column in columns:
        if column.tight and column.name not in widths:
            if column is not columns[0]:
                free += least[column.name] - column.tight
            least[column.name] = column.tight
    return free


def named(names: Sequence[str]) -> list[TableColumn]:
    """Columns by their names, each once; names that none has are left out."""
    return [BY_NAME[name] for name in dict.fromkeys(names) if name in BY_NAME]


def narrowest(column: TableColumn, widths: Mapping[str, int]) -> int:
    """Minimum width of a column: the user's, within its limits."""
    return max(column.least, min(widths.get(column.name, column.width), column.greatest))


def fit(text: str, width: int, left: bool) -> str:
    """Pad a cell to its width, or cut it in its middle, so that an endpoint's port stays.

    An IPv6 address loses its beginning, which many have in common, up to a colon. `width` is in
    cells of the terminal, of which some characters take two.
    """
    if text.isascii():
        if len(text) > width:
            if _IPV6.fullmatch(text) and (end := _end_of(text, width)):
                return end.ljust(width) if left else end.rjust(width)
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


_IPV6 = re.compile(r"\[?(?:[0-9a-f]*:){2,}[0-9a-f.]*(?:\]:\d+|/\d+)?")
"""Address, alone, with a port, or of a net."""


def _end_of(text: str, width: int) -> str:
    """End of an IPv6 address in at most `width` characters; empty if no colon is left in it."""
    begin = f"{'[' * text.startswith('[')}…"
    tail = text[max(len(text) - width + len(begin), 0) :]
    address, bracket, port = tail.partition("]")
    _, colon, rest = address.partition(":")
    return f"{begin}{colon}{rest}{bracket}{port}" if colon else ""


def fit_ends(local: str, remote: str, width: int) -> str:
    """Both ends of a flow, each cut to half of the width, or to more where the other is short."""
    room = width - len(_ARROW)
    if len(local) + len(remote) <= room:
        return f"{local}{_ARROW}{remote}"
    most = max(room // 2, room - min(len(local), len(remote)))
    return _ARROW.join(fit(end, min(most, len(end)), left=True).rstrip() for end in (local, remote))
