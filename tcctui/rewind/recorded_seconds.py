"""Totals of each second of a recording, worked out once they are asked for."""

from __future__ import annotations

import threading

from tcctui.errors import TcctuiError
from tcctui.flows.history.host_seconds import HostPast, HostSeconds
from tcctui.flows.store import Store
from tcctui.recording.chunks import pieces
from tcctui.recording.timeline import Timeline

_PATIENCE = 1.0
"""Seconds that the end waits for a chunk that is being read."""


class RecordedSeconds:
    """Totals of a recording; the first question starts the thread that reads all of it.

    Until that has ended, later seconds are zero.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._store = Store(0, seconds=HostSeconds.over(*timeline.span))
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self.ended = threading.Event()
        """Set once all of it is known, or can't be read any more."""

    def __call__(self, first_ns: int, last_ns: int) -> HostPast:
        """Totals between two moments, as far as they are known."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="timeline", daemon=True)
            self._thread.start()
        return self._store.seconds(first_ns, last_ns)

    def close(self) -> None:
        """Read no more.

        It is waited for, as Python's end is the process's abortion if the thread is in Arrow then.
        """
        self._over.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _read(self) -> None:
        first_ns, last_ns = self._timeline.span
        try:
            for chunk in self._timeline.chunks(first_ns - 1, last_ns):
                for batch in pieces(chunk, last_ns):
                    self._store.take(batch)
                if self._over.is_set():
                    return
        except (TcctuiError, MemoryError):
            pass  # the moments, which are read as well, say why
        finally:
            self.ended.set()
