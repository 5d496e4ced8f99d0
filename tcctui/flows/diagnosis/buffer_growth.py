"""Growth of the receive buffer: from how much, when it began, and when it last went on.

tcp_rcv_space_adjust (net/ipv4/tcp_input.c) enlarges it whenever the application has read more in a
round trip than ever before, up to tcp_rmem's maximum, unless SO_RCVBUF fixes it. Samples show it,
to two windows between them. Measured at 200 Mbit/s, from 128 Ki to 11 Mi: 0.64 s, where
tcp:tcp_rcvbuf_grow (6.18) says 0.28; it is not worth a program to load at each start.
tcp:tcp_rcv_space_adjust says no sizes, 2,000 times a second.
"""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Records
from tcctui.flows.index import Rows
from tcctui.flows.row_records import RowRecords
from tcctui.wire.records import pick

_PAUSE_NS = 2_000_000_000
"""A growth that pauses for longer has ended: the next one is another."""

_GROWTH = np.dtype(
    [
        ("first", "f8"),  # bytes before it
        ("begun_ns", "i8"),  # the last look before it
        ("ended_ns", "i8"),  # the look at which it had last gone on; 0 where there was none
    ]
)


class BufferGrowth:
    """The newest growth of each row's receive buffer."""

    def __init__(self) -> None:
        self.state = RowRecords(_GROWTH, "rcvbuf.")

    def of(self, rows: Rows) -> Records:
        """Copy the rows' newest growths."""
        return pick(self.state.records, rows)

    def by_samples(self, rows: Rows, before: Records, after: Records) -> None:
        """Take in two `cause_shares.LOOK`s of each row; memory that is not told is 0 bytes."""
        grew = (before["rcvbuf"] > 0) & (after["rcvbuf"] > before["rcvbuf"])
        if not np.count_nonzero(grew):
            return
        rows, before, after = rows[grew], pick(before, grew), pick(after, grew)
        known = self.state.records
        anew = before["ts_ns"] - known["ended_ns"][rows] > _PAUSE_NS
        known["first"][rows[anew]] = before["rcvbuf"][anew]
        known["begun_ns"][rows[anew]] = before["ts_ns"][anew]
        known["ended_ns"][rows] = after["ts_ns"]
