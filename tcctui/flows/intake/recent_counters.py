"""Counters of every flow at some moments of the last minute, for their growth of late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import U32, Array, Floats
from tcctui.fields.every_field import every
from tcctui.fields.field import Window
from tcctui.flows.columns import FlowColumns
from tcctui.flows.index import Rows, grown
from tcctui.flows.intake.latest import Latest
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples, has_info

WINDOWS: Mapping[str, Window] = {field.name: field.window for field in every() if field.window}
"""Columns that are growth of late."""

WEIGHTS: Mapping[str, str] = {name: f"{name}_of" for name, window in WINDOWS.items() if window.of}
"""Of columns of percents: those of the growth that they are percents of, for sums over flows."""

_OF: Mapping[str, Window] = {
    weight: WINDOWS[name]._replace(counter=WINDOWS[name].of, of="")
    for name, weight in WEIGHTS.items()
}

COUNTERS = tuple(
    sorted({name for window in WINDOWS.values() for name in (window.counter, window.of) if name})
)
"""Fields of samples that are kept, each modulo 2^32."""

STALE_NS = 15_000_000_000
"""Without a sample for so long, nothing is known of a flow's last seconds, if it is open."""

_LATE_MS = 15_000
"""Milliseconds that a window may be longer than asked for: rarely sampled flows have few moments.
"""

_EARLY_MS = 100
"""Milliseconds that it may be shorter: samples come at about equal distances."""

_SHORTEST_MS = 200
"""Milliseconds below which growth is no rate."""

_MS, _SECOND = 1_000_000, 1_000_000_000


class _Ring(NamedTuple):
    """One moment in each of the last `slots` periods of `seconds`: the first that was sampled."""

    seconds: int
    slots: int

    @property
    def reach(self) -> int:
        """Longest window in seconds."""
        return self.seconds * (self.slots - 1)


_RINGS = (_Ring(1, 12), _Ring(10, 8))
assert max(window.seconds for window in WINDOWS.values()) <= _RINGS[-1].reach


MOMENTS = tuple(f"every_{ring.seconds}s" for ring in _RINGS)
"""Names of the arrays of moments."""

MOMENT = np.dtype([(name, "u4") for name in ("ms", *COUNTERS)])
"""Numbers of a moment by their names."""


class RecentCounters:
    """`COUNTERS` of each row at the moments of both rings: 404 bytes a row.

    A moment is an array: milliseconds modulo 2^32 (0 where there is none), then the counters.
    """

    def __init__(self, columns: FlowColumns, latest: Latest) -> None:
        self._columns = columns
        self._latest = latest
        self._moments = [np.zeros((0, ring.slots, 1 + len(COUNTERS)), "u4") for ring in _RINGS]
        self._second = np.zeros(0, "u4")

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._moments = [grown(moments, rows) for moments in self._moments]
        self._second = grown(self._second, rows)

    def forget(self, rows: Rows) -> None:
        """Begin anew with the rows."""
        for moments in self._moments:
            moments[rows] = 0
        self._second[rows] = 0

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {**dict(zip(MOMENTS, self._moments, strict=True)), "second": self._second}

    def add(self, rows: Rows, samples: Samples) -> None:
        """Keep the first sample of a second of each row; they are newer than those before."""
        second = (samples["ts_ns"] // _SECOND).astype("u4")
        due = self._second[rows] != second
        if not np.count_nonzero(due):
            return
        due &= has_info(samples)
        if np.count_nonzero(due) < len(rows):
            rows, samples, second = rows[due], pick(samples, due), second[due]
        self._second[rows] = second
        moment = np.empty((len(rows), 1 + len(COUNTERS)), "u4")
        moment[:, 0] = np.maximum(_milliseconds(samples["ts_ns"]), 1)
        for place, name in enumerate(COUNTERS):
            moment[:, 1 + place] = samples[name]
        for ring, moments in zip(_RINGS, self._moments, strict=True):
            slot = second // ring.seconds % ring.slots
            if ring.seconds > 1:
                before = moments[rows, slot, 0]
                new = (before == 0) | (moment[:, 0] - before >= ring.seconds * 1000)
                rows, slot, moment = rows[new], slot[new], moment[new]
            moments[rows, slot] = moment

    def column(self, rows: Rows, name: str, now_ns: int) -> Floats:
        """One of `WINDOWS` or `WEIGHTS` of the rows; NaN where unknown, and percents of nothing."""
        window = _OF.get(name) or WINDOWS[name]
        at = next(at for at, ring in enumerate(_RINGS) if window.seconds <= ring.reach)
        moments = self._moments[at]
        columns = self._columns
        newest_ns, opened_ns = columns["sampled_ns"][rows], columns["opened_ns"][rows]
        slot, age = _begin(moments[rows, :, 0], _milliseconds(newest_ns), window.seconds * 1000)
        begin = moments[rows, slot]
        # Of a connection that was opened within the window, everything counted is of late.
        life = (newest_ns - opened_ns) // _MS
        young = (opened_ns > 0) & (life < window.seconds * 1000) & (newest_ns > 0)
        begin[young] = 0
        age = np.where(young, life, age)
        grew = self._grew(rows, window.counter, begin)
        if window.of:
            of = self._grew(rows, window.of, begin)
            some = np.where(of > 0, of, np.nan)
            made = np.minimum(100 * grew / some, 100)
        elif name in _OF:
            made = grew
        else:
            made = 1000 * grew / np.where(age >= _SHORTEST_MS, age, np.nan)
        stale = (now_ns - newest_ns > STALE_NS) & (columns["closed_ns"][rows] == 0)
        made[stale | (age <= 0)] = np.nan
        return made

    def _grew(self, rows: Rows, counter: str, begin: U32) -> Floats:
        now = self._latest.column(rows, counter)
        known = ~np.isnan(now)
        modulo = np.where(known, now, 0).astype("u8").astype("u4")
        since = begin[:, 1 + COUNTERS.index(counter)]
        return np.where(known, (modulo - since).astype("f8"), np.nan)


def _milliseconds(ns: Array) -> U32:
    return (ns.astype("i8") // _MS).astype("u4")


def _begin(times: U32, newest: U32, window_ms: int) -> tuple[Rows, Array]:
    """Slot in which a window begins of each row, and its length in milliseconds; -1 if unknown.

    `times`, shape (n, slots), are the moments'. It is the newest moment that is old enough, or else
    the oldest one.
    """
    age = (newest[:, np.newaxis] - times).astype("i8")
    there = (times > 0) & (age <= window_ms + _LATE_MS)
    enough = there & (age >= window_ms - _EARLY_MS)
    least = np.where(enough, age, 1 << 40).argmin(axis=1)
    most = np.where(there, age, -1).argmax(axis=1)
    slot = np.where(enough.any(axis=1), least, most)
    row = np.arange(len(slot))
    return slot, np.where(there[row, slot], age[row, slot], -1)
