"""Jiffies, in which the kernel keeps timeouts, as microseconds."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import U32
from tcctui.sources.kernel.tick import per_second


def microseconds(jiffies: U32) -> U32:
    """Microseconds of some jiffies (jiffies_to_usecs, kernel/time/time.c)."""
    return (jiffies * np.uint64(1_000_000) // np.uint64(per_second())).astype("u4")
