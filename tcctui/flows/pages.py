"""The memory that histories live in: pages of a few buckets, handed out under one budget."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.flows.buckets import WIDTH, Buckets

PAGE = 8
"""Buckets in a page: small, so that a quiet flow holds little."""

PAGE_BYTES = PAGE * WIDTH * 4
"""Bytes of a page's buckets."""


class Pages:
    """A pool of pages. Page 0 is never handed out: as a page's number it stands for none.

    The memory is the system's until a page is first written to: a large budget costs nothing by
    itself.
    """

    def __init__(self, budget: int) -> None:
        self.total = max(1, budget // PAGE_BYTES)
        """Pages that may be handed out."""
        self.buckets: Buckets = np.zeros(((self.total + 1) * PAGE, WIDTH), "u4")
        """All buckets of all pages: page p holds those from p * PAGE on."""
        self.next = np.zeros(self.total + 1, "i4")
        """The page that follows each in its chain, 0 where none does."""
        self._free = np.arange(self.total, 0, -1, dtype="i4")
        self.free = self.total
        """Pages that are left."""

    def take(self, count: int) -> npt.NDArray[np.int32]:
        """Hand out `count` pages that no other follows; there must be that many."""
        assert count <= self.free
        self.free -= count
        taken = self._free[self.free : self.free + count].copy()
        self.next[taken] = 0
        return taken

    def give_back(self, pages: npt.NDArray[np.int32]) -> None:
        """Take pages back."""
        self._free[self.free : self.free + len(pages)] = pages
        self.free += len(pages)
