"""The columns of the flow table: what each shows, how wide it is, what it sorts by.

`usual` has those that are on the screen unless others are chosen; each other module has some of the
groups that one chooses from.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.ui.table.columns.algorithms import BBR, DCTCP
from tcctui.ui.table.columns.column import LONGEST_ENDPOINT, UNUSUAL, TableColumn
from tcctui.ui.table.columns.connection import CONNECTION, OWNER, SEGMENTS, TOLD
from tcctui.ui.table.columns.receiving import MEMORY, RECEIVER
from tcctui.ui.table.columns.sending import LIMITS, LOSS, RATES, WINDOW
from tcctui.ui.table.columns.timing import ROUND_TRIPS, TIMERS
from tcctui.ui.table.columns.usual import COLUMNS, SPARKLINE_WIDTH, SPARKLINES

__all__ = [
    "BY_NAME",
    "COLUMNS",
    "GROUPS",
    "LONGEST_ENDPOINT",
    "SPARKLINES",
    "SPARKLINE_WIDTH",
    "UNUSUAL",
    "USUAL",
    "TableColumn",
]

_GROUPS: tuple[tuple[str, tuple[str, ...], tuple[TableColumn, ...]], ...] = (
    ("Connection", ("local", "remote", "state", "age"), CONNECTION),
    ("Owner", ("process", "pid", "cgroup", "netns"), OWNER),
    ("Window", ("cc", "cwnd", "cwnd_spark", "ssthresh", "in_flight", "snd_wnd"), WINDOW),
    ("Round trip", ("srtt", "srtt_spark", "min_rtt"), ROUND_TRIPS),
    ("Rate", ("rate", "delivery_rate"), RATES),
    ("Loss", ("retrans", "retrans_pct"), LOSS),
    ("Limits", ("limit",), LIMITS),
    ("Segments and options", (), SEGMENTS),
    ("Receiver", ("rcv_wnd",), RECEIVER),
    ("Timers", (), TIMERS),
    ("Memory of the socket", (), MEMORY),
    ("BBR", (), BBR),
    ("DCTCP", (), DCTCP),
    ("What tcctui was told", (), TOLD),
)
"""Groups: their title, the usual columns that are in them, and the others."""

BY_NAME: Mapping[str, TableColumn] = MappingProxyType(
    {
        column.name: column
        for column in (*COLUMNS, *SPARKLINES, *(one for *_, others in _GROUPS for one in others))
    }
)
"""Every column there is."""

USUAL: tuple[str, ...] = tuple(column.name for column in (*COLUMNS, *SPARKLINES))
"""Columns that are shown unless others are chosen, as many as fit, from left to right."""

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (title, (*usual, *(column.name for column in others))) for title, usual, others in _GROUPS
)
"""All columns by what they are about: a title, and names."""
