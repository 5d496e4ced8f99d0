"""Incremental reading of a timeline that grows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Timeline

Kept = TypeVar("Kept")
"""Value that is made of chunks."""


class GrowingRead(Generic[Kept]):
    """Reads a timeline, and only what is new where it grows; of an earlier time, it begins anew.

    `nothing` is kept of no chunk. `of_chunk` makes what is kept of one, from after a moment until
    another, and `join` one of several, the oldest first. `forget` leaves out what is older than a
    moment; without it, all is kept that was read. Chunks may be those of some `cookies` alone.
    """

    def __init__(
        self,
        timeline: Timeline,
        nothing: Kept,
        of_chunk: Callable[[Chunk, int, int], Kept],
        join: Callable[[list[Kept]], Kept],
        *,
        forget: Callable[[Kept, int], Kept] | None = None,
        cookies: Keys | None = None,
    ) -> None:
        self._timeline, self._cookies = timeline, cookies
        self._nothing = self._kept = nothing
        self._of_chunk, self._join, self._forget = of_chunk, join, forget
        self._since_ns = self._until_ns = 0

    def read(
        self, since_ns: int, until_ns: int, stopped: Callable[[], bool] = lambda: False
    ) -> Kept:
        """Give what there is from a moment until another, and some of before and after.

        Nothing where it is `stopped` meanwhile.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        first_ns, last_ns = self._timeline.span
        since_ns, until_ns = max(since_ns, first_ns), min(until_ns, last_ns)
        if not self._since_ns <= since_ns <= self._until_ns:
            self._kept, self._since_ns, self._until_ns = self._nothing, since_ns, since_ns - 1
        if until_ns > self._until_ns:
            if self._forget is not None:
                self._kept, self._since_ns = self._forget(self._kept, since_ns), since_ns
            parts = [self._kept]
            for chunk in self._timeline.chunks(self._until_ns, until_ns, self._cookies):
                if stopped():
                    return self._nothing
                parts.append(self._of_chunk(chunk, self._until_ns, until_ns))
            self._kept, self._until_ns = self._join(parts), until_ns
        return self._kept
