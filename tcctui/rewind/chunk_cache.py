"""Cache of a timeline's chunks for a few flows, for going back and forth."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin, Span, Timeline
from tcctui.rewind.downsample import condensed

MOST = 32 << 20
"""Size limit in bytes."""

_GAP_NS = 3_000_000_000

_OBJECTS = 700  # bytes around the arrays of a chunk


class ChunkCache:
    """Cache of the chunks of the flows `of`: reading one costs more than taking it in.

    What is cached is the result of `keep` for each chunk. Used by one thread at a time.
    """

    def __init__(
        self,
        timeline: Timeline,
        of: Keys,
        most: int = MOST,
        *,
        keep: Callable[[Chunk], Chunk] | None = None,
    ) -> None:
        self._timeline = timeline
        self._of = of
        self._most = most
        self._keep = keep
        self._kept: list[Chunk] = []  # without a gap between them

    def chunks(self, after_ns: int, until_ns: int) -> Iterator[Chunk]:
        """Chunks of these flows; see `Timeline.chunks`."""
        kept, size = deque[Chunk](), 0
        for chunk in self._read(after_ns, until_ns):
            if chunk.end_ns > after_ns and chunk.begin_ns <= until_ns:
                yield chunk
            kept.append(chunk)
            size += _size(chunk)
            while size > self._most:
                size -= _size(kept.popleft())
        self._kept = list(kept)

    def _read(self, after_ns: int, until_ns: int) -> Iterator[Chunk]:
        kept = self._kept
        # They may not overlap, if the gap is worth filling.
        meet = kept and (
            after_ns <= kept[-1].end_ns + _GAP_NS and until_ns >= kept[0].begin_ns - _GAP_NS
        )
        if not meet:
            yield from self._made(after_ns, until_ns)
            return
        if after_ns < kept[0].begin_ns:
            yield from self._made(after_ns, kept[0].begin_ns - 1)
        yield from kept
        if until_ns >= kept[-1].end_ns:
            yield from self._made(kept[-1].end_ns, until_ns)

    def _made(self, after_ns: int, until_ns: int) -> Iterator[Chunk]:
        chunks = self._timeline.chunks(after_ns, until_ns, self._of)
        return chunks if self._keep is None else map(self._keep, chunks)


class CondensedTimeline:
    """A `Timeline` of the flows `of` alone, with its older part `condensed`.

    That part ends `exact_ns` before the end of the request. A minute of every ACK of fast flows
    would not fit in the cache. Used by one thread at a time.
    """

    def __init__(self, timeline: Timeline, of: Keys, exact_ns: int) -> None:
        self.of = of
        self._exact_ns = exact_ns
        self._timeline = timeline
        self._condensed = ChunkCache(timeline, of, keep=condensed)

    @property
    def span(self) -> Span:
        """That of the whole timeline."""
        return self._timeline.span

    @property
    def origin(self) -> Origin:
        """That of the whole timeline."""
        return self._timeline.origin

    def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
        """Give a keyframe; see `Timeline.keyframe`."""
        return self._timeline.keyframe(at_ns)

    def chunks(
        self,
        after_ns: int,
        until_ns: int,
        cookies: Keys | None = None,  # noqa: ARG002  # those of the protocol
    ) -> Iterator[Chunk]:
        """Chunks with the flows `of`, whatever `cookies` are."""
        exactly_ns = until_ns - self._exact_ns
        if after_ns < exactly_ns:
            for chunk in self._condensed.chunks(after_ns, exactly_ns):
                if chunk.end_ns <= exactly_ns:
                    yield chunk
        yield from self._timeline.chunks(max(after_ns, exactly_ns), until_ns, self.of)


def _size(chunk: Chunk) -> int:
    parts = chunk.events, chunk.samples, *chunk.insides
    return sum(part.nbytes for part in parts) + _OBJECTS
