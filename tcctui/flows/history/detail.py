"""Detail kept of each flow's past: everything, or less where memory is short."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import among
from tcctui.flows.history.buckets import BUCKET_NS
from tcctui.flows.history.pages import PAGE, Counts
from tcctui.flows.index import Rows

RECENT_BUCKETS = 600
"""Buckets of `BUCKET_NS` that the recent past goes back: 60 s."""

LIFE_PAGES = 13
"""Pages at most for a flow's whole life."""

RECENT_PAGES = RECENT_BUCKETS // PAGE + 1
"""Pages at most for the recent past; the newest is only partly filled."""


class Detail:
    """Pages that a row may have for its recent past, and for its life: the same for all rows.

    `recent` and `life` are these numbers for every row that is not among the `spared`, of which
    everything is kept.
    """

    def __init__(self) -> None:
        self.spared: Rows = np.empty(0, "i8")
        self.recent = RECENT_PAGES
        self.life = LIFE_PAGES

    @property
    def is_reduced(self) -> bool:
        """True if rows may have fewer pages than where there is room for all."""
        return self.recent < RECENT_PAGES

    @property
    def seconds(self) -> float:
        """Guaranteed span of every flow's recent past in seconds, even without any silence."""
        buckets = min((self.recent - 1) * PAGE, RECENT_BUCKETS)
        return buckets * BUCKET_NS / 1e9

    def recent_pages(self, rows: Rows) -> Counts | int:
        """Limit on each row's pages for its recent past: one number, if that is all rows'."""
        return self._of(rows, self.recent, RECENT_PAGES)

    def life_pages(self, rows: Rows) -> Counts | int:
        """Limit on each row's pages for its life, likewise."""
        return self._of(rows, self.life, LIFE_PAGES)

    def _of(self, rows: Rows, pages: int, most: int) -> Counts | int:
        if pages == most:
            return pages
        allowed = np.full(len(rows), pages)
        if len(self.spared):
            allowed[among(rows, self.spared)] = most
        return allowed

    def shed(self) -> bool:
        """Reduce the detail by a tenth; False at the minimum."""
        if self.recent == 1:
            return False
        self._keep(self.recent * 9 // 10)
        return True

    def restore(self, total: int, used: int, growing: int, rows: int) -> bool:
        """Raise the detail by a tenth if that fits into `total` pages; True if it was raised.

        `used` pages are taken, `growing` of them by the `rows` that would take more.
        """
        before, pages = self.recent, self.recent + self.life
        self._keep(min(self.recent * 10 // 9 + 1, RECENT_PAGES))
        more = self.recent + self.life
        # Both are upper estimates: that all grow alike, and that those rows become full.
        if min(used * more // pages, used - growing + rows * more) > total * 15 // 16:
            self._keep(before)
        return self.recent > before

    def _keep(self, recent: int) -> None:
        self.recent, self.life = recent, min((recent + 1) // 2, LIFE_PAGES)
