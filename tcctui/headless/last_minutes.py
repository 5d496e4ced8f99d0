"""The last minutes that an agent kept on this host, as batches ahead of the live ones."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.headless.matching import Followed, Matching, is_of_ends
from tcctui.query import Query
from tcctui.recording.chunks import Chunk, merged
from tcctui.recording.last_minutes import LastMinutes
from tcctui.wire.batch import Batch
from tcctui.wire.records import pick

_TOGETHER_NS = 8_000_000_000
"""Nanoseconds of what little is left of a busy host's records that are one batch."""


class Kept:
    """Batches of the last `seconds`, of connections that match a query from then on.

    `lost` and `skipped` are the agent's counts of events by the newest batch.
    """

    def __init__(self, minutes: LastMinutes, query: Query | None, seconds: float) -> None:
        self.minutes = minutes
        self._query, self._ns = query, int(seconds * 1e9)
        self.lost = self.skipped = 0

    def first_ns(self, until_ns: int) -> int:
        """Begin of what there is until a moment; that moment where there is nothing."""
        return self.minutes.first_ns(max(0, until_ns - self._ns), until_ns)

    def batches(self, since_ns: int, until_ns: int) -> Iterator[Batch]:
        """All that was kept of a time.

        Raises:
            TcctuiError: they can't be read any more.

        """
        chunks = self.minutes.chunks(since_ns, until_ns)
        query = self._query
        if query is None:
            yield from map(self._batch, chunks)
        elif is_of_ends(query):
            yield from map(self._batch, _together(_of_ends(chunks, query)))
        else:  # the state of all flows decides
            yield from map(Followed(query).choose, map(self._batch, chunks))

    def _batch(self, chunk: Chunk) -> Batch:
        self.lost, self.skipped = chunk.lost, chunk.skipped
        return Batch(chunk.events, [chunk.samples] if len(chunk.samples) else [], chunk.end_ns)


def _of_ends(chunks: Iterator[Chunk], query: Query) -> Iterator[Chunk]:
    matching = Matching(query)
    for chunk in chunks:
        events, samples = (
            pick(part, mask(part)) if len(part) else part
            for part, mask in ((chunk.events, matching.events), (chunk.samples, matching.samples))
        )
        yield Chunk(chunk.begin_ns, chunk.end_ns, events, samples, chunk.lost, chunk.skipped)


def _together(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Join chunks of some seconds: each has a price, however little is in it."""
    waiting: list[Chunk] = []
    for chunk in chunks:
        waiting.append(chunk)
        if chunk.end_ns - waiting[0].begin_ns >= _TOGETHER_NS:
            yield merged(waiting)
            waiting = []
    if waiting:
        yield merged(waiting)
