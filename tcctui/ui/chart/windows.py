"""Time windows of the charts."""

from __future__ import annotations

import math

CYCLE: tuple[float | None, ...] = (60, 10, None)
"""Windows that one key cycles through, in seconds; None is a flow's whole life."""

_WINDOWS: tuple[float, ...] = (5, 10, 30, 60, 300, 900)
"""Zoom steps in seconds; beyond them is the whole life."""


def following(seconds: float | None) -> float | None:
    """Next window in the cycle."""
    if seconds not in CYCLE:
        return CYCLE[0]
    return CYCLE[(CYCLE.index(seconds) + 1) % len(CYCLE)]


def zoomed(seconds: float | None, by: int, life: float = math.inf) -> float | None:
    """Next smaller window (1), or next larger one (-1).

    Those longer than the flow's `life` in seconds are skipped: none of them shows more.
    """
    shown = life if seconds is None else seconds
    if by > 0:
        return max((one for one in _WINDOWS if one < min(shown, life)), default=seconds)
    if seconds is None or shown >= life:
        return seconds
    return min((one for one in _WINDOWS if seconds < one < life), default=None)


def told(seconds: float | None) -> str:
    """Name of a window: last 60 s, last 5 min, whole life."""
    if seconds is None:
        return "whole life"
    return f"last {seconds:.0f} s" if seconds <= 60 else f"last {seconds / 60:.0f} min"
