"""Waits of connections in this machine's queues, from totals that bpf/tcc.c counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tcctui.arrays import Array
from tcctui.wire.own_queue import OwnWait

QUEUED = np.dtype(
    [
        ("sock_cookie", "u8"),
        ("packets", "u8"),
        ("bytes", "u8"),
        ("wait_ns", "u8"),
        ("byte_us", "u8"),
        ("longest_ns", "u8"),
    ]
)
"""`struct queued` in bpf/tcc.c."""

_EVERY = 0.5
"""Seconds between two looks at one connection."""


class QueueWaits:
    """Tells the waits of one connection at a time; used by one thread.

    `totals`, of dtype `QUEUED`, are mapped from the kernel: one for each connection in focus.
    """

    def __init__(self, totals: Array, now: Callable[[], float] = time.monotonic) -> None:
        self._totals = totals
        self._now = now
        self._before: tuple[tuple[int, int], float, Any] = ((0, 0), 0.0, None)
        self._told: OwnWait | None = None

    def of(self, place: int, cookie: int) -> OwnWait | None:
        """Waits of the packets that left a queue between the last two looks; None if none did.

        `place` is that of the connection among those in focus.
        """
        before, then, was = self._before
        asked, now = (place, cookie), self._now()
        if before == asked and now - then < _EVERY:
            return self._told
        held = self._totals[place]
        self._told = None
        if int(held["sock_cookie"]) != cookie:
            self._before = asked, now, None
            return None
        is_now = {name: int(held[name]) for name in ("packets", "wait_ns", "byte_us")}
        longest = int(held["longest_ns"])
        held["longest_ns"] = 0
        self._before = asked, now, is_now
        if before != asked or was is None:
            return None
        packets, wait_ns, byte_us = (is_now[name] - was[name] for name in is_now)
        if packets > 0:
            backlog = byte_us / (1e6 * (now - then))  # Little's law
            self._told = OwnWait(packets, wait_ns / packets / 1e3, longest / 1e3, backlog)
        return self._told
