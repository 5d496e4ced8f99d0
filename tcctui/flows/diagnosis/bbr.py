"""BBR's phase, inferred from its gains, which is all that samples tell of it.

Where the algorithm's own state is read, its mode counts (`columns.BBR_MODE`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

from tcctui.arrays import U8, Array

UNIT = 256
"""A gain of 1.0 (BBR_UNIT, net/ipv4/tcp_bbr.c)."""


class BbrPhase(IntEnum):
    """BBR's mode (`enum bbr_mode`, net/ipv4/tcp_bbr.c)."""

    UNKNOWN = 0
    STARTUP = 1
    DRAIN = 2
    PROBE_BW = 3
    PROBE_RTT = 4


PHASE_NAMES: Mapping[int, str] = {
    phase: "–" if phase == BbrPhase.UNKNOWN else phase.name.lower() for phase in BbrPhase
}
"""Name of each phase."""

_HIGH = UNIT * 2885 // 1000 + 1
_DRAIN = UNIT * 1000 // 2885
_CWND_GAIN = UNIT * 2


def told(phase: int, mode: int) -> str:
    """Name a phase in a sentence, and say so where it is not the kernel's own `mode`."""
    return PHASE_NAMES[phase] if mode else f"{PHASE_NAMES[phase]} (inferred)"


def phase(pacing: Array, cwnd: Array) -> U8:
    """Infer the phase of flows from both gains (256 is 1.0, NaN unknown).

    bbr_update_gains (net/ipv4/tcp_bbr.c): startup paces and sizes the window with 2885/1000, drain
    paces with its inverse, probe_bw has a window of 2 and paces with 5/4, 3/4 or 1 (all 1 while it
    is policed: bbr_lt_bw), and probe_rtt has both at 1.
    """
    # A kernel may round its gains differently by one.
    near = 2
    known = ~(np.isnan(pacing) | np.isnan(cwnd))
    pacing, cwnd = np.where(known, pacing, 0), np.where(known, cwnd, 0)
    wide = cwnd > _HIGH - UNIT // 4
    return np.select(
        [
            ~known,
            (np.abs(pacing - UNIT) <= near) & (np.abs(cwnd - UNIT) <= near),
            wide & (pacing > _HIGH - UNIT // 4),
            pacing <= _DRAIN + near,
            np.abs(cwnd - _CWND_GAIN) <= near,
        ],
        [
            BbrPhase.UNKNOWN,
            BbrPhase.PROBE_RTT,
            BbrPhase.STARTUP,
            BbrPhase.DRAIN,
            BbrPhase.PROBE_BW,
        ],
        BbrPhase.UNKNOWN,
    ).astype("u1")
