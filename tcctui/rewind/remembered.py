"""What a timeline has of a few flows, kept for whoever goes back and forth in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin, Span, Timeline
from tcctui.rewind.downsample import condensed

MOST = 32 << 20
"""Bytes that are kept at most."""

_GAP_NS = 3_000_000_000

_OBJECTS = 700  # bytes around the arrays of a chunk


class Remembered:
    """A `Timeline` of the flows `of` alone, of which what was read last is kept.

    It gives, and keeps, what `keep` makes of each chunk.
    Not for several threads at once.
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
        self.of = of
        self._most = most
        self._keep = keep
        self._kept: list[Chunk] = []  # without a gap between them

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
        """Give chunks with what is `of` the flows, whatever `cookies` are."""
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
        if not kept or not _meet(kept, after_ns, until_ns):
            yield from self._made(after_ns, until_ns)
            return
        if after_ns < kept[0].begin_ns:
            yield from self._made(after_ns, kept[0].begin_ns - 1)
        yield from kept
        if until_ns >= kept[-1].end_ns:
            yield from self._made(kept[-1].end_ns, until_ns)

    def _made(self, after_ns: int, until_ns: int) -> Iterator[Chunk]:
        chunks = self._timeline.chunks(after_ns, until_ns, self.of)
        return chunks if self._keep is None else map(self._keep, chunks)


class Condensed:
    """A `Timeline` of the flows `of` alone, in which what is long ago is `condensed`.

    That are chunks that end `exact_ns` or more before the end of what is asked for. Of every ACK of
    fast flows, a minute would not fit in what is kept. Not for several threads at once.
    """

    def __init__(self, timeline: Timeline, of: Keys, exact_ns: int) -> None:
        self.of = of
        self._exact_ns = exact_ns
        self._timeline = timeline
        self._condensed = Remembered(timeline, of, keep=condensed)

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
        """Give chunks with what is `of` the flows, whatever `cookies` are."""
        exactly_ns = until_ns - self._exact_ns
        if after_ns < exactly_ns:
            for chunk in self._condensed.chunks(after_ns, exactly_ns):
                if chunk.end_ns <= exactly_ns:
                    yield chunk
        yield from self._timeline.chunks(max(after_ns, exactly_ns), until_ns, self.of)


def _meet(kept: list[Chunk], after_ns: int, until_ns: int) -> bool:
    """Whether there is no gap between what is kept and what is asked for, or one to be filled."""
    return after_ns <= kept[-1].end_ns + _GAP_NS and until_ns >= kept[0].begin_ns - _GAP_NS


def _size(chunk: Chunk) -> int:
    return chunk.events.nbytes + chunk.samples.nbytes + _OBJECTS
