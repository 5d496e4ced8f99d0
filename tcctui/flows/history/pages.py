"""Memory pool of histories: pages of a few buckets, allocated under one budget."""

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
