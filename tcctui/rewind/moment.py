"""State of all flows at a moment of the past, computed from a timeline."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import Floats
from tcctui.flows.frame import THIS_HOST, FlowKey, Frame, FrameRequest, Sparkline, cut
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.timeline import Timeline
from tcctui.wire.batch import Batch
from tcctui.wire.inside import Insides

if TYPE_CHECKING:
    from tcctui.rewind.histories import Histories
    from tcctui.rewind.rebuilt import Rebuilt
    from tcctui.rewind.store_copies import Copies

LONGEST = 600.0
"""Seconds of history computed for a flow whose whole life is not known."""

_SHORTEST = 64.0  # time for which a limit verdict stays valid; other recent values need less

_NEAR_NS = 3_000_000_000  # forward steps so short that they may hold the lock

_AT_ONCE = 20_000
"""Events that are taken in while the lock is held: some milliseconds, for which a key may wait."""

_MOST_FLOWS = 96
"""Number of flows prepared together, if there are no more: others may scroll into view."""

_TABLE_FINE_NS = 15_000_000_000

_TABLES = 24 << 20
"""Memory limit of the table's copies in bytes: for going back among some thousand flows. With many
more, keyframes are dense enough, and a copy takes as long as one of these.
"""

_NOBODY: Keys = np.empty(0, "u8")


class Moment:
    """All flows as they were at `at_ns`, and the history of the visible ones.

    `go` and `look_at` are slow and belong in one thread of their own; everything else is for the
    screen's. `life` is the live store: it knows more of whole lives than the timeline.
    """

    def __init__(self, timeline: Timeline, life: Store | None = None) -> None:
        self.timeline = timeline
        self._life = life
        self.at_ns = 0
        """The moment, on the timeline's clock."""
        self.losses = (0, 0)
        """Events lost and skipped by then (`Source.lost`, `Source.skipped`)."""
        self.pending = False
        """True while visible flows lack their history: `look_at` computes it."""
        # Held during the switch to another moment, so that readers never see half of it.
        self._lock = threading.RLock()
        self._table: Rebuilt | None = None
        self._past: Rebuilt | None = None
        self._pasts: Histories | None = None
        self._copies: Copies | None = None  # from the first moment on
        self._cookies = _NOBODY
        self._nothing = Store(0)

    def go(self, at_ns: int) -> None:
        """Go to a moment in the timeline's span; a short step costs little.

        `pending` is True if the history of the visible flows is left to `look_at`.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        span = self.timeline.span
        at_ns = max(span.first_ns, min(at_ns, span.last_ns))
        table, table_pieces = self._next_table(at_ns)
        past, past_pieces = self._next_past(at_ns)
        with self._lock:
            deliver(table_pieces, table)
            if past is not None:
                deliver(past_pieces, past)
            before = self._table, self._past
            self._table, self._past = table, past
            self.at_ns, self.losses = at_ns, table.losses
            self.pending = past is None and len(self._cookies) > 0
        for run in before:
            if run is not None and run is not table and run is not past:
                run.store.give_up()
        if table_pieces:
            self._tables().leave(table)
        if past is not None and past_pieces and self._pasts is not None:
            self._pasts.copies.leave(past)

    def _tables(self) -> Copies:
        """Copies of the table on the way to moments."""
        if self._copies is None:
            from tcctui.rewind.store_copies import Copies  # noqa: PLC0415 - not at the start

            self._copies = Copies(_TABLES)
        return self._copies

    def _next_table(self, at_ns: int) -> tuple[Rebuilt, Sequence[Batch]]:
        """The next table, once these pieces are taken in."""
        from tcctui.rewind.rebuilt import Rebuilt  # noqa: PLC0415 - not at the start

        table = self._table
        if table is not None and table.whole and 0 <= at_ns - table.at_ns <= _NEAR_NS:
            return _stepped(table, at_ns)
        if table is None or not table.whole or table.at_ns > at_ns:
            table = None
        left = self._tables().nearest(at_ns)
        if left is not None and (table is None or left.at_ns > table.at_ns):
            table = left
        held = self._cookies.tolist()
        begun = self.timeline.keyframe(at_ns)
        if table is not None and (begun is None or begun[0] <= table.at_ns):
            table = table.copy()
            table.store.hold(held)
        else:
            since_ns = at_ns if begun is None else begun[0]
            table = Rebuilt(
                self.timeline, since_ns, since_ns, held=held, fine_ns=_TABLE_FINE_NS, to_ns=at_ns
            )
        self._tables().go(table, at_ns)
        return table, ()

    def _next_past(self, at_ns: int) -> tuple[Rebuilt | None, Sequence[Batch]]:
        """The next history, once these pieces are taken in; None if that takes long."""
        past, pasts = self._past, self._pasts
        if pasts is None:
            return None, ()
        if past is not None and past.whole and 0 <= at_ns - past.at_ns <= _NEAR_NS:
            return _stepped(past, at_ns)
        return (pasts.at(at_ns) if pasts.near(at_ns) else None), ()

    def look_at(self, cookies: Keys, seconds: float | None) -> None:
        """Prepare the history of these flows, for these seconds or their whole lives.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        if seconds is None:
            seconds = LONGEST if self._life is None else _SHORTEST
        wanted = np.unique(np.asarray(cookies, "u8"))
        pasts, seconds = self._pasts, max(seconds, _SHORTEST)
        self._cookies = wanted
        if self._table is None:
            return
        with self._lock:
            self._table.store.hold(wanted.tolist())
        if not len(wanted):
            self.pending = False
            return
        if pasts is None or pasts.seconds < seconds or not np.isin(wanted, pasts.cookies).all():
            from tcctui.rewind.histories import Histories  # noqa: PLC0415 - not at the start

            self._pasts = pasts = Histories(self.timeline, self._and_others(wanted), seconds)
        elif self._past is not None:
            return
        self.pending = True
        try:
            past = pasts.at(self.at_ns)
            with self._lock:
                self._past = past
        finally:
            self.pending = False

    def _and_others(self, wanted: Keys) -> Keys:
        """Add flows likely to be next: adding them later means starting over."""
        every = np.union1d(wanted, self._all.flows([])["cookie"])
        if len(every) <= _MOST_FLOWS:
            return every
        before = _NOBODY if self._pasts is None else self._pasts.cookies
        some = np.union1d(wanted, before)
        return some if len(some) <= _MOST_FLOWS else wanted

    # Called by the screen

    def frame(self, request: FrameRequest) -> Frame:
        """Copy all that is asked for, of one moment; see `Store.frame`."""
        with self._lock:
            return cut(self, request)

    @property
    def version(self) -> tuple[int, int]:
        """Versions of the table and of the histories; see `frame.Frame`."""
        with self._lock:
            return self._all.version, self._prepared[0].version

    def unchanged(self, frame: Frame) -> bool:
        """True if a frame, asked for in the same way, would show what this one shows.

        False also while another moment is worked out.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return frame.version == self.version
        finally:
            self._lock.release()

    def key(self, cookie: int) -> FlowKey:
        """Give the key of a flow: the one that it had live."""
        return FlowKey(THIS_HOST, cookie)

    def totals(self) -> Totals:
        """Counts at that moment; see `Store.totals`."""
        with self._lock:
            return self._all.totals()

    @property
    def rate_of_events(self) -> float:
        """Events per second over the last second before the moment; NaN while unknown."""
        return self.totals().events_per_second

    def flows(self, names: Iterable[str]) -> Flows:
        """See `Store.flows`."""
        with self._lock:
            return self._all.flows(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """See `Store.some_flows`."""
        with self._lock:
            return self._all.some_flows(cookies, names)

    def history(self, cookie: int, seconds: float | None, columns: int) -> FlowHistory | None:
        """See `Store.history`; None also for a flow whose history is not ready."""
        with self._lock:
            born_ns = _born_ns(self._all, cookie)
            store, prepared = self._prepared
            if born_ns is None or cookie not in prepared:
                return None
            if not _is_same(_born_ns(store, cookie), born_ns):
                store = self._all  # there is nothing of it yet
            if seconds is None:
                lived = self._life.lived(cookie) if self._life is not None else None
                if lived is not None and _is_same(lived.born_ns, born_ns):
                    return store.history(cookie, None, columns, lived=lived)
                seconds = min(LONGEST, (self.at_ns - born_ns) / 1e9)
            return store.history(cookie, seconds, columns)

    def insides(self, cookie: int) -> Insides:
        """See `Store.insides`; nothing of a flow whose history is not ready."""
        with self._lock:
            return self._prepared[0].insides(cookie)

    def sparklines(self, cookies: Keys, asked: Sequence[Sparkline]) -> list[Floats]:
        """See `Store.sparklines`; for a flow that is not prepared, the live store's values."""
        with self._lock:
            store, prepared = self._prepared
            lines = store.sparklines(cookies, asked)
            missing = ~np.isin(cookies, prepared)
            if missing.any() and self._life is not None:
                others = self._life.sparklines(cookies[missing], asked, self.at_ns)
                for line, other in zip(lines, others, strict=True):
                    line[missing] = other
            return lines

    @property
    def _all(self) -> Store:
        return self._nothing if self._table is None else self._table.store

    @property
    def _prepared(self) -> tuple[Store, Keys]:
        """The store with the history of some flows, and which these are."""
        past = self._past
        if past is None:
            return self._all, _NOBODY
        return past.store, _NOBODY if past.cookies is None else past.cookies


def _stepped(run: Rebuilt, at_ns: int) -> tuple[Rebuilt, Sequence[Batch]]:
    """A state a short step ahead, once these pieces are taken in: of many events, a copy's."""
    pieces = list(run.ahead(at_ns))
    if sum(len(piece.events) for piece in pieces) <= _AT_ONCE:
        return run, pieces
    ahead = run.copy()
    deliver(pieces, ahead)
    return ahead, ()


def _born_ns(store: Store, cookie: int) -> int | None:
    found = store.some_flows(np.array([cookie], "u8"), ["first_ns"])
    return int(found["first_ns"][0]) if found.count else None


def _is_same(born_ns: int | None, other_ns: int) -> bool:
    """Compare birth times, which are less exact far back: True for one connection."""
    from tcctui.rewind.rebuilt import SLACK_NS  # noqa: PLC0415 - it was read for that

    return born_ns is not None and abs(born_ns - other_ns) < 2 * SLACK_NS
