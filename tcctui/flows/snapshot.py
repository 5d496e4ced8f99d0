"""Immutable copies that the store hands to its readers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from tcctui.arrays import U8, Array, Floats
from tcctui.flows.history.marks import NO_MARKS, Marks


@dataclass(frozen=True, eq=False)
class Flows(Mapping[str, Array]):
    """Some columns of some flows at one moment; all arrays have the same length.

    `now_ns` is the moment, on the events' clock.
    """

    now_ns: int
    columns: Mapping[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns  # Mapping asks by __getitem__, of which a frame has 100

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def count(self) -> int:
        """Number of flows."""
        return len(self.columns["cookie"])


@dataclass(frozen=True, eq=False)
class Extremes:
    """One field of one flow on a grid of time; NaN without an event."""

    low: Floats
    high: Floats
    last: Floats


@dataclass(frozen=True, eq=False)
class FlowHistory:
    """A flow's past on a grid of equal columns of time that ends now.

    `seconds` is the time the grid spans; `series` has an entry for each of `buckets.SERIES`, and,
    in bytes per second, for `acked_rate` (acknowledged by the peer), `delivery_rate`, `pacing_rate`
    and `bbr_bw` (from samples). `mss` is the largest sampled maximum segment size, in bytes, 0 if
    unknown: with a tiny window, the kernel's own one is but half of that. `marks` are events, and
    `limits` the main limit in each column (`diagnosis.Limit`), of the same grid.
    """

    seconds: float
    series: Mapping[str, Extremes]
    mss: int
    marks: Marks = NO_MARKS
    limits: U8 = field(default_factory=lambda: np.empty(0, "u1"))


@dataclass(frozen=True)
class Totals:
    """Counts since the start.

    `events` of all kinds, including coalesced ones. `flows` known now (closed ones too, while they
    linger). `evicted` flows dropped because the memory for histories was spent. `seconds_kept` is
    the span of every flow's recent past now: 60 s, or less where memory is short.
    `events_per_second` is the rate over about the last second, NaN if unknown.
    """

    events: int
    flows: int
    evicted: int
    seconds_kept: float = 60.0
    events_per_second: float = field(default=math.nan, compare=False)
