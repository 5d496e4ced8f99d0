"""A recording out of a recording: some time, some flows, and what was known of them before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tcctui.export.query_matches import known_before
from tcctui.export.selection import SLACK_NS, Selection
from tcctui.pump import deliver
from tcctui.recording.attribution import Attribution
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import NO_EVENTS, Chunk, IdleChunks
from tcctui.recording.some_flows import SomeFlows
from tcctui.recording.timeline import Timeline
from tcctui.wire.batch import Batch
from tcctui.wire.records import pick
from tcctui.wire.samples import NO_SAMPLES


def trimmed(timeline: Timeline, chosen: Selection, lives: Attribution) -> Iterator[Chunk]:
    """Chunks of the selection, the first with a keyframe of what was known before it.

    Raises:
        TcctuiError: the timeline can't be read any more.

    """
    store, after_ns = known_before(timeline, chosen)
    mine = None if chosen.cookies is None else SomeFlows(chosen.cookies, lives)
    begin_ns = max(chosen.begin_ns, timeline.span.first_ns)
    losses = before = (0, 0)
    made: list[Chunk] = []

    def keep(chunk: Chunk) -> None:
        keyframe = chunk.keyframe if mine is None else mine.keyframe(chunk.keyframe)
        made.append(replace(chunk, keyframe=keyframe))

    quiet = IdleChunks(keep)
    cutter = ChunkCutter(
        store,
        begin_ns,
        quiet.write,
        losses=lambda: (losses[0] - before[0], losses[1] - before[1]),
    )
    begun = False
    end_ns = min(chosen.end_ns, timeline.span.last_ns)
    for chunk in timeline.chunks(after_ns, chosen.end_ns + SLACK_NS, chosen.cookies):
        if not begun:
            before = chunk.lost, chunk.skipped
        losses = chunk.lost, chunk.skipped
        for batch in chosen.pieces(chunk if mine is None else mine.of(chunk)):
            if not begun and batch.now_ns < chosen.begin_ns:
                store.take(batch)
                continue
            if not begun:
                begun = True
                earlier, batch = _cut(batch, chosen.begin_ns)  # noqa: PLW2901 - the rest of it
                store.take(earlier)
                if store.totals().flows:
                    keyframe = store.keyframe().to_bytes()
                    keep(Chunk(begin_ns, begin_ns, NO_EVENTS, NO_SAMPLES, keyframe=keyframe))
            deliver([batch], store, cutter)
        yield from made
        made.clear()
    cutter.flush(end_ns)
    quiet.flush()
    yield from made


def _cut(batch: Batch, at_ns: int) -> tuple[Batch, Batch]:
    """Cut a batch at a time: what is earlier, and the rest."""
    earlier, later = [], []
    for part in (batch.events, *batch.samples):
        first = part["ts_ns"] < np.uint64(at_ns)
        earlier.append(pick(part, first))
        later.append(pick(part, ~first))
    before = batch.insides.each(lambda part: pick(part, part["ts_ns"] < np.uint64(at_ns)))
    behind = batch.insides.each(lambda part: pick(part, part["ts_ns"] >= np.uint64(at_ns)))
    return (
        Batch(earlier[0], earlier[1:], at_ns, before),
        Batch(later[0], later[1:], max(batch.now_ns, at_ns), behind),
    )
