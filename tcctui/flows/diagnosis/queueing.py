"""Queueing delay that counts as a queue."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Floats

QUEUE_US = 2000.0
"""Queueing delay in microseconds from which on srtt counts as longer than its minimum, besides
`QUEUE_PART` of that: less is jitter of hosts and of delayed acknowledgements."""

QUEUE_PART = 0.5
"""A queue of a bandwidth-delay product is never below 0.4 of the minimum after cubic's reduction to
0.7 (RFC 9438, 4.6), and on average above this."""


def queued(srtt: Floats, least: Floats) -> Floats:
    """Queueing delay of round trips, 1 where it counts as a queue; NaN if unknown.

    `srtt` and its minimum `least` are microseconds.
    """
    return (srtt - least) / np.maximum(QUEUE_US, QUEUE_PART * least)
