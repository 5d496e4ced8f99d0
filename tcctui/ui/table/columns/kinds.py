"""Kinds of columns: how wide they are, how they write numbers, and how one asks for those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tcctui.ui.style import units
from tcctui.ui.table import cells
from tcctui.ui.table.columns import asking, forms
from tcctui.ui.table.columns.column import UNUSUAL, Ask, TableColumn


class Kind(NamedTuple):
    """How a kind of number is shown; `write` is None where one asks for the very number."""

    form: Callable[[float], str]
    width: int
    write: asking.Write | None = None

    def ask(self, field: str, names: tuple[str, ...]) -> Ask:
        """Make what asks for a number in the flow column `field`."""
        if self.write is None:
            return asking.exactly(field, *names)
        return asking.at_least(field, self.write, *names)


SEGMENTS = Kind(units.segments, 6)
COUNT = Kind(units.short_count, 6, asking.amount)
NUMBER = Kind(forms.whole, 6)
BYTES = Kind(units.size, 8, asking.amount)
RATE = Kind(units.rate, 9, asking.bits)
ROUND_TRIP = Kind(units.milliseconds, 8, asking.microseconds)
CLOCK = Kind(forms.clock, 8, asking.microseconds)
AGO = Kind(forms.ago, 7, asking.milliseconds)
PERCENT = Kind(units.percent, 6, asking.share)


def number(
    name: str,
    title: str,
    kind: Kind,
    *,
    meaning: str,
    source: str,
    field: str = "",
    asked: tuple[str, ...] = (),
    width: int = 0,
    rank: int = UNUSUAL,
) -> TableColumn:
    """Make a column that shows one number and sorts by it.

    It is in the flow column `field`, of the same name if none is given; `asked` are names that the
    query language may have for it besides.
    """
    field = field or name
    return TableColumn(
        name,
        title,
        width or max(kind.width, len(title) + 1),
        rank,
        meaning,
        (field,),
        cells.number(field, kind.form),
        (field,),
        name if name in ("cwnd", "ssthresh", "srtt") else "",
        source=source,
        query=kind.ask(field, tuple(dict.fromkeys((*asked, name, field)))),
    )


def tcp_info(
    name: str,
    title: str,
    kind: Kind,
    *,
    meaning: str,
    field: str = "",
    asked: tuple[str, ...] = (),
    width: int = 0,
) -> TableColumn:
    """Make a column that shows a number of the last sampled TCP_INFO."""
    source = f"TCP_INFO tcpi_{field or name}"
    return number(
        name, title, kind, meaning=meaning, source=source, field=field, asked=asked, width=width
    )


def text(
    name: str,
    title: str,
    width: int,
    *,
    field: str,
    most: int,
    meaning: str,
    source: str,
    asked: str,
    rank: int = UNUSUAL,
) -> TableColumn:
    """Make a column that shows a name and sorts by it."""
    return TableColumn(
        name,
        title,
        width,
        rank,
        meaning,
        (field,),
        cells.text(field),
        (field,),
        left=True,
        most=most,
        descending=False,
        source=source,
        query=asking.written(field, asked),
    )


def words(
    name: str,
    title: str,
    width: int,
    *,
    form: Callable[[float], str],
    meaning: str,
    source: str,
    field: str = "",
    query: Ask | None = None,
    most: int = 0,
) -> TableColumn:
    """Make a column that shows a number in words and sorts by the number."""
    field = field or name
    return TableColumn(
        name,
        title,
        max(width, len(title) + 1),
        UNUSUAL,
        meaning,
        (field,),
        cells.number(field, form),
        (field,),
        left=True,
        most=most,
        descending=False,
        source=source,
        query=query,
    )


def asks(field: str, names: Mapping[int, str], *asked: str) -> Ask:
    """Ask for a number by its name, as `words` shows it."""
    return asking.named(field, names, *(asked or (field,)))
