"""A connection's two ends, found in recordings, and the offset between their clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Floats
from tcctui.both_ends.clocks import Alignment, Interval
from tcctui.both_ends.one_end import Ends, EndsReader, OneEnd
from tcctui.recording.timeline import Timeline

_MOMENTS = 512
"""Moments of a connection's life at which the offset is worked out; in between it is straight."""


class Pair(NamedTuple):
    """Both ends of a connection: `here` in the recording that is shown, and `there`.

    `alignment` is None where one machine's clock is that of both, or where the exchange does not
    give the offset: then `wall_offset_ns`, that of the clocks of both if the times of day agree, is
    all there is.
    """

    here: OneEnd
    there: OneEnd
    one_clock: bool
    wall_offset_ns: int
    alignment: Alignment | None

    @property
    def sender_is_here(self) -> bool:
        """True if `here` had more bytes acknowledged than `there`."""
        return self.here.acknowledged >= self.there.acknowledged

    def offset(self, here_ns: int) -> Interval | None:
        """Offset of `there`'s clock at a moment of `here`'s; None where it is not known."""
        if self.one_clock:
            return Interval(0.0, 0.0)
        return None if self.alignment is None else self.alignment.at(here_ns)

    def clock_of(self, end: OneEnd, here_ns: int) -> int:
        """A moment of `here`'s clock on that of one of the ends."""
        if end is self.here:
            return here_ns
        offset = self.offset(here_ns)
        return here_ns + (self.wall_offset_ns if offset is None else offset.middle_ns)

    @property
    def begin_ns(self) -> int:
        """First moment of either end, on `here`'s clock."""
        return min(self.here.span[0], int(self.moments(np.array([self.there.span[0]]))[0]))

    def moments(self, there_ns: I64) -> I64:
        """Moments of `there`'s clock on `here`'s; arrays of the same shape (n,)."""
        if self.one_clock or not len(there_ns):
            return there_ns
        if self.alignment is None:
            return there_ns - self.wall_offset_ns
        first_ns, last_ns = self.here.span
        apart = self.alignment.at((first_ns + last_ns) / 2).middle_ns
        begin, end = there_ns[0] - apart, there_ns[-1] - apart
        here: Floats = np.linspace(float(begin), float(max(end, begin + 1)), _MOMENTS)
        low, high = self.alignment.along(here)
        # Relative to the first, as nanoseconds since a boot have more digits than a float.
        away = np.interp((there_ns - there_ns[0]).astype("f8"), here - here[0], (low + high) / 2)
        return there_ns - away.astype("i8")


class Search:
    """Looks for both ends of the connection of a socket: in one recording, or in others, too.

    Where recordings grow, it reads on.
    """

    def __init__(
        self, ends: Ends, cookie: int, here: Timeline, others: Sequence[Timeline] = ()
    ) -> None:
        self._turned, self._cookie = ends.turned, cookie
        self._readers = [EndsReader(here, ends, ends.turned)]
        self._readers += [EndsReader(one, ends.turned) for one in others]

    @property
    def has_more(self) -> bool:
        """True where a recording has grown since it was read."""
        return any(reader.has_more for reader in self._readers)

    def until_ns(self, pair: Pair) -> int:
        """Moment until which both ends were read, on the first one's clock."""
        here, *others = (reader.until_ns for reader in self._readers)
        there = pair.moments(np.array(others, "i8")) if not pair.one_clock else np.array([here])
        return min(here, *there.tolist())

    def found(self, stopped: Callable[[], bool] = lambda: False) -> Pair | None:
        """The connection with its other end.

        All that is new in the recordings is read. Of several sockets with these ends, at different
        times, it is the one whose times of day fit best, of those whose exchange fits at all. None
        if there is none, or if it is `stopped` before the end.

        Raises:
            TcctuiError: a recording can't be read any more.

        """
        first, *others = (reader.read(stopped) for reader in self._readers)
        mine = next((end for end in first if end.cookie == self._cookie), None)
        if mine is None or stopped():
            return None
        theirs = [(end, True) for end in first if end.ends == self._turned and end is not mine]
        theirs += [(end, False) for other in others for end in other]
        best = min(_pairs(mine, theirs), key=_misfit, default=None)
        return None if best is None else best[0]


def _pairs(mine: OneEnd, theirs: Iterable[tuple[OneEnd, bool]]) -> Iterator[tuple[Pair, bool]]:
    """Pairs with each end, whose clock may be the same, and whether the exchange contradicts it.

    Then it is still a pair if both were there at the same time of day: a sample may have been late.
    """
    wall, side = mine.origin.wall_offset_ns, mine.side()
    for other, one_clock in theirs:
        alignment = Alignment(side, other.side())
        known = wall and other.origin.wall_offset_ns
        offset = wall - other.origin.wall_offset_ns if known and not one_clock else 0
        used = alignment if alignment.known and not one_clock else None
        pair = Pair(mine, other, one_clock, offset, used)
        if not alignment.contradictory or not _apart_ns(pair):
            yield pair, alignment.contradictory


def _apart_ns(pair: Pair) -> int:
    """Time between the two by the time of day; 0 where they were there at once."""
    here = pair.here.span
    begin, end = (moment - pair.wall_offset_ns for moment in pair.there.span)
    return max(here[0] - end, begin - here[1], 0)


def _misfit(found: tuple[Pair, bool]) -> tuple[bool, bool, int]:
    """Order of pairs, the most likely one first."""
    pair, contradictory = found
    offset = pair.offset(sum(pair.here.span) // 2)
    if offset is None or pair.one_clock:
        return contradictory, offset is None, _apart_ns(pair)
    return contradictory, False, abs(offset.middle_ns - pair.wall_offset_ns)
