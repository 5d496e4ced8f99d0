"""Stores on the way to a moment, copied for whoever goes back from there."""

from __future__ import annotations

from collections.abc import Iterable

from tcctui.recording.chunks import PIECE_NS
from tcctui.rewind.rebuilt import Rebuilt

_SECOND = 1_000_000_000

_BEFORE = (20, 10, 5, 2, 1)
"""How many seconds before a moment there are to be copies."""

_APART_NS = _SECOND * 3 // 4
"""Nanoseconds between two copies, at least."""


class Copies:
    """Copies of one store at several moments, within `most` bytes. Not for several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._copies: list[Rebuilt] = []  # by their moments

    @property
    def nbytes(self) -> int:
        """About how many bytes they take."""
        return sum(run.store.nbytes for run in self._copies)

    def nearest(self, at_ns: int, since_ns: int | None = None) -> Rebuilt | None:
        """Give the newest from a moment or before, that knows all since another; not to be changed.

        Any, where that is not given.
        """
        for run in reversed(self._copies):
            if run.at_ns <= at_ns and (since_ns is None or run.since_ns <= since_ns):
                return run
        return None

    def leave(self, run: Rebuilt) -> None:
        """Leave a copy of what has come to a moment, unless there is one nearby."""
        if run.store.nbytes * 3 > self._most:
            return
        if all(abs(run.at_ns - left.at_ns) >= _APART_NS for left in self._copies):
            self._copies.append(run.copy())
            self._copies.sort(key=lambda left: left.at_ns)
            self._thin_out(run.at_ns)

    def go(self, run: Rebuilt, at_ns: int) -> None:
        """Have a store go on to a moment, and leave copies on the way.

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
        """Let go of some where there are too many: of what is ahead, then where they are dense."""
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
    """When to leave copies on the way to a moment, ascending: where pieces end anyway."""
    return ((at_ns - before * _SECOND) // PIECE_NS * PIECE_NS for before in _BEFORE)
