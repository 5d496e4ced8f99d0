"""A flow's past: the last minute in 100 ms buckets, and its whole life in buckets that widen.

Only buckets in which something happened are kept, so that a quiet flow holds a few, and an idle one
holds none. Everything works on many flows at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.flows.buckets import ACKED, LAST, MAX, MIN, STAMP, WIDTH, Buckets, merge, run_starts
from tcctui.flows.index import Rows, grown
from tcctui.flows.pages import PAGE, Pages

RECENT_BUCKETS = 600
"""Buckets of `BUCKET_NS` that the recent past goes back: 60 s."""

_RECENT_PAGES = RECENT_BUCKETS // PAGE + 1  # the newest page is only partly filled
_LIFE_PAGES = 13
LIFE_BUCKETS = _LIFE_PAGES * PAGE
"""Buckets at most that a flow's whole life is kept in."""

_BYTES_A_ROW = 4 * (_RECENT_PAGES + _LIFE_PAGES) + 8 + 8 + 4 + 1


class History:
    """The histories of all flows, by row."""

    def __init__(self, budget: int) -> None:
        self.pages = Pages(budget)
        self._recent_table = np.zeros((0, _RECENT_PAGES), "i4")
        self._recent_count = np.zeros(0, "i8")  # buckets ever written; the ring's position
        self._life_table = np.zeros((0, _LIFE_PAGES), "i4")
        self._life_count = np.zeros(0, "i8")
        self._newest = np.zeros(0, "u4")  # stamp of the newest recent bucket
        self._life_shift = np.zeros(0, "u1")  # a life bucket is 2^shift recent ones wide

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows; those there stay as they are."""
        if rows == len(self._newest):
            return
        self._recent_table = grown(self._recent_table, rows)
        self._recent_count = grown(self._recent_count, rows)
        self._life_table = grown(self._life_table, rows)
        self._life_count = grown(self._life_count, rows)
        self._newest = grown(self._newest, rows)
        self._life_shift = grown(self._life_shift, rows)

    def newest(self, rows: Rows) -> npt.NDArray[np.uint32]:
        """Stamp of each row's newest bucket; 0 where there is none."""
        return self._newest[rows]

    def pages_needed(self, rows: Rows) -> int:
        """How many pages `add` takes at most; `rows` has the row of each bucket, grouped."""
        starts = run_starts(rows)
        return int(self._needed(rows[starts], np.diff(np.append(starts, len(rows)))).sum())

    def fitting(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Choose buckets that there are pages for, all or none of a row: the frugal rows first."""
        starts = run_starts(rows)
        buckets = np.diff(np.append(starts, len(rows)))
        needed = self._needed(rows[starts], buckets)
        order = np.argsort(needed, kind="stable")
        fits = np.zeros(len(needed), bool)
        fits[order] = np.cumsum(needed[order]) <= self.pages.free
        return np.repeat(fits, buckets)

    def _needed(self, rows: Rows, buckets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How many pages adding so many buckets to each row takes at most."""
        count = self._recent_count[rows]
        held, wanted = -(-count // PAGE), -(-(count + buckets) // PAGE)
        recent = np.minimum(wanted, _RECENT_PAGES) - np.minimum(held, _RECENT_PAGES)
        # A life that was widened holds more pages than it fills.
        held = np.count_nonzero(self._life_table[rows], axis=1)
        wanted = -(-(self._life_count[rows] + buckets) // PAGE)
        return recent + np.maximum(np.minimum(wanted, _LIFE_PAGES) - held, 0)

    def pages_held(self, rows: Rows) -> npt.NDArray[np.int64]:
        """How many pages each row holds."""
        recent = np.count_nonzero(self._recent_table[rows], axis=1)
        return recent + np.count_nonzero(self._life_table[rows], axis=1)

    def forget(self, rows: Rows) -> None:
        """Drop the rows' histories."""
        self.pages.give_back(self._recent_table[rows].ravel())
        self.pages.give_back(self._life_table[rows].ravel())
        for column in (
            self._recent_table,
            self._recent_count,
            self._life_table,
            self._life_count,
            self._newest,
            self._life_shift,
        ):
            column[rows] = 0

    def add(self, rows: Rows, buckets: Buckets) -> None:
        """Add buckets of `BUCKET_NS`: `rows[i]` is the row of `buckets[i]`.

        They are grouped by row, and within a row strictly ascending by stamp and none older than
        the newest one there. `pages_needed` pages must be free.
        """
        self._add_recent(rows, buckets)
        self._add_life(rows, buckets)

    def _add_recent(self, rows: Rows, buckets: Buckets) -> None:
        goes_on = (self._newest[rows] == buckets[:, STAMP]) & (self._recent_count[rows] > 0)
        if goes_on.any():
            held = rows[goes_on]
            places = _places(self._recent_table, held, self._recent_count[held] - 1)
            _fold(self.pages.buckets, places, buckets[goes_on])
            rows, buckets = rows[~goes_on], buckets[~goes_on]
        if not len(rows):
            return
        starts = run_starts(rows)
        lengths = np.diff(np.append(starts, len(rows)))
        sequence = self._recent_count[rows] + np.arange(len(rows)) - np.repeat(starts, lengths)
        self._append(self._recent_table, rows, sequence, buckets)
        ends = starts + lengths - 1
        self._recent_count[rows[ends]] = sequence[ends] + 1
        self._newest[rows[ends]] = buckets[ends, STAMP]

    def _add_life(self, rows: Rows, buckets: Buckets) -> None:
        buckets = buckets.copy()
        buckets[:, STAMP] >>= self._life_shift[rows]
        starts = run_starts(rows, buckets[:, STAMP])
        rows, buckets = rows[starts], merge(buckets, starts)

        count = self._life_count[rows]
        places = _places(self._life_table, rows, np.maximum(count - 1, 0))
        goes_on = (count > 0) & (self.pages.buckets[places, STAMP] == buckets[:, STAMP])
        _fold(self.pages.buckets, places[goes_on], buckets[goes_on])
        rows, buckets = rows[~goes_on], buckets[~goes_on]
        if not len(rows):
            return

        starts = run_starts(rows)
        lengths = np.diff(np.append(starts, len(rows)))
        full = self._life_count[rows[starts]] + lengths > LIFE_BUCKETS
        if full.any():
            widened = np.repeat(full, lengths)
            self._widen(rows[starts[full]], rows[widened], buckets[widened])
            rows, buckets = rows[~widened], buckets[~widened]
            starts = run_starts(rows)
            lengths = np.diff(np.append(starts, len(rows)))
            if not len(rows):
                return
        sequence = self._life_count[rows] + np.arange(len(rows)) - np.repeat(starts, lengths)
        self._append(self._life_table, rows, sequence, buckets)
        ends = starts + lengths - 1
        self._life_count[rows[ends]] = sequence[ends] + 1

    def _widen(self, full: Rows, new_rows: Rows, new: Buckets) -> None:
        """Widen the buckets of the rows in `full` until the new ones fit in, and add them."""
        count = self._life_count[full]
        old_rows = np.repeat(full, count)
        ends = np.cumsum(count)
        sequence = np.arange(len(old_rows)) - np.repeat(ends - count, count)
        old = self.pages.buckets[_places(self._life_table, old_rows, sequence)]
        rows = np.concatenate([old_rows, new_rows])
        order = np.argsort(rows, kind="stable")
        rows, buckets = rows[order], np.concatenate([old, new])[order]

        # Three quarters at most, so that it is long until it is full again.
        wide = full
        while len(wide):
            self._life_shift[wide] += 1
            buckets[:, STAMP] >>= np.isin(rows, wide).astype("u4")
            starts = run_starts(rows, buckets[:, STAMP])
            rows, buckets = rows[starts], merge(buckets, starts)
            starts = run_starts(rows)
            lengths = np.diff(np.append(starts, len(rows)))
            wide = rows[starts[lengths > LIFE_BUCKETS * 3 // 4]]

        # The pages stay the rows': they will fill up again.
        sequence = np.arange(len(rows)) - np.repeat(starts, lengths)
        self._append(self._life_table, rows, sequence, buckets)
        self._life_count[rows[starts]] = lengths

    def _append(
        self,
        table: npt.NDArray[np.int32],
        rows: Rows,
        sequence: npt.NDArray[np.int64],
        buckets: Buckets,
    ) -> None:
        """Write buckets at their places in the rows' pages; take pages where there are none yet."""
        page = sequence // PAGE % table.shape[1]
        fresh = np.flatnonzero((sequence % PAGE == 0) & (table[rows, page] == 0))
        table[rows[fresh], page[fresh]] = self.pages.take(len(fresh))
        self.pages.buckets[_places(table, rows, sequence)] = buckets

    def recent(self, row: int) -> Buckets:
        """Copy the buckets of the row's last 60 s, and perhaps older ones, ascending by stamp."""
        count = int(self._recent_count[row])
        first = max(0, count - _RECENT_PAGES * PAGE)
        return self._copy(self._recent_table, row, first, count)

    def life(self, row: int) -> tuple[Buckets, int]:
        """Copy the buckets of the row's whole life; with it, how many recent ones fit in one."""
        buckets = self._copy(self._life_table, row, 0, int(self._life_count[row]))
        return buckets, 1 << int(self._life_shift[row])

    def _copy(self, table: npt.NDArray[np.int32], row: int, first: int, end: int) -> Buckets:
        sequence = np.arange(first, end)
        rows = np.full(len(sequence), row)
        buckets: Buckets = self.pages.buckets[_places(table, rows, sequence)]
        return buckets

    def grid(self, rows: Rows, column: int, newest: int, count: int) -> npt.NDArray[np.float64]:
        """Values of one column of many rows' recent buckets, spread over a grid of time.

        `newest` is the stamp of the grid's last column. Returns shape (len(rows), count), NaN where
        there is no bucket.
        """
        grid = np.full((len(rows), count), np.nan)
        pages = self._recent_table[rows]
        places = (pages[:, :, None] * PAGE + np.arange(PAGE)).reshape(
            len(rows), _RECENT_PAGES * PAGE
        )
        stamps = self.pages.buckets[places, STAMP].astype("i8")
        at = stamps - (newest - count + 1)
        row, slot = np.nonzero((at >= 0) & (at < count) & (stamps > 0))
        grid[row, at[row, slot]] = self.pages.buckets[places[row, slot], column]
        return grid


def _places(
    table: npt.NDArray[np.int32], rows: Rows, sequence: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Where the rows' n-th buckets are in the pages."""
    pages = table[rows, sequence // PAGE % table.shape[1]].astype("i8")
    return pages * PAGE + sequence % PAGE


def _fold(buckets: Buckets, places: npt.NDArray[np.int64], new: Buckets) -> None:
    """Fold new buckets into the older ones at `places`, in place; no place twice."""
    held = buckets[places]
    held[:, MIN] = np.minimum(held[:, MIN], new[:, MIN])
    held[:, MAX] = np.maximum(held[:, MAX], new[:, MAX])
    held[:, LAST] = new[:, LAST]
    room = np.uint32(0xFFFFFFFF) - held[:, ACKED]
    held[:, ACKED] += np.minimum(new[:, ACKED], room)
    buckets[places] = held


BYTES_PER_FLOW = (_RECENT_PAGES + _LIFE_PAGES) * PAGE * WIDTH * 4 + _BYTES_A_ROW
"""Bytes of the fullest history that one flow can have."""
