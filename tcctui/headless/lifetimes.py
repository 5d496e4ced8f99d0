"""What of a connection's totals is from before it was looked at: the kernel counts all its life."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.flows.history.buckets import run_starts
from tcctui.flows.index import Rows, grown
from tcctui.wire.events import Events
from tcctui.wire.samples import Samples, value

_BEFORE = np.dtype(
    [
        ("sampled_ns", "i8"),  # when the first sample was taken; 0 without one
        ("acked", "f8"),  # tcpi_bytes_acked then, NaN where the kernel does not tell
        ("retransmits", "f8"),  # tcpi_total_retrans then
        ("began", "u1"),  # whether an event came before that sample
        ("una", "u4", (2,)),  # snd_una of the first event, and of the last before that sample
    ]
)

Numbers = npt.NDArray[np.float64]


class Lifetimes:
    """The first sample of each row's connection, and how far it came before that.

    A connection's samples have to be here before events from after them are.
    """

    def __init__(self) -> None:
        self._before = np.zeros(0, _BEFORE)

    def grow(self, rows: int) -> None:
        """Make room for so many rows."""
        self._before = grown(self._before, rows)

    def add_samples(self, rows: Rows, samples: Samples) -> None:
        """Take first samples in; sorted by connection, and the rows of them, -1 for none."""
        first = np.append(True, rows[1:] != rows[:-1]) & (rows >= 0)
        first &= self._before["sampled_ns"][rows] == 0
        new, samples = rows[first], samples[first]
        self._before["sampled_ns"][new] = samples["ts_ns"]
        self._before["acked"][new] = value(samples, "bytes_acked")
        self._before["retransmits"][new] = value(samples, "total_retrans")

    def add_events(self, rows: Rows, probes: Events) -> None:
        """Take events in; sorted by connection, and the rows of them, -1 for none."""
        sampled_ns = self._before["sampled_ns"][rows]
        early = (sampled_ns == 0) | (probes["ts_ns"] <= sampled_ns.astype("u8"))
        early &= rows >= 0
        if not early.any():
            return
        rows, una = rows[early], probes["snd_una"][early]
        first = run_starts(rows.astype("u8"))
        last = np.append(first[1:], len(rows)) - 1
        rows = rows[first]
        new = self._before["began"][rows] == 0
        self._before["una"][rows[new], 0] = una[first[new]]
        self._before["una"][rows, 1] = una[last]
        self._before["began"][rows] = 1

    def sampled_ns(self, rows: Rows) -> npt.NDArray[np.int64]:
        """When the connections were first sampled (CLOCK_MONOTONIC); 0 for never."""
        when: npt.NDArray[np.int64] = self._before["sampled_ns"][rows]
        return when

    def totals(self, rows: Rows) -> tuple[Numbers, Numbers]:
        """Give bytes acknowledged and segments sent again before; NaN where that is not known."""
        before = self._before[rows]
        # Modulo 2^32: it is sampled long before 4 GiB have come.
        came = (before["una"][:, 1] - before["una"][:, 0]).astype("f8")
        known = before["sampled_ns"] > 0
        acked = np.where(known, np.maximum(before["acked"] - came, 0), np.nan)
        return acked, np.where(known, before["retransmits"], np.nan)


def since(total: Numbers, before: Numbers) -> Numbers:
    """What was counted since; where it is less than before, the socket was connected anew."""
    return np.where(total >= before, total - before, total)
