"""What of a recording matches a query that asks for more than ports and addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from tcctui.export.attribution import Attribution
from tcctui.export.selection import SLACK_NS, Selection
from tcctui.flows.index import Keys
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.headless.matching import Matching
from tcctui.query import Query
from tcctui.recording.chunks import NO_EVENTS, Chunk, by_flow
from tcctui.recording.timeline import Timeline
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES

Going: TypeAlias = Callable[[Iterator[Chunk]], Iterator[Chunk]]
"""Gives chunks as they are, and says how far it is."""

_NO_KEYFRAME = 30_000_000_000
"""Nanoseconds before its beginning that are played, where there is no keyframe to begin with."""


def known_before(timeline: Timeline, chosen: Selection) -> tuple[Store, int]:
    """Give what was known before what is chosen begins, and since when the rest has to be played.

    Raises:
        TcctuiError: the timeline can't be read.

    """
    if found := timeline.keyframe(chosen.begin_ns):
        store = Store(0)
        try:
            store.restore(Keyframe.from_bytes(found[1]), chosen.cookies)
        except ValueError:  # of another version: it is played without
            return Store(0), found[0]
        return store, found[0]
    return Store(0), chosen.begin_ns - _NO_KEYFRAME


def matching(
    query: Query, timeline: Timeline, chosen: Selection, lives: Attribution, going: Going
) -> Iterator[Chunk]:
    """Give what matches of the chosen part of a timeline, a chunk at a time.

    Of each event and sample it is decided by what was known when it came.

    Raises:
        TcctuiError: the timeline can't be read any more.

    """
    for pieces, chunk in _played(query, timeline, chosen, lives, going):
        events, samples = [NO_EVENTS], [NO_SAMPLES]
        for asked, mine in pieces:
            events.append(pick(mine.events, asked.events(mine.events)))
            samples.append(pick(mine.samples, asked.samples(mine.samples)))
        yield replace(chunk, events=by_flow(joined(events)), samples=by_flow(joined(samples)))


def matched(
    query: Query, timeline: Timeline, chosen: Selection, lives: Attribution, going: Going
) -> Keys:
    """Give the cookies of those that matched at some time of what is chosen, in order.

    Raises:
        TcctuiError: the timeline can't be read any more.

    """
    found: list[Keys] = [np.empty(0, "u8")]
    for pieces, _ in _played(query, timeline, chosen, lives, going):
        for asked, mine in pieces:
            found.append(np.unique(mine.events["sock_cookie"][asked.events(mine.events)]))
            found.append(asked.all_flows())
        found = [np.unique(np.concatenate(found))]
    return found[0]


def _played(
    query: Query, timeline: Timeline, chosen: Selection, lives: Attribution, going: Going
) -> Iterator[tuple[Iterator[tuple[Matching, Chunk]], Chunk]]:
    """Give each chunk in the pieces in which it came, once it is known what was known then.

    All pieces have to be taken, one after the other.
    """
    store, after_ns = known_before(timeline, chosen)
    asked = Matching(query, store=store)

    def pieces(chunk: Chunk) -> Iterator[tuple[Matching, Chunk]]:
        for events, samples, now_ns in chosen.pieces(chunk):
            asked.take(events, [samples], now_ns)
            piece = replace(chunk, events=events, samples=samples)
            if now_ns >= chosen.begin_ns:
                yield asked, chosen.of(piece, lives.cookies(events))

    for chunk in going(timeline.chunks(after_ns, chosen.end_ns + SLACK_NS, chosen.cookies)):
        yield pieces(chunk), chunk
