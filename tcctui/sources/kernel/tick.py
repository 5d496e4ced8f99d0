"""The kernel's tick."""

from __future__ import annotations

import time

_COARSE = 6  # CLOCK_MONOTONIC_COARSE, include/uapi/linux/time.h


def per_second() -> int:
    """CONFIG_HZ: a coarse clock moves once a jiffy (posix_get_coarse_res, TICK_NSEC)."""
    return round(1 / time.clock_getres(_COARSE))
