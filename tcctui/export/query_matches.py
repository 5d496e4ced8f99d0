"""Records that match a query on more than ports and addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tcctui.arrays import Records
from tcctui.export.selection import SLACK_NS, Selection
from tcctui.flows.index import Keys
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.headless.matching import Matching
from tcctui.pump import deliver
from tcctui.query import Query
from tcctui.recording.attribution import Attribution
from tcctui.recording.chunks import NO_EVENTS, Chunk, by_flow
from tcctui.recording.timeline import Timeline
from tcctui.wire.inside import NO_INSIDES, together
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES

_NO_KEYFRAME = 30_000_000_000
"""Time played before the selection, in nanoseconds, if there is no keyframe to start from."""


def known_before(timeline: Timeline, chosen: Selection) -> tuple[Store, int]:
    """State before the selection begins, and the time from which to play the rest.

    Raises:
        TcctuiError: the timeline can't be read.

    """
    # A recording out of a recording begins with what was known before it.
    begin_ns = max(chosen.begin_ns, timeline.span.first_ns)
    if found := timeline.keyframe(begin_ns):
        store = _store()
        try:
            store.restore(Keyframe.from_bytes(found[1]), chosen.cookies)
        except ValueError:  # of another version: played without it
            return _store(), found[0]
        return store, found[0]
    return _store(), chosen.begin_ns - _NO_KEYFRAME


def _store() -> Store:
    """Make a store that keeps each closed flow for its 10 s: all have a row in the table."""
    return Store(0, most_closed=1 << 30)


def _of_matching(asked: Matching, records: Records) -> Records:
    return pick(records, asked.flows(records["sock_cookie"]))


@dataclass(frozen=True)
class QueryMatches:
    """Matches of a query in the selected part of a timeline, each with the state at its time.

    `going` passes the timeline's chunks on, and reports progress. Reading raises TcctuiError where
    the timeline can't be read any more.
    """

    query: Query
    timeline: Timeline
    chosen: Selection
    lives: Attribution
    going: Callable[[Iterator[Chunk]], Iterator[Chunk]]

    def chunks(self) -> Iterator[Chunk]:
        """Matching records, a chunk at a time."""
        for pieces, chunk in self._played():
            events, samples, insides = [NO_EVENTS], [NO_SAMPLES], [NO_INSIDES]
            for asked, mine in pieces:
                events.append(pick(mine.events, asked.events(mine.events)))
                samples.append(pick(mine.samples, asked.samples(mine.samples)))
                if mine.insides:
                    insides.append(mine.insides.each(partial(_of_matching, asked)))
            yield replace(
                chunk,
                events=by_flow(joined(events)),
                samples=by_flow(joined(samples)),
                insides=together(insides).each(by_flow),
            )

    def cookies(self) -> Keys:
        """Cookies of the flows that matched at some time, in order."""
        found: list[Keys] = [np.empty(0, "u8")]
        for pieces, _ in self._played():
            for asked, mine in pieces:
                found.append(np.unique(mine.events["sock_cookie"][asked.events(mine.events)]))
                found.append(asked.all_flows())
            found = [np.unique(np.concatenate(found))]
        return found[0]

    def _played(self) -> Iterator[tuple[Iterator[tuple[Matching, Chunk]], Chunk]]:
        """Each chunk in pieces, with the state at each piece's time.

        All pieces have to be taken, in order.
        """
        chosen = self.chosen
        store, after_ns = known_before(self.timeline, chosen)
        asked = Matching(self.query, store=store)

        def pieces(chunk: Chunk) -> Iterator[tuple[Matching, Chunk]]:
            for batch in chosen.pieces(chunk):
                deliver([batch], asked)
                samples = joined([NO_SAMPLES, *batch.samples])
                piece = replace(chunk, events=batch.events, samples=samples, insides=batch.insides)
                if batch.now_ns >= chosen.begin_ns:
                    yield asked, chosen.of(piece, self.lives.cookies(batch.events))

        until_ns = chosen.end_ns + SLACK_NS
        for chunk in self.going(self.timeline.chunks(after_ns, until_ns, chosen.cookies)):
            yield pieces(chunk), chunk
