"""cubic's curve, as the kernel computes it: where it is on it, and how it goes on.

Formulas are those of bictcp_update (net/ipv4/tcp_cubic.c) with its default parameters, bic_scale 41
and beta 717: W(t) = C (t - K)³ + W_max with C = 410/1024 (RFC 9438, section 4.2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import Floats, Mask
from tcctui.flows.algorithms.members import Known

STRUCT = "bictcp"
"""The struct that it keeps its state in; bic's of the same name has no `bic_K`."""

_RTT_SCALE = 410
"""cube_rtt_scale: ten times bic_scale."""

_BETA, _OF = 717, 1024

RENO_PER_RTT = 3 * (_OF - _BETA) / (_OF + _BETA)
"""Segments per round trip by which W_est grows: beta_scale (RFC 9438, section 4.3)."""


class Cubic(NamedTuple):
    """State of some flows, each of shape (n,): segments and seconds, NaN where unknown.

    `since` is the time since the epoch began, by which the kernel reads the curve: the minimum RTT
    later than now; NaN while there is no epoch, in slow start and in recovery.
    """

    w_max: Floats
    plateau: Floats
    k: Floats
    since: Floats
    w_est: Floats
    cwnd: Floats
    """Window at the last update."""
    delay_min: Floats

    def at(self, ahead: Floats) -> Floats:
        """W(t) so many seconds from now, in segments: broadcast over the flows' shape."""
        ticks = np.floor((self.since + ahead) * 1024)
        off = ticks - np.rint(self.k * 1024)
        delta = np.floor(_RTT_SCALE * np.abs(off) ** 3 / 2.0**40)
        return np.asarray(self.plateau + np.sign(off) * delta)

    @property
    def target(self) -> Floats:
        """W(t) now."""
        return self.at(np.zeros(len(self.since)))

    @property
    def reno(self) -> Mask:
        """True in the reno-friendly region, where W_est is above the curve."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.w_est > np.fmax(self.target, self.cwnd))


def cubic(known: Known) -> Cubic | None:
    """State of flows whose algorithm is cubic; None of another one."""
    if known.layout.struct != STRUCT or not known.has("bic_K"):
        return None
    hz = known.layout.hz
    delay = known.value("delay_min")
    begun = known.value("epoch_start")
    # usecs_to_jiffies rounds up.
    later = np.ceil(np.nan_to_num(delay) * hz / 1e6) / hz
    return Cubic(
        known.value("last_max_cwnd"),
        known.value("bic_origin_point"),
        known.value("bic_K") / 1e6,
        begun / 1e6 + later,
        known.value("tcp_cwnd"),
        known.value("last_cwnd"),
        delay / 1e6,
    )


def ahead(state: Cubic, place: int, seconds: Floats, rtt: float) -> Floats:
    """Windows of one flow so many seconds from now, in segments, if nothing is lost.

    It is the higher of the curve and W_est, which grows with each `rtt` (seconds, NaN if unknown).
    Seconds are counted from the flow's record; the shape is theirs. NaN without an epoch.
    """
    one = Cubic(*(part[place : place + 1] for part in state))
    curve = one.at(seconds)
    if not rtt > 0:
        return curve
    return np.fmax(curve, one.w_est + RENO_PER_RTT * seconds / rtt) + 0 * curve
