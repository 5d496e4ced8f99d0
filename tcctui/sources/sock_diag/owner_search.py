"""Search for the owners of sockets, in a thread of its own: when there are new sockets."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from tcctui.arrays import U32, among, distinct
from tcctui.sources.sock_diag.processes import NOBODY
from tcctui.sources.sock_diag.surroundings import Scans
from tcctui.wire.samples import Samples

_SHORTEST, _SHARE, _LONGEST = 2.0, 100, 20.0
"""Seconds between two scans: a scan's own time times `_SHARE`, within limits."""

_MOST = 20
"""Part of a core, one of so many, that scans take where even `_LONGEST` is too short."""

_AGAIN, _AGAIN_SHARE = 10.0, 600
"""The same of scans without new sockets, for owners that changed: of name, cgroup, or as such."""

_REMEMBERED = 1 << 16


class OwnerSearch:
    """Fills owners into samples, and scans processes whenever some sockets' are unknown.

    A socket without an owner after a scan that began later than it came has none that can be found:
    it is not searched for again. `found` is called after the first scan. `fill` is for one thread.
    """

    def __init__(
        self,
        found: Callable[[], object],
        processes: Scans,
        shortest: float = _SHORTEST,
        again: float = _AGAIN,
    ) -> None:
        self._found = found
        self._processes = processes
        self._shortest, self._again = shortest, again
        self._owners = NOBODY
        self._unowned = np.empty(0, "u4")  # sorted inodes of sockets without an owner
        self._asked: deque[U32] = deque()
        self._filled = False  # since the last scan
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="owners", daemon=True)
        self._thread.start()

    def fill(self, samples: Samples) -> None:
        """Write `pid`, `comm` and `cgroup` into samples, where they are known."""
        unknown = self._owners.fill(samples)
        self._filled = True
        if len(unknown) and len(unknown := self._searched_for(unknown)):
            self._asked.append(unknown)
            self._wake.set()

    def close(self, patience: float) -> None:
        """End the thread; waits up to `patience` seconds for a scan under way."""
        self._over.set()
        self._wake.set()
        self._thread.join(patience)

    def _searched_for(self, inodes: U32) -> U32:
        return inodes[~among(inodes, self._unowned)] if len(self._unowned) else inodes

    # In the thread

    def _run(self) -> None:
        again: float | None = None  # without any sockets, there is no need for a first scan
        first = True
        while True:
            self._wake.wait(again)
            if self._over.is_set():
                return
            took = self._scan(due=not self._wake.is_set() and self._filled)
            if took is None:
                continue
            if first:
                first = False
                self._found()
            again = max(self._again, _AGAIN_SHARE * took)
            self._over.wait(max(self._shortest, min(_SHARE * took, _LONGEST), _MOST * took))

    def _scan(self, *, due: bool) -> float | None:
        """Scan if it is due, or sockets are unknown; gives its CPU seconds, None without one."""
        self._wake.clear()
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        unknown = self._owners.without(distinct(np.concatenate([self._unowned[:0], *asked])))
        if not due and not len(self._searched_for(unknown)):
            return None
        self._filled = False
        worked = time.thread_time()
        self._owners = owners = self._processes.look()
        unowned = owners.without(distinct(np.concatenate([self._unowned, unknown])))
        self._unowned = unowned if len(unowned) <= _REMEMBERED else unowned[:0]
        return max(self._processes.worked, time.thread_time() - worked)
