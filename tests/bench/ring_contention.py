"""Cost of a record to processors that write at the same time, to one ring buffer and to two."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from tcctui.sources.kernel.program import RING_BYTES
from tcctui.sources.kernel.ringbuf import MappedRing
from tcctui.wire.events import EVENT
from tests.bench.record_writer import RecordWriter
from tests.bench.report import Section, ratio

ROUNDS, TIMES = 60, 20_000


def _both(writer: RecordWriter, processors: Sequence[int], times: int) -> float:
    """Write on each of the processors at the same time; gives nanoseconds for a record."""
    taken: list[float] = []
    begin = threading.Barrier(len(processors))

    def write(processor: int) -> None:
        os.sched_setaffinity(0, {processor})
        begin.wait()
        taken.append(writer.run(times))

    threads = [threading.Thread(target=write, args=(processor,)) for processor in processors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return median(taken)


def measure(rounds: int = ROUNDS, times: int = TIMES) -> Section:
    """Compare one processor alone, and two with one ring and with two, round by round."""
    first, *others = sorted(os.sched_getaffinity(0))
    pair = [first, *others[:1]]
    ways = {
        "one processor, one ring": (1, [first]),
        "two processors, one ring": (1, pair),
        "two processors, two rings": (2, pair),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    with ExitStack() as opened:
        writers = {
            rings: opened.enter_context(RecordWriter(RING_BYTES // rings, first, rings))
            for rings in (1, 2)
        }
        mapped = []
        for rings, writer in writers.items():
            for descriptor in writer.rings:
                mapped.append(MappedRing(descriptor, RING_BYTES // rings, EVENT))
                opened.callback(mapped[-1].close)
        for _ in range(rounds):
            for name, (rings, processors) in ways.items():
                found[name].append(_both(writers[rings], processors, times))
                for one in mapped:
                    one.ring.read(len(processors) * times)
        lost = sum(writer.lost() for writer in writers.values())
    base = median(found["one processor, one ring"])
    return Section(
        "Ring buffers and processors",
        ("ratio", "who writes", "a record, median", "a tenth", "nine tenths"),
        [
            (
                ratio(median(taken) / base),
                name,
                *(f"{sorted(taken)[int(share * len(taken))]:.0f} ns" for share in (0.5, 0.1, 0.9)),
            )
            for name, taken in found.items()
        ],
        remarks=[
            f"Records of {EVENT.itemsize} bytes, written by BPF_PROG_TEST_RUN at the same time on"
            f" each processor, {times:,} in a row, {rounds} times; as long as the kernel measures."
            f" Rings of {RING_BYTES >> 20} MB together are emptied in between; {lost:,} records"
            " found no room. More processors wait for each other longer.",
        ],
    )
