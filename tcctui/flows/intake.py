"""What is known about flows, and how a batch of events changes it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.events import EventKind, Events, TcpState, pick
from tcctui.flows.batch import LAST_FIELDS, ProbeBatch
from tcctui.flows.buckets import BUCKET_NS, Buckets
from tcctui.flows.columns import FlowColumns
from tcctui.flows.endpoints import Endpoints
from tcctui.flows.eviction import to_evict
from tcctui.flows.history import History
from tcctui.flows.index import KeyIndex, Keys, Rows
from tcctui.flows.rates import Rates
from tcctui.flows.sockets import Sockets, socket_keys

LINGER_NS = 10_000_000_000
"""How long a closed flow stays: 10 s."""


class Intake:
    """Finds the row that an event is for, and writes it there.

    `history_memory` is the budget for histories, in bytes. Not for several threads at once.
    """

    def __init__(self, history_memory: int) -> None:
        self.columns = FlowColumns()
        self.history = History(history_memory)
        self.cookies = KeyIndex()
        self.endpoints = Endpoints(self.columns)
        self.held: Keys = np.empty(0, "u8")
        """Cookies of flows that stay, even when they are closed."""
        self.now_ns = 0
        self.events = 0
        """Events so far, those that others stood for too."""
        self.evicted = 0
        """Flows dropped because the memory for histories was spent."""
        self._rates = Rates()
        self._sockets = Sockets()

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in a batch that `parts` has cut, and let time go on to `now_ns`."""
        self.now_ns = max(self.now_ns, now_ns)
        self.history.detail.spared = self._held_rows()
        kinds = events["kind"]
        probes = events if not kinds.any() else pick(events, kinds == EventKind.PROBE)
        states = pick(events, kinds == EventKind.STATE)
        self._sockets.opened(pick(states, states["newstate"] == TcpState.ESTABLISHED))
        if len(probes):
            self._ingest_probes(ProbeBatch(probes))
        if len(probes) < len(events):
            self.events += len(events) - len(probes)
            destroyed = self._ingest_destroys(pick(events, kinds == EventKind.DESTROY))
            self._ingest_states(states)
            self._sockets.forget(destroyed)
        if self._rates.tick(self.now_ns, self.columns["bytes_acked"]):
            self.columns["rate"][:] = self._rates.per_second
            self._drop_closed()
            self.history.restore(self.now_ns // BUCKET_NS)

    def _ingest_probes(self, batch: ProbeBatch) -> None:
        events = batch.events
        rows = self.cookies.lookup(batch.cookies)
        known = rows >= 0
        closed = np.zeros(len(rows), "i8")
        closed[known] = self.columns["closed_ns"][rows[known]]
        if closed.any() and self._begin_anew(batch, closed):
            return
        new = rows < 0
        if new.any():
            rows[new] = self._open(batch.cookies[new], pick(events, batch.first[new]))
        columns = self.columns
        una = np.where(new, events["snd_una"][batch.first], columns["snd_una"][rows])
        last = pick(events, batch.last)
        moved = self.endpoints.differ(rows, last)
        if moved.any():
            begun = moved & ~new & self.endpoints.differ(rows, pick(events, batch.first))
            una[begun] = events["snd_una"][batch.first[begun]]
            self.endpoints.set(rows[moved], pick(last, moved))
            self._sockets.forget(rows[moved])
            self._learn_sockets(rows[moved], pick(last, moved))
            again = moved & ~new
            self._set_birth(rows[again], pick(last, again))
        acked = batch.acked(una)
        for field, column in LAST_FIELDS.items():
            columns[column][rows] = last[field]
        columns["in_flight"][rows] = columns["snd_nxt"][rows] - columns["snd_una"][rows]
        living = rows[columns["closed_ns"][rows] == 0]  # of others, it is an event that came late
        columns["state"][living] = TcpState.ESTABLISHED
        columns["last_ns"][rows] = last["ts_ns"]
        told = np.where(new, 0, columns["acks"][rows])
        acks = batch.acks(told)
        columns["acks"][rows] = batch.told(told)
        columns["events"][rows] += acks
        self.events += int(acks.sum())
        columns["bytes_acked"][rows] += batch.total(acked)

        bucket_rows, buckets = batch.buckets(rows, self.history.newest(rows), acked)
        if self.history.pages_needed(bucket_rows, buckets) > self.history.pages.free:
            self._make_room(bucket_rows, buckets, keep=rows)
            # Where that is still not enough, some flows of this batch get no history.
            kept = self.history.fitting(bucket_rows, buckets)
            bucket_rows, buckets = bucket_rows[kept], buckets[kept]
        if len(buckets):
            self.history.add(bucket_rows, buckets)

    def _begin_anew(self, batch: ProbeBatch, closed_ns: npt.NDArray[np.int64]) -> bool:
        """Take in a batch with events from after the end of their flows; says whether it is one.

        `closed_ns` is when each of the batch's flows ended, or 0. Those flows go: what comes after
        is the cookie's next connection.
        """
        events = batch.events
        closed = closed_ns[np.searchsorted(batch.cookies, events["sock_cookie"])]
        anew = (closed > 0) & (events["ts_ns"].astype("i8") > closed)
        if not anew.any():
            return False
        if not anew.all():
            self._ingest_probes(ProbeBatch(pick(events, ~anew)))
        over = self.cookies.lookup(np.unique(events["sock_cookie"][anew]))
        self._drop(over[over >= 0])  # it may have been evicted just now
        self._ingest_probes(ProbeBatch(pick(events, anew)))
        return True

    def _open(self, cookies: Keys, first: Events) -> Rows:
        """Give rows to flows that are seen for the first time, `first` being their first events."""
        rows = self.columns.take(len(cookies))
        for part in (self.history, self._rates, self.endpoints):
            part.grow(self.columns.capacity)
        self.cookies.put(cookies, rows)
        self.columns["cookie"][rows] = cookies
        self._set_birth(rows, first)
        return rows

    def _set_birth(self, rows: Rows, events: Events) -> None:
        """Let the rows' connections begin with these events, or with their opening before them."""
        first_ns = events["ts_ns"].astype("i8")
        self.columns["first_ns"][rows] = first_ns
        self.columns["opened_ns"][rows] = self._sockets.opened_ns(socket_keys(events), first_ns)

    def _learn_sockets(self, rows: Rows, events: Events) -> None:
        # Of several sockets that had one address, one after the other, it is the last one's.
        order = np.argsort(events["ts_ns"], kind="stable")
        self._sockets.learn(socket_keys(events)[order], rows[order])

    def _ingest_destroys(self, events: Events) -> Rows:
        rows = self.cookies.lookup(events["sock_cookie"])
        known = rows >= 0
        rows = rows[known]
        self.columns["closed_ns"][rows] = events["ts_ns"][known]
        self.columns["state"][rows] = TcpState.CLOSE
        return rows

    def _ingest_states(self, events: Events) -> None:
        columns = self.columns
        rows = self._sockets.rows(events)
        when = events["ts_ns"].astype("i8")
        # An address may by now be another socket's: an event from before a row's first is not the
        # row's, nor is one from after its end.
        known = rows >= 0
        closed = np.zeros(len(rows), "i8")
        closed[known] = columns["closed_ns"][rows[known]]
        known[known] = when[known] >= columns["first_ns"][rows[known]]
        known &= (closed == 0) | (when <= closed)
        living = known & (closed == 0)
        columns["state"][rows[living]] = events["newstate"][living]

    # Letting go

    def _held_rows(self) -> Rows:
        rows = self.cookies.lookup(self.held)
        return rows[rows >= 0]

    def _drop_closed(self) -> None:
        closed = self.columns["closed_ns"]
        gone = (closed > 0) & (closed < self.now_ns - LINGER_NS)
        if gone.any():
            gone[self._held_rows()] = False
            self._drop(np.flatnonzero(gone))

    def _make_room(self, rows: Rows, buckets: Buckets, keep: Rows) -> None:
        """Free pages for buckets: detail goes first, then flows other than those in `keep`."""
        history, now = self.history, self.now_ns // BUCKET_NS
        while (needed := history.pages_needed(rows, buckets)) > history.pages.free:
            if not history.make_room(needed, now):
                keep = np.concatenate([keep, self._held_rows()])
                evicted = to_evict(self.columns, history, needed, keep)
                self.evicted += len(evicted)
                self._drop(evicted)
                break

    def _drop(self, rows: Rows) -> None:
        self.history.forget(rows)
        self._rates.forget(rows)
        self.cookies.remove_rows(rows)
        self._sockets.forget(rows)
        self.endpoints.forget(rows)
        self.columns.give_back(rows)
