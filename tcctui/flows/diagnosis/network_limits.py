"""Causes behind the time in which congestion control alone lets no more through. Stateless."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import Floats, Mask, Records
from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.wire.events import NO_SSTHRESH

_MANY = 0.02
"""Part of the segments that must be lost to matter to BBR, which does not slow down for losses
below 20 % (bbr_lt_loss_thresh, net/ipv4/tcp_bbr.c), yet sends them twice."""

_AT_CAP = 0.75
"""Part of SO_MAX_PACING_RATE from which on it is the limit; headers and BBR's cycles are less."""

_LOSS, _QUEUE, _ECN, _IDLE = (int(x) for x in (Limit.LOSS, Limit.QUEUE, Limit.ECN, Limit.IDLE))
_APP, _CWND, _POLICER, _PACING = map(int, (Limit.APP, Limit.CWND, Limit.POLICER, Limit.PACING))


def settle(before: Records, after: Records, grew: Mapping[str, Floats], policed: Mask) -> None:
    """Set `cut`, `peak` and `holds` of each flow's look by the look before.

    `cut` is what last reduced cwnd: it holds cwnd down until that is twice ssthresh. `holds` is
    the cause of the time since the look before in which cwnd or its pacing was the limit.
    `grew` is the looks' `cause_shares.growth`, `policed` are flows whose losses look like a
    policer's.
    """
    begun = before["ts_ns"] > 0  # what was counted before the first look may be long ago
    again = grew["retransmitted"]
    lost = (again > 0) & begun
    modelled = after["modelled"]
    if np.count_nonzero(modelled):
        lost &= ~modelled | (again >= _MANY * np.maximum(grew["sent"], 1))
    marked = (grew["marked"] > 0) & begun
    queue = (before["queued"] + after["queued"]) / 2 >= 1  # on average: one look is jitter
    cwnd, ssthresh = after["cwnd"], after["ssthresh"].astype("i8")
    pause = _restarted(before, after, grew["busy"]) & ~lost & ~marked
    cut, peak = before["cut"].copy(), before["peak"].copy()
    idle = cut == _IDLE
    over = (ssthresh >= NO_SSTHRESH) | (cwnd >= 2 * ssthresh)
    over = np.where(idle, cwnd >= peak, over)
    cut[over] = 0
    cut[marked & ~modelled] = _ECN
    cut[lost] = np.where(queue, _QUEUE, _LOSS)[lost]
    idle = (idle | pause) & ~lost & ~marked
    after["resets"] = before["resets"] | pause
    peak[pause] = np.maximum(before["cwnd"], np.where(idle, peak, 0))[pause]
    cut[pause & (cwnd < peak)] = _IDLE
    after["cut"], after["peak"] = cut, peak
    holds = np.full(len(after), _CWND, "u1")
    held = (cut == _LOSS) | (cut == _QUEUE)
    holds[held] = cut[held]
    holds[queue] = _QUEUE
    holds[cut == _ECN] = _ECN
    # A queue that comes and goes is the hosts' jitter: a bottleneck's would be there at its losses.
    stays = np.minimum(before["queued"], after["queued"]) >= 1
    holds[policed & ~stays & ((cut == _LOSS) | (cut == _QUEUE))] = _POLICER
    holds[idle] = _IDLE
    holds[_paced(after, grew)] = _PACING
    after["holds"] = holds


def _restarted(before: Records, after: Records, busy: Floats) -> Mask:
    """True where cwnd began anew after a pause (tcp_cwnd_restart, net/ipv4/tcp_output.c).

    Events tell it; where there are none, it is less than before a look that found nothing queued.
    A burst may be over, and cwnd as it was, before the next look: a pause that is long enough does
    again what one did before. Algorithms with cong_control, such as BBR, are left as they are
    (tcp_slow_start_after_idle_check, include/net/tcp.h): BBR itself reduces cwnd to 4 in PROBE_RTT.
    """
    seen = (after["cwnd"] < before["cwnd"]) & (after["ssthresh"] >= before["ssthresh"])
    seen &= (after["cwnd"] < after["ssthresh"]) & (before["cause"] == _APP)
    seen &= ~(after["recovering"] | before["recovering"])
    seen |= before["resets"] & before["paused"]
    seen &= busy > 0
    return (after["restarted"] | seen) & ~after["modelled"]


def _paced(after: Records, grew: Mapping[str, Floats]) -> Mask:
    """True where SO_MAX_PACING_RATE is reached in the time with something to send."""
    cap = after["cap"]
    capped = cap > 0
    if not np.count_nonzero(capped):
        return capped
    rate = grew["acked"] * 1e6 / np.maximum(grew["busy"], 1.0)
    return capped & (rate >= _AT_CAP * cap)
