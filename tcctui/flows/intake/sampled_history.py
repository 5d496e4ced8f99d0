"""History buckets from changes between samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcctui.arrays import I64, U32, U64, Indexes
from tcctui.flows.history.buckets import BUCKET_NS, Buckets, Values, assembled
from tcctui.flows.index import Rows

_SPREAD = 1_000_000_000 // BUCKET_NS


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes in some rows from one sample to the next; arrays of one entry per row.

    `before` and `after` have the values of `buckets.SERIES`, shape (n, len(SERIES)); `acked` is the
    bytes acknowledged between the two and not reported by events. The samples are of `seen_ns` and
    `when_ns`, the row's newest bucket is `newest` (0 without one), and it was first known at
    `born_ns`.
    """

    rows: Rows
    before: Values
    after: Values
    acked: U64
    seen_ns: I64
    when_ns: I64
    newest: U32
    born_ns: I64

    def buckets(self) -> tuple[Rows, Buckets]:
        """Make buckets and their rows, as `History.add` takes them.

        Acknowledged bytes are spread over the time between both samples if that is 1 s at most, as
        for watched flows. A row without a history begins with its state since it was first known.
        """
        newest = self.newest.astype("i8")
        stamp = np.maximum(self.when_ns // BUCKET_NS, newest)
        since = np.maximum(self.seen_ns // BUCKET_NS, newest)
        spread = (self.acked > 0) & (stamp - since <= _SPREAD)
        first = np.where(spread, since, stamp)
        born = self.born_ns // BUCKET_NS
        begins = (newest == 0) & (self.before[:, 0] > 0) & (born < first)  # its window was known
        count = stamp - first + 1 + begins
        place = np.repeat(np.arange(len(self.rows)), count)
        back = np.cumsum(count)[place] - 1 - np.arange(len(place))
        stamps = stamp[place] - back
        is_birth = begins[place] & (stamps < first[place])
        stamps[is_birth] = born[place[is_birth]]
        is_last = back == 0
        values = np.where(is_last[:, None], self.after[place], self.before[place])
        acked = self._acked_by(stamps, place)
        acked[is_birth] = 0
        acked[is_last] = self.acked
        acked[1:] -= np.where(place[1:] == place[:-1], acked[:-1].copy(), np.uint64(0))
        made = assembled(stamps, acked, low=values, high=values, last=values)
        return self.rows[place], made

    def _acked_by(self, stamps: I64, place: Indexes) -> U64:
        """Part of a row's bytes acknowledged by the end of each bucket, at an even pace."""
        span = np.maximum(self.when_ns - self.seen_ns, 1)[place]
        over = np.clip(((stamps + 1) * BUCKET_NS - self.seen_ns[place]) / span, 0, 1)
        return (self.acked[place] * over).astype("u8")
