"""Copies of a store on the way to a moment, for stepping back from there."""

from __future__ import annotations

from collections.abc import Iterable

from tcctui.recording.chunks import PIECE_NS
from tcctui.rewind.rebuilt import Rebuilt

_SECOND = 1_000_000_000

_BEFORE = (20, 10, 5, 2, 1)
"""Distances of copies before a moment, in seconds."""

_APART_NS = _SECOND * 3 // 4
"""Minimum time between two copies, in nanoseconds."""


class Copies:
    """Copies of one store at several moments, within `most` bytes; used by one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._copies: list[Rebuilt] = []  # by their moments

    @property
    def nbytes(self) -> int:
        """Approximate size in bytes."""
        return sum(run.store.nbytes for run in self._copies)

    def nearest(self, at_ns: int, since_ns: int | None = None) -> Rebuilt | None:
        """Newest copy at or before a moment, complete since another; read-only.

        Any, without the second moment.
        """
        for run in reversed(self._copies):
            if run.at_ns <= at_ns and (since_ns is None or run.since_ns <= since_ns):
                return run
        return None

    def leave(self, run: Rebuilt) -> None:
        """Keep a copy at the current moment, unless there is one nearby."""
        if run.store.nbytes * 3 > self._most:
            return
        if all(abs(run.at_ns - left.at_ns) >= _APART_NS for left in self._copies):
            self._copies.append(run.copy())
            self._copies.sort(key=lambda left: left.at_ns)
            self._thin_out(run.at_ns)

    def go(self, run: Rebuilt, at_ns: int) -> None:
        """Advance a store to a moment, keeping copies on the way.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        self.leave(run)
        for stop_ns in stops(at_ns):
            if stop_ns > run.at_ns:
                run.go_on(stop_ns, at_ns)
                self.leave(run)
        run.go_on(at_ns)
        self.leave(run)

    def _thin_out(self, at_ns: int) -> None:
        """Evict surplus copies: those ahead first, then where they are dense."""
        copies = self._copies
        while len(copies) > 2 and self.nbytes > self._most:
            if copies[-1].at_ns > at_ns:
                copies.pop().store.give_up()
                continue
            gaps = [
                (after.at_ns - before.at_ns) / (at_ns - before.at_ns + _SECOND)
                for before, after in zip(copies, copies[2:], strict=False)
            ]
            copies.pop(1 + gaps.index(min(gaps))).store.give_up()


def stops(at_ns: int) -> Iterable[int]:
    """Moments of copies on the way to a moment, ascending, at ends of pieces."""
    return ((at_ns - before * _SECOND) // PIECE_NS * PIECE_NS for before in _BEFORE)
