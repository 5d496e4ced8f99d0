"""Limits of every flow in each of the last 64 seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tcctui.arrays import I64, U8, Array, Floats, Mask, Records
from tcctui.flows.columns import FlowColumns
from tcctui.flows.diagnosis.ack_evidence import AckEvidence
from tcctui.flows.diagnosis.buffer_growth import BufferGrowth
from tcctui.flows.diagnosis.cause_shares import (
    IS_RECOVERING,
    LOOK,
    PROVEN,
    SHORTEST_NS,
    divide,
    growth,
    look,
)
from tcctui.flows.diagnosis.network_limits import settle
from tcctui.flows.diagnosis.verdicts import EVIDENCE, VERDICTS, Limit
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.history.time_grid import TimeGrid
from tcctui.flows.index import Rows, grown
from tcctui.wire.events import TcpState
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples, is_known
from tcctui.wire.tcp_states import WITHOUT_CONNECTION

_SECOND = 1_000_000_000

_SECONDS = 64

_RECENT = 4
"""Seconds of which all shares are kept: a verdict is on the last two, which lie in three."""

_PIECES = 3
"""Seconds of a time between looks that are worked out: its first, a whole one, and its last."""

_WHOLE = 250
"""Share of a whole second in the ring."""

STALE_NS = 15_000_000_000
"""A flow of which nothing was sampled for so long is limited by nobody knows what.

Those that are not on the screen are sampled every few seconds.
"""

_LEAST_KNOWN = 0.2
"""Seconds of the last two that must be known for a verdict: just below the shortest window."""

_AHEAD = 0.1
"""Part of the time by which a cause must exceed the present verdict's to replace it: two causes of
equal share do not alternate."""

_IDLE_FROM = 0.05
"""Part of the time from which a pause's reset of cwnd is the verdict, and not the pause: that has
nothing to mend."""

_COUNT = len(VERDICTS)  # each at its number less one

_PARTS = _COUNT + 1  # and what is unknown of a time that was looked at

SHARES = np.dtype([*((row.name, "u1") for row in VERDICTS), ("unknown", "u1")])
"""Shares of a second, each by its verdict's name; `unknown` is the part without one."""

_APP, _IDLE = Limit.APP - 1, Limit.IDLE - 1

_COUNTERS = ("sent", "retransmitted", "marked")

_ARRAYS = (
    *("_recent", "_counted", "_mains", "_main", "_until", "_looks"),
    *("_recovered", "_since", "_recovering"),
)

_PIECE = np.dtype((np.void, LOOK.itemsize))

_SENDS = np.ones(256, bool)
_SENDS[[TcpState.SYN_SENT, *WITHOUT_CONNECTION]] = False  # nobody has answered yet


class Limits:
    """The limit of each row by second, shares of the last ones, and its clock of time in recovery.

    Shares of a second are 250ths, which sum to 250 at most; the rest is not known.
    """

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self.acks = AckEvidence(columns)
        """Evidence of the rows' ACKs."""
        self._growth = BufferGrowth()
        self.spent: Callable[[Rows, Floats, I64], object] | None = None
        """Called with shares of the time between two looks at rows, and its nanoseconds."""
        self._recent = np.zeros((0, _RECENT, _PARTS), "u1")
        self._counted = np.zeros((0, _RECENT, len(_COUNTERS)), "f4")
        self._mains = np.zeros((0, _SECONDS), "u1")  # Limit of each second
        self._main = np.zeros(0, "u1")  # Limit of the last two
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
        self.acks.grow(rows)
        self._growth.state.grow(rows)

    def forget(self, rows: Rows) -> None:
        """Begin anew with the rows."""
        self._looks[rows] = np.zeros(1, _PIECE)
        for name in _ARRAYS:
            if name != "_looks":
                getattr(self, name)[rows] = 0
        self.acks.forget(rows)
        self._growth.state.forget(rows)

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {
            **{name: getattr(self, name) for name in _ARRAYS},
            **{f"acks.{name}": array for name, array in self.acks.kept.items()},
            **self._growth.state.kept,
        }

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
        windows = self._columns["snd_wnd"][rows], self._columns["rcv_wnd"][rows]
        looks = look(samples, *windows, recovered, read)
        before = self._looks[rows].view(LOOK)
        apart = when - before["ts_ns"] >= SHORTEST_NS
        apart &= _SENDS[samples["state"]]
        if np.count_nonzero(apart) < len(rows):
            rows, when = rows[apart], when[apart]
            before, looks = pick(before, apart), pick(looks, apart)
        if not len(rows):
            return
        acks, since = self.acks, before["ts_ns"]
        looks["closed"] |= before["closed"] & before["recovering"] & looks["recovering"]
        passed = np.where(since > 0, when - since, np.nan)
        looks["rcv_rate"] = np.maximum(looks["received"] - before["received"], 0) * 1e9 / passed
        looks["used"] = acks.used(rows, since, when)
        looks["restarted"] = acks.restarts.within(rows, since, when)
        grew = growth(before, looks)
        lost = grew["retransmitted"] > 0
        acks.policing.by_samples(rows, looks, lost)
        settle(before, looks, grew, acks.policing.policed(rows))
        self._looks[rows] = looks.view(_PIECE)
        self._until[rows] = when
        ready = before["ts_ns"] > 0
        if np.count_nonzero(ready) < len(rows):
            rows, when = rows[ready], when[ready]
            before, looks = pick(before, ready), pick(looks, ready)
            grew = {name: growing[ready] for name, growing in grew.items()}
        if len(rows):
            self._growth.by_samples(rows, before, looks)
            self._fill(rows, before, looks, grew)

    def _agree(self, rows: Rows, samples: Samples, when: I64) -> None:
        """Let the clocks of recovery go by samples where an event was lost that would tell."""
        now = IS_RECOVERING[samples["ca_state"]]
        since = self._since[rows]
        lost = (since > 0) & (when > since) & (now != self._recovering[rows])
        lost &= is_known(samples, "ca_state")
        rows = rows[lost]
        self._recovering[rows], self._since[rows] = now[lost], when[lost]

    def _fill(
        self, rows: Rows, before: Records, after: Records, grew: Mapping[str, Floats]
    ) -> None:
        """Spread the shares of the time between looks over the seconds that it lies in.

        Of a long time, the seconds between its first and its last are all alike: of those, one is
        worked out. A look each 10 s, of every flow that is not on the screen, is the rule.
        """
        begin, end = before["ts_ns"].copy(), after["ts_ns"].copy()
        shares = divide(before, after, grew)
        if self.spent is not None:
            self.spent(rows, shares, end - begin)
        sums = np.empty((len(rows), _PARTS))
        np.cumsum(shares, axis=1, out=sums[:, :_COUNT])
        sums[:, _COUNT] = 1
        sums *= _WHOLE
        counts = np.stack([grew[name] for name in _COUNTERS], axis=1)
        counts *= (_SECOND / np.maximum(end - begin, 1))[:, None]
        of, verdict = rows, self._main[rows]
        newest = second = end // _SECOND
        count = np.minimum(newest - begin // _SECOND + 1, _SECONDS)
        most = int(count.max())
        if most > 1:
            pieces = np.minimum(count, _PIECES)
            place = np.repeat(np.arange(len(rows)), pieces)
            back = np.cumsum(pieces)[place] - 1 - np.arange(len(place))
            of, begin, end, sums = rows[place], begin[place], end[place], sums[place]
            counts, verdict = counts[place], verdict[place]
            second = newest[place] - np.where(back == _PIECES - 1, count[place] - 1, back)
        start = second * _SECOND
        span = (np.minimum(end, start + _SECOND) - np.maximum(begin, start)) / _SECOND
        parts = _differences(sums * span[:, None])
        counts *= span[:, None]
        slot, goes_on = second % _RECENT, begin > start
        parts += self._recent[of, slot] * goes_on[:, None]
        counts += self._counted[of, slot] * goes_on[:, None]
        # Of a window longer than the ring, the newest second is the last to be written.
        self._recent[of, slot], self._counted[of, slot] = parts, counts
        told = parts.sum(axis=1) >= _LEAST_KNOWN / 2 * _WHOLE
        mains = _main(parts.astype("f8"), verdict) * told
        self._mains[of, second % _SECONDS] = mains
        if most > _PIECES:
            more = count[place] - _PIECES
            whole = np.flatnonzero((back == 1) & (more > 0))
            found = {"parts": parts[whole], "counts": counts[whole], "mains": mains[whole]}
            self._repeat(of[whole], second[whole], more[whole], **found)
        totals = self._totals(rows, self._recent)
        known = totals.sum(axis=1) >= _LEAST_KNOWN * _WHOLE
        self._main[rows] = _main(totals, self._main[rows]) * known

    def _repeat(
        self, of: Rows, second: I64, more: I64, *, parts: U8, counts: Floats, mains: U8
    ) -> None:
        """Write whole seconds, one of each row `of`, into `more` seconds before it as well."""
        for back in range(1, _RECENT - 1):
            here = np.flatnonzero(more >= back)
            slot = (second[here] - back) % _RECENT
            self._recent[of[here], slot] = parts[here]
            self._counted[of[here], slot] = counts[here]
        place = np.repeat(np.arange(len(of)), more)
        earlier = second[place] - np.cumsum(more)[place] + np.arange(len(place))
        self._mains[of[place], earlier % _SECONDS] = mains[place]

    # Taking out

    def verdicts(self, rows: Rows, now_ns: int) -> U8:
        """Main limit of each row over the last 2 s that are known (`Limit`)."""
        main = self._main[rows] * self._valid(rows, now_ns)
        return np.where(main <= _COUNT, main, np.uint8(Limit.UNKNOWN))  # of a later version

    def shares(self, rows: Rows, now_ns: int) -> Floats:
        """Shares of the last 2 s that are known, each at its verdict's number less one.

        They sum to 1, less the part of which no verdict could be found. Of limits that take a cwnd
        to be told, they are NaN where it is unknown.
        """
        sums = self._totals(rows, self._recent)
        known = self._known(sums, rows, now_ns)
        sums[~known] = np.nan
        sums /= np.where(known, sums.sum(axis=1), 1)[:, None]
        shares = sums[:, :_COUNT]
        looks = self._looks.view(LOOK)
        blind = looks["blind"][rows]
        if np.count_nonzero(blind):
            shares[np.ix_(blind, ~PROVEN)] = np.nan
            shares[blind & np.isnan(looks["busy"][rows])] = np.nan
        return shares

    def receive_rates(self, rows: Rows, now_ns: int) -> Floats:
        """Bytes a second that each row received between its last two looks; NaN if unknown."""
        rates = self._looks[rows].view(LOOK)["rcv_rate"]
        return np.where(self._known(self._totals(rows, self._recent), rows, now_ns), rates, np.nan)

    def evidence(self, rows: Rows, _: int) -> Records:
        """Figures that the sentences about each row rest on, of `EVIDENCE`."""
        found = np.zeros(len(rows), EVIDENCE)
        counted = self._totals(rows, self._counted)
        for place, name in enumerate(_COUNTERS):
            found[name] = counted[:, place]
        restarts = self.acks.restarts.of(rows)
        for name in ("before", "after", "pause_ns", "burst_bytes", "burst_ns"):
            found[name] = restarts[name]
        found["restarted_ns"] = restarts["ns"]
        found["policed_rate"] = self.acks.policing.rate(rows)
        growth = self._growth.of(rows)
        for name in growth.dtype.names or ():
            found[f"rcvbuf_{name}"] = growth[name]
        looks = self._looks[rows].view(LOOK)
        found["peak"] = looks["peak"]
        return found

    def _known(self, sums: Floats, rows: Rows, now_ns: int) -> Mask:
        return self._valid(rows, now_ns) & (sums.sum(axis=1) >= _LEAST_KNOWN * _WHOLE)

    def _valid(self, rows: Rows, now_ns: int) -> Mask:
        return (now_ns - self._until[rows] <= STALE_NS) | (self._columns["closed_ns"][rows] > 0)

    def _totals(self, rows: Rows, ring: Array) -> Floats:
        """Sums of a ring over the last 2 s that are known of each row."""
        until = self._until[rows]
        newest = until // _SECOND
        sums = ring[rows, newest % _RECENT].astype("f8")
        sums += ring[rows, (newest - 1) % _RECENT]
        left = 1 - (until % _SECOND) / _SECOND
        sums += ring[rows, (newest - 2) % _RECENT] * left[:, None]
        return sums

    def strip(self, row: int, grid: TimeGrid) -> U8:
        """Main limit of a row in each column of a grid (`Limit`)."""
        until = int(self._until[row])
        seconds = until // _SECOND - np.arange(_SECONDS)
        begin = seconds * _SECOND
        end = begin + _SECOND  # what comes after the newest sample will hardly be another cause
        since = grid.begin_ns[:, None]
        overlap = np.minimum(end, since + grid.width_ns) - np.maximum(begin, since)
        weights = np.maximum(overlap, 0) / grid.width_ns
        sums = weights @ (self._mains[row, seconds % _SECONDS, None] == _LIMITS)
        known = sums.sum(axis=1) >= _LEAST_KNOWN / 2
        return np.where(known, sums.argmax(axis=1) + 1, Limit.UNKNOWN).astype("u1")


LOOKED_AT: Mapping[str, Callable[[Limits, Rows, int], Array]] = {
    "limit": Limits.verdicts,
    "limit_shares": Limits.shares,
    "limit_evidence": Limits.evidence,
    "rcv_rate": Limits.receive_rates,
}
"""Columns that two looks at a flow tell, of rows at a time."""

_LIMITS = np.arange(1, _COUNT + 1)


def _main(sums: Floats, verdict: U8) -> U8:
    """Main limit by the sums of the shares, shape (n, _PARTS), after another `verdict`.

    It is UNKNOWN where more is unknown than is any limit's.
    """
    total = sums.sum(axis=1)
    ranks = sums.copy()
    ranks[sums[:, _IDLE] >= _IDLE_FROM * total, _APP] = -_WHOLE
    held = verdict.astype("i8") - 1
    stays = (held >= 0) & (held < _COUNT)
    ranks[np.flatnonzero(stays), held[stays]] += _AHEAD * total[stays]
    return np.asarray((ranks.argmax(axis=1) + 1) % _PARTS, "u1") * (total > 0)


def _differences(sums: Floats) -> U8:
    """Whole numbers that lie between running sums; together they are never more than the last."""
    # So a second's shares never sum to more than a whole, however many windows it is made of.
    parts = np.minimum(sums + 0.5, sums[:, -1:] + 1e-6).astype("u1")
    parts[:, 1:] -= parts[:, :-1].copy()
    return parts


def of_seconds(shares: Records, until: I64) -> dict[str, Array]:
    """State of rows by the shares of their last 64 seconds, as older versions kept it.

    `shares` has shape (n, 64) of `SHARES`, `until` is when what is known ends.
    """
    seconds = shares.view("u1").reshape(len(shares), _SECONDS, _PARTS)
    newest = until // _SECOND
    recent = np.zeros((len(shares), _RECENT, _PARTS), "u1")
    every = np.arange(len(shares))
    for back in range(_RECENT):
        second = newest - back
        recent[every, second % _RECENT] = seconds[every, second % _SECONDS]
    mains = np.where(seconds.any(axis=2), seconds.argmax(axis=2) + 1, 0).astype("u1")
    left = 1 - (until % _SECOND) / _SECOND
    sums = recent[every, newest % _RECENT].astype("f8")
    sums += recent[every, (newest - 1) % _RECENT]
    sums += recent[every, (newest - 2) % _RECENT] * left[:, None]
    known = sums.sum(axis=1) >= _LEAST_KNOWN * _WHOLE
    main = _main(sums, np.zeros(len(shares), "u1")) * known
    return {"_recent": recent, "_mains": mains, "_main": main}
