"""All flows: one thread puts batches of events in, others take snapshots out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tcctui.events import Events
from tcctui.flows.buckets import BUCKET_NS, MAX, MIN, SERIES
from tcctui.flows.columns import DERIVED
from tcctui.flows.derived import derive
from tcctui.flows.index import Keys, Rows
from tcctui.flows.intake import Intake
from tcctui.flows.parts import parts
from tcctui.flows.resample import resample, until
from tcctui.flows.snapshot import FlowHistory, Flows, Totals

HISTORY_MEMORY = 88 << 20
"""Bytes that histories may take unless told otherwise."""


class Store:
    """What is known about every flow. All methods may be called from any thread.

    `history_memory` is the budget for histories, in bytes.
    """

    def __init__(self, history_memory: int = HISTORY_MEMORY) -> None:
        self._lock = threading.Lock()
        self._known = Intake(history_memory)

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in a batch of events, oldest first, and let time go on to `now_ns`.

        `now_ns` is the time on the events' own clock (`Source.now_ns`). An empty batch is of use:
        it lets closed flows leave and rates fall.
        """
        for part in parts(events):
            with self._lock:
                self._known.ingest(part, now_ns)

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows, even closed ones, for as long as they are named here."""
        with self._lock:
            self._known.held = np.array(list(cookies), "u8")

    def totals(self) -> Totals:
        """Counts since the start."""
        with self._lock:
            return Totals(
                self._known.events,
                len(self._known.cookies),
                self._known.evicted,
                self._known.history.detail.seconds,
            )

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns, of `FIELDS` or `DERIVED`, of all flows in the order of their cookies.

        `cookie` is always there.
        """
        with self._lock:
            return self._copy(self._known.cookies.rows, names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows, in the order given; those not known are left out."""
        with self._lock:
            rows = self._known.cookies.lookup(cookies)
            return self._copy(rows[rows >= 0], names)

    def _copy(self, rows: Rows, names: Iterable[str]) -> Flows:
        copied = {}
        for name in {*names, "cookie"}:
            if name in DERIVED:
                copied[name] = derive(
                    name, self._known.columns, self._known.endpoints, rows, self._known.now_ns
                )
            else:
                copied[name] = self._known.columns[name][rows]
        return Flows(self._known.now_ns, copied)

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
            row = int(self._known.cookies.lookup(np.array([cookie], "u8"))[0])
            if row < 0:
                return None
            mss = int(self._known.columns["mss"][row])
            now = self._known.now_ns if at_ns is None else at_ns
            born = int(self._known.columns["first_ns"][row])
            if now < born:
                return None
            recent = self._known.history.recent(row)
            if seconds is None:
                buckets, step = self._known.history.life(row)
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
            rows = self._known.cookies.lookup(cookies)
            # Columns begin at multiples of their width, so that values don't flicker between them.
            now = self._known.now_ns if at_ns is None else at_ns
            newest = now // BUCKET_NS
            begun = (columns - 1) * per_column + newest % per_column + 1
            known = rows >= 0
            grid = np.full((len(rows), per_column * columns), np.nan)
            grid[known, :begun] = self._known.history.grid(rows[known], column, newest, begun)
        if values is not None:
            grid[:, begun - 1] = values
        return reduce.reduce(grid.reshape(len(rows), columns, per_column), axis=2)
