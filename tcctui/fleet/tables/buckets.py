"""Logarithmic buckets of histograms that hosts send: a quantile is right within 2 %.

As in DDSketch (Masson, Rim, Lee, VLDB 2019): bucket `i` holds what is above `GAMMA`^(i-1) and at
most `GAMMA`^i, and the value in its middle is at most `ACCURACY` away from each of them.
"""

from __future__ import annotations

ACCURACY = 0.02
"""Largest relative error."""

GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
"""Ratio of a bucket's upper limit to its lower one."""

MIDDLE = 2 / (1 + GAMMA)
"""The value that stands for bucket `i` is `MIDDLE` * `GAMMA`^i."""
