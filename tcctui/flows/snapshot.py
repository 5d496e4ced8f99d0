"""What crosses from the store to whoever looks at it: copies that never change."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.history.marks import NO_MARKS, Marks


@dataclass(frozen=True, eq=False)
class Flows(Mapping[str, npt.NDArray[Any]]):
    """Some columns of some flows at one moment; all arrays have the same length.

    `now_ns` is the moment, on the events' clock.
    """

    now_ns: int
    columns: Mapping[str, npt.NDArray[Any]]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def count(self) -> int:
        """How many flows."""
        return len(self.columns["cookie"])


@dataclass(frozen=True, eq=False)
class Extremes:
    """One field of one flow over a grid of time; NaN where nothing happened."""

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FlowHistory:
    """A flow's past over a grid of equal columns of time that ends now.

    `seconds` is the time the grid spans; `series` has an entry for each of `buckets.SERIES`, and,
    in bytes per second, for `acked_rate` (what the other end acknowledged), `delivery_rate`,
    `pacing_rate` and `bbr_bw` (what samples told). `mss` is the largest of the flow's maximum
    segment sizes that was sampled, in bytes, 0 while unknown: with a tiny window, the kernel's own
    one is but half of that. `marks` is what happened, and `limits` what limited the flow most in
    each column (`diagnosis.Limit`), of the same grid.
    """

    seconds: float
    series: Mapping[str, Extremes]
    mss: int
    marks: Marks = NO_MARKS
    limits: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, "u1"))


@dataclass(frozen=True)
class Totals:
    """Counts since the start.

    `events` of all kinds, those that others stand for too. `flows` known now (closed ones too,
    while they linger). `evicted` flows dropped because the memory for histories was spent.
    `seconds_kept` is how far back the recent past of a flow goes now: 60 s, or less where memory is
    short. `events_per_second` is how many there were over about the last second, NaN while unknown.
    """

    events: int
    flows: int
    evicted: int
    seconds_kept: float = 60.0
    events_per_second: float = field(default=math.nan, compare=False)
