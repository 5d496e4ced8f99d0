"""A flow's past: the last minute in 100 ms buckets, and its whole life in buckets that widen.

Only buckets with an event are kept, so that a quiet flow has few, and an idle one no more than its
life needs. Where memory runs short, less is kept of every flow: see `make_room`. Everything works
on many flows at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tcctui.arrays import U32, Floats, Mask
from tcctui.flows.history.buckets import (
    ACKED,
    BUCKET_NS,
    LAST,
    MAX,
    MIN,
    STAMP,
    Buckets,
    row_runs,
)
from tcctui.flows.history.detail import LIFE_PAGES, RECENT_BUCKETS, RECENT_PAGES, Detail
from tcctui.flows.history.lifetime import LifetimeHistory
from tcctui.flows.history.pages import PAGE, PAGE_BYTES, Chains, Counts, Pages
from tcctui.flows.index import Rows, grown

_REACH = RECENT_BUCKETS + 64  # a chart may begin a little before its window

_SECOND = 1_000_000_000 // BUCKET_NS

_BYTES_A_ROW = 2 * (4 + 4 + 1 + 1) + 4 + 1


class Worst(NamedTuple):
    """Lowest or highest values of a bucket's `column`, each over `width` buckets of time.

    Columns begin at multiples of their width, so that values don't flicker between them.
    """

    column: int
    lowest: bool
    width: int
    columns: int


class History:
    """The histories of all flows, by row.

    A flow's first page is its recent past and its whole life in one: a separate life begins when
    that page is full.
    """

    def __init__(self, budget: int) -> None:
        self.pages = Pages(budget)
        self.detail = Detail()
        self._changed = 0  # stamp of the last change of detail
        self._recent = Chains(self.pages)
        self._life = LifetimeHistory(self.pages, self.detail)
        self._newest = np.zeros(0, "u4")  # stamp of the newest bucket

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows; those there stay as they are."""
        self._recent.grow(rows)
        self._life.grow(rows)
        self._newest = grown(self._newest, rows)

    def newest(self, rows: Rows) -> U32:
        """Stamp of each row's newest bucket; 0 without one."""
        return self._newest[rows]

    def forget(self, rows: Rows) -> None:
        """Drop the rows' histories."""
        self._recent.clear(rows)
        self._life.forget(rows)
        self._newest[rows] = 0

    # Memory

    def pages_held(self, rows: Rows | slice) -> Counts:
        """Number of pages of each row."""
        return self._recent.held[rows].astype("i8") + self._life.held[rows]

    def pages_needed(self, rows: Rows, buckets: Buckets) -> int:
        """Upper limit of the pages that `add` takes."""
        return int(self._needed(rows, buckets).sum())

    def is_tight(self, rows: Rows, buckets: Buckets) -> bool:
        """True if `add` may take more pages than are free."""
        # At most, each bucket begins a page of the recent past, one of the life, and the life.
        free = self.pages.free
        return 4 * len(buckets) > free and self.pages_needed(rows, buckets) > free

    def fitting(self, rows: Rows, buckets: Buckets) -> Mask:
        """Mask of the buckets that fit, all or none of a row: the frugal rows first."""
        needed = self._needed(rows, buckets)
        order = np.argsort(needed, kind="stable")
        fits = np.zeros(len(needed), bool)
        fits[order] = np.cumsum(needed[order]) <= self.pages.free
        return np.repeat(fits, row_runs(rows)[2])

    def _needed(self, rows: Rows, buckets: Buckets) -> Counts:
        """Upper limit of the pages that `add` takes, for each row that has buckets."""
        starts, owners, lengths = row_runs(rows)
        new = lengths - self._goes_on(owners, buckets[starts])
        recent = self._recent.lengths(owners) + new
        pages = np.minimum(-(-recent // PAGE), self.detail.recent_pages(owners))
        needed = np.maximum(pages - self._recent.held[owners], 0)
        begun = self._life.held[owners] > 0
        life = np.where(begun, self._life.lengths_with(rows, buckets), recent * (recent > PAGE))
        pages = np.minimum(-(-life // PAGE), self.detail.life_pages(owners))
        return needed + np.maximum(pages - self._life.held[owners], 0)

    def make_room(self, needed: int, newest: int) -> bool:
        """Shed detail until this many pages are free; False if none was left to shed.

        First goes the recent past of flows idle for over a minute. Then, step by step, less is kept
        of all flows: a shorter recent past, and fewer and wider buckets of their lives. `newest` is
        the stamp of the present.
        """
        free, recent = self.pages.free, self.detail.recent
        self._clear_idle(newest)
        wanted = needed + self.pages.total // 64  # some more, so that it is rarely needed
        while not self._shed(wanted) and self.detail.shed():
            self._changed = newest
        return self.pages.free > free or self.detail.recent < recent

    def _shed(self, wanted: int) -> bool:
        """Free pages beyond the rows' limits, until `wanted` are free."""
        rows = np.flatnonzero(self._recent.held > self.detail.recent)
        beyond = self._recent.held[rows].astype("i8") - self.detail.recent_pages(rows)
        self._recent.shorten(rows, np.maximum(beyond, 0))
        return self.pages.free >= wanted or self._life.shed(wanted)

    def _clear_idle(self, newest: int) -> None:
        idle = (self._recent.held > 0) & (self._life.held > 0) & (self._newest < newest - _REACH)
        self._recent.clear(np.flatnonzero(idle))

    def restore(self, newest: int) -> None:
        """Raise the detail if there is room for it, a step each second; `newest` is as above."""
        if not self.detail.is_reduced or newest < self._changed + _SECOND:
            return
        self._changed = newest
        self._clear_idle(newest)
        total, used = self.pages.total, self.pages.total - self.pages.free
        rows = np.flatnonzero((self._recent.held > 0) & (self._life.held > 0))
        self.detail.restore(total, used, int(self.pages_held(rows).sum()), len(rows))

    # Writing

    def add(self, rows: Rows, buckets: Buckets) -> None:
        """Add buckets of `BUCKET_NS`: `rows[i]` is the row of `buckets[i]`.

        They are grouped by row, and within a row strictly ascending by stamp and none older than
        the newest one there. `pages_needed` pages must be free.
        """
        goes_on = self._goes_on(rows, buckets)
        starts, owners, lengths = row_runs(rows)
        alive = self._life.held[owners] > 0
        if np.count_nonzero(alive) < len(owners):
            filled = self._recent.lengths(owners) + lengths - goes_on[starts]
            begins = ~alive & (filled > PAGE)
            if begins.any():
                counts, page = self._recent.read(owners[begins])
                self._life.append(owners[begins].repeat(counts), page)
            with_life = (begins | alive).repeat(lengths)
            self._life.add(rows[with_life], buckets[with_life])
        else:
            self._life.add(rows, buckets)
        if np.count_nonzero(goes_on):
            self._recent.fold(self._recent.newest(rows[goes_on]), buckets[goes_on])
            rows, buckets = rows[~goes_on], buckets[~goes_on]
        self._add_recent(rows, buckets)

    def _goes_on(self, rows: Rows, buckets: Buckets) -> Mask:
        """Mask of buckets for the same 100 ms as the newest ones of their rows."""
        same: Mask = self._newest[rows] == buckets[:, STAMP]
        return same & (self._recent.held[rows] > 0)

    def _add_recent(self, rows: Rows, buckets: Buckets) -> None:
        if not len(rows):
            return
        starts, owners, lengths = row_runs(rows)
        self._newest[owners] = buckets[starts + lengths - 1, STAMP]

        held, before = self._recent.held[owners], self._recent.lengths(owners)
        pages = -(-(before + lengths) // PAGE)
        excess = np.maximum(pages - self.detail.recent_pages(owners), 0)
        if np.count_nonzero(excess):
            page = (np.arange(len(rows)) + np.repeat(before - starts, lengths)) // PAGE
            kept = page >= np.repeat(excess, lengths)
            rows, buckets = rows[kept], buckets[kept]
            self._recent.shorten(owners, np.minimum(excess, held))
        self._recent.append(rows, buckets)

        # An old page may go as long as one older bucket stays.
        longer = owners[self._recent.held[owners] > np.maximum(held - excess, 1)]
        while len(longer):
            too_old = self._newest[longer].astype("i8") - _REACH
            longer = longer[self._recent.second(longer) <= too_old]
            self._recent.shorten(longer, np.ones(len(longer), "i8"))
            longer = longer[self._recent.held[longer] > 1]

    # Reading

    def has(self, row: int) -> bool:
        """True if there is any history of the row."""
        return bool(self._recent.held[row] or self._life.held[row])

    def recent(self, row: int) -> Buckets:
        """Copy the buckets of the row's recent past, ascending by stamp.

        They are those of the last 60 s, or of less where memory is short, and at least one from
        before, if there was one. Of a flow that is idle since longer, it may be all there is.
        """
        rows = np.array([row])
        if self._recent.held[row] or not self._life.held[row]:
            return self._recent.read(rows)[1]
        # A wide bucket has the same last values.
        bucket = self.pages.buckets[self._life.newest(rows)]
        bucket[:, STAMP] = self._newest[row]
        bucket[:, MIN] = bucket[:, MAX] = bucket[:, LAST]
        bucket[:, ACKED] = 0
        return bucket

    def life(self, row: int) -> tuple[Buckets, int]:
        """Copy the buckets of the row's whole life, with their width in recent buckets."""
        chain = self._life if self._life.held[row] else self._recent
        return chain.read(np.array([row]))[1], 1 << int(self._life.shift[row])

    def worst(self, rows: Rows, asked: Sequence[Worst], newest: int) -> list[Floats]:
        """Lowest or highest values of many rows' recent past, each on a grid of time.

        `newest` is the stamp of the present. Returns arrays of shape (len(rows), columns), NaN
        without a bucket.
        """
        places, used = self._recent.places(rows)
        stamps = self.pages.buckets[places, STAMP].astype("i8")
        used &= stamps <= newest
        found = []
        for column, lowest, width, columns in asked:
            at = stamps // width - (newest // width - columns + 1)
            row, slot = np.nonzero(used & (at >= 0))
            grid = np.full(len(rows) * columns, np.nan)
            values = self.pages.buckets[places[row, slot], column].astype("f8")
            (np.fmin if lowest else np.fmax).at(grid, row * columns + at[row, slot], values)
            found.append(grid.reshape(len(rows), columns))
        return found


BYTES_PER_FLOW = (RECENT_PAGES + LIFE_PAGES) * PAGE_BYTES + _BYTES_A_ROW
"""Bytes of the fullest history that one flow can have."""
