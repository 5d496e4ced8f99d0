"""Log of sampled rates, for charts of the flows that are sampled often."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import Floats, Mask
from tcctui.flows.history.ring_log import RingLog
from tcctui.flows.history.time_grid import TimeGrid
from tcctui.flows.snapshot import Extremes
from tcctui.wire.samples import Samples

RATES = ("delivery_rate", "pacing_rate", "bbr_bw")
"""The fields of `samples.SAMPLE` that are logged, all in bytes per second."""

WATCHED_NS = 1_500_000_000
"""Largest gap between two samples of a logged flow, in nanoseconds: it is being watched."""

_LOGGED = 1 << 16

_ENTRY = np.dtype(
    [("cookie", "u8"), ("ts_ns", "i8"), *((name, "f4") for name in RATES)], align=True
)


class RateLog:
    """The last 65,536 samples of watched flows: a minute of 100 flows at 10 Hz."""

    def __init__(self) -> None:
        self.log = RingLog(_ENTRY, _LOGGED)

    def add(self, samples: Samples, watched: Mask, read: Mapping[str, Floats]) -> None:
        """Add the samples of watched flows; `read` has all samples' `RATES`."""
        if not np.count_nonzero(watched):
            return
        made = np.empty(len(samples), _ENTRY)
        made["cookie"], made["ts_ns"] = samples["sock_cookie"], samples["ts_ns"]
        for name in RATES:
            made[name] = read[name]
        self.log.append(made if np.count_nonzero(watched) == len(made) else made[watched])

    def of(self, cookie: int, grid: TimeGrid, since_ns: int) -> dict[str, Extremes]:
        """A flow's rates on a grid, by name; NaN without a sample.

        Entries from before `since_ns`, when its connection began, are left out.
        """
        entries = self.log.written
        own = entries[entries["cookie"] == np.uint64(cookie)]
        own = own[np.argsort(own["ts_ns"], kind="stable")]
        own = own[own["ts_ns"] >= since_ns]
        inside, column = grid.inside(own["ts_ns"])
        series = {}
        for name in RATES:
            values = own[name][inside].astype("f8")
            there = ~np.isnan(values)
            low, high, last = np.full((3, grid.count), np.nan)
            np.fmin.at(low, column[there], values[there])
            np.fmax.at(high, column[there], values[there])
            last[column[there]] = values[there]  # ascending: of several, the newest stays
            series[name] = Extremes(low, high, last)
        return series


def acked_rate(acked: Floats, grid: TimeGrid, born_ns: int, now_ns: int) -> Extremes:
    """Bytes per second from the bytes acknowledged in each column of a grid.

    Columns from before the flow was born are NaN; the newest one ends now.
    """
    begin = grid.begin_ns
    end = np.append(begin[1:], max(now_ns, int(begin[-1]) + 1))
    span = end - np.maximum(begin, min(born_ns, now_ns - 1))
    # In a column that has just begun, one ACK is no rate.
    span = np.where(span > 0, np.maximum(span, 50_000_000), 1)
    rate = np.where(end > born_ns, acked * 1e9 / span, np.nan)
    return Extremes(rate, rate, rate)
