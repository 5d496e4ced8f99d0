"""A store in which everything changes whenever its lock is let go."""

from __future__ import annotations

import threading

import numpy as np

from tcctui.flows.index import Keys
from tcctui.flows.store import Store
from tests.unit.events import SECOND, probes

TURN_NS = 3 * SECOND
"""From one change to the next: a column of a sparkline."""


class Restless:
    """The lock of `store`: behind each thing that the thread which made it reads, all changes.

    At each turn the congestion windows of the flows `cookies` are dealt out anew, the greatest to
    the next one.
    """

    def __init__(self, store: Store, cookies: Keys, now_ns: int) -> None:
        self._store = store
        self._cookies = cookies
        self._now_ns = now_ns
        self._lock = threading.RLock()
        self._depth = 0
        self._thread = threading.get_ident()
        self._changing = False
        self.turns = 0
        store._lock = self  # type: ignore[assignment]

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        let_go = not self._depth
        self._lock.release()
        if let_go and threading.get_ident() == self._thread and not self._changing:
            self._changing = True
            self.change()
            self._changing = False

    def change(self) -> None:
        """Let the next turn come."""
        self.turns += 1
        self._now_ns += TURN_NS
        count = len(self._cookies)
        windows = 100 + (np.arange(count) + self.turns) % count
        ports = 40_000 + self._cookies.astype("i8") % 20_000
        events = probes(self._now_ns, self._cookies, snd_cwnd=windows, srtt=windows * 100)
        events["dport"] = ports
        self._store.ingest(events, self._now_ns)
