"""Store that is advanced to a moment of a timeline, and further."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy

import numpy as np

from tcctui.flows.index import Keys
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunks import NO_EVENTS, PIECE_NS, Chunk, Piece, in_pieces, piece_ends
from tcctui.recording.timeline import Timeline
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind
from tcctui.wire.inside import NO_INSIDES, together
from tcctui.wire.records import joined, pick

SLACK_NS = 1_000_000_000
"""Largest delay of an event: chunks that begin this long after the moment are searched."""


_NOBODY: Keys = np.empty(0, "u8")


class Rebuilt:
    """State at `at_ns`, of all flows or of some.

    It begins with the newest keyframe from `since_ns` or before, and takes in everything until
    `at_ns`, by its own time (`ts_ns`): in pieces, as live, for the last `fine_ns` nanoseconds,
    before that a chunk at a time (except for chunks with a selected flow's end). `memory` is the
    store's for histories. `held` are flows that stay when closed. `to_ns` is a later moment on the
    same way, see `go_on`.

    Raises:
        TcctuiError: the timeline can't be read any more.

    """

    def __init__(
        self,
        timeline: Timeline,
        at_ns: int,
        since_ns: int,
        *,
        cookies: Keys | None = None,
        memory: int = 0,
        held: Iterable[int] = (),
        fine_ns: int,
        to_ns: int = 0,
    ) -> None:
        self._timeline = timeline
        self.cookies = cookies
        self._fine_ns = fine_ns
        self.store, self._read_ns = _begun(timeline, min(since_ns, at_ns), cookies, memory)
        self.store.hold(held)
        self.at_ns = max(self._read_ns, timeline.span.first_ns)
        self.since_ns = self.at_ns
        """Time from which on everything is known."""
        self.losses = (0, 0)
        """Events lost and skipped by then."""
        self.whole = True
        """True if it can be continued: not after a broken read."""
        self._rest: list[Chunk] = []  # read already, and later than `at_ns`
        self._losses: list[tuple[int, int, int]] = []  # beginnings and losses of chunks not begun
        # Without later chunks, the keyframe's own has the counts.
        for chunk in timeline.chunks(self._read_ns - 1, self._read_ns - 1, _NOBODY):
            self.losses = chunk.lost, chunk.skipped
        self.go_on(at_ns, to_ns)

    def copy(self) -> Rebuilt:
        """Copy the state, so that one of the two can be advanced."""
        twin = copy(self)
        twin.store, twin._rest = self.store.copy(), list(self._rest)
        twin._losses = list(self._losses)
        return twin

    def go_on(self, at_ns: int, to_ns: int = 0) -> None:
        """Advance to `at_ns`, on the way to a later moment if one is given.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        deliver(self.ahead(at_ns, to_ns), self)

    def ahead(self, at_ns: int, to_ns: int = 0) -> Iterator[Batch]:
        """Batches from here to `at_ns`, for `take`; all of them have to be taken.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        self.whole = False
        waiting, self._rest = self._rest, []
        begun_ns = self.at_ns
        fine_ns = max(at_ns, to_ns) - self._fine_ns
        for chunk in self._timeline.chunks(self._read_ns, at_ns + SLACK_NS, self.cookies):
            self._read_ns = max(self._read_ns, chunk.end_ns)
            self._losses.append((chunk.begin_ns, chunk.lost, chunk.skipped))
            if chunk.end_ns > fine_ns or not self._at_once(chunk, at_ns):
                waiting.append(chunk)
                continue
            if waiting:
                yield from self._fine(waiting, begun_ns, max(begun_ns, chunk.begin_ns))
                waiting, self._rest = self._rest, []
            begun_ns = max(begun_ns, chunk.end_ns)
            yield self._coarse(chunk, begun_ns)
        yield from self._fine(waiting, begun_ns, at_ns)
        begun = sum(begin_ns < at_ns for begin_ns, _, _ in self._losses)
        if begun:
            self.losses = self._losses[begun - 1][1:]
            self._losses = self._losses[begun:]
        self.whole = True

    def _at_once(self, chunk: Chunk, until_ns: int) -> bool:
        """True if a whole chunk may be taken in at once: the order of its events is irrelevant.

        With selected flows, samples before an end must not be missed either.
        """
        for records in (chunk.events, chunk.samples, *chunk.insides):
            if len(records) and int(records["ts_ns"].max()) > until_ns:
                return False
        return self.cookies is None or EventKind.DESTROY not in chunk.events["kind"]

    def _coarse(self, chunk: Chunk, now_ns: int) -> Batch:
        """A whole chunk as one batch: of some flows, more than the newest sample counts."""
        if self.cookies is None or not len(chunk.samples):
            samples = [chunk.samples] if len(chunk.samples) else []
            return Batch(chunk.events, samples, now_ns, chunk.insides)
        late_ns = max(chunk.begin_ns - SLACK_NS, 0)
        rounds = np.maximum(chunk.samples["ts_ns"].astype("i8"), late_ns) - 1
        rounds //= PIECE_NS
        parts = [pick(chunk.samples, rounds == number) for number in np.unique(rounds).tolist()]
        return Batch(chunk.events, parts, now_ns, chunk.insides)

    def _fine(self, waiting: list[Chunk], begun_ns: int, at_ns: int) -> Iterator[Batch]:
        # Of a long idle time, only the end needs pieces.
        silent_ns = min([at_ns - self._fine_ns, *(chunk.begin_ns for chunk in waiting)])
        begun_ns = max(begun_ns, silent_ns - 2 * SLACK_NS)
        ends = piece_ends(begun_ns, at_ns)
        if begun_ns < at_ns and any(_earlier(chunk, begun_ns) for chunk in waiting):
            ends = [begun_ns, *ends]  # late records, or those of the keyframe's last batch
        cut = [in_pieces(chunk, ends) for chunk in waiting]
        for chunk, pieces in zip(waiting, cut, strict=True):
            self._leave(chunk, pieces[-1])
        for number, now_ns in enumerate(ends):
            of_now = [pieces[number] for pieces in cut]
            events = [piece.events for piece in of_now if len(piece.events)]
            samples = [piece.samples for piece in of_now if len(piece.samples)]
            insides = [piece.insides for piece in of_now if piece.insides]
            yield Batch(
                joined(events or [NO_EVENTS]),
                samples and [joined(samples)],
                now_ns,
                together(insides) if insides else NO_INSIDES,
            )

    def _leave(self, chunk: Chunk, rest: Piece) -> None:
        events, samples, insides = rest
        if len(events) or len(samples) or insides:
            left = Chunk(chunk.begin_ns, chunk.end_ns, events, samples, insides=insides)
            self._rest.append(left)

    def take(self, batch: Batch) -> None:
        """Take in a batch, and advance to its end."""
        self.store.take(batch)
        self.at_ns = max(self.at_ns, batch.now_ns)


def _begun(
    timeline: Timeline, since_ns: int, cookies: Keys | None, memory: int
) -> tuple[Store, int]:
    """Restore a store from the newest readable keyframe; gives its moment, too."""
    from tcctui.flows.keyframe.keyframe import Keyframe  # noqa: PLC0415 - behind the first rows

    asked_ns = since_ns
    while (found := timeline.keyframe(asked_ns)) is not None:
        store = Store(memory)
        try:
            keyframe = Keyframe.from_bytes(found[1])
            if keyframe.now_ns > found[0] + SLACK_NS:
                raise ValueError("a keyframe is from after its own moment")
            store.restore(keyframe, cookies)
        except ValueError:
            asked_ns = found[0] - 1
        else:
            return store, found[0]
    return Store(memory), timeline.span.first_ns - 1


def _earlier(chunk: Chunk, at_ns: int) -> bool:
    """True if anything in a chunk is from `at_ns` or before."""
    parts = (chunk.events, chunk.samples, *chunk.insides)
    return any(len(part) and int(part["ts_ns"].min()) <= at_ns for part in parts)
