"""Hosts of a fleet: which are silent, and what their agents lost or left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from tcctui.fleet.tables.every_table import HOST
from tcctui.fleet.tables.table import WINDOW_S
from tcctui.fleet.view.engine import Table
from tcctui.fleet.view.flow_statement import Asked
from tcctui.printable import plain
from tcctui.query.sql import Statement
from tcctui.ui.style import units

WINDOWS = 3
"""Windows without a row after which a host is silent."""

LATE_S = 15
"""Seconds from a window's end until hosts have sent its row, at the most: they spread it."""

_DAY_S, _HOUR_S = 86_400, 3600
_OFF_S = 5
"""Seconds that a host's clock may be off without being told."""

_LONGEST_S = 60
"""Longest window that is reckoned with: outages make the mean longer than windows are."""

_NAMED = 3
"""Silent hosts that are named in the status line."""

_LISTED = 2000
"""Hosts that are listed."""


class Host(NamedTuple):
    """A host by its rows of the last day; counts are of the last hour.

    `silent_s` are the seconds since its last window ended, 0 while it is not silent.
    """

    name: str
    silent_s: int
    flows: int
    lost: int
    dropped: int
    spooled: int
    clock_s: float
    cpu: float
    memory: int
    kernel: str
    version: str
    cc: str

    @property
    def has_trouble(self) -> bool:
        """True if there is something to look at."""
        off = abs(self.clock_s) > _OFF_S
        return bool(self.silent_s or self.lost or self.dropped or self.spooled or off)


def hosts(at_s: int) -> Asked:
    """Hosts that sent something in the day before a moment, the silent ones first.

    Rows have the host's own clock: a clock that is off does not make it silent. Windows are as long
    as the host's are, on average.
    """
    statement = Statement({})
    at, hour = (
        f"toDateTime({statement.parameter('UInt32', one)})" for one in (at_s, at_s - _HOUR_S)
    )
    now = statement.parameter("UInt32", at_s)
    kept = ("flows", "spooled", "cpu", "memory", "kernel", "version", "cc_default")
    last = ", ".join(f"argMax({name}, host.time) AS {name}_last" for name in kept)
    sql = (
        f"SELECT host, {last}, ifNull(argMax(clock_offset_ms, host.time), 0) AS offset_ms,"
        f" sumIf(lost, host.time > {hour}) AS lost_late,"
        f" sumIf(arraySum(mapValues(dropped)), host.time > {hour}) AS dropped_late,"
        " (toUnixTimestamp(max(host.time)) - toUnixTimestamp(min(host.time)))"
        " / greatest(count() - 1, 1) AS apart,"
        f" least(greatest(apart, {WINDOW_S}), {_LONGEST_S}) AS window,"
        f" {now} - toUnixTimestamp(max(host.time)) + offset_ms / 1000 - window AS since,"
        f" if(since > {WINDOWS} * window + {LATE_S}, since, 0) AS silent"
        f" FROM {HOST.name} AS host"
        f" WHERE host.time > {at} - {_DAY_S} AND host.time <= {at} + {_DAY_S} GROUP BY host"
        " ORDER BY silent > 0 DESC, silent, dropped_late + lost_late + spooled_last DESC,"
        f" abs(offset_ms) DESC, host LIMIT {_LISTED}"
    )
    return Asked(sql, statement.parameters)


def read(table: Table) -> list[Host]:
    """Hosts of an answer."""
    columns = (
        *("host", "silent", "flows_last", "lost_late", "dropped_late", "spooled_last"),
        *("offset_ms", "cpu_last", "memory_last", "kernel_last", "version_last"),
        "cc_default_last",
    )
    rows = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
    return [
        Host(
            *(plain(row[0]), int(row[1]), *map(int, row[2:6]), row[6] / 1000, row[7], int(row[8])),
            *map(plain, row[9:]),
        )
        for row in rows
    ]


def silent(known: Sequence[Host]) -> str:
    """Sentence that names the silent hosts; empty without any."""
    names = [one.name for one in known if one.silent_s]
    if not names:
        return ""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    counted = "1 host is" if len(names) == 1 else f"{len(names):,} hosts are"
    return f"{counted} silent: {', '.join(names[:_NAMED])}{more} (i)."


def as_text(known: Sequence[Host], head: str, width: int) -> str:
    """Lines for a person: hosts with trouble, then the others; as many columns as fit.

    Columns without anything are left out.
    """
    quiet = sum(one.silent_s > 0 for one in known)
    trouble = sum(one.has_trouble for one in known)
    lines = [
        head,
        f"{len(known):,} hosts sent rows in the last day; {quiet:,} silent, {trouble:,} to look at",
        "",
    ]
    cells = [_TITLES, *map(_cells, known)]
    columns = [column for column in zip(*cells, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    while len(columns) > 1 and sum(widths) + 2 * (len(widths) - 1) > width:
        del columns[-1], widths[-1]
    for row in zip(*columns, strict=True):
        texts = [
            text.ljust(room) if column[0] in _LEFT else text.rjust(room)
            for text, room, column in zip(row, widths, columns, strict=True)
        ]
        lines.append("  ".join(texts).rstrip())
    lines += [
        "",
        f"Silent: no row for {WINDOWS} windows. LOST: events of the kernel, DROPPED: rows that had"
        " no room, both in the last hour.",
        "SPOOLED: bytes that wait for the engine. CLOCK: the host's minus the engine's.",
    ]
    return "\n".join(lines)


_TITLES = (
    *("HOST", "SILENT", "FLOWS", "LOST", "DROPPED", "SPOOLED", "CLOCK", "CPU", "MEMORY"),
    *("CC", "KERNEL", "TCCTUI"),
)
_LEFT = {"HOST", "CC", "KERNEL", "TCCTUI"}


def _cells(one: Host) -> tuple[str, ...]:
    clock = f"{one.clock_s:+.0f} s" if abs(one.clock_s) > _OFF_S else ""
    return (
        *(one.name, units.span(one.silent_s) if one.silent_s else "", units.count(one.flows)),
        *(units.count(count) if count else "" for count in (one.lost, one.dropped)),
        *(units.size(one.spooled) if one.spooled else "", clock, f"{one.cpu:.1%}"),
        *(units.size(one.memory), one.cc, one.kernel, one.version),
    )


def as_json(known: Sequence[Host]) -> str:
    """The same as JSON: numbers in the units of their names."""
    rows: list[dict[str, Any]] = [one._asdict() for one in known]
    return json.dumps({"hosts": rows}, indent=2)


def head(engine: str, at_s: float) -> str:
    """First line: where the rows come from, and when it was."""
    return f"{engine} {datetime.fromtimestamp(at_s, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
