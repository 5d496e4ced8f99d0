"""Rows a second that `tcctui collector` holds, and the part of it that agents of 500 hosts take."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from tcctui.fleet.tables.every_table import FLOW, GROUP, HOST
from tcctui.fleet.tables.table import WINDOW_S
from tests.bench.report import Section, Target, number, ratio
from tests.unit.collector_process import Collector, public_directory, rows, zstd

HOSTS = 500
SECONDS = 20.0
CONNECTIONS = (4, 64, 256)

_BATCHES = ((GROUP, 51), (FLOW, 64), (HOST, 1))
"""What a host sends in each window: all of its groups and flows, and itself."""


class Batch(NamedTuple):
    """A batch: its table, number of rows, and body."""

    table: str
    rows: int
    body: bytes


class Rate(NamedTuple):
    """What was held: batches and rows a second, the collector's share of a core."""

    sent: int
    batches: float
    rows: float
    cpu: float
    slowest_ms: float


def measure(
    hosts: int = HOSTS, seconds: float = SECONDS, connections: Sequence[int] = CONNECTIONS
) -> Section:
    """Measure."""
    batches = batches_of(hosts)
    needed = HOSTS * sum(count for _, count in _BATCHES) / WINDOW_S
    found = {}
    for count in connections:
        with public_directory() as directory, Collector(directory / "store") as collector:
            found[count] = hold(collector, batches, seconds, count)
    return Section(
        "Rows that the collector holds",
        ["of 500 hosts", "connections", "batches/s", "rows/s", "CPU a batch", "slowest answer"],
        [
            [
                ratio(rate.rows / needed),
                str(count),
                number(rate.batches),
                number(rate.rows),
                f"{number(1e3 * rate.cpu / rate.batches)} ms",
                f"{number(rate.slowest_ms)} ms",
            ]
            for count, rate in found.items()
        ],
        targets=[
            Target(
                "rows of 500 hosts",
                max(rate.rows for rate in found.values()) / needed,
                1.0,
                "×",
                at_least=True,
            )
        ],
        remarks=[
            f"A host sends {len(_BATCHES)} batches each {WINDOW_S} s: "
            + ", ".join(f"{count} rows of {table.name}" for table, count in _BATCHES)
            + f"; {HOSTS} hosts {number(HOSTS * len(_BATCHES) / WINDOW_S)} batches and"
            f" {number(needed)} rows a second. The senders share the machine with the collector.",
        ],
    )


def batches_of(hosts: int) -> list[Batch]:
    """Batches of so many hosts' window."""
    return [
        Batch(table.name, count, zstd(rows(table, count, f"host{host}")))
        for host in range(hosts)
        for table, count in _BATCHES
    ]


def hold(collector: Collector, batches: Sequence[Batch], seconds: float, connections: int) -> Rate:
    """Send batches over that many connections as fast as answers come."""
    numbers = itertools.count()
    sent: list[tuple[int, float]] = []
    before, begun = collector.cpu_seconds(), time.monotonic()

    def send() -> None:
        address = urlsplit(collector.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        while time.monotonic() < begun + seconds:
            at = next(numbers)
            batch = batches[at % len(batches)]
            query = {
                "query": f"INSERT INTO {batch.table} FORMAT ArrowStream",
                "insert_deduplication_token": str(at),
                "deduplicate_blocks_in_dependent_materialized_views": "1",
                "date_time_input_format": "best_effort",  # clickhouse-connect sends it, too
            }
            start = time.monotonic()
            connection.request(
                "POST", f"/?{urlencode(query)}", batch.body, {"Content-Encoding": "zstd"}
            )
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            sent.append((batch.rows, time.monotonic() - start))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    cpu = collector.cpu_seconds() - before
    return Rate(
        len(sent),
        len(sent) / took,
        sum(count for count, _ in sent) / took,
        cpu / took,
        1e3 * max((one for _, one in sent), default=0.0),
    )
