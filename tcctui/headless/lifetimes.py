"""Totals from before the first read: the kernel counts a connection's whole life."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import I64, Floats
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.index import Rows, grown
from tcctui.wire.events import Events
from tcctui.wire.samples import Samples, value

_BEFORE = np.dtype(
    [
        ("sampled_ns", "i8"),  # when the first sample was taken; 0 without one
        ("acked", "f8"),  # its tcpi_bytes_acked, NaN where the kernel has none
        ("retransmits", "f8"),  # its tcpi_total_retrans
        ("began", "u1"),  # True if an event came before that sample
        ("una", "u4", (2,)),  # snd_una of the first event, and of the last before that sample
    ]
)


class Lifetimes:
    """First sample of each row's connection, and the progress before it.

    A connection's samples have to be added before later events.
    """

    def __init__(self) -> None:
        self._before = np.zeros(0, _BEFORE)

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        self._before = grown(self._before, rows)

    def add_samples(self, rows: Rows, samples: Samples) -> None:
        """Add first samples, sorted by connection, and their rows, -1 for none."""
        first = np.append(True, rows[1:] != rows[:-1]) & (rows >= 0)
        first &= self._before["sampled_ns"][rows] == 0
        new, samples = rows[first], samples[first]
        self._before["sampled_ns"][new] = samples["ts_ns"]
        self._before["acked"][new] = value(samples, "bytes_acked")
        self._before["retransmits"][new] = value(samples, "total_retrans")

    def add_events(self, rows: Rows, probes: Events) -> None:
        """Add events, sorted by connection, and their rows, -1 for none."""
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

    def sampled_ns(self, rows: Rows) -> I64:
        """First sample times of the connections (CLOCK_MONOTONIC); 0 for none."""
        return self._before["sampled_ns"][rows]

    def totals(self, rows: Rows) -> tuple[Floats, Floats]:
        """Bytes acknowledged and segments retransmitted before the first read; NaN if unknown."""
        before = self._before[rows]
        # Modulo 2^32: the first sample comes long before 4 GiB.
        came = (before["una"][:, 1] - before["una"][:, 0]).astype("f8")
        known = before["sampled_ns"] > 0
        acked = np.where(known, np.maximum(before["acked"] - came, 0), np.nan)
        return acked, np.where(known, before["retransmits"], np.nan)


def since(total: Floats, before: Floats) -> Floats:
    """Count since the first read; a total below it means that the socket was reconnected."""
    return np.where(total >= before, total - before, total)
