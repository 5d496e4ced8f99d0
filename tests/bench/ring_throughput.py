"""How many events a second go through a real ring buffer, up to where some are lost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from tcctui.flows.store import Store
from tcctui.sources.kernel.bpf_source import BATCH
from tcctui.sources.kernel.program import RING_BYTES
from tcctui.sources.kernel.ringbuf import MappedRing
from tcctui.sources.kernel.rings import CROWDED, Rings
from tcctui.wire.events import EVENT, Events
from tests.bench.load import load_processor, other_processor
from tests.bench.record_writer import RecordWriter
from tests.bench.report import Section, Target, number, ratio

RATES = (250_000, 500_000, 1_050_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 4_000_000)
"""Records per second that are tried, one after the other, until some are lost."""

SECONDS = 1.5
_WAIT = 0.25  # seconds between two reads, as the dashboard has it, unless the ring is filling up

Take = Callable[[Events], None]


class _Step(NamedTuple):
    """One rate: records written and lost, per second, and the reader's CPU time for each read."""

    written: float
    lost: float
    cpu: float


def _read(rings: Rings, seconds: float, take: Take) -> int:
    """Read as the dashboard does; gives how many records there were."""
    count, end_ns = 0, time.monotonic_ns() + round(seconds * 1e9)
    while time.monotonic_ns() < end_ns:
        rings.wait(min(end_ns, time.monotonic_ns() + round(_WAIT * 1e9)))
        batch, _ = rings.read(BATCH)
        take(batch)
        count += len(batch)
    return count


def _step(writer: RecordWriter, rings: Rings, rate: int, take: Take, seconds: float) -> _Step:
    while len(batch := rings.read(BATCH)[0]):  # what the step before left
        take(batch)
    lost = writer.lost()
    with writer.writing(rate):
        _read(rings, 0.3, take)
        before, cpu, started = writer.written(), time.process_time(), time.monotonic()
        count = _read(rings, seconds, take)
        taken, spent = time.monotonic() - started, time.process_time() - cpu
        written = writer.written() - before
    return _Step(written / taken, (writer.lost() - lost) / taken, spent / max(1, count))


def _ingest() -> Take:
    store = Store()

    def take(batch: Events) -> None:
        store.ingest(batch, time.monotonic_ns())

    return take


def _leave(batch: Events) -> None:
    """Do nothing with it; but look at it once, as whoever reads it would."""
    np.count_nonzero(batch["kind"])


def measure(rates: Sequence[int] = RATES, seconds: float = SECONDS) -> Section:
    """Try ever higher rates, with ingest and with reading alone."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {other_processor()})
    readers = {"read and ingested": _ingest(), "only read": _leave}
    rows: list[tuple[str, ...]] = []
    kept: dict[str, list[_Step]] = {name: [] for name in readers}
    try:
        with RecordWriter(RING_BYTES, load_processor()) as writer:
            ring = MappedRing(writer.rings[0], RING_BYTES, EVENT)
            rings = Rings([ring.ring], writer.rings)
            try:
                for name, take in readers.items():
                    for rate in rates:
                        step = _step(writer, rings, rate, take, seconds)
                        rows.append(_row(name, step))
                        if step.lost:
                            break
                        kept[name].append(step)
            finally:
                rings.close()
                ring.close()
    finally:
        os.sched_setaffinity(0, allowed)
    ingested = kept["read and ingested"]
    room = RING_BYTES // (EVENT.itemsize + 8)
    return Section(
        "Events through the ring buffer",
        ("of 1 M/s", "what becomes of them", "records/s", "lost", "CPU per record", "of a core"),
        rows,
        [
            Target(
                "records/s with none lost, read and ingested",
                max((step.written for step in ingested), default=0),
                1e6,
                at_least=True,
            ),
            Target(
                "ingest, per record, at 200,000 records/s and more",
                median(step.cpu for step in ingested) * 1e6 if ingested else float("nan"),
                0.5,
                " µs",
            ),
        ],
        [
            f"A BPF program writes records of {EVENT.itemsize} bytes, of 200 flows, into a ring of"
            f" {RING_BYTES >> 20} MB, driven by BPF_PROG_TEST_RUN from the other processor in"
            f" bursts, 500 a second. {seconds:g} s at each rate, until records find no room"
            f" (or the program can't write more). The ring holds {room:,} records, and is read"
            f" every {_WAIT * 1e3:g} ms, or as soon as 1/{CROWDED} of it is full: then the program"
            " wakes the reader.",
        ],
    )


def _row(name: str, step: _Step) -> tuple[str, ...]:
    offered = step.written + step.lost
    return (
        ratio(offered / 1e6),
        name,
        number(step.written),
        f"{step.lost / offered:.1%}" if step.lost else "0",
        f"{step.cpu * 1e6:.3f} µs",
        f"{step.cpu * step.written:.0%}",
    )
