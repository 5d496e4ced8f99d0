"""Store of all flows: one thread adds batches of events, others take snapshots."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from copy import copy, deepcopy
from typing import Literal

import numpy as np
import numpy.typing as npt

from tcctui.flows.frame import THIS_HOST, FlowKey, Frame, FrameRequest, cut
from tcctui.flows.history.resample import Lived
from tcctui.flows.index import Keys
from tcctui.flows.instant import Instant
from tcctui.flows.intake.batch_splits import parts
from tcctui.flows.intake.event_intake import EventIntake
from tcctui.flows.intake.sample_intake import SampleIntake
from tcctui.flows.keyframe import checkpoint
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.rows import FlowRows
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.wire.batch import Batch
from tcctui.wire.events import Events
from tcctui.wire.records import pick
from tcctui.wire.samples import SOCKET, Samples

HISTORY_MEMORY = 72 << 20
"""Default memory budget of histories in bytes."""

_AT_A_TIME = 4096
"""Samples taken in per lock: a few milliseconds."""


class Store:
    """State of every flow. All methods may be called from any thread.

    `history_memory` is the budget for histories, in bytes; with 0 there are none.
    """

    def __init__(self, history_memory: int = HISTORY_MEMORY) -> None:
        self._lock = threading.Lock()
        self._known = FlowRows(history_memory)
        self._looks = SampleIntake(self._known)
        self._intake = EventIntake(self._known, self._looks)
        self._now = Instant(self._known)

    def take(self, batch: Batch) -> None:
        """Take in a batch, its events first, and let time go on to its `now_ns`."""
        self.ingest(batch.events, batch.now_ns)
        for samples in batch.samples:
            self.ingest_samples(samples, batch.now_ns)

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in a batch of events, oldest first, and advance to `now_ns`.

        `now_ns` is the time on the events' own clock (`Source.now_ns`). An empty batch is useful:
        it lets closed flows leave and rates fall.
        """
        for part in parts(events):
            with self._lock:
                self._intake.ingest(part, now_ns)

    def ingest_samples(self, samples: Samples, now_ns: int) -> None:
        """Take in samples in any order, and advance to `now_ns`, as `ingest` does.

        They are joined with events by the socket's cookie. Unknown open sockets become flows.
        """
        for at in range(0, max(1, len(samples)), _AT_A_TIME):
            with self._lock:
                self._looks.ingest(samples[at : at + _AT_A_TIME], now_ns)

    def sockets(self, cookies: Keys) -> npt.NDArray[np.void]:
        """Keys for sampling these flows: a `SOCKET` for each, in the order given.

        Unknown and closed flows are left out.
        """
        with self._lock:
            columns = self._known.columns
            rows = self._known.cookies.lookup(np.asarray(cookies, "u8"))
            rows = rows[rows >= 0]
            rows = rows[columns["closed_ns"][rows] == 0]
            found = np.zeros(len(rows), SOCKET)
            found["sock_cookie"] = columns["cookie"][rows]
            for name in ("sport", "dport", "family"):
                found[name] = columns[name][rows]
            found["ifindex"] = self._known.latest.of(rows)["ifindex"]
            for name in ("saddr", "daddr"):
                found[name][:, 0] = columns[f"{name}_hi"][rows]
                found[name][:, 1] = columns[f"{name}_lo"][rows]
        return found

    def whose(self, events: Events) -> Keys:
        """Flow of each event: by its own cookie, or its socket; 0 if unknown."""
        cookies: Keys = events["sock_cookie"].copy()
        unknown = np.flatnonzero(cookies == 0)
        if len(unknown):
            with self._lock:
                rows = self._known.sockets.rows(pick(events, unknown))
                there = rows >= 0
                cookies[unknown[there]] = self._known.columns["cookie"][rows[there]]
        return cookies

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows, even closed ones, until the next call."""
        with self._lock:
            self._known.held = np.array(list(cookies), "u8")

    def totals(self) -> Totals:
        """Counts since the start."""
        with self._lock:
            return self._now.totals()

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns, of `FIELDS`, `SAMPLED` or `DERIVED`, of all flows.

        They are in the order of their cookies; `cookie` is always present.
        """
        with self._lock:
            return self._now.flows(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows, in the order given; unknown ones are left out."""
        with self._lock:
            return self._now.some_flows(cookies, names)

    def frame(self, request: FrameRequest) -> Frame:
        """Copy all that is asked for, of one instant: nothing is taken in meanwhile."""
        with self._lock:
            return cut(self._now, request)

    def key(self, cookie: int) -> FlowKey:
        """Give the key of a flow of this machine: its own cookie."""
        return FlowKey(THIS_HOST, cookie)

    def keyframe(self) -> Keyframe:
        """Copy the present state without the histories."""
        with self._lock:
            return checkpoint.taken(self._known, self._looks)

    def restore(self, keyframe: Keyframe, cookies: Keys | None = None) -> None:
        """Start from a keyframe, with all of its flows or some; before anything was taken in.

        Raises:
            ValueError: it is of another version, or damaged.

        """
        with self._lock:
            checkpoint.restore(self._known, self._looks, keyframe, cookies)

    def copy(self) -> Store:
        """Copy everything; the copies are independent.

        A few milliseconds, some MB: with histories of 50 flows, or none of 10,000.
        """
        twin = copy(self)
        twin._lock = threading.Lock()
        with self._lock:
            of_all = (self._known, self._looks, self._intake)
            twin._known, twin._looks, twin._intake = deepcopy(of_all)
        twin._now = Instant(twin._known)
        return twin

    def give_up(self) -> None:
        """Free the memory immediately; the store must not be used afterwards."""
        with self._lock:
            self._known.let_go_of_parts()

    @property
    def nbytes(self) -> int:
        """Approximate size of a copy in bytes."""
        with self._lock:
            return self._known.nbytes

    def history(
        self,
        cookie: int,
        seconds: float | None,
        columns: int,
        at_ns: int | None = None,
        *,
        lived: Lived | None = None,
    ) -> FlowHistory | None:
        """A flow's past on at most `columns` columns of time, for a chart.

        `seconds` back from `at_ns` (now by default), or None for the flow's whole life. Beyond 60 s
        it is as coarse as the whole life is. None if the flow is unknown, or did not exist yet.
        Later changes in the same 100 ms as `at_ns` are included: `moment.Moment` excludes them.
        `lived` is another store's longer knowledge of that life.
        """
        with self._lock:
            return self._now.history(cookie, seconds, columns, at_ns, lived=lived)

    def lived(self, cookie: int) -> Lived | None:
        """A flow's whole life, for `history` of a store with a shorter one."""
        with self._lock:
            return self._now.lived(cookie)

    def sparklines(
        self,
        cookies: Keys,
        name: str,
        *,
        worst: Literal["min", "max"],
        seconds: int,
        columns: int,
        at_ns: int | None = None,
    ) -> npt.NDArray[np.float64]:
        """One field (of `SERIES`) of several flows over the last seconds, for a row's sparkline.

        The seconds end at `at_ns` (now by default). Each column is the minimum or the maximum over
        its time. Returns shape (len(cookies), columns), NaN without an event or for an unknown
        flow.
        """
        with self._lock:
            return self._now.sparklines(
                cookies, name, worst=worst, seconds=seconds, columns=columns, at_ns=at_ns
            )
