"""Timeline of a fleet: what all hosts counted in each five minutes of the last days."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from tcctui.arrays import Records
from tcctui.errors import TcctuiError
from tcctui.fleet.view import clock
from tcctui.fleet.view.engine import Engine, Table
from tcctui.fleet.view.flow_statement import Asked
from tcctui.fleet.view.group_statement import STEP_S, TABLE
from tcctui.fleet.view.questions import SECONDS
from tcctui.flows.history.host_seconds import ENTRY, HostPast
from tcctui.query.sql import Statement
from tcctui.wire.tracepoints import MarkKind

DAYS = 7
"""Days that it reaches back."""

_LATE_S = 15
"""Seconds from a window's end until hosts have sent its rows."""

_EVERY_S = 60.0
"""Seconds until it is asked for again."""

_COUNTED = {
    MarkKind.RETRANSMIT: "total_retrans_growth",
    MarkKind.RTO: "timeouts",
    MarkKind.RESET: "reset",
}
"""Marks, and the columns that count them."""


def counts(first_s: int, last_s: int) -> Asked:
    """Counts of all connections in each window between two moments."""
    statement = Statement({})
    first, last = (statement.parameter("UInt32", one) for one in (first_s, last_s))
    sums = ", ".join(f"sum({name}) AS {name}_sum" for name in (*_COUNTED.values(), _ACKED))
    sql = (
        f"SELECT toUnixTimestamp(time) AS at, {sums} FROM {TABLE} WHERE time >= toDateTime({first})"
        f" AND time <= toDateTime({last}) GROUP BY time ORDER BY time"
    )
    return Asked(sql, statement.parameters)


_ACKED = "bytes_acked_growth"


def entries(table: Table, first_s: int, last_s: int) -> Records:
    """Entry of each window, also of those without rows."""
    first, last = first_s // STEP_S, last_s // STEP_S
    made: Records = np.zeros(last - first + 1, ENTRY)
    made["stamp"] = np.arange(first, last + 1)
    at = table.column("at").to_numpy().astype("i8") // STEP_S - first
    for kind, name in _COUNTED.items():
        made["marks"][at, kind] = np.minimum(table.column(f"{name}_sum").to_numpy(), 0xFFFFFFFF)
    made["goodput"][at] = table.column(f"{_ACKED}_sum").to_numpy() / STEP_S
    return made


class FleetTimeline:
    """Keeps the last answer, and asks again in a thread while somebody looks.

    The window that is not over is left out: it would look like a fall.
    """

    def __init__(
        self, engine: Engine, now: Callable[[], int], failed: Callable[[str], object]
    ) -> None:
        self._engine = engine
        self._now = now
        self._failed = failed
        self._asked_at = -_EVERY_S
        first = now() // STEP_S - 1
        self._entries: Records = np.zeros(1, ENTRY)
        self._entries["stamp"] = first

    def seconds(self, first_ns: int, last_ns: int) -> HostPast:  # noqa: ARG002 - `Rewindable`'s
        """Counts of the last days, as far as they are there."""
        if time.monotonic() >= self._asked_at + _EVERY_S:
            self._asked_at = time.monotonic()
            oldest_s = clock.seconds(first_ns)
            threading.Thread(
                target=self._ask, args=(oldest_s,), name="fleet timeline", daemon=True
            ).start()
        return HostPast(self._entries, STEP_S * 1_000_000_000, many=True)

    def _ask(self, oldest_s: int) -> None:
        last_s = (self._now() - _LATE_S) // STEP_S * STEP_S - 1
        first_s = max(last_s - DAYS * 86_400, oldest_s)
        try:
            asked = counts(first_s, last_s)
            table = self._engine.query(asked.sql, asked.parameters, SECONDS)
            self._entries = entries(table, first_s, last_s)
        except TcctuiError as error:
            self._failed(str(error))
        except Exception as error:  # a defect: the screen stays, and reports it
            self._failed(f"{type(error).__name__}: {error}")
