"""Reads of what is known about flows, all of them of one instant while the lock is held."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tcctui.flows.columns import SAMPLED
from tcctui.flows.derived import complete, needs
from tcctui.flows.history.buckets import BUCKET_NS, LAST, MAX, MIN, SERIES, STAMP, WIDTH, Buckets
from tcctui.flows.history.detail import RECENT_BUCKETS
from tcctui.flows.history.grid import Grid
from tcctui.flows.history.marks import laid
from tcctui.flows.history.rate_log import acked_rate
from tcctui.flows.history.resample import Lived, acked, resample
from tcctui.flows.index import Keys, Rows
from tcctui.flows.rows import FlowRows
from tcctui.flows.snapshot import FlowHistory, Flows, Totals

LONGEST_RECENT = RECENT_BUCKETS * BUCKET_NS / 1e9
"""Seconds that are kept in the detail of `BUCKET_NS`."""


class Instant:
    """Copies out of `rows`, which nobody may change meanwhile: whoever reads holds the lock."""

    def __init__(self, rows: FlowRows) -> None:
        self._known = rows

    def totals(self) -> Totals:
        """Counts since the start."""
        known = self._known
        return Totals(
            known.events,
            len(known.cookies),
            known.evicted,
            known.history.detail.seconds,
            known.event_rate.per_second,
        )

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns of all flows; see `Store.flows`."""
        return self._copy(self._known.cookies.rows, names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows; see `Store.some_flows`."""
        rows = self._known.cookies.lookup(cookies)
        return self._copy(rows[rows >= 0], names)

    def _copy(self, rows: Rows, names: Iterable[str]) -> Flows:
        names = {*names, "cookie"}
        copied = {}
        for name in frozenset[str]().union(*(needs(name) for name in names)):
            copied[name] = self._column(name, rows)
        return complete(Flows(self._known.now_ns, copied), names)

    def _column(self, name: str, rows: Rows) -> npt.NDArray[Any]:
        """One that follows from no others, or `text`, which is kept once it was made."""
        known = self._known
        if name == "text":
            return known.endpoints.searchable(rows)
        if name == "sample":
            return known.latest.of(rows)
        if name in SAMPLED:
            return known.latest.column(rows, name)
        if name == "limit":
            return known.limits.verdicts(rows, known.now_ns)
        if name == "limit_shares":
            return known.limits.shares(rows, known.now_ns)
        return known.columns[name][rows]

    def history(
        self,
        cookie: int,
        seconds: float | None,
        columns: int,
        at_ns: int | None = None,
        *,
        lived: Lived | None = None,
    ) -> FlowHistory | None:
        """See `Store.history`."""
        known = self._known
        row = int(known.cookies.lookup(np.array([cookie], "u8"))[0])
        if row < 0:
            return None
        mss = int(known.columns["mss"][row])
        now = known.now_ns if at_ns is None else at_ns
        born = int(known.columns["first_ns"][row])
        if now < born:
            return None
        recent = self._recent(row)
        buckets, step = recent, 1
        if (seconds is None or seconds > LONGEST_RECENT) and known.history.has(row):
            buckets, step = known.history.life(row)
        if lived is not None:
            buckets, step = lived.until(buckets, step, recent, now // BUCKET_NS)
        first = born if seconds is None else now - int(seconds * 1e9)
        grid = Grid.over(
            first=first // BUCKET_NS, newest=now // BUCKET_NS, step=step, columns=columns
        )
        rates = known.rate_log.of(cookie, grid, born)
        marks = known.marks.own(cookie, born) if lived is None else lived.marks
        limits = known.limits.strip(row, grid)
        counted = acked(buckets, step, grid)
        series = resample(buckets, step, grid)
        series |= {"acked_rate": acked_rate(counted, grid, born, now), **rates}
        return FlowHistory(grid.seconds, series, mss, laid(marks, grid), limits)

    def lived(self, cookie: int) -> Lived | None:
        """See `Store.lived`."""
        known = self._known
        row = int(known.cookies.lookup(np.array([cookie], "u8"))[0])
        if row < 0 or not known.history.has(row):
            return None
        born = int(known.columns["first_ns"][row])
        return Lived(*known.history.life(row), born, known.marks.own(cookie, born))

    def _recent(self, row: int) -> Buckets:
        """The row's recent past; of one that was sampled and did not change, how it is."""
        known = self._known
        if known.history.has(row):
            return known.history.recent(row)
        idle = known.columns["snd_cwnd"][row] > 0 and known.columns["events"][row] == 0
        bucket = np.zeros((int(idle), WIDTH), "u4")
        bucket[:, STAMP] = known.columns["first_ns"][row] // BUCKET_NS
        for column, name in enumerate(SERIES):
            for part in (MIN, MAX, LAST):
                bucket[:, part.start + column] = known.columns[name][row]
        return bucket

    def sparklines(
        self,
        cookies: Keys,
        name: str,
        *,
        worst: Literal["min", "max"],
        seconds: int,
        columns: int,
        at_ns: int | None = None,
    ) -> npt.NDArray[np.float64]:
        """See `Store.sparklines`."""
        column = (MIN if worst == "min" else MAX).start + SERIES.index(name)
        per_column = max(1, int(seconds * 1e9) // BUCKET_NS // columns)
        reduce = np.fmin if worst == "min" else np.fmax
        stored = self._known
        rows = stored.cookies.lookup(cookies)
        # Columns begin at multiples of their width, so that values don't flicker between them.
        now = stored.now_ns if at_ns is None else at_ns
        newest = now // BUCKET_NS
        begun = (columns - 1) * per_column + newest % per_column + 1
        known = rows >= 0
        grid = np.full((len(rows), per_column * columns), np.nan)
        grid[known, :begun] = stored.history.grid(rows[known], column, newest, begun)
        return reduce.reduce(grid.reshape(len(rows), columns, per_column), axis=2)
