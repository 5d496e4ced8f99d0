"""Rows of single connections that the engine makes itself, as many as agents send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tcctui.fleet.tables.every_table import FLOW
from tcctui.fleet.tables.table import WINDOW_S, Stored
from tests.fleet_simulation.groups import COMMS, PORTS, PREFIXES

CHANCE_EVERY = 4
"""One of so many rows was chosen by chance, and is of the same connection for an hour."""


class Flows(NamedTuple):
    """Numbers of hosts, of rows of a host's window, and of windows from `begin_s` on."""

    hosts: int
    rows: int
    windows: int
    begin_s: int

    def inserts(self, at_once: int = 1 << 18) -> Iterator[str]:
        """Statements that have the engine make all rows; each some windows."""
        one = self.hosts * self.rows
        step = max(1, at_once // one)
        names = ", ".join(f"`{column.name}`" for column in FLOW.columns)
        made = ", ".join(
            f"CAST({self._value(column)} AS {_type(column)}) AS `{column.name}`"
            for column in FLOW.columns
        )
        for first in range(0, self.windows, step):
            last = min(first + step, self.windows)
            yield (
                f"INSERT INTO {FLOW.name} ({names}) WITH number % {self.rows} AS r,"
                f" intDiv(number, {self.rows}) % {self.hosts} AS h, intDiv(number, {one}) AS w,"
                f" r % {CHANCE_EVERY} = 0 AS chance,"
                " intDiv(w + r * 7, if(chance, 360, 30)) AS life,"
                " sipHash64(h, r, life) AS id, sipHash64(id, w) AS luck,"
                f" (r * 37 + h * 11) % {PREFIXES} AS p, r % {len(PORTS)} AS s"
                f" SELECT {made} FROM numbers({first * one}, {(last - first) * one})"
            )

    def _value(self, column: Stored) -> str:
        """Value of a column in SQL; those that nobody looks at vary within a few bits."""
        special = {
            "time": f"toDateTime({self.begin_s} + w * {WINDOW_S}, 'UTC')",
            "host": "concat('host-', leftPad(toString(h), 5, '0'))",
            "boot_id": "toUUID('11111111-2222-3333-4444-555555555555')",
            "cookie": "id",
            "saddr": "toIPv6('::ffff:192.0.2.1')",
            "sport": f"{list(PORTS)}[s + 1]",
            "daddr": "toIPv6(concat('::ffff:10.', toString(intDiv(p, 256)), '.',"
            " toString(p % 256), '.', toString(id % 250 + 1)))",
            "dport": "32768 + id % 28000",
            "service_port": f"{list(PORTS)}[s + 1]",
            "incoming": "1",
            "comm": f"{list(COMMS)}[s + 1]",
            "cgroup": f"concat('/system.slice/', {list(COMMS)}[s + 1], '.service')",
            "cc": "'cubic'",
            "state": "'estab'",
            "ca_state": "'open'",
            "limit": "['app', 'cwnd', 'queue'][luck % 3 + 1]",
            "health": "if(luck % 50 = 0, 4, 0)",
            "weight": "if(chance, 25, 1)",
            "age_ns": "(w % 360 + 1) * 10000000000",
            "srtt_us": "3000 + id % 40000 + luck % 1000",
            "rate": "luck % 10000000",
            "retrans_percent_10s": "if(luck % 50 = 0, luck % 700 / 100, 0)",
            "limit_ms": "map('app', 4000 + luck % 1000, 'cwnd', 5000 - luck % 1000)",
        }
        if column.name in special:
            return special[column.name]
        return "''" if "String" in column.type else "id % 4096 + luck % 64"


def _type(column: Stored) -> str:
    return f"Nullable({column.type})" if column.nullable else column.type
