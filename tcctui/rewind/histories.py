"""The past of some flows at one moment after the other."""

from __future__ import annotations

from tcctui.flows.index import Keys
from tcctui.recording.timeline import Timeline
from tcctui.rewind.rebuilt import SLACK_NS, Rebuilt
from tcctui.rewind.remembered import Condensed
from tcctui.rewind.store_copies import Copies, stops

MOST = 48 << 20
"""Bytes that copies may take."""

_SECOND = 1_000_000_000

_MEMORY = 8 << 20  # for the histories of some hundred flows

_FINE_NS = 3 * _SECOND

_BEFORE_NS = 15 * _SECOND
"""So much more of the past is worked out than is to be seen: for going back in it."""

_NEAR_NS = 11 * _SECOND
"""To go so far takes little: a hundredth of a second for each second at most."""


class Histories:
    """Works out the past of the flows in `cookies`, `seconds` back from any moment.

    Where a moment is after one that there is a copy of, only what lies between is taken in. Not for
    several threads at once.
    """

    def __init__(self, timeline: Timeline, cookies: Keys, seconds: float) -> None:
        self.cookies = cookies
        self.seconds = seconds
        self.copies = Copies(MOST)
        self._timeline = Condensed(timeline, cookies, SLACK_NS)

    def near(self, at_ns: int) -> bool:
        """Whether there is little to do for a moment."""
        nearest = self._nearest(at_ns)
        return nearest is not None and at_ns - nearest.at_ns <= _NEAR_NS

    def at(self, at_ns: int) -> Rebuilt:
        """Work out the past at a moment; it is the caller's.

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
        """When what is to be seen at a moment begins."""
        return max(at_ns - int(self.seconds * 1e9), self._timeline.span.first_ns)

    def _nearest(self, at_ns: int) -> Rebuilt | None:
        """Find a copy to go on from, unless to begin anew takes less."""
        nearest = self.copies.nearest(at_ns, self._begin_ns(at_ns))
        if nearest is None or nearest.at_ns < self._begin_ns(at_ns) - _BEFORE_NS:
            return None
        return nearest
