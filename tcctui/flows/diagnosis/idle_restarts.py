"""Slow start after idle: pauses that reset cwnd, and how long the bursts behind them take.

tcp_slow_start_after_idle_check (include/net/tcp.h) calls tcp_cwnd_restart where nothing was sent
for longer than the timeout of retransmission and nothing is in flight (RFC 2861; RFC 5681, 4.1).
"""

from __future__ import annotations

import numpy as np

from tcctui.arrays import I64, U32, Mask, Records
from tcctui.flows.index import Rows
from tcctui.flows.row_records import RowRecords
from tcctui.wire.events import Events
from tcctui.wire.records import pick

_RESTART = np.dtype(
    [
        ("ns", "i8"),
        ("pause_ns", "i8"),
        ("before", "u4"),
        ("after", "u4"),
        ("burst_ns", "i8"),
        ("burst_bytes", "u4"),
        ("_una", "u4"),  # at the restart
        ("_flew_ns", "i8"),  # newest event with something in flight
    ]
)
"""The newest restart of a row, and what the next one needs; all zero before the first."""


class IdleRestarts:
    """The newest restart of each row: when, after which pause, cwnd before and after it.

    `burst_bytes` and `burst_ns` are of the burst between the last two.
    """

    def __init__(self) -> None:
        self.state = RowRecords(_RESTART, "restarts.")

    def of(self, rows: Rows) -> Records:
        """Copy the rows' newest restarts."""
        return pick(self.state.records, rows)

    def within(self, rows: Rows, since_ns: I64, until_ns: I64) -> Mask:
        """True for rows whose newest restart was in a time."""
        when = self.state.records["ns"][rows]
        return (when > since_ns) & (when <= until_ns)

    def flying(self, rows: Rows, last: Events) -> None:
        """Remember when something was in flight: `last` are the rows' newest events."""
        flies = last["snd_nxt"] != last["snd_una"]
        self.state.records["_flew_ns"][rows[flies]] = last["ts_ns"][flies]

    def restarted(self, rows: Rows, events: Events, before: U32, flew_ns: I64) -> None:
        """Take in the events, one a row, at which cwnd was found reset from `before`.

        `flew_ns` is when the last event before it came that had something in flight; 0 to take
        the row's.
        """
        restarts = self.state.records
        when, una = events["ts_ns"].astype("i8"), events["snd_una"]
        flew_ns = np.maximum(flew_ns, restarts["_flew_ns"][rows])
        srtt_ns = events["srtt"].astype("i8") * 1000
        begun = when - srtt_ns  # its first segment left a round trip before its acknowledgement
        before_ns = restarts["ns"][rows]
        again = before_ns > 0
        restarts["burst_bytes"][rows] = np.where(again, una - restarts["_una"][rows], 0)
        restarts["burst_ns"][rows] = np.where(again, np.maximum(flew_ns - before_ns, 0), 0)
        restarts["pause_ns"][rows] = np.maximum(begun - flew_ns, 0) * (flew_ns > 0)
        restarts["before"][rows], restarts["after"][rows] = before, events["snd_cwnd"]
        restarts["ns"][rows], restarts["_una"][rows] = begun, una
