"""Offset between the clocks of two machines, from a connection between them that both recorded.

A byte is received after it was sent, and before its acknowledgement comes back. Each read of a
counter on one machine is therefore after some reads on the other one and before some others, as the
timestamps of NTP (RFC 5905, 8) are: each such pair limits the offset, and all of them together
leave an interval. It is hardly wider than the shortest round trip, and says so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Array, Floats, Indexes

MOST_DRIFT = 500e-6
"""Largest difference of the clocks' rates that is reckoned with: MAXFREQ (include/linux/timex.h),
by which NTP may slew a clock.
"""

_SLACK = 2
"""Bytes that the counters of both ends may differ by: those of SYN and FIN.

tcpi_bytes_acked counts the SYN of the end that connects (tcp_snd_una_update, net/ipv4/tcp_input.c).
"""


class Counter(NamedTuple):
    """Reads of a number of bytes that only grows; arrays of shape (n,).

    The number was at most `most` at `since_ns`, and at least `least` at `by_ns`, on the clock of
    the machine that read it. Bytes are counted from the connection's begin.
    """

    since_ns: I64
    by_ns: I64
    least: I64
    most: I64


class Side(NamedTuple):
    """Counters that one end has: of the bytes it sent, of those acknowledged, and received."""

    sent: Counter
    acknowledged: Counter
    received: Counter


class Interval(NamedTuple):
    """Nanoseconds to add to one clock for the other's time: the true number is in between."""

    low_ns: float
    high_ns: float

    @property
    def middle_ns(self) -> int:
        """Best guess."""
        return round((self.low_ns + self.high_ns) / 2)

    @property
    def margin_ns(self) -> int:
        """Largest error of the guess."""
        return round((self.high_ns - self.low_ns) / 2)


class _Bounds(NamedTuple):
    """Limits of the offset in one direction, each at a moment of the first clock; (n,)."""

    when_ns: Floats
    offset_ns: Floats


class Alignment:
    """Offset of `there`'s clock from `here`'s: a moment there less the same moment here.

    Limits of other moments hold, too, but for `MOST_DRIFT`. Times are of `here`'s clock, in
    nanoseconds. `known` is True if there are limits on both sides. They are `contradictory` where
    these are not the ends of one connection, or a clock was slewed by more.
    """

    def __init__(self, here: Side, there: Side) -> None:
        before = [_ordered(here.sent, there.received), _ordered(here.received, there.acknowledged)]
        after = [_ordered(there.sent, here.received), _ordered(there.received, here.acknowledged)]
        first, then = (np.concatenate(part) for part in zip(*before, strict=True))
        sooner, later = (np.concatenate(part) for part in zip(*after, strict=True))
        self._high = _tight(_Bounds(first.astype("f8"), (then - first).astype("f8")))
        # Upper limits of the offset the other way round.
        self._low = _tight(_Bounds(later.astype("f8"), (later - sooner).astype("f8")))
        limited = bool(len(self._high.when_ns) and len(self._low.when_ns))
        self.contradictory = limited and not self._agree()
        self.known = limited and not self.contradictory

    def at(self, here_ns: float) -> Interval:
        """Interval of the offset at a moment; only where it is `known`."""
        low, high = self.along(np.array([here_ns], "f8"))
        return Interval(float(low[0]), float(high[0]))

    def along(self, here_ns: Floats) -> tuple[Floats, Floats]:
        """Lower and upper limit of the offset at moments; arrays of the same shape (n,)."""
        return -_envelope(self._low, here_ns), _envelope(self._high, here_ns)

    def _agree(self) -> bool:
        low, high = self.along(np.concatenate([self._high.when_ns, self._low.when_ns]))
        return bool((low <= high).all())


def _ordered(ahead: Counter, behind: Counter) -> tuple[I64, I64]:
    """Pairs of moments, the first earlier than the second, of two counters on two machines.

    `behind` never exceeds `ahead`: where it has reached more than that had before, it is later.
    """
    if not len(ahead.since_ns) or not len(behind.by_ns):
        return np.empty(0, "i8"), np.empty(0, "i8")
    earlier, later = np.argsort(ahead.since_ns), np.argsort(behind.by_ns)
    # It was no more at any earlier moment, and no less at any later one.
    most = np.minimum.accumulate(ahead.most[earlier][::-1])[::-1]
    least = np.maximum.accumulate(behind.least[later])
    place: Indexes = np.searchsorted(most, least - _SLACK) - 1
    first = np.flatnonzero((place >= 0) & np.append(True, place[1:] != place[:-1]))
    return ahead.since_ns[earlier[place[first]]], behind.by_ns[later[first]]


def _tight(bounds: _Bounds) -> _Bounds:
    """Those upper limits that no other one implies, in the order of time."""
    order = np.argsort(bounds.when_ns, kind="stable")
    when, offset = bounds.when_ns[order], bounds.offset_ns[order]
    if not len(when):
        return bounds
    slope = MOST_DRIFT * (when - when[0])
    implied = np.minimum(
        np.minimum.accumulate(offset - slope) + slope,
        np.minimum.accumulate((offset + slope)[::-1])[::-1] - slope,
    )
    kept = offset <= implied + 1
    return _Bounds(when[kept], offset[kept])


_AT_ONCE = 1 << 20


def _envelope(bounds: _Bounds, when_ns: Floats) -> Floats:
    """Lowest upper limit at each moment, given that it changes by `MOST_DRIFT` at most."""
    found = np.empty(len(when_ns))
    step = max(1, _AT_ONCE // max(1, len(bounds.when_ns)))
    for at in range(0, len(when_ns), step):
        apart: Array = np.abs(when_ns[at : at + step, None] - bounds.when_ns)
        found[at : at + step] = (bounds.offset_ns + MOST_DRIFT * apart).min(axis=1)
    return found
