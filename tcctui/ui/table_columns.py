"""The columns of the flow table: what each shows, how wide it is, what it sorts by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.labels import endpoints, state_name
from tcctui.flows.snapshot import Flows
from tcctui.ui import units

GAP = 1
"""Blanks between two columns."""


@dataclass(frozen=True)
class TableColumn:
    """One column of the table.

    `needs` are the flow columns that `cells` makes its text from, one text per flow. `sort` are the
    flow columns it sorts by, the most significant first; empty for a column that can't be sorted.
    `style` is the component class its cells are drawn in. `rank` says which columns stay on a
    narrow screen: the lowest ranks. `width` is the least number of characters; `elastic` columns
    get more where there is room. `meaning` is for the help.
    """

    name: str
    title: str
    width: int
    rank: int
    meaning: str
    needs: tuple[str, ...] = ()
    cells: Callable[[Flows], list[str]] = lambda _: []
    sort: tuple[str, ...] = ()
    style: str = ""
    left: bool = False
    elastic: bool = False
    descending: bool = True


def _each(name: str, form: Callable[[float], str]) -> Callable[[Flows], list[str]]:
    return lambda flows: [form(value) for value in flows[name].tolist()]


def _local(flows: Flows) -> list[str]:
    return endpoints(flows["saddr_hi"], flows["saddr_lo"], flows["sport"])


def _remote(flows: Flows) -> list[str]:
    return endpoints(flows["daddr_hi"], flows["daddr_lo"], flows["dport"])


def _state(flows: Flows) -> list[str]:
    return [state_name(state) for state in flows["state"].tolist()]


def _age(flows: Flows) -> list[str]:
    """The age; of a flow whose opening was not seen it is a lower bound, marked with >."""
    seen = (flows["opened_ns"] > 0).tolist()
    return [
        units.age(age) if known else f">{units.age(age)}"
        for age, known in zip(flows["age_ns"].tolist(), seen, strict=True)
    ]


def _number(
    name: str,
    title: str,
    width: int,
    *,
    rank: int,
    field: str,
    form: Callable[[float], str],
    meaning: str,
) -> TableColumn:
    """Make a column that shows one number and sorts by it."""
    style = name if name in ("cwnd", "ssthresh", "srtt") else ""
    return TableColumn(
        name, title, width, rank, meaning, (field,), _each(field, form), (field,), style
    )


_LOCAL = ("saddr_hi", "saddr_lo", "sport")
_REMOTE = ("daddr_hi", "daddr_lo", "dport")

COLUMNS: tuple[TableColumn, ...] = (
    TableColumn(
        name="local",
        title="LOCAL",
        width=21,
        rank=1,
        meaning="address and port at this end",
        needs=_LOCAL,
        cells=_local,
        sort=_LOCAL,
        left=True,
        elastic=True,
        descending=False,
    ),
    TableColumn(
        name="remote",
        title="REMOTE",
        width=21,
        rank=0,
        meaning="address and port at the other end",
        needs=_REMOTE,
        cells=_remote,
        sort=_REMOTE,
        left=True,
        elastic=True,
        descending=False,
    ),
    TableColumn(
        name="state",
        title="STATE",
        width=10,
        rank=7,
        meaning="state of the socket",
        needs=("state",),
        cells=_state,
        sort=("state",),
        left=True,
        descending=False,
    ),
    _number(
        *("cwnd", "CWND", 6),
        rank=2,
        field="snd_cwnd",
        form=units.segments,
        meaning="congestion window, in segments",
    ),
    _number(
        *("ssthresh", "SSTHR", 6),
        rank=5,
        field="ssthresh",
        form=units.segments,
        meaning="slow start threshold, in segments; ∞ was never set",
    ),
    _number(
        *("srtt", "SRTT", 8),
        rank=3,
        field="srtt_us",
        form=units.milliseconds,
        meaning="smoothed round-trip time",
    ),
    _number(
        *("in_flight", "INFLIGHT", 9),
        rank=8,
        field="in_flight",
        form=units.size,
        meaning="bytes sent and not yet acknowledged: snd_nxt - snd_una",
    ),
    _number(
        *("rate", "RATE", 9),
        rank=4,
        field="rate",
        form=units.rate,
        meaning="bits per second that the other end acknowledged, over the last second",
    ),
    _number(
        *("rcv_wnd", "RCV_WND", 8),
        rank=10,
        field="rcv_wnd",
        form=units.size,
        meaning="window offered to the other end, in bytes",
    ),
    _number(
        *("snd_wnd", "SND_WND", 8),
        rank=9,
        field="snd_wnd",
        form=units.size,
        meaning="window that the other end offers, in bytes",
    ),
    TableColumn(
        name="age",
        title="AGE",
        width=7,
        rank=11,
        meaning="time since it was opened; > where it was open before tcctui looked",
        needs=("age_ns", "opened_ns"),
        cells=_age,
        sort=("age_ns",),
    ),
)
"""All columns but the sparklines, from left to right."""

SPARKLINE_WIDTH = 10

SPARKLINES = (
    TableColumn(
        name="cwnd_spark",
        title="CWND 30s",
        width=SPARKLINE_WIDTH,
        rank=6,
        meaning="the lowest cwnd in each 3 s of the last 30 s",
        style="cwnd",
        left=True,
    ),
    TableColumn(
        name="srtt_spark",
        title="SRTT 30s",
        width=SPARKLINE_WIDTH,
        rank=12,
        meaning="the highest srtt in each 3 s of the last 30 s",
        style="srtt",
        left=True,
    ),
)
"""The sparklines: their cells come from histories (tcctui/ui/table_rows.py)."""

LONGEST_ENDPOINT = 47
"""Characters of an IPv6 address in brackets, a colon and a port."""


@dataclass(frozen=True)
class Placed:
    """A column on the screen: where it begins, and how wide it is there."""

    column: TableColumn
    start: int
    width: int


def layout(width: int, columns: Sequence[TableColumn] = (*COLUMNS, *SPARKLINES)) -> list[Placed]:
    """Choose the columns that fit `width` characters, and share what is left among elastic ones."""
    chosen: list[TableColumn] = []
    room = width
    for column in sorted(columns, key=lambda column: column.rank):
        if column.width > room:
            break
        chosen.append(column)
        room -= column.width + GAP
    chosen.sort(key=columns.index)
    room = width - sum(column.width for column in chosen) - GAP * (len(chosen) - 1)
    elastic = [column for column in chosen if column.elastic]
    placed = []
    start = 0
    for column in chosen:
        extra = 0
        if column.elastic:
            extra = min(room // len(elastic), LONGEST_ENDPOINT - column.width)
        placed.append(Placed(column, start, column.width + extra))
        start += column.width + extra + GAP
    return placed


def fit(text: str, width: int, left: bool) -> str:
    """Pad a cell to its width, or cut it: an endpoint in its middle, so that the port stays."""
    if len(text) > width:
        tail = (width - 1) // 2
        return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"
    return text.ljust(width) if left else text.rjust(width)


def order(keys: Sequence[npt.NDArray[Any]], descending: bool) -> npt.NDArray[np.intp]:
    """Places of flows in the order of `keys`, the most significant first; equals stay as they are.

    Each of the keys has one value for each flow, a number that is not negative.
    """
    if not descending:
        return np.lexsort([digit for key in reversed(keys) for digit in _digits(key)])
    # Turned round, sorted, and read backwards: equals are turned round twice.
    turned = order([key[::-1] for key in keys], descending=False)[::-1]
    return len(turned) - 1 - turned


def _digits(key: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Digits of 16 bits, the least first: numpy sorts by them in a quarter of the time.

    Floats that are not negative are in the order of their bits (IEEE 754).
    """
    if key.itemsize == 1:
        return [key]
    little = np.ascontiguousarray(key, key.dtype.newbyteorder("<"))
    return list(little.view("<u2").reshape(len(key), key.itemsize // 2).T.copy())
