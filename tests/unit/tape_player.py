"""A live store with a tape beside it, fed by hand in batches of 250 ms, and what it said then."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tcctui.flows.columns import FIELDS
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.timeline import Origin
from tcctui.rewind.rewind_log import RewindLog
from tcctui.wire.batch import Batch
from tcctui.wire.events import Events
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples

BATCH_NS = 250_000_000
BEGIN_NS = 1000 * 10**9

EVERYTHING = (*FIELDS, "sample", "limit", "limit_shares", "text")
"""Columns of which all others follow."""


@dataclass
class Player:
    """Feeds a store, and the tape beside it, as a dashboard does."""

    store: Store = field(default_factory=lambda: Store(16 << 20))
    log: RewindLog = field(default_factory=lambda: RewindLog(64 << 20, Origin("here")))
    losses: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Begin to write."""
        self.tape = ChunkCutter(
            self.store,
            BEGIN_NS,
            self.log.keep,
            losses=lambda: self.losses,
            wants_keyframe=self.log.wants_keyframe,
        )

    def batch(self, events: Events, samples: Samples, now_ns: int) -> None:
        """Take in what came in a batch."""
        batch = Batch(events, [samples] if len(samples) else [], now_ns)
        deliver([batch], self.store, self.tape)

    def play(
        self, events: Events, samples: Samples, until_ns: int, since_ns: int = BEGIN_NS
    ) -> None:
        """Feed what happens from `since_ns` to `until_ns`, each at its time."""
        for now_ns in range(since_ns + BATCH_NS, until_ns + 1, BATCH_NS):
            self.batch(_within(events, now_ns), _within(samples, now_ns), now_ns)


def _within(records: Events, now_ns: int) -> Events:
    when = records["ts_ns"].astype("i8")
    return pick(records, (when > now_ns - BATCH_NS) & (when <= now_ns))


def differences(one: Flows, other: Flows) -> list[str]:
    """Names of columns that are not the same, to the last bit."""
    if one.now_ns != other.now_ns:
        return ["now_ns"]
    return [name for name in one if not _same(one[name], other[name])]


def _same(one: object, other: object) -> bool:
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)
    if one.dtype.kind == "f":
        return np.array_equal(one, other, equal_nan=True)
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()
