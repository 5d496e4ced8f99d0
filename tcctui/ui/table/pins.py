"""Flows that stay on top of the table, whatever it is sorted by."""

from __future__ import annotations

import numpy as np

from tcctui.flows.index import Keys

MOST = 100
"""Flows that can be pinned at a time."""

Pins = tuple[int, ...]
"""Cookies, in the order in which they were pinned."""


def toggled(pins: Pins, cookie: int) -> Pins | None:
    """Pin a flow, or let go of it; None where there are too many."""
    if cookie in pins:
        return tuple(pin for pin in pins if pin != cookie)
    return (*pins, cookie) if len(pins) < MOST else None


def among(pins: Pins, cookies: Keys) -> Keys:
    """Those that are pinned and among `cookies`, in the order in which they were pinned."""
    pinned = np.array(pins, "u8")
    return pinned[np.isin(pinned, cookies)]


def on_top(pins: Pins, cookies: Keys) -> Keys:
    """Put what is pinned before all others, which keep their order."""
    if not pins:
        return cookies
    first = among(pins, cookies)
    return np.concatenate([first, cookies[~np.isin(cookies, first)]])
