"""Rows of flows in all parts of the store: allocation and release."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tcctui.arrays import I64, Floats
from tcctui.flows.columns import FlowColumns
from tcctui.flows.diagnosis.recent_limits import Limits
from tcctui.flows.history.buckets import BUCKET_NS, Buckets
from tcctui.flows.history.history import History
from tcctui.flows.history.host_seconds import HostSeconds
from tcctui.flows.history.marks import MarkLog
from tcctui.flows.history.rate_log import RateLog
from tcctui.flows.index import KeyIndex, Keys, Rows
from tcctui.flows.intake.acked import Acked
from tcctui.flows.intake.endpoints import Endpoints
from tcctui.flows.intake.host_totals import keep_totals
from tcctui.flows.intake.latest import Latest
from tcctui.flows.intake.owners import OwnersLately
from tcctui.flows.intake.rates import EventRate, Rates
from tcctui.flows.intake.recent_counters import RecentCounters
from tcctui.flows.intake.sockets import Sockets, socket_keys
from tcctui.wire.events import EVENT, Events, TcpState
from tcctui.wire.samples import Samples

if TYPE_CHECKING:
    from tcctui.flows.history.window import Window
    from tcctui.flows.inside.newest import NewestInsides

_ROW = 2_000
"""Bytes of a row, in all parts together."""

LINGER_NS = 10_000_000_000
"""Lifetime of a closed flow: 10 s."""

MOST_CLOSED = 1 << 14
"""Number of closed flows that linger: beyond it, those that closed first leave earlier, so that
memory follows the open connections, however many a second there are.
"""


_VERSIONS = count(1)


class Part(Protocol):
    """Part of the store with an entry for each row."""

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows; those there stay as they are."""

    def forget(self, rows: Rows) -> None:
        """Reset the rows: their flows leave."""


class FlowRows:
    """The rows of all flows, and every part with an entry for each.

    `history_memory` is the budget for histories, in bytes; with 0 there are none. `most_closed` is
    the number of closed flows that linger. A `window` is told of all that happens. Used by one
    thread at a time.
    """

    def __init__(
        self,
        history_memory: int,
        most_closed: int = MOST_CLOSED,
        seconds: HostSeconds | None = None,
        window: Window | None = None,
    ) -> None:
        self._most_closed = most_closed
        self.columns = FlowColumns()
        self.history = History(history_memory)
        self.cookies = KeyIndex()
        self.endpoints = Endpoints(self.columns)
        self.sockets = Sockets()
        self.owners = OwnersLately()
        self.latest = Latest()
        self.acked = Acked(self.columns)
        self.rates = Rates()
        self.limits = Limits(self.columns)
        self.recent = RecentCounters(self.columns, self.latest)
        self.seconds = HostSeconds() if seconds is None else seconds
        self.marks = MarkLog(self.seconds)
        self.rate_log = RateLog()
        self.held: Keys = np.empty(0, "u8")
        """Cookies of flows that stay even when closed."""
        self.now_ns = 0
        self.event_rate = EventRate()
        self.events = 0
        """Number of events so far, including coalesced ones."""
        self.evicted = 0
        """Flows dropped because the memory for histories was spent."""
        self.version = next(_VERSIONS)
        """Number of the last change, of all in this process: two stores that differ never share it,
        and a copy keeps it until it changes.
        """
        self._ticked = 0  # the version at the last tick
        self._parts: list[Part] = []
        self.inside: NewestInsides | None = None
        """Newest reads of sockets; None until there is one."""
        self._grown = 0
        self.window = window
        if window is not None:  # first: the others still know a flow that leaves
            self.add_part(window)
            self.limits.spent, self.marks.heard = window.limited, window.marked
        self.add_part(self.history)
        for part in (self.rates, self.endpoints, self.latest, self.acked, self.limits, self.recent):
            self.add_part(part)

    def add_part(self, part: Part) -> None:
        """Register a part, which has room for all rows."""
        self._parts.append(part)

    def read_inside(self) -> NewestInsides:
        """Give what was read of sockets; begin with it if nothing was yet."""
        if self.inside is None:
            from tcctui.flows.inside.newest import NewestInsides  # noqa: PLC0415 - rarely asked for

            self.inside = NewestInsides(self.columns)
            self.inside.grow(self._grown)
            self.add_part(self.inside)
        return self.inside

    def let_go_of_parts(self) -> None:
        """Break the reference cycles with the parts, for immediate release."""
        self._parts.clear()

    @property
    def nbytes(self) -> int:
        """Approximate memory in use, in bytes."""
        logs = self.history.pages.nbytes + self.marks.log.nbytes + self.rate_log.log.nbytes
        inside = 0 if self.inside is None else self.inside.nbytes
        return self.columns.capacity * _ROW + logs + inside

    def go_on(self, now_ns: int) -> None:
        """Advance to `now_ns`, before anything of that time is taken in."""
        self.now_ns = max(self.now_ns, now_ns)
        if self.history.detail.is_reduced:
            self.history.detail.spared = self.held_rows()

    def changed(self) -> None:
        """Give all that is known another version."""
        self.version = next(_VERSIONS)

    def tick(self) -> None:
        """Update rates and drop flows closed for long, when it is time to."""
        if self.rates.tick(self.now_ns, self.acked.told):
            # Where something changed anyway since the last tick, nothing need be compared.
            before = self._aged() if self.version == self._ticked else None
            self.columns["rate"][:] = self.acked.rates(self.rates.per_second, self.now_ns)
            self.event_rate.tick(self.now_ns, self.events)
            if (ended := self.seconds.ended(self.now_ns)) is not None:
                keep_totals(ended, self.now_ns, self.columns, self.cookies, self.marks)
            self._drop_closed()
            self.history.restore(self.now_ns // BUCKET_NS)
            if before is None or not np.array_equal(before, self._aged(), equal_nan=True):
                self.changed()
            self._ticked = self.version

    def _aged(self) -> Floats:
        """All that a tick changes, but for detail that comes back."""
        return np.append(self.columns["rate"], [self.event_rate.per_second, len(self.cookies)])

    def open(self, cookies: Keys, first: Events | Samples) -> Rows:
        """Allocate rows for new flows, with the values of `first`."""
        columns = self.columns
        rows = columns.take(len(cookies))
        self.grow()
        self.cookies.put(cookies, rows)
        columns["cookie"][rows] = cookies
        self.set_birth(rows, first)
        return rows

    def grow(self) -> None:
        """Grow all parts to the columns' capacity, if it is larger than theirs."""
        if self._grown < self.columns.capacity:
            self._grown = self.columns.capacity
            for part in self._parts:
                part.grow(self._grown)

    def set_birth(self, rows: Rows, first: Events | Samples) -> None:
        """Begin the rows' connections with these, or with their opening before them."""
        first_ns = first["ts_ns"].astype("i8")
        self.columns["first_ns"][rows] = first_ns
        self.columns["opened_ns"][rows] = self.sockets.opened_ns(socket_keys(first), first_ns)
        if first.dtype == EVENT:
            self.latest.own(rows, self.owners.of(first["skaddr"], first_ns))

    def connected_anew(self, rows: Rows) -> None:
        """Forget the state of the rows' sockets from before they were reconnected."""
        self.sockets.forget(rows)
        self.latest.forget(rows)
        self.acked.forget_samples(rows)
        self.limits.forget(rows)
        self.recent.forget(rows)
        if self.inside is not None:
            self.inside.forget(rows)
        for name in ("sampled_ns", "mss", "zero_window_ns", "queued_ns"):
            self.columns[name][rows] = 0

    def add_history(self, rows: Rows, buckets: Buckets, keep: Rows) -> None:
        """Add buckets to histories; where there is no room, flows not in `keep` may be evicted.

        `rows` and `buckets` are as in `History.add`.
        """
        if self.window is not None:
            self.window.buckets(rows, buckets)
        if not self.history.pages.total:
            return  # none are kept
        if self.history.is_tight(rows, buckets):
            self._make_room(rows, buckets, keep)
            # Where that is still not enough, some flows of this batch get no history.
            kept = self.history.fitting(rows, buckets)
            rows, buckets = rows[kept], buckets[kept]
        if len(buckets):
            self.history.add(rows, buckets)

    def close(self, rows: Rows, when_ns: I64) -> None:
        """Let connections be closed since these moments, or since they were told to be."""
        closed = self.columns["closed_ns"][rows]
        self.columns["closed_ns"][rows] = np.where(closed > 0, closed, when_ns)
        self.columns["state"][rows] = TcpState.CLOSE

    def drop(self, rows: Rows) -> None:
        """Remove flows completely."""
        for part in self._parts:
            part.forget(rows)
        self.cookies.remove_rows(rows)
        self.sockets.forget(rows)
        self.columns.give_back(rows)

    def held_rows(self) -> Rows:
        """Rows of the flows that stay when closed."""
        rows = self.cookies.lookup(self.held)
        return rows[rows >= 0]

    def _drop_closed(self) -> None:
        closed = self.columns["closed_ns"]
        if not np.count_nonzero(closed):
            return
        gone = (closed > 0) & (closed < self.now_ns - LINGER_NS)
        lingering = np.flatnonzero((closed > 0) & ~gone)
        if (surplus := len(lingering) - self._most_closed) > 0:
            gone[lingering[np.argpartition(closed[lingering], surplus - 1)[:surplus]]] = True
        if np.count_nonzero(gone):
            gone[self.held_rows()] = False
            self.drop(np.flatnonzero(gone))

    def _make_room(self, rows: Rows, buckets: Buckets, keep: Rows) -> None:
        """Free pages for buckets: detail goes first, then flows other than those in `keep`."""
        history, now = self.history, self.now_ns // BUCKET_NS
        history.detail.spared = self.held_rows()
        while (needed := history.pages_needed(rows, buckets)) > history.pages.free:
            if not history.make_room(needed, now):
                keep = np.concatenate([keep, self.held_rows()])
                evicted = self._to_evict(needed, keep)
                self.evicted += len(evicted)
                self.drop(evicted)
                break

    def _to_evict(self, needed: int, keep: Rows) -> Rows:
        """Rows whose pages make up for what lacks to `needed`: closed ones, then the longest idle.

        Those in `keep` stay, and so do flows without pages: evicting them frees nothing.
        """
        columns, history = self.columns, self.history
        candidate = columns.live.copy()
        candidate[keep] = False
        candidate &= history.pages_held(slice(None)) > 0
        missing = needed - history.pages.free
        chosen = np.empty(0, "i8")
        for closed in (True, False):
            rows = np.flatnonzero(candidate & ((columns["closed_ns"] > 0) == closed))
            # For a flow with samples only, the time of its last change.
            last = np.maximum(
                columns["last_ns"][rows], history.newest(rows).astype("i8") * BUCKET_NS
            )
            if len(rows) > missing:  # each has a page at least: no more evictions than that
                longest = np.argpartition(last, missing)[:missing]
                rows, last = rows[longest], last[longest]
            rows = rows[np.argsort(last, kind="stable")]
            freed = np.cumsum(history.pages_held(rows))
            rows = rows[: int(np.searchsorted(freed, missing)) + 1]
            chosen = np.concatenate([chosen, rows])
            missing -= int(freed[len(rows) - 1]) if len(rows) else 0
            if missing <= 0:
                break
        return chosen
