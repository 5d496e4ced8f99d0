"""Work that others must not wait for: in a thread of its own, and only so much of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Troubles:
    """What went wrong, each once; told by any thread, and taken by one."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._new: list[str] = []
        self._lock = threading.Lock()

    def tell(self, kind: str, reason: str) -> None:
        """Tell the first of a kind."""
        with self._lock:
            if kind not in self._told:
                self._told.add(kind)
                self._new.append(reason)

    def take(self) -> list[str]:
        """Give what is new."""
        with self._lock:
            new, self._new = self._new, []
        return new


class Errands:
    """A bounded queue, and the thread that works through it with `do`, while it is `ready`."""

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
        """Put one behind the others; False where there are too many already. Waits for nothing."""
        with self._changed:
            if self._closing or len(self._waiting) >= self._most:
                return False
            self._waiting.append(errand)
            self._changed.notify()
        return True

    @property
    def idle(self) -> bool:
        """Whether all is done."""
        with self._changed:
            return not self._waiting and not self._working

    def close(self, seconds: float) -> None:
        """Let what waits be done, for so long at most."""
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
