"""Going back in time: how long it takes, and what it takes to be able to."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from tcctui.flows.store import Store
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tcctui.wire.batch import Batch
from tcctui.wire.events import Events
from tcctui.wire.records import joined
from tests.bench.many_events import BATCH_NS, EVENTS_A_SECOND, FLOWS, LOOKED_AT, ManyEvents
from tests.bench.report import Section, Target, number

BUDGET = 56 << 20
"""Bytes of the log: what `--rewind-memory` leaves beside the histories."""

_BEGIN_NS = 1000 * 10**9
SECONDS = 60
MOMENTS = 50


class _Run:
    """A store with a tape and a log beside it, fed with a minute of events as fast as it goes."""

    def __init__(self, flows: int, seconds: int) -> None:
        self.many = ManyEvents(_BEGIN_NS, flows, flows)
        self.store = Store()
        self.log = RewindLog(BUDGET, Origin("bench"))
        self.events = self.samples = self.keyframes = 0
        self.ingest_s = self.tape_s = 0.0
        tape = ChunkCutter(
            self.store, _BEGIN_NS, self._keep, wants_keyframe=self.log.wants_keyframe
        )
        for _ in range(seconds * 10**9 // BATCH_NS):
            self._batch(tape)
        tape.flush(self.many.now_ns)

    def _batch(self, tape: ChunkCutter) -> None:
        events, samples = self.many.batch()
        batch = Batch(events, [samples] if len(samples) else [], self.many.now_ns)
        started = time.thread_time()
        self.store.take(batch)
        taken = time.thread_time()
        tape.take(batch)
        self.tape_s += time.thread_time() - taken
        self.ingest_s += taken - started
        self.events += len(events)
        self.samples += len(samples)

    def _keep(self, chunk: Chunk) -> None:
        self.keyframes += bool(chunk.keyframe)
        self.log.keep(chunk)


def _flood(run: _Run) -> float:
    """Microseconds an event that the tape takes at 200,000 events a second, in batches."""
    batches = [run.many.batch()[0] for _ in range(20)]
    events: Events = joined(batches * 5)
    log = RewindLog(BUDGET, Origin("bench"))
    tape = ChunkCutter(Store(0), _BEGIN_NS, log.keep)
    parts = [events[at : at + 20_000] for at in range(0, len(events), 20_000)]
    started = time.thread_time()
    for at, part in enumerate(parts):
        tape.take(Batch(part, [], _BEGIN_NS + at * BATCH_NS))
    tape.flush(_BEGIN_NS + 10 * BATCH_NS)
    return (time.thread_time() - started) / sum(map(len, parts)) * 1e6


def measure(flows: int = FLOWS, moments: int = MOMENTS, seconds: int = SECONDS) -> Section:
    """Fill a log, go to moments of it in any order, and look at flows there."""
    run = _Run(flows, seconds)
    span = run.log.span
    random = np.random.default_rng(0)
    moment = Moment(run.log, run.store)
    moment.go(span.first_ns)
    tables = []
    for at_ns in random.integers(span.first_ns, span.last_ns, moments).tolist():
        moment.go(span.first_ns)  # a little forward would be less
        tables.append(_milliseconds(partial(moment.go, at_ns)))
    steps = []
    moment.go(span.first_ns + 5 * 10**9)
    for _ in range(20):
        at_ns = moment.at_ns + 250_000_000
        steps.append(_milliseconds(partial(moment.go, at_ns)))
    moment.go(span.last_ns)
    pasts = []
    for first in range(0, 5 * LOOKED_AT, LOOKED_AT):
        cookies = run.many.cookies[first : first + LOOKED_AT]
        pasts.append(_milliseconds(partial(moment.look_at, cookies, 60)))
    rows_back = [(f"{back} s back, with their past", _back(moment, back)) for back in (1, 10)]
    held = (span.last_ns - span.first_ns) / 1e9
    base = float(np.median(tables))
    rows = [
        _row("all flows at a moment", tables, base),
        _row("a quarter of a second on", steps, base),
        _row(f"the past of {LOOKED_AT} flows, 60 s", pasts, base),
        *(_row(what, took, base) for what, took in rows_back),
    ]
    per_event = run.tape_s / run.events * 1e6
    return Section(
        "Going back in time",
        ("ratio", "what", "median ms", "p95 ms", "most ms"),
        rows,
        [Target("all flows at a moment, p95", float(np.percentile(tables, 95)), 100, " ms")],
        [
            "Times are what a processor spends. There are"
            f" {flows:,} flows, {EVENTS_A_SECOND:,} coalesced events a second, all sockets sampled"
            f" every 2 s: {BUDGET >> 20} MiB hold the last {held:.0f} s, with a keyframe"
            f" every {seconds / max(run.keyframes, 1):.1f} s. Writing it down took"
            f" {number(per_event)} µs an event, samples and keyframes included, beside"
            f" {number(run.ingest_s / run.events * 1e6)} µs for taking it in; in a flood of"
            f" 200,000 events a second {number(_flood(run))} µs.",
        ],
    )


def _back(moment: Moment, seconds: int) -> list[float]:
    """Milliseconds of steps back from the end, each with the past of what is looked at."""
    moment.go(moment.timeline.span.last_ns)
    cookies = moment.flows([])["cookie"][:LOOKED_AT]
    moment.look_at(cookies, 60)

    def step() -> None:
        moment.go(moment.at_ns - seconds * 10**9)
        moment.look_at(cookies, 60)

    return [_milliseconds(step) for _ in range(20 // seconds)]


def _milliseconds(what: Callable[[], None]) -> float:
    started = time.thread_time()
    what()
    return (time.thread_time() - started) * 1e3


def _row(what: str, took: list[float], base: float) -> tuple[str, ...]:
    median = float(np.median(took))
    return (
        f"{median / base:.2f}",
        what,
        *(number(value) for value in (median, float(np.percentile(took, 95)), max(took))),
    )
