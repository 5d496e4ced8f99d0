"""All flows: one thread puts batches of events in, others take snapshots out."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from copy import copy, deepcopy
from typing import Literal

import numpy as np
import numpy.typing as npt

from tcctui.flows.frame import Frame, FrameRequest, cut
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
from tcctui.wire.events import Events
from tcctui.wire.records import pick
from tcctui.wire.samples import SOCKET, Samples

HISTORY_MEMORY = 72 << 20
"""Bytes that histories may take unless told otherwise."""

_AT_A_TIME = 4096
"""Samples that are taken in while others wait: a few milliseconds."""


class Store:
    """What is known about every flow. All methods may be called from any thread.

    `history_memory` is the budget for histories, in bytes; with 0 there are none.
    """

    def __init__(self, history_memory: int = HISTORY_MEMORY) -> None:
        self._lock = threading.Lock()
        self._known = FlowRows(history_memory)
        self._looks = SampleIntake(self._known)
        self._intake = EventIntake(self._known, self._looks)
        self._now = Instant(self._known)

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in a batch of events, oldest first, and let time go on to `now_ns`.

        `now_ns` is the time on the events' own clock (`Source.now_ns`). An empty batch is of use:
        it lets closed flows leave and rates fall.
        """
        for part in parts(events):
            with self._lock:
                self._intake.ingest(part, now_ns)

    def ingest_samples(self, samples: Samples, now_ns: int) -> None:
        """Take in samples in any order, and let time go on to `now_ns`, as `ingest` does.

        They are joined with events by the socket's cookie. Sockets that are not known yet become
        flows if they live.
        """
        for at in range(0, max(1, len(samples)), _AT_A_TIME):
            with self._lock:
                self._looks.ingest(samples[at : at + _AT_A_TIME], now_ns)

    def sockets(self, cookies: Keys) -> npt.NDArray[np.void]:
        """What to ask for samples by: a `SOCKET` for each of these flows, in the order given.

        Those that are not known, or are closed, are left out.
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
        """Say which flow each event is of: by its own cookie, or its socket; 0 if none is known."""
        cookies: Keys = events["sock_cookie"].copy()
        unknown = np.flatnonzero(cookies == 0)
        if len(unknown):
            with self._lock:
                rows = self._known.sockets.rows(pick(events, unknown))
                there = rows >= 0
                cookies[unknown[there]] = self._known.columns["cookie"][rows[there]]
        return cookies

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows, even closed ones, for as long as they are named here."""
        with self._lock:
            self._known.held = np.array(list(cookies), "u8")

    def totals(self) -> Totals:
        """Counts since the start."""
        with self._lock:
            return self._now.totals()

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns, of `FIELDS`, `SAMPLED` or `DERIVED`, of all flows.

        They are in the order of their cookies; `cookie` is always there.
        """
        with self._lock:
            return self._now.flows(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows, in the order given; those not known are left out."""
        with self._lock:
            return self._now.some_flows(cookies, names)

    def frame(self, request: FrameRequest) -> Frame:
        """Copy all that is asked for, of one instant: nothing is taken in meanwhile."""
        with self._lock:
            return cut(self._now, request)

    def keyframe(self) -> Keyframe:
        """Copy what is known now, but the histories."""
        with self._lock:
            return checkpoint.taken(self._known, self._looks)

    def restore(self, keyframe: Keyframe, cookies: Keys | None = None) -> None:
        """Go on from a keyframe, with all of its flows or some; before anything was taken in.

        Raises:
            ValueError: it is another version's, or damaged.

        """
        with self._lock:
            checkpoint.restore(self._known, self._looks, keyframe, cookies)

    def copy(self) -> Store:
        """Copy all there is, for what comes to one not to come to the other.

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
        """Give the memory back at once: nothing may be asked of it any more."""
        with self._lock:
            self._known.let_go_of_parts()

    @property
    def nbytes(self) -> int:
        """About how many bytes a copy takes."""
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
        """A flow's past over at most `columns` columns of time, for a chart.

        `seconds` back from `at_ns` (now, unless given), or None for the flow's whole life. Beyond
        60 it is as coarse as the whole life is. None if the flow is not known, or was not yet. What
        happened later, but in the same 100 ms as `at_ns`, is not left out: `moment.Moment` does
        that. `lived` is what another store knows of more of that life.
        """
        with self._lock:
            return self._now.history(cookie, seconds, columns, at_ns, lived=lived)

    def lived(self, cookie: int) -> Lived | None:
        """What is known of a flow's whole life, for `history` of a store that knows less of it."""
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

        The seconds end at `at_ns` (now, unless given). Each column is the minimum or the maximum
        over its time. Returns shape (len(cookies), columns), NaN where nothing happened or the flow
        is not known.
        """
        with self._lock:
            return self._now.sparklines(
                cookies, name, worst=worst, seconds=seconds, columns=columns, at_ns=at_ns
            )
