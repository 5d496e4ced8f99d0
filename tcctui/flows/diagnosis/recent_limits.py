"""Limits of every flow in each of the last 64 seconds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import I64, U8, Array, Floats, Mask
from tcctui.flows.columns import FlowColumns
from tcctui.flows.diagnosis.cause_shares import IS_RECOVERING, LOOK, SHORTEST_NS, divide, look
from tcctui.flows.diagnosis.verdicts import CAUSES, VERDICTS, Limit
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.history.time_grid import TimeGrid
from tcctui.flows.index import Rows, grown
from tcctui.wire.events import TcpState
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples

_SECOND = 1_000_000_000

_SECONDS = 64

_WHOLE = 250
"""Share of a whole second in the ring."""

STALE_NS = 15_000_000_000
"""A flow of which nothing was sampled for so long is limited by nobody knows what.

Those that are not on the screen are sampled every few seconds.
"""

_LEAST_KNOWN = 0.2
"""Seconds of the last two that must be known for a verdict: just below the shortest window."""

_COUNT = len(VERDICTS)  # each at its number less one

SHARES = np.dtype([(row.name, "u1") for row in VERDICTS])
"""Shares of a second, each by its verdict's name."""

_APP, _RECEIVES = Limit.APP - 1, Limit.RECEIVES - 1
_CAUSES = [cause - 1 for cause in CAUSES]

_ARRAYS = ("_shares", "_until", "_looks", "_recovered", "_since", "_recovering")

_PIECE = np.dtype((np.void, LOOK.itemsize))

_SYN_SENT = int(TcpState.SYN_SENT)


class Limits:
    """The shares of every row's time, by second, and the row's clock of time in recovery.

    Shares of a second are 250ths, which sum to 250 at most; the rest is not known.
    """

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self._shares = np.zeros((0, _SECONDS, _COUNT), "u1")
        self._until = np.zeros(0, "i8")  # when what is known ends
        self._looks = np.zeros(0, _PIECE)
        # What CA_STATE events tell: nanoseconds in recovery, and since when the row is in it.
        self._recovered = np.zeros(0, "i8")
        self._since = np.zeros(0, "i8")
        self._recovering = np.zeros(0, bool)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        for name in _ARRAYS:
            setattr(self, name, grown(getattr(self, name), rows))

    def forget(self, rows: Rows) -> None:
        """Begin anew with the rows."""
        self._looks[rows] = np.zeros(1, _PIECE)
        for array in (self._shares, self._until, self._recovered, self._since, self._recovering):
            array[rows] = 0

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    def by_events(self, rows: Rows, states: U8, when: I64) -> None:
        """Let the rows' clocks go on by the CA states that were entered, in any order."""
        if not len(rows):
            return
        order = np.lexsort((when, rows))
        rows, states, when = rows[order], states[order], when[order]
        now = IS_RECOVERING[states]
        starts = run_starts(rows)
        was, since = np.empty_like(now), np.empty_like(when)
        was[1:], since[1:] = now[:-1], when[:-1]
        was[starts], since[starts] = self._recovering[rows[starts]], self._since[rows[starts]]
        spent = np.where(was, np.maximum(when - since, 0), 0)
        self._recovered[rows[starts]] += np.add.reduceat(spent, starts)
        last = np.append(starts[1:], len(rows)) - 1
        self._recovering[rows[last]], self._since[rows[last]] = now[last], when[last]

    def by_samples(
        self, rows: Rows, samples: Samples, read: Mapping[str, Floats] | None = None
    ) -> None:
        """Take in one sample of each row, newer than those before.

        `read` has the samples' `cause_shares.NUMBERS`, if they were read.
        """
        when = samples["ts_ns"].astype("i8")
        since = self._since[rows]
        recovered: Floats | float = np.nan  # no event has come
        if np.count_nonzero(since):
            self._agree(rows, samples, when)
            since, spent = self._since[rows], self._recovered[rows].astype("f8")
            spent += np.where(self._recovering[rows], np.maximum(when - since, 0), 0)
            recovered = np.where(since == 0, np.nan, spent)
        looks = look(samples, self._columns["snd_wnd"][rows], recovered, read)
        before = self._looks[rows].view(LOOK)
        apart = when - before["ts_ns"] >= SHORTEST_NS
        apart &= samples["state"] != _SYN_SENT  # nobody has answered yet
        if np.count_nonzero(apart) < len(rows):
            rows, when = rows[apart], when[apart]
            before, looks = pick(before, apart), pick(looks, apart)
        self._looks[rows] = looks.view(_PIECE)
        self._until[rows] = when
        ready = before["ts_ns"] > 0
        if np.count_nonzero(ready) < len(rows):
            rows, when = rows[ready], when[ready]
            before, looks = pick(before, ready), pick(looks, ready)
        if len(rows):
            self._fill(rows, before["ts_ns"], when, divide(before, looks))

    def _agree(self, rows: Rows, samples: Samples, when: I64) -> None:
        """Let the clocks of recovery go by samples where an event was lost that would tell."""
        now = IS_RECOVERING[samples["ca_state"]]
        since = self._since[rows]
        lost = (since > 0) & (when > since) & (now != self._recovering[rows])
        lost &= samples["info_len"] > 0
        rows = rows[lost]
        self._recovering[rows], self._since[rows] = now[lost], when[lost]

    def _fill(self, rows: Rows, begin: I64, end: I64, shares: Floats) -> None:
        """Spread shares of the time from `begin` to `end` over the seconds that it lies in."""
        sums = np.cumsum(shares, axis=1) * _WHOLE
        second = end // _SECOND
        count = np.minimum(second - begin // _SECOND + 1, _SECONDS)
        if int(count.max()) > 1:
            place = np.repeat(np.arange(len(rows)), count)
            back = np.cumsum(count)[place] - 1 - np.arange(len(place))
            rows, begin, end, sums = rows[place], begin[place], end[place], sums[place]
            second = second[place] - back
        start = second * _SECOND
        span = np.minimum(end, start + _SECOND) - np.maximum(begin, start)
        parts = _differences(sums * (span / _SECOND)[:, None])
        slot = second % _SECONDS
        parts += self._shares[rows, slot] * (begin > start)[:, None]
        self._shares[rows, slot] = parts

    # Taking out

    def verdicts(self, rows: Rows, now_ns: int) -> U8:
        """Main limit of each row over the last 2 s that are known (`Limit`)."""
        sums, known = self._last(rows, now_ns)
        return np.where(known, sums.argmax(axis=1) + 1, Limit.UNKNOWN).astype("u1")

    def shares(self, rows: Rows, now_ns: int) -> Floats:
        """Shares of the last 2 s that are known, by cause: see `columns.DERIVED`."""
        sums, known = self._last(rows, now_ns)
        sums[:, _APP] += sums[:, _RECEIVES]
        sums = sums[:, _CAUSES]
        sums[~known] = np.nan
        sums /= np.where(known, sums.sum(axis=1), 1)[:, None]
        return sums

    def _last(self, rows: Rows, now_ns: int) -> tuple[Floats, Mask]:
        """Sums of the last 2 s that are known of each row; and whether they say anything."""
        until = self._until[rows]
        newest = until // _SECOND
        sums = self._shares[rows, newest % _SECONDS].astype("f8")
        sums += self._shares[rows, (newest - 1) % _SECONDS]
        left = 1 - (until % _SECOND) / _SECOND
        sums += self._shares[rows, (newest - 2) % _SECONDS] * left[:, None]
        known = sums.sum(axis=1) >= _LEAST_KNOWN * _WHOLE
        known &= (now_ns - until <= STALE_NS) | (self._columns["closed_ns"][rows] > 0)
        return sums, known

    def strip(self, row: int, grid: TimeGrid) -> U8:
        """Main limit of a row in each column of a grid (`Limit`)."""
        until = int(self._until[row])
        seconds = until // _SECOND - np.arange(_SECONDS)
        begin = seconds * _SECOND
        end = begin + _SECOND  # what comes after the newest sample will hardly be another cause
        since = grid.begin_ns[:, None]
        overlap = np.minimum(end, since + grid.width_ns) - np.maximum(begin, since)
        weights = np.maximum(overlap, 0) / grid.width_ns
        sums = weights @ self._shares[row, seconds % _SECONDS].astype("f8")
        known = sums.sum(axis=1) >= _LEAST_KNOWN * _WHOLE / 2
        return np.where(known, sums.argmax(axis=1) + 1, Limit.UNKNOWN).astype("u1")


def _differences(sums: Floats) -> U8:
    """Whole numbers that lie between running sums; together they are never more than the last."""
    # So a second's shares never sum to more than a whole, however many windows it is made of.
    parts = np.minimum(sums + 0.5, sums[:, -1:] + 1e-6).astype("u1")
    parts[:, 1:] -= parts[:, :-1].copy()
    return parts
