"""Whole lives of flows, in buckets that widen with age."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import U32, Mask
from tcctui.flows.history.buckets import STAMP, WIDTH, Buckets, merge, row_runs, run_starts
from tcctui.flows.history.detail import Detail
from tcctui.flows.history.pages import PAGE, Chains, Counts, Pages
from tcctui.flows.index import Rows, grown

_AT_A_TIME = 128  # rows whose buckets are widened together: the copies are below 1 MB

_NOTHING: Buckets = np.empty((0, WIDTH), "u4")


class LifetimeHistory(Chains):
    """A chain for every row's life. Its buckets are `2 ** shift` times `BUCKET_NS` wide."""

    def __init__(self, pages: Pages, detail: Detail) -> None:
        super().__init__(pages)
        self._detail = detail
        self.shift = np.zeros(0, "u1")

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        super().grow(rows)
        self.shift = grown(self.shift, rows)

    def forget(self, rows: Rows) -> None:
        """Drop the rows' lives."""
        self.clear(rows)
        self.shift[rows] = 0

    def lengths_with(self, rows: Rows, buckets: Buckets) -> Counts:
        """Number of buckets of each row with these of `BUCKET_NS` added."""
        stamps = buckets[:, STAMP] >> self.shift[rows]
        starts = run_starts(rows)
        owners = rows[starts]
        new = np.zeros(len(rows), "i8")
        new[run_starts(rows, stamps)] = 1
        goes_on = self._goes_on(owners, stamps[starts])
        return self.lengths(owners) + np.add.reduceat(new, starts) - goes_on

    def _goes_on(self, rows: Rows, stamps: U32) -> Mask:
        """Mask of the stamps that equal those of the rows' newest buckets."""
        same: Mask = self._pages.buckets[self.newest(rows), STAMP] == stamps
        return same & (self.held[rows] > 0)

    def shed(self, wanted: int) -> bool:
        """Widen lives that exceed their pages, until `wanted` are free; True if they are."""
        rows = np.flatnonzero(self.held > self._detail.life)
        rows = rows[self.held[rows] > self._detail.life_pages(rows)]
        for start in range(0, len(rows), _AT_A_TIME):
            self._refit(rows[start : start + _AT_A_TIME], rows[:0], _NOTHING)
            if self._pages.free >= wanted:
                return True
        return False

    def add(self, rows: Rows, buckets: Buckets) -> None:
        """Add buckets of `BUCKET_NS`, as `History.add` does."""
        if not len(rows):
            return
        buckets = buckets.copy()
        buckets[:, STAMP] >>= self.shift[rows]
        starts = run_starts(rows, buckets[:, STAMP])
        rows, buckets = rows[starts], merge(buckets, starts)

        goes_on = self._goes_on(rows, buckets[:, STAMP])
        if np.count_nonzero(goes_on):
            self.fold(self.newest(rows[goes_on]), buckets[goes_on])
            rows, buckets = rows[~goes_on], buckets[~goes_on]
        if not len(rows):
            return

        _, owners, lengths = row_runs(rows)
        full = self.lengths(owners) + lengths > self._detail.life_pages(owners) * PAGE
        if not np.count_nonzero(full):
            self.append(rows, buckets)
            return
        widened = np.repeat(full, lengths)
        self.append(rows[~widened], buckets[~widened])
        self._widen(owners[full], rows[widened], buckets[widened])

    def _widen(self, full: Rows, new_rows: Rows, new: Buckets) -> None:
        """Widen the buckets of the rows in `full` until the new ones fit in, and add them.

        `new_rows` has the row of each new bucket, grouped, in the order of `full`.
        """
        runs = np.append(run_starts(new_rows), len(new_rows))
        for start in range(0, len(full), _AT_A_TIME):
            end = min(start + _AT_A_TIME, len(full))
            new_of = slice(runs[start], runs[end])
            self._refit(full[start:end], new_rows[new_of], new[new_of])

    def _refit(self, full: Rows, new_rows: Rows, new: Buckets) -> None:
        """Widen the buckets of some rows until they and the new ones fill three quarters at most.

        A row then takes long to fill up again.
        """
        counts, old = self.read(full)
        rows = np.concatenate([np.repeat(full, counts), new_rows])
        order = np.argsort(rows, kind="stable")
        rows, buckets = rows[order], np.concatenate([old, new])[order]
        while True:
            starts, owners, lengths = row_runs(rows)
            wide = lengths > self._detail.life_pages(owners) * PAGE * 3 // 4
            if not wide.any():
                break
            self.shift[owners[wide]] += 1
            buckets[:, STAMP] >>= np.repeat(wide, lengths).astype("u4")
            starts = run_starts(rows, buckets[:, STAMP])
            rows, buckets = rows[starts], merge(buckets, starts)
        self.clear(full)
        self.append(rows, buckets)
