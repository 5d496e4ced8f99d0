"""History of some flows at a sequence of moments."""

from __future__ import annotations

from tcctui.flows.index import Keys
from tcctui.recording.timeline import Timeline
from tcctui.rewind.chunk_cache import CondensedTimeline
from tcctui.rewind.rebuilt import SLACK_NS, Rebuilt
from tcctui.rewind.store_copies import Copies, stops

MOST = 48 << 20
"""Memory limit of the copies, in bytes."""

_SECOND = 1_000_000_000

_MEMORY = 8 << 20  # for the histories of some hundred flows

_FINE_NS = 3 * _SECOND

_BEFORE_NS = 15 * _SECOND
"""Extra history computed beyond the visible one, in seconds: for going further back."""

_NEAR_NS = 11 * _SECOND
"""Distance in nanoseconds that is cheap to cross: a hundredth of a second per second at most."""


class Histories:
    """Computes the history of the flows in `cookies`, `seconds` back from any moment.

    A moment after a copy's takes in only the records in between. Used by one thread at a time.
    """

    def __init__(self, timeline: Timeline, cookies: Keys, seconds: float) -> None:
        self.cookies = cookies
        self.seconds = seconds
        self.copies = Copies(MOST)
        self._timeline = CondensedTimeline(timeline, cookies, SLACK_NS)

    def near(self, at_ns: int) -> bool:
        """True if a moment is cheap to reach."""
        nearest = self._nearest(at_ns)
        return nearest is not None and at_ns - nearest.at_ns <= _NEAR_NS

    def at(self, at_ns: int) -> Rebuilt:
        """History at a moment; owned by the caller.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        nearest = self._nearest(at_ns)
        run = nearest.copy() if nearest is not None else self._begun(at_ns)
        self.copies.go(run, at_ns)
        return run

    def _begun(self, at_ns: int) -> Rebuilt:
        since_ns = self._begin_ns(at_ns) - _BEFORE_NS - SLACK_NS
        return Rebuilt(
            self._timeline,
            max(since_ns, next(iter(stops(at_ns)))),
            since_ns,
            cookies=self.cookies,
            memory=_MEMORY,
            held=self.cookies.tolist(),
            fine_ns=_FINE_NS,
            to_ns=at_ns,
        )

    def _begin_ns(self, at_ns: int) -> int:
        """Begin of the history that is visible at a moment."""
        return max(at_ns - int(self.seconds * 1e9), self._timeline.span.first_ns)

    def _nearest(self, at_ns: int) -> Rebuilt | None:
        """Copy to start from, unless starting over is cheaper."""
        nearest = self.copies.nearest(at_ns, self._begin_ns(at_ns))
        if nearest is None or nearest.at_ns < self._begin_ns(at_ns) - _BEFORE_NS:
            return None
        return nearest
