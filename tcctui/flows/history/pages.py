"""Memory of histories: pages of a few buckets under one budget, and each row's chain of them."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.arrays import I64, U32, Mask
from tcctui.flows.history.buckets import (
    ACKED,
    LAST,
    MAX,
    MIN,
    STAMP,
    WIDTH,
    Buckets,
    row_runs,
)
from tcctui.flows.index import Rows, grown

PAGE = 8
"""Buckets in a page: small, so that a quiet flow holds little."""

PAGE_BYTES = PAGE * WIDTH * 4
"""Bytes of a page's buckets."""


class Pages:
    """Pool of pages. Page 0 is never allocated: as a page's number it means none.

    The system commits memory when a page is first written: a large budget costs nothing by itself.
    """

    def __init__(self, budget: int) -> None:
        self.total = budget // PAGE_BYTES
        """Number of pages that may be allocated."""
        self.buckets: Buckets = np.zeros(((self.total + 1) * PAGE, WIDTH), "u4")
        """All buckets of all pages: page p holds those from p * PAGE on."""
        self.next = np.zeros(self.total + 1, "i4")
        """Next page of each page's chain, 0 at its end."""
        self._free = np.arange(self.total, 0, -1, dtype="i4")
        self.free = self.total
        """Number of free pages."""
        self._least_free = self.total  # those beyond were never allocated

    def __deepcopy__(self, memo: dict[int, Any]) -> Pages:
        """Copy the part ever in use; the rest is allocated when needed."""
        twin = copy(self)
        memo[id(self)] = twin
        used = self.total - self._least_free + 1
        twin.buckets, twin.next = self.buckets[: used * PAGE].copy(), self.next[:used].copy()
        twin._free = self._free.copy()
        return twin

    @property
    def nbytes(self) -> int:
        """Bytes of the part ever in use."""
        return (self.total - self._least_free) * PAGE_BYTES + self._free.nbytes

    def take(self, count: int) -> npt.NDArray[np.int32]:
        """Allocate `count` unlinked pages; there must be that many."""
        assert count <= self.free
        if len(self.next) <= self.total:
            self.buckets = grown(self.buckets, (self.total + 1) * PAGE)
            self.next = grown(self.next, self.total + 1)
        self.free -= count
        self._least_free = min(self._least_free, self.free)
        taken = self._free[self.free : self.free + count].copy()
        self.next[taken] = 0
        return taken

    def give_back(self, pages: npt.NDArray[np.int32]) -> None:
        """Free pages."""
        self._free[self.free : self.free + len(pages)] = pages
        self.free += len(pages)


Counts = I64
"""Numbers of buckets or pages, one per row."""


class Chains:
    """A chain of pages for every row. All pages are full but the newest; an empty row has none.

    A page knows the next one, so that a row takes a few bytes, however long its chain may get.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._oldest = np.zeros(0, "i4")
        self._newest = np.zeros(0, "i4")
        self._used = np.zeros(0, "u1")  # buckets in the newest page
        self.held = np.zeros(0, "u1")
        """Pages of each row."""

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._oldest = grown(self._oldest, rows)
        self._newest = grown(self._newest, rows)
        self._used = grown(self._used, rows)
        self.held = grown(self.held, rows)

    def lengths(self, rows: Rows) -> Counts:
        """Number of buckets of each row."""
        held = self.held[rows].astype("i8")
        return np.maximum(held - 1, 0) * PAGE + self._used[rows]

    def newest(self, rows: Rows) -> I64:
        """Index of each row's newest bucket; of an empty row, an unused one."""
        return self._newest[rows].astype("i8") * PAGE + np.maximum(self._used[rows], 1) - 1

    def places(self, rows: Rows) -> tuple[I64, Mask]:
        """Indexes of the rows' buckets, oldest first, and the mask of those in use.

        Both have shape (len(rows), n), with n the buckets that fit in the longest chain's pages.
        """
        longest = int(self.held[rows].max(initial=0))
        pages = np.zeros((len(rows), longest), "i8")
        page = self._oldest[rows]
        for number in range(longest):
            pages[:, number] = page
            page = self._pages.next[page]
        places = (pages[:, :, None] * PAGE + np.arange(PAGE)).reshape(len(rows), longest * PAGE)
        return places, np.arange(longest * PAGE) < self.lengths(rows)[:, None]

    def read(self, rows: Rows) -> tuple[Counts, Buckets]:
        """Copy all buckets of the rows, row by row, with the number of each row's."""
        places, used = self.places(rows)
        return self.lengths(rows), self._pages.buckets[places[used]]

    def second(self, rows: Rows) -> U32:
        """Stamp of the first bucket of each row's second page; they must have one."""
        page = self._pages.next[self._oldest[rows]].astype("i8")
        return self._pages.buckets[page * PAGE, STAMP]

    def fold(self, places: I64, new: Buckets) -> None:
        """Merge new buckets into the older ones at `places`; no index twice."""
        held = self._pages.buckets[places]
        held[:, MIN] = np.minimum(held[:, MIN], new[:, MIN])
        held[:, MAX] = np.maximum(held[:, MAX], new[:, MAX])
        held[:, LAST] = new[:, LAST]
        room = np.uint32(0xFFFFFFFF) - held[:, ACKED]
        held[:, ACKED] += np.minimum(new[:, ACKED], room)
        self._pages.buckets[places] = held

    def append(self, rows: Rows, buckets: Buckets) -> None:
        """Add buckets, `rows[i]` being the row of `buckets[i]`; they are grouped by row."""
        if not len(rows):
            return
        starts, owners, lengths = row_runs(rows)
        held, newest = self.held[owners], self._newest[owners]
        used = np.where(held > 0, self._used[owners], PAGE).astype("i8")
        slot = (used - starts).repeat(lengths) + np.arange(len(rows))
        fresh = (slot % PAGE == 0).nonzero()[0]
        taken = self._pages.take(len(fresh))

        # Each run continues in its row's newest page, until a fresh one begins.
        page = np.zeros(len(rows), "i8")
        page[starts] = newest
        page[fresh] = taken
        ends = starts + lengths - 1
        if len(starts) < len(rows):
            begins = np.zeros(len(rows), bool)
            begins[starts] = begins[fresh] = True
            page = page[begins][begins.cumsum() - 1]
        self._pages.buckets[page * PAGE + slot % PAGE] = buckets

        before = np.where(slot[fresh] == PAGE, self._newest[rows[fresh]], page[fresh - 1])
        follows = before > 0
        self._pages.next[before[follows]] = taken[follows]
        self._oldest[rows[fresh[~follows]]] = taken[~follows]

        last = slot[ends]
        self._newest[owners] = page[ends]
        self._used[owners] = last % PAGE + 1
        self.held[owners] = held + last // PAGE

    def shorten(self, rows: Rows, count: Counts) -> None:
        """Free `count` pages of each row, oldest first; no row has fewer."""
        for number in range(int(count.max(initial=0))):
            due = rows[count > number]
            page = self._oldest[due]
            self._oldest[due] = self._pages.next[page]
            self._pages.give_back(page)
        self.held[rows] -= count.astype("u1")
        empty = rows[self.held[rows] == 0]
        self._oldest[empty] = self._newest[empty] = self._used[empty] = 0

    def clear(self, rows: Rows) -> None:
        """Free all pages of the rows."""
        self.shorten(rows, self.held[rows].astype("i8"))
