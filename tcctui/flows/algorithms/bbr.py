"""BBR's model as the kernel has it: mode, gains, bandwidth and minimum round-trip time.

Versions 1 and 3 have most of it by the same names (net/ipv4/tcp_bbr.c); where they differ, each
tells what it has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import U8, Floats
from tcctui.flows.algorithms.members import Known
from tcctui.flows.diagnosis.bbr import BbrPhase

STRUCTS = ("bbr", "bbr3")


class Bbr(NamedTuple):
    """State of some flows, each of shape (n,); NaN where it is unknown, or the version lacks it.

    `bandwidth` is in bytes per second, times are in microseconds, gains are with 256 for 1.0.
    """

    phase: U8
    """`BbrPhase`, by the kernel's mode."""
    pacing_gain: Floats
    cwnd_gain: Floats
    bandwidth: Floats
    min_rtt: Floats
    min_rtt_age: Floats
    rounds: Floats
    full: Floats
    """1: startup has filled the pipe."""


def phases(known: Known) -> U8 | None:
    """Phase of flows whose algorithm is BBR (`BbrPhase`), by its mode; None of another one."""
    if known.layout.struct not in STRUCTS or not known.has("mode"):
        return None
    mode = np.minimum(known.raw("mode").astype("i8"), BbrPhase.PROBE_RTT)
    return np.where(mode < BbrPhase.PROBE_RTT, mode + 1, 0).astype("u1")


def bbr(known: Known) -> Bbr | None:
    """State of flows whose algorithm is BBR; None of another one."""
    if (phase := phases(known)) is None:
        return None
    # Version 3 uses the maximum of two cycles (bbr_max_bw).
    bandwidth = known.value("bw.s[0].v")
    if known.has("bw_hi[1]"):
        bandwidth = np.fmax(known.value("bw_hi[0]"), known.value("bw_hi[1]"))
    return Bbr(
        phase,
        known.value("pacing_gain"),
        known.value("cwnd_gain"),
        bandwidth,
        known.value("min_rtt_us"),
        known.value("min_rtt_stamp"),
        known.value("rtt_cnt"),
        known.value("full_bw_reached"),
    )
