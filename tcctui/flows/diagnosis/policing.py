"""Policers: losses at which the rate since the loss before is the same each time.

Flach et al., "An Internet-Wide Analysis of Traffic Policing" (SIGCOMM 2016, 3), play a token
bucket: at each loss of a policed flow it is empty, so that what was delivered between two losses is
the time between them times the policer's rate. Where losses come by chance, or because a queue is
full now and then, the long stretches between them are faster than the short ones. BBR's own
heuristic (bbr_lt_bw_sampling, net/ipv4/tcp_bbr.c) compares two stretches in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import I64, U32, Floats, Mask, Records
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.index import Rows
from tcctui.flows.row_records import RowRecords
from tcctui.wire.records import pick

_CUTS = {"gain": 1 / 8, "start": 0.12, "least": 0.08, "count": 6}
"""Of stretches between two reductions: weight of the newest, the deviation that is assumed at
first, the one below which, and the number of stretches from which they are a policer's. Measured, a
policer's deviate by 3.5 %, those between random losses by 21, and between congestion marks by 26.
"""

_WINDOWS = {"gain": 1 / 4, "start": 0.045, "least": 0.03, "count": 4}
"""The same of windows of a second with losses, where no events come. Measured, a policer's deviate
by 0.6 %, those with random losses by 6 and more."""

_SHORTEST_CUT_NS = 45_000_000
"""Reductions that come faster than this one after the other are one."""

_SHORTEST_WINDOW_NS = 1_000_000_000

_LONGEST_NS = 15_000_000_000

_RATES = np.dtype(
    [
        ("mean", "f4"),
        ("deviation", "f4"),
        ("count", "u1"),
        ("policed", "?"),
        ("cuts", "?"),  # these are of reductions that events told
        ("modelled", "?"),
        ("cut_una", "u4"),
        ("cut_ns", "i8"),
        ("since_ns", "i8"),
        ("since", "f8"),  # segments delivered
    ]
)
"""Of a row, what its stretches between losses say."""


class Policing:
    """Rates of each row between losses: their mean in bytes a second, and deviation."""

    def __init__(self) -> None:
        self.state = RowRecords(_RATES, "policing_")

    def by_cuts(self, rows: Rows, when: I64, una: U32) -> None:
        """Take in reductions of ssthresh, sorted by row and time, and snd_una at each.

        With BBR, ssthresh (tcp_current_ssthresh) falls with cwnd, whether it loses or not.
        """
        real = ~self.state.records["modelled"][rows]
        rows, when, una = rows[real], when[real], una[real]
        while len(rows):  # the first of each row, then the second: rarely more
            first = np.zeros(len(rows), bool)
            first[run_starts(rows)] = True
            self._cut(rows[first], when[first], una[first])
            rows, when, una = rows[~first], when[~first], una[~first]

    def _cut(self, rows: Rows, when: I64, una: U32) -> None:
        rates = self.state.records
        since = when - rates["cut_ns"][rows]
        apart = since >= _SHORTEST_CUT_NS
        rows, when, una, since = rows[apart], when[apart], una[apart], since[apart]
        lately = (since <= _LONGEST_NS) & (rates["cut_ns"][rows] > 0)
        bytes_ = (una - rates["cut_una"][rows]).astype("f8")
        rates["cut_ns"][rows], rates["cut_una"][rows] = when, una
        rates["count"][rows[~lately]] = 0
        rows = rows[lately]
        by_windows = rows[~rates["cuts"][rows]]
        rates["count"][by_windows], rates["cuts"][by_windows] = 0, True
        self._learn(rows, bytes_[lately] * 1e9 / since[lately], _CUTS)

    def by_samples(self, rows: Rows, looks: Records, lost: Mask) -> None:
        """Take in `cause_shares.LOOK`s, one a row; `lost` are those with new losses."""
        rates, modelled = self.state.records, looks["modelled"]
        rates["modelled"][rows] = modelled
        rates["cuts"][rows[modelled]] = False
        chosen = (lost | (rates["count"][rows] > 0)) & ~rates["cuts"][rows]
        if not np.count_nonzero(chosen):
            return
        when, delivered, mss = looks["ts_ns"], looks["delivered"], looks["mss"]
        chosen &= ~np.isnan(delivered)
        chosen &= when - rates["since_ns"][rows] >= _SHORTEST_WINDOW_NS
        rows, when, delivered, mss = rows[chosen], when[chosen], delivered[chosen], mss[chosen]
        since, segments = when - rates["since_ns"][rows], delivered - rates["since"][rows]
        lately = (since <= _LONGEST_NS) & (rates["since_ns"][rows] > 0)
        rates["since_ns"][rows], rates["since"][rows] = when, delivered
        rates["count"][rows[~lately]] = 0
        rate = segments[lately] * mss[lately] * 1e9 / since[lately]
        self._learn(rows[lately], rate, _WINDOWS)

    def _learn(self, rows: Rows, rate: Floats, by: Mapping[str, float]) -> None:
        rates = self.state.records
        count = rates["count"][rows]
        mean = np.where(count > 0, rates["mean"][rows], rate).astype("f8")
        off = np.abs(rate - mean) / np.maximum(np.maximum(rate, mean), 1.0)
        deviation = np.where(count > 0, rates["deviation"][rows], by["start"])
        deviation += (off - deviation) * by["gain"] * (count > 0)
        rates["mean"][rows] = mean + (rate - mean) * by["gain"]
        rates["deviation"][rows] = deviation
        rates["count"][rows] = np.minimum(count, 254) + 1
        # Twice the deviation ends what begins with one: a value in between decides nothing.
        begins = (count >= by["count"]) & (deviation < by["least"])
        goes_on = rates["policed"][rows] & (count > 0) & (deviation < 2 * by["least"])
        rates["policed"][rows] = (begins | goes_on) & (rates["mean"][rows] > 0)

    def policed(self, rows: Rows) -> Mask:
        """True for rows whose losses look like a policer's, where they have no queue."""
        rates = self.state.records
        policed: Mask = rates["policed"][rows] & (rates["count"][rows] > 0)
        return policed

    def rate(self, rows: Rows) -> Floats:
        """Bytes a second that come through between losses; 0 where there were none."""
        rates = pick(self.state.records, rows)
        return np.where(rates["count"] > 0, rates["mean"], 0).astype("f8")
