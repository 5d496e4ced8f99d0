"""Evidence for verdicts that ACKs alone have: reductions, restarts after a pause, cwnd in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U32, U64, Array, Floats, Indexes
from tcctui.flows.columns import FlowColumns
from tcctui.flows.diagnosis.idle_restarts import IdleRestarts
from tcctui.flows.diagnosis.policing import Policing
from tcctui.flows.history.buckets import BUCKET_NS, MAX, SERIES, STAMP, Buckets, run_starts
from tcctui.flows.index import Rows
from tcctui.flows.row_records import RowRecords
from tcctui.wire.events import Events
from tcctui.wire.records import pick

_FULL = 0.8
"""Part of cwnd in flight from which it counts as used, as in the search `inflight>0.8*cwnd*mss`."""

_RESET = 0.8
"""Part of its former size below which cwnd counts as reset by a pause."""

_CWND, _IN_FLIGHT = (MAX.start + SERIES.index(name) for name in ("snd_cwnd", "in_flight"))

_BUCKETS = np.dtype(
    [
        # Buckets of 100 ms in which ACKs came, and in which cwnd was used: the newest is the lowest
        # bit.
        ("_seen", "u8"),
        ("_full", "u8"),
        ("_stamp", "u4"),  # of the newest bucket
    ],
    align=True,
)

_ONES = np.array([number.bit_count() for number in range(256)], "u1")


class Newest(NamedTuple):
    """Values of rows before a batch of their events; 0 where unknown."""

    snd_cwnd: U32
    ssthresh: U32
    snd_nxt: U32


class AckEvidence:
    """Evidence of each row's ACKs on its limit."""

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self.policing = Policing()
        self.restarts = IdleRestarts()
        self._buckets = RowRecords(_BUCKETS)
        self._states = (self.policing.state, self.restarts.state, self._buckets)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        for state in self._states:
            state.grow(rows)

    def forget(self, rows: Rows) -> None:
        """Reset the rows."""
        for state in self._states:
            state.forget(rows)

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {name: array for state in self._states for name, array in state.kept.items()}

    def by_events(
        self, rows: Rows, events: Events, first: Indexes, last: Events, before: Newest
    ) -> None:
        """Take in tcp_probe events sorted by row: each begins at `first`, and ends with `last`."""
        cwnd, ssthresh = events["snd_cwnd"], events["ssthresh"]
        fell = np.zeros(len(events), bool)
        less = np.zeros(len(events), bool)
        np.less(ssthresh[1:], ssthresh[:-1], out=fell[1:])
        np.less(cwnd[1:], cwnd[:-1], out=less[1:])
        fell[first] = ssthresh[first] < before.ssthresh
        less[first] = cwnd[first] < before.snd_cwnd
        less &= ~fell & (cwnd < ssthresh)
        if np.count_nonzero(fell):
            places = np.flatnonzero(fell)
            of = rows[np.searchsorted(first, places, "right") - 1]
            cut = pick(events, places)
            self.policing.by_cuts(of, cut["ts_ns"].astype("i8"), cut["snd_una"])
        if np.count_nonzero(less):
            self._reset(rows, events, first, np.flatnonzero(less), before)
        self.restarts.flying(rows, last)

    def _reset(
        self, rows: Rows, events: Events, first: Indexes, places: Indexes, before: Newest
    ) -> None:
        """Find the restarts after a pause among events at which cwnd is less than before it."""
        flow = np.searchsorted(first, places, "right") - 1
        own = places > first[flow]  # the event before is of the same batch
        earlier = pick(events, np.maximum(places - 1, 0))
        at = pick(events, places)
        cwnd = np.where(own, earlier["snd_cwnd"], before.snd_cwnd[flow])
        nxt = np.where(own, earlier["snd_nxt"], before.snd_nxt[flow])
        # All that was sent before is acknowledged: nothing was in flight when cwnd was reset.
        idle = (at["snd_una"] - nxt).view("i4") >= 0
        idle &= at["snd_cwnd"] < _RESET * cwnd
        places, flow, at, cwnd = places[idle], flow[idle], pick(at, idle), cwnd[idle]
        flew = np.zeros(len(places), "i8")
        for back in (2, 1):  # a request that comes in is an event without anything in flight
            earlier = pick(events, np.maximum(places - back, 0))
            flies = (places - back >= first[flow]) & (earlier["snd_nxt"] != earlier["snd_una"])
            flew[flies] = earlier["ts_ns"][flies]
        while len(flow):  # the first of each row, then the second
            one = np.zeros(len(flow), bool)
            one[run_starts(flow)] = True
            self.restarts.restarted(rows[flow[one]], pick(at, one), cwnd[one], flew[one])
            flow, at, cwnd, flew = flow[~one], pick(at, ~one), cwnd[~one], flew[~one]

    def by_buckets(self, rows: Rows, buckets: Buckets) -> None:
        """Take in the buckets of a batch's events, sorted by row."""
        mss = self._columns["mss"][rows].astype("f8")
        starts = run_starts(rows)
        of = rows[starts]
        newest = np.maximum.reduceat(buckets[:, STAMP], starts)
        known = self._buckets.records
        newest = np.maximum(newest, known["_stamp"][of])
        lengths = np.diff(starts, append=len(rows))
        bit = np.uint64(1) << (np.repeat(newest, lengths) - buckets[:, STAMP]).astype("u8")
        used = buckets[:, _IN_FLIGHT] >= _FULL * buckets[:, _CWND] * mss
        later = (newest - known["_stamp"][of]).astype("u8")
        for bits, chosen in ((known["_seen"], mss > 0), (known["_full"], used & (mss > 0))):
            bits[of] = bits[of] << later | np.bitwise_or.reduceat(bit * chosen, starts)
        known["_stamp"][of] = newest

    def used(self, rows: Rows, since_ns: I64, until_ns: I64) -> Floats:
        """Part of a time's buckets with ACKs that used cwnd; NaN without any in its last 6 s."""
        known = self._buckets.records
        newest = known["_stamp"][rows].astype("i8")
        behind = np.maximum(newest - until_ns // BUCKET_NS, 0)
        length = np.clip(newest - behind - since_ns // BUCKET_NS, 0, 64).astype("u8")
        mask = (np.uint64(1) << length) - np.uint64(1)
        seen, full = (
            _ones(known[name][rows] >> behind.astype("u8") & mask) for name in ("_seen", "_full")
        )
        return np.divide(full, seen, out=np.full(len(rows), np.nan), where=seen > 0)


def _ones(bits: U64) -> Floats:
    """Number of bits that are set in each."""
    return _ONES[bits.view("u1")].reshape(len(bits), 8).sum(axis=1, dtype="f8")
