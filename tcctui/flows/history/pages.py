"""The memory that histories live in: pages of a few buckets, handed out under one budget."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.history.buckets import WIDTH, Buckets
from tcctui.flows.index import grown

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
        self.total = budget // PAGE_BYTES
        """Pages that may be handed out."""
        self.buckets: Buckets = np.zeros(((self.total + 1) * PAGE, WIDTH), "u4")
        """All buckets of all pages: page p holds those from p * PAGE on."""
        self.next = np.zeros(self.total + 1, "i4")
        """The page that follows each in its chain, 0 where none does."""
        self._free = np.arange(self.total, 0, -1, dtype="i4")
        self.free = self.total
        """Pages that are left."""
        self._least_free = self.total  # those beyond were never handed out

    def __deepcopy__(self, memo: dict[int, Any]) -> Pages:
        """Copy what was ever in use; there is room for the rest once a page of it is taken."""
        twin = copy(self)
        memo[id(self)] = twin
        used = self.total - self._least_free + 1
        twin.buckets, twin.next = self.buckets[: used * PAGE].copy(), self.next[:used].copy()
        twin._free = self._free.copy()
        return twin

    @property
    def nbytes(self) -> int:
        """Bytes of what was ever in use."""
        return (self.total - self._least_free) * PAGE_BYTES + self._free.nbytes

    def take(self, count: int) -> npt.NDArray[np.int32]:
        """Hand out `count` pages that no other follows; there must be that many."""
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
        """Take pages back."""
        self._free[self.free : self.free + len(pages)] = pages
        self.free += len(pages)
