"""Everything that a source delivers, taken out by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType

import numpy as np

from tcctui.source import EventSource
from tcctui.wire.events import EVENT, EventKind, Events
from tcctui.wire.records import joined


class Recorder:
    """Reads a source from the start to the end of its context, and once more at the end."""

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._batches: list[Events] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._over.is_set():
            self._batches.append(self._source.read(0.02))
        self._batches.append(drain(self._source))

    @property
    def rounds(self) -> int:
        """How often the source was read."""
        return len(self._batches)

    @property
    def events(self) -> Events:
        """All that was delivered so far."""
        return joined([np.empty(0, EVENT), *self._batches])


def drain(source: EventSource) -> Events:
    """Take all that waits in a source."""
    batches = []
    while len(batch := source.read(0)):
        batches.append(batch)
    return joined([np.empty(0, EVENT), *batches])


def probes_of(events: Events, cookies: Iterable[int]) -> Events:
    """Pick the tcp_probe events of some sockets."""
    wanted = np.isin(events["sock_cookie"], np.array(list(cookies), "u8"))
    return events[wanted & (events["kind"] == EventKind.PROBE)]
