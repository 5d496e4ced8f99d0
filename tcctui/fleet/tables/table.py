"""A table of the fleet and its columns.

ClickHouse's definitions, the Arrow schema of what a host sends, OpenMetrics and the compiler of
queries are derived from these. Columns of connections are derived from `fields/`.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from tcctui.fields.every_field import BY_NAME
from tcctui.fields.field import Field, Unit, Where


class Taken(Enum):
    """A value of a connection in ten seconds: which of those it had, or what was made of them."""

    LAST = ""
    LEAST = "_min"
    MOST = "_max"
    GROWTH = "_growth"


class Stored(NamedTuple):
    """One column.

    `type` is ClickHouse's, without `Nullable`; `nullable` says that it may be unknown. `field` is
    the value of a connection that it is of, by `taken`; None for what only the fleet has. `summed`
    is the aggregate that rolls rows of it up: `sum`, `sumMap`, `max`; empty where a row's value is
    not to be added to another's.
    """

    name: str
    type: str
    meaning: str
    nullable: bool = False
    field: Field | None = None
    taken: Taken = Taken.LAST
    summed: str = ""


class Table(NamedTuple):
    """One table.

    `order` is its sorting key: columns, and expressions of ClickHouse. `days` is how long rows are
    kept.
    """

    name: str
    meaning: str
    columns: tuple[Stored, ...]
    order: tuple[str, ...]
    days: int

    def column(self, name: str) -> Stored:
        """The column of a name.

        Raises:
            KeyError: there is none.

        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


WINDOW_S = 10
"""Seconds in a row's window, unless an agent is told another; windows begin at its multiples."""

WORD = "LowCardinality(String)"
COUNTS = "Map(LowCardinality(String), UInt64)"
"""Numbers by word, such as milliseconds by the verdict's name."""

HISTOGRAM = "Map(Int16, UInt32)"
"""Numbers of values by the logarithmic bucket they are in; see `tables.buckets`."""


def of(name: str, taken: Taken = Taken.LAST) -> Stored:
    """Column of a field of connections, by its flow column's name."""
    field = BY_NAME[name]
    if field.unit in (Unit.CODE, Unit.NAME) and field.name not in NUMBERS:
        return Stored(field.name, WORD, _meaning(field, taken), field=field, taken=taken)
    growth = taken is Taken.GROWTH
    unknown = field.where is not Where.FLOW or field.unknown is not None or field.dtype == "f8"
    return Stored(
        f"{field.export}{taken.value}",
        "UInt64" if growth else field.clickhouse,
        _meaning(field, taken),
        nullable=unknown and field.name not in KNOWN,
        field=field,
        taken=taken,
        summed="sum" if growth else "",
    )


NUMBERS = frozenset({"health", "slow_start"})
"""Codes that are stored as numbers: bits, and yes or no."""

KNOWN = frozenset({"age_ns", "health", "bytes_acked_seen"})
"""Values worked out of others that are never unknown."""


def _meaning(field: Field, taken: Taken) -> str:
    of = {
        Taken.LAST: "",
        Taken.LEAST: ", its lowest in the window",
        Taken.MOST: ", its highest in the window",
        Taken.GROWTH: ", its growth in the window",
    }
    return f"{field.meaning}{of[taken]}"
