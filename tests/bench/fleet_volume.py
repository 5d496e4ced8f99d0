"""Rows and bytes of a fleet: what agents of busy hosts send, and what the engine keeps of it."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from unittest.mock import patch

from tcctui.fleet.agent import host
from tcctui.fleet.agent.batch import Batch
from tcctui.fleet.agent.collecting import Collecting, Most, Telling
from tcctui.fleet.tables.every_table import TABLES
from tcctui.fleet.tables.table import WINDOW_S
from tcctui.wire import batch as wire
from tests.bench.many_events import BATCH_NS, ManyEvents
from tests.bench.report import Section, number
from tests.fleet_simulation.engine import Engine

HOSTS, FLOWS, BUSY, WINDOWS = 4, 400, 200, 30
FLEETS = (1, 500, 5_000, 50_000)

_DAY_S = 86_400
_PRICED = (*(table.name for table in TABLES), "group_5m")


def batches(number: int, flows: int, busy: int, windows: int, begin_s: int) -> Iterator[Batch]:
    """What the agent of one host sends, a batch for each window."""
    many = ManyEvents(1000 * 10**9, flows, busy, seed=number + 1)
    boot = str(uuid.UUID(int=number + 1))
    with (
        patch.object(host, "name", lambda: f"web-{number:03d}.example"),
        patch.object(host, "boot_id", lambda: boot),
    ):
        collecting = Collecting(Most(), lifecycle=True)
    wall_ns = begin_s * 10**9 - many.now_ns
    for window in range(windows + 1):
        for _ in range(WINDOW_S * 10**9 // BATCH_NS):
            events, samples = many.batch()
            collecting.store.take(
                wire.Batch(events, [samples] if len(samples) else [], many.now_ns)
            )
        time_s = begin_s + (window - 1) * WINDOW_S
        tables = collecting.window(time_s, wall_ns, (), lambda: Telling(0, 0, Counter(), 0, 0))
        if window:  # the first has the connections' whole lives in it
            yield collecting.batch(tables, 0.0)


def measure(
    hosts: int = HOSTS, flows: int = FLOWS, busy: int = BUSY, windows: int = WINDOWS
) -> Section:
    """Make the rows of some hosts for some windows, store them, and multiply."""
    begin_s = int(time.time()) // WINDOW_S * WINDOW_S - windows * WINDOW_S
    sent: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory, Engine(directory) as engine:
        for number_ in range(hosts):
            for batch in batches(number_, flows, busy, windows, begin_s):
                for part in batch.parts:
                    sent[part.table] += len(part.body)
                    rows[part.table] += part.rows
                    engine.insert(part.table, part.body)
        stored = {}
        for name in _PRICED:
            engine.run(f"OPTIMIZE TABLE {name} FINAL")
            stored[name] = engine.stored(name)
    seconds = hosts * windows * WINDOW_S
    kept = sum(size for _, size in stored.values())
    all_rows, all_sent = sum(rows.values()), sum(sent.values())
    remarks = [
        f"Of {hosts} hosts with {flows} connections each, {busy} of them busy, through the agent's"
        f" own code for {windows} windows: {all_sent / all_rows:.0f} bytes a row sent,"
        f" {kept / all_rows:.0f} stored, the rolled up groups included, after all parts were"
        " merged. By table, rows a window and bytes a row sent and stored: "
        + "; ".join(
            f"{name} {rows[name] / hosts / windows:.0f}, {sent[name] / rows[name]:.0f} and"
            f" {stored[name][1] / max(stored[name][0], 1):.0f}"
            for name in rows
        )
        + "."
    ]
    table = [
        (
            f"{count:,}",
            number(count * all_rows / seconds),
            number(count * all_sent / seconds / 1000),
            number(count * all_sent / seconds * _DAY_S / 1e9),
            number(count * kept / seconds * _DAY_S / 1e9),
        )
        for count in FLEETS
    ]
    columns = ("hosts", "rows/s", "kB/s sent", "GB a day sent", "GB a day stored")
    return Section("Volume of a fleet", columns, table, remarks=remarks)
