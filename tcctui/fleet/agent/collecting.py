"""A store of all connections, and what it gives at the end of each window: a batch of rows."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Array
from tcctui.fleet.agent import arrow, host, rows
from tcctui.fleet.agent.batch import Batch, Part
from tcctui.fleet.agent.growth import NAMES, Growth, Lately
from tcctui.fleet.agent.rows import DETAIL, Alerted, Columns, Window
from tcctui.fleet.tables.every_table import END, FLOW, GROUP, HOST, MARK
from tcctui.fleet.tables.table import Table
from tcctui.flows.history import window as store_window
from tcctui.flows.store import Store
from tcctui.sources.sock_diag import process_memory


class Most(NamedTuple):
    """Limits on the rows of a window: of single connections, ends and marks; `groups` and one."""

    groups: int = 50
    flows: int = 64
    ends: int = 200
    marks: int = 1000


class Telling(NamedTuple):
    """Numbers that the agent's other parts know at a window's end, for its row of `host`.

    `events` and `lost` are totals since the start; `dropped` are rows by table that no batch
    has told yet.
    """

    events: int
    lost: int
    dropped: Counter[str]
    spooled: int
    clock_offset_ms: int | None


class Collecting:
    """Fills `store`, and makes a batch of each window; `lifecycle` as `Growth` has it.

    `name` is the host's, in place of the machine's own. `memory` gives the bytes that the agent
    takes.
    """

    def __init__(
        self,
        most: Most,
        name: str = "",
        *,
        lifecycle: bool,
        memory: Callable[[], int] = process_memory.own,
    ) -> None:
        self.store = Store(0, window=store_window.Window(NAMES, DETAIL))
        self._most = most
        self._growth = Growth(lifecycle=lifecycle)
        self._host, self._boot_id = name or host.name(), host.boot_id()
        self._own = host.Own(memory)
        self._events = self._lost = 0
        # A new one at each start: whatever becomes of the spool, no token comes twice.
        self._run, self._number = os.urandom(6).hex(), 0

    def spread_s(self, every_s: int) -> float:
        """Seconds of this host's own, within a window's, by which it sends later."""
        digest = hashlib.blake2b(self._host.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64 * every_s

    def window(
        self,
        time_s: int,
        wall_offset_ns: int,
        alerts: Sequence[Alerted],
        telling: Callable[[], Telling],
    ) -> list[tuple[Table, Columns]]:
        """End a window that began at `time_s`; gives rows by table, those of groups first."""
        window = Window(time_s, self._host, self._boot_id, wall_offset_ns)
        ended = self.store.end_of_window()
        lately = self._growth.take(ended)
        detail = self._detail(lately)
        groups = rows.of_groups(window, lately, self._most.groups)
        flows = rows.of_flows(window, lately, self._most.flows, detail)
        ends = rows.of_ends(window, lately, self._most.ends, detail)
        marks, left_out = rows.of_marks(window, ended.marks, alerts, self._most.marks)
        told = telling()
        if left_out:
            told.dropped[MARK.name] += left_out
        there, all_ends = int(lately.there.sum()), int(lately.ended.sum())
        of_host = {
            "flows": [int(lately.living.sum())],
            "truncated": [there - rows.count(flows)],
            "ends": [all_ends],
            "ends_truncated": [all_ends - rows.count(ends)],
        }
        return [
            (GROUP, groups),
            (FLOW, flows),
            (END, ends),
            (MARK, marks),
            (HOST, self._of_host(window, told) | of_host),
        ]

    def batch(self, tables: Sequence[tuple[Table, Columns]], ready_s: float) -> Batch:
        """Pack rows, of tables that have any."""
        self._number += 1
        parts = tuple(
            Part(table.name, rows.count(columns), arrow.stream(arrow.batch(table, columns)))
            for table, columns in tables
            if rows.count(columns)
        )
        token = f"{self._host}/{self._boot_id}/{self._run}/{self._number}"
        told = next(columns for table, columns in tables if table is HOST)["dropped"][0]
        assert isinstance(told, dict)
        return Batch(token, ready_s, parts, told)

    def _of_host(self, window: Window, told: Telling) -> Columns:
        events, self._events = told.events - self._events, told.events
        lost, self._lost = told.lost - self._lost, told.lost
        offset = told.clock_offset_ms
        return {
            "time": [window.time_s],
            "host": [window.host],
            "boot_id": [window.boot_id],
            **{name: [value] for name, value in host.settings()._asdict().items()},
            "events": [events],
            "lost": [lost],
            "dropped": [dict(told.dropped)],
            "spooled": [told.spooled],
            "clock_offset_ms": [offset],
            "cpu": [self._own.cpu()],
            "memory": [self._own.memory()],
        }

    def _detail(self, lately: Lately) -> rows.Detail:
        """Give columns of connections by place: kept of those that left, else the store's."""

        def detail(places: I64) -> Mapping[str, Array]:
            left = lately.left
            cookies = lately.flows["cookie"][places[places >= left]]
            known = self.store.some_flows(cookies, DETAIL)
            parts, order = [known], [np.flatnonzero(places >= left)]
            begin = 0
            for gone in lately.gone:
                here = np.flatnonzero((places >= begin) & (places < begin + gone.count))
                parts.append(
                    type(gone)(
                        gone.now_ns, {name: gone[name][places[here] - begin] for name in DETAIL}
                    )
                )
                order.append(here)
                begin += gone.count
            back = np.argsort(np.concatenate(order), kind="stable")
            return {name: np.concatenate([part[name] for part in parts])[back] for name in DETAIL}

        return detail
