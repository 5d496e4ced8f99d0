"""All flows: one thread puts batches of events in, others take snapshots out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tcctui.events import EventKind, Events, TcpState, pick
from tcctui.flows.batch import LAST_FIELDS, ProbeBatch
from tcctui.flows.buckets import BUCKET_NS, MAX, MIN, SERIES, Buckets
from tcctui.flows.columns import DERIVED, FlowColumns
from tcctui.flows.derived import derive
from tcctui.flows.endpoints import Endpoints
from tcctui.flows.eviction import to_evict
from tcctui.flows.history import History
from tcctui.flows.index import KeyIndex, Keys, Rows
from tcctui.flows.parts import parts
from tcctui.flows.rates import Rates
from tcctui.flows.resample import resample, until
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.flows.sockets import Sockets, socket_keys

HISTORY_MEMORY = 88 << 20
"""Bytes that histories may take unless told otherwise."""

LINGER_NS = 10_000_000_000
"""How long a closed flow stays: 10 s."""


class Store:
    """What is known about every flow. All methods may be called from any thread.

    `history_memory` is the budget for histories, in bytes.
    """

    def __init__(self, history_memory: int = HISTORY_MEMORY) -> None:
        self._lock = threading.Lock()
        self._columns = FlowColumns()
        self._history = History(history_memory)
        self._rates = Rates()
        self._cookies = KeyIndex()
        self._sockets = Sockets()
        self._endpoints = Endpoints(self._columns)
        self._held: Keys = np.empty(0, "u8")
        self._now_ns = 0
        self._events = 0
        self._evicted = 0

    # Putting in

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in a batch of events, oldest first, and let time go on to `now_ns`.

        `now_ns` is the time on the events' own clock (`Source.now_ns`). An empty batch is of use:
        it lets closed flows leave and rates fall.
        """
        for part in parts(events):
            with self._lock:
                self._ingest(part, now_ns)

    def _ingest(self, events: Events, now_ns: int) -> None:
        self._now_ns = max(self._now_ns, now_ns)
        self._history.detail.spared = self._held_rows()
        kinds = events["kind"]
        probes = events if not kinds.any() else pick(events, kinds == EventKind.PROBE)
        states = pick(events, kinds == EventKind.STATE)
        self._sockets.opened(pick(states, states["newstate"] == TcpState.ESTABLISHED))
        if len(probes):
            self._ingest_probes(ProbeBatch(probes))
        if len(probes) < len(events):
            self._events += len(events) - len(probes)
            destroyed = self._ingest_destroys(pick(events, kinds == EventKind.DESTROY))
            self._ingest_states(states)
            self._sockets.forget(destroyed)
        if self._rates.tick(self._now_ns, self._columns["bytes_acked"]):
            self._columns["rate"][:] = self._rates.per_second
            self._drop_closed()
            self._history.restore(self._now_ns // BUCKET_NS)

    def _ingest_probes(self, batch: ProbeBatch) -> None:
        events = batch.events
        rows = self._cookies.lookup(batch.cookies)
        known = rows >= 0
        closed = np.zeros(len(rows), "i8")
        closed[known] = self._columns["closed_ns"][rows[known]]
        if closed.any() and self._begin_anew(batch, closed):
            return
        new = rows < 0
        if new.any():
            rows[new] = self._open(batch.cookies[new], pick(events, batch.first[new]))
        columns = self._columns
        una = np.where(new, events["snd_una"][batch.first], columns["snd_una"][rows])
        last = pick(events, batch.last)
        moved = self._endpoints.differ(rows, last)
        if moved.any():
            begun = moved & ~new & self._endpoints.differ(rows, pick(events, batch.first))
            una[begun] = events["snd_una"][batch.first[begun]]
            self._endpoints.set(rows[moved], pick(last, moved))
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
        self._events += int(acks.sum())
        columns["bytes_acked"][rows] += batch.total(acked)

        bucket_rows, buckets = batch.buckets(rows, self._history.newest(rows), acked)
        if self._history.pages_needed(bucket_rows, buckets) > self._history.pages.free:
            self._make_room(bucket_rows, buckets, keep=rows)
            # Where that is still not enough, some flows of this batch get no history.
            kept = self._history.fitting(bucket_rows, buckets)
            bucket_rows, buckets = bucket_rows[kept], buckets[kept]
        if len(buckets):
            self._history.add(bucket_rows, buckets)

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
        over = self._cookies.lookup(np.unique(events["sock_cookie"][anew]))
        self._drop(over[over >= 0])  # it may have been evicted just now
        self._ingest_probes(ProbeBatch(pick(events, anew)))
        return True

    def _open(self, cookies: Keys, first: Events) -> Rows:
        """Give rows to flows that are seen for the first time, `first` being their first events."""
        rows = self._columns.take(len(cookies))
        for part in (self._history, self._rates, self._endpoints):
            part.grow(self._columns.capacity)
        self._cookies.put(cookies, rows)
        self._columns["cookie"][rows] = cookies
        self._set_birth(rows, first)
        return rows

    def _set_birth(self, rows: Rows, events: Events) -> None:
        """Let the rows' connections begin with these events, or with their opening before them."""
        first_ns = events["ts_ns"].astype("i8")
        self._columns["first_ns"][rows] = first_ns
        self._columns["opened_ns"][rows] = self._sockets.opened_ns(socket_keys(events), first_ns)

    def _learn_sockets(self, rows: Rows, events: Events) -> None:
        # Of several sockets that had one address, one after the other, it is the last one's.
        order = np.argsort(events["ts_ns"], kind="stable")
        self._sockets.learn(socket_keys(events)[order], rows[order])

    def _ingest_destroys(self, events: Events) -> Rows:
        rows = self._cookies.lookup(events["sock_cookie"])
        known = rows >= 0
        rows = rows[known]
        self._columns["closed_ns"][rows] = events["ts_ns"][known]
        self._columns["state"][rows] = TcpState.CLOSE
        return rows

    def _ingest_states(self, events: Events) -> None:
        columns = self._columns
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

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows, even closed ones, for as long as they are named here."""
        with self._lock:
            self._held = np.array(list(cookies), "u8")

    def _held_rows(self) -> Rows:
        rows = self._cookies.lookup(self._held)
        return rows[rows >= 0]

    def _drop_closed(self) -> None:
        closed = self._columns["closed_ns"]
        gone = (closed > 0) & (closed < self._now_ns - LINGER_NS)
        if gone.any():
            gone[self._held_rows()] = False
            self._drop(np.flatnonzero(gone))

    def _make_room(self, rows: Rows, buckets: Buckets, keep: Rows) -> None:
        """Free pages for buckets: detail goes first, then flows other than those in `keep`."""
        history, now = self._history, self._now_ns // BUCKET_NS
        while (needed := history.pages_needed(rows, buckets)) > history.pages.free:
            if not history.make_room(needed, now):
                keep = np.concatenate([keep, self._held_rows()])
                evicted = to_evict(self._columns, history, needed, keep)
                self._evicted += len(evicted)
                self._drop(evicted)
                break

    def _drop(self, rows: Rows) -> None:
        self._history.forget(rows)
        self._rates.forget(rows)
        self._cookies.remove_rows(rows)
        self._sockets.forget(rows)
        self._endpoints.forget(rows)
        self._columns.give_back(rows)

    # Taking out

    def totals(self) -> Totals:
        """Counts since the start."""
        with self._lock:
            return Totals(
                self._events, len(self._cookies), self._evicted, self._history.detail.seconds
            )

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns, of `FIELDS` or `DERIVED`, of all flows in the order of their cookies.

        `cookie` is always there.
        """
        with self._lock:
            return self._copy(self._cookies.rows, names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows, in the order given; those not known are left out."""
        with self._lock:
            rows = self._cookies.lookup(cookies)
            return self._copy(rows[rows >= 0], names)

    def _copy(self, rows: Rows, names: Iterable[str]) -> Flows:
        copied = {}
        for name in {*names, "cookie"}:
            if name in DERIVED:
                copied[name] = derive(name, self._columns, self._endpoints, rows, self._now_ns)
            else:
                copied[name] = self._columns[name][rows]
        return Flows(self._now_ns, copied)

    def history(
        self,
        cookie: int,
        seconds: float | None,
        columns: int,
        at_ns: int | None = None,
        values: Sequence[int] | None = None,
    ) -> FlowHistory | None:
        """A flow's past over at most `columns` columns of time, for a chart.

        `seconds` up to 60 back from `at_ns` (now, unless given), or None for the flow's whole life.
        None if the flow is not known, or was not yet. What happened later, but in the same 100 ms
        as `at_ns`, is left out if `values` is given: see `resample.until`.
        """
        with self._lock:
            row = int(self._cookies.lookup(np.array([cookie], "u8"))[0])
            if row < 0:
                return None
            mss = int(self._columns["mss"][row])
            now = self._now_ns if at_ns is None else at_ns
            born = int(self._columns["first_ns"][row])
            if now < born:
                return None
            recent = self._history.recent(row)
            if seconds is None:
                buckets, step = self._history.life(row)
                first = born
            else:
                buckets, step = recent, 1
                first = now - int(seconds * 1e9)
        if values is not None:
            buckets = until(buckets, step, recent, now // BUCKET_NS, values)
        return resample(
            buckets,
            first=first // BUCKET_NS,
            newest=now // BUCKET_NS,
            step=step,
            columns=columns,
            mss=mss,
        )

    def sparklines(
        self,
        cookies: Keys,
        name: str,
        *,
        worst: Literal["min", "max"],
        seconds: int,
        columns: int,
        at_ns: int | None = None,
        values: npt.NDArray[np.float64] | None = None,
    ) -> npt.NDArray[np.float64]:
        """One field (of `SERIES`) of several flows over the last seconds, for a row's sparkline.

        The seconds end at `at_ns` (now, unless given). Each column is the minimum or the maximum
        over its time. Returns shape (len(cookies), columns), NaN where nothing happened or the flow
        is not known. `values`, if given, are what stands for the 100 ms of `at_ns`: one for each
        flow, NaN where nothing had happened in them yet.
        """
        column = (MIN if worst == "min" else MAX).start + SERIES.index(name)
        per_column = max(1, int(seconds * 1e9) // BUCKET_NS // columns)
        reduce = np.fmin if worst == "min" else np.fmax
        with self._lock:
            rows = self._cookies.lookup(cookies)
            # Columns begin at multiples of their width, so that values don't flicker between them.
            now = self._now_ns if at_ns is None else at_ns
            newest = now // BUCKET_NS
            begun = (columns - 1) * per_column + newest % per_column + 1
            known = rows >= 0
            grid = np.full((len(rows), per_column * columns), np.nan)
            grid[known, :begun] = self._history.grid(rows[known], column, newest, begun)
        if values is not None:
            grid[:, begun - 1] = values
        return reduce.reduce(grid.reshape(len(rows), columns, per_column), axis=2)
