"""Some flows of a recording, with nothing in it of any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from tcctui.arrays import Records
from tcctui.flows.index import Keys
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.recording.attribution import Attribution
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.wire.records import pick


def of_flows(cookies: Keys, chunks: Callable[[], Iterable[Chunk]]) -> Iterator[Chunk]:
    """The part of some flows in all chunks, which are read twice."""
    lives = Attribution()
    for chunk in chunks():
        lives.learn(chunk.events, chunk.samples)
    return map(SomeFlows(cookies, lives).of, chunks())


class SomeFlows:
    """Takes the flows in `cookies` out of chunks: events, samples, and their part of keyframes.

    `lives` has learned from all chunks whose the events without a cookie are; those of nobody known
    are left out.
    """

    def __init__(self, cookies: Keys, lives: Attribution) -> None:
        self._cookies = cookies
        self._lives = lives

    def of(self, chunk: Chunk) -> Chunk:
        """The part of a chunk that is these flows'; its events have all a cookie."""
        whose = self._lives.cookies(chunk.events)
        mine = np.isin(whose, self._cookies)
        events = pick(chunk.events, mine).copy()
        events["sock_cookie"] = whose[mine]
        samples = self._mine(chunk.samples)
        return replace(
            chunk,
            events=by_flow(events),
            samples=samples,
            keyframe=self.keyframe(chunk.keyframe),
            insides=chunk.insides.each(self._mine),
        )

    def _mine(self, records: Records) -> Records:
        return pick(records, np.isin(records["sock_cookie"], self._cookies))

    def keyframe(self, data: bytes) -> bytes:
        """The part of a keyframe that is these flows'; empty for one that can't be read."""
        if not data:
            return b""
        try:
            return Keyframe.from_bytes(data).of_flows(self._cookies).to_bytes()
        except ValueError:  # of another version
            return b""
