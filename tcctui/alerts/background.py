"""Bounded background work in a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Troubles:
    """Errors, each kind once; reported by any thread, taken by one."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._new: list[str] = []
        self._lock = threading.Lock()

    def tell(self, kind: str, reason: str) -> None:
        """Report the first error of a kind."""
        with self._lock:
            if kind not in self._told:
                self._told.add(kind)
                self._new.append(reason)

    def take(self) -> list[str]:
        """Take the new errors."""
        with self._lock:
            new, self._new = self._new, []
        return new


class Errands:
    """Bounded queue, and the thread that runs `do` on each item while it is `ready`."""

    def __init__(
        self,
        name: str,
        most: int,
        do: Callable[[object], None],
        *,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._most = most
        self._do = do
        self._ready = ready
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()
        self._closing = self._working = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def add(self, errand: object) -> bool:
        """Append an item without waiting; False if the queue is full."""
        with self._changed:
            if self._closing or len(self._waiting) >= self._most:
                return False
            self._waiting.append(errand)
            self._changed.notify()
        return True

    @property
    def idle(self) -> bool:
        """True when all work is done."""
        with self._changed:
            return not self._waiting and not self._working

    def close(self, seconds: float) -> None:
        """Finish the waiting items, for at most `seconds`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            ready = self._ready()
            with self._changed:
                if not self._waiting and self._closing:
                    return
                if not (self._waiting and ready):
                    self._changed.wait(0.1 if self._waiting or not ready else 0.5)
                    continue
                errand = self._waiting.popleft()
                self._working = True
            try:
                self._do(errand)
            finally:
                self._working = False
