"""How much time the charts show."""

from __future__ import annotations

import math

CYCLE: tuple[float | None, ...] = (60, 10, None)
"""Seconds that one key goes through; None is a flow's whole life."""

_WINDOWS: tuple[float, ...] = (5, 10, 30, 60, 300, 900)
"""Seconds that one zooms in and out by; beyond them is the whole life."""


def following(seconds: float | None) -> float | None:
    """Give the window that comes next in the cycle."""
    if seconds not in CYCLE:
        return CYCLE[0]
    return CYCLE[(CYCLE.index(seconds) + 1) % len(CYCLE)]


def zoomed(seconds: float | None, by: int, life: float = math.inf) -> float | None:
    """Give the next smaller window (1), or the next larger one (-1).

    Those longer than the flow's `life` are passed over, in seconds: none of them shows more.
    """
    shown = life if seconds is None else seconds
    if by > 0:
        return max((one for one in _WINDOWS if one < min(shown, life)), default=seconds)
    if seconds is None or shown >= life:
        return seconds
    return min((one for one in _WINDOWS if seconds < one < life), default=None)


def told(seconds: float | None) -> str:
    """Say how much it is: last 60 s, last 5 min, whole life."""
    if seconds is None:
        return "whole life"
    return f"last {seconds:.0f} s" if seconds <= 60 else f"last {seconds / 60:.0f} min"
