"""The header line of a group: what its flows have in common, and what sums them up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tcctui.fields.every_field import BY_NAME as FIELDS
from tcctui.flows.diagnosis.health import NAMES as HEALTH_NAMES
from tcctui.flows.diagnosis.health import UNKNOWN as UNKNOWN_HEALTH
from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES, Limit
from tcctui.flows.groups.groups import Groups
from tcctui.flows.snapshot import Flows
from tcctui.ui.style import units
from tcctui.ui.style.colours import limit_style
from tcctui.ui.style.legible import plain
from tcctui.ui.table.cells import MISSING
from tcctui.ui.table.columns import BY_NAME
from tcctui.ui.table.layout import GAP, Placed, fit

FOLDED, UNFOLDED = "▸", "▾"
"""Signs in front of a header."""

_LEAST = 30
"""Cells that the name and the count need; where no stretch is as long, columns are not kept."""

_BETWEEN = " · "


class GroupRow(NamedTuple):
    """A header as text: pieces, each with the name of its style, which fill the line."""

    pieces: tuple[tuple[str, str], ...]


class _Slot(NamedTuple):
    """A value under its column: from which cell to which, its text, its style."""

    start: int
    end: int
    text: str
    style: str


class _Value(NamedTuple):
    """Value of a group, under the column of a field, or among others with a word for it."""

    field: str
    text: str
    said: str
    style: str


class Summary(NamedTuple):
    """Value that sums up a field of a group's flows: `value` of `Groups`, and its text.

    It stands under the field's column, or has a `word` before it; groups are sorted by it where
    flows are sorted by the field.
    """

    field: str
    value: str
    form: Callable[[float], str]
    word: str = ""
    style: str = ""


SUMMARIES = (
    Summary("rate", "rate", units.rate),
    Summary("srtt_us", "p50", units.milliseconds, "srtt ", "srtt"),
    Summary("", "p95", units.milliseconds, "p95 "),
    Summary("retrans_percent", "retrans_percent", units.percent, "retr "),
)
"""Values of groups, the most important first; the limit comes behind them."""


def header(groups: Groups, group: int, folded: bool, placed: Sequence[Placed]) -> GroupRow:
    """Write the header of a group over a table's columns.

    The sum of rates, the median of srtt, the retransmitted percents and the worst limit stand under
    their columns; the name, the count, and whatever has no column here, in the longest stretch
    between these.
    """
    values = list(_values(groups, group))
    width = max((place.start + place.width for place in placed), default=0)
    slots = _slots(values, placed, width)
    start, end = _stretch(slots, width)
    if end - start < _LEAST:
        slots, start, end = [], 0, width
    under = {name for place in placed for name in place.column.sort[:1]} if slots else set()
    said = [value.said for value in values if value.text != MISSING and value.field not in under]
    name, behind = _named(groups, group, said, end - start)
    pieces = [(FOLDED if folded else UNFOLDED, "group")]
    at = 0
    for slot in sorted([*slots, _Slot(start, end, name, "group")]):
        pieces.append((" " * (slot.start - at), "group"))
        pieces.append((slot.text, slot.style))
        at = slot.start + cell_len(slot.text)
        if slot.text is name:
            pieces.append((behind, "group-more"))
            at += cell_len(behind)
    pieces.append((" " * (width + GAP - at), "group"))
    return GroupRow(tuple(piece for piece in pieces if piece[0]))


def _values(groups: Groups, group: int) -> Iterator[_Value]:
    """Values of a group, the most important first."""
    for field, name, form, word, style in SUMMARIES:
        value = float(getattr(groups, name)[group])
        text = MISSING if math.isnan(value) else form(value)
        yield _Value(field, text, word + text, style)
    limit = int(groups.limit[group])
    word = LIMIT_NAMES[limit]
    if limit == Limit.UNKNOWN:
        yield _Value("limit", word, word, "")
    else:
        limited = f"{word} ×{units.count(groups.limited[group])}"
        yield _Value("limit", limited, limited, limit_style(limit))
    for name, values in groups.late.items():
        column = BY_NAME[FIELDS[name].key]
        one = Flows(0, {name: values[group : group + 1]})
        (text,) = column.cells(one)
        yield _Value(name, text, f"{column.title} {text}", "")
    yield from _health(groups, group)


def _health(groups: Groups, group: int) -> Iterator[_Value]:
    """Worst health of a group, where it was asked for, and how many flows are as bad."""
    if groups.health is None or groups.suffering is None:
        return
    word = HEALTH_NAMES[int(groups.health[group])]
    if groups.health[group] not in (0, UNKNOWN_HEALTH):
        word = f"{word.partition('+')[0]} ×{units.count(groups.suffering[group])}"
    style = BY_NAME["health"].styles.get(HEALTH_NAMES[int(groups.health[group])], "")
    yield _Value("health", word, f"health {word}", style)


def _slots(values: Sequence[_Value], placed: Sequence[Placed], width: int) -> list[_Slot]:
    """Put values under their columns; one at the left of its column may be longer than that."""
    by_field = {value.field: value for value in values}
    found = [
        (place, by_field[name])
        for place in placed
        for name in place.column.sort[:1]
        if name in by_field
    ]
    ends = [place.start - GAP for place, _ in found[1:]] + [width]
    slots = []
    for (place, value), most in zip(found, ends, strict=True):
        text, room = value.text, place.width
        if place.column.left:
            if place.start + cell_len(text) > most:
                text = text.partition(" ")[0]
            room = max(room, cell_len(text))
        shown = fit(text, room, place.column.left)
        slots.append(_Slot(place.start, place.start + room, shown, value.style))
    return slots


def _stretch(slots: Sequence[_Slot], width: int) -> tuple[int, int]:
    """Find the longest stretch that has no slot in it, and blanks to both sides."""
    begins = [0, *(slot.end + GAP for slot in slots)]
    ends = [*(slot.start - GAP for slot in slots), width]
    return max(zip(begins, ends, strict=True), key=lambda stretch: stretch[1] - stretch[0])


def _named(groups: Groups, group: int, said: Sequence[str], room: int) -> tuple[str, str]:
    """Write the name, and what comes behind it, in as many cells as there are."""
    count = int(groups.count[group])
    behind = f"  {units.count(count)} flow{'' if count == 1 else 's'}"
    name = plain(groups.label(group))
    if cell_len(name) > room - cell_len(behind):
        name = fit(name, max(1, room - cell_len(behind)), left=True)
    for one in said:
        longer = f"{behind}{_BETWEEN}{one}"
        if cell_len(name) + cell_len(longer) > room:
            break
        behind = longer
    return name, behind


def changes(old: GroupRow, new: GroupRow) -> list[tuple[int, int]]:
    """Changed parts of a header: first cell and length of each."""
    before, now = ("".join(text for text, _ in row.pieces) for row in (old, new))
    if [style for _, style in old.pieces] != [style for _, style in new.pieces]:
        return [(0, max(cell_len(before), cell_len(now)))]
    start = _common(before, now)
    behind = _common(before[start:][::-1], now[start:][::-1])
    at = cell_len(now[:start])
    ends = (cell_len(text[: len(text) - behind]) for text in (before, now))
    return [(at, max(ends) - at)] if before != now else []


def _common(one: str, other: str) -> int:
    """Length of the common prefix of two texts."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def paint(row: GroupRow, selected: bool, style: Callable[[str], Style]) -> list[Segment]:
    """Draw a header; `style` gives the style of a component of the table."""
    if selected:
        cursor = style("cursor")
        return [Segment(text, cursor) for text, _ in row.pieces]
    ground = style("group").background_style
    return [Segment(text, style(name) + ground) for text, name in row.pieces]
