"""View of the screen: the present store, or a moment of the past."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tcctui.flows.frame import FlowKey, Frame, FrameRequest, View
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows, Totals
from tcctui.rewind.moment import LONGEST, Moment
from tcctui.wire.samples import SOCKET


class Look(Protocol):
    """Requests one frame, and shows it in all parts of the screen at once."""

    def __call__(self, *, anew: bool = True) -> None:
        """Show a frame; with `anew` the rows are reordered, not only the visible ones read."""


class Live(View, Protocol):
    """The present, wherever it is kept: `Store`, or rows of a database."""

    def totals(self) -> Totals:
        """Counts since the start."""

    def sockets(self, cookies: Keys) -> npt.NDArray[np.void]:
        """Keys for sampling flows; see `Store.sockets`. None of these, none is sampled."""

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows; see `Store.hold`."""


class CurrentView:
    """Reads the store, or `moment` if one is shown; both are a `frame.View`."""

    def __init__(self, store: Live | None, moment: Moment | None = None) -> None:
        self.store = store
        """The live store; None for a recording."""
        self.moment = moment
        """Moment shown in place of the present."""
        self.at_ns = 0
        """Time of that moment; 0 while there is none."""
        self.losses = (0, 0)
        """Events lost and skipped by then."""
        self.per_second = math.nan
        """Events per second then; NaN if unknown."""
        self._ready: frozenset[int] = frozenset()
        self.wall_offset_ns = 0
        """Added to a moment gives nanoseconds since 1970; 0 if unknown."""
        self.still = False
        """True while another moment is being computed: nothing is read until then.

        So everything on the screen is of one moment, and changes together.
        """

    @property
    def _shown(self) -> View:
        shown: View | None = self.store if self.moment is None else self.moment
        assert shown is not None
        return shown

    def show(self, moment: Moment | None, cookies: Iterable[int] = ()) -> None:
        """Show an available moment, or the present.

        `cookies` are the flows whose history it has.
        """
        self.moment, self.still, self._ready = moment, False, frozenset(cookies)
        if moment is not None:
            self.at_ns, self.losses = moment.at_ns, moment.losses
            self.per_second = moment.rate_of_events

    def pending(self, cookie: int) -> bool:
        """True while a flow's history is being computed."""
        return self.still or (self.moment is not None and cookie not in self._ready)

    @property
    def now_ns(self) -> int:
        """The present on the events' clock; 0 if there is none."""
        return 0 if self.store is None else self.store.some_flows(np.empty(0, "u8"), ()).now_ns

    def frame(self, request: FrameRequest) -> Frame:
        """Copy everything requested, of one instant."""
        return self._shown.frame(request)

    def unchanged(self, frame: Frame) -> bool:
        """True if a frame, asked for in the same way, would show what this one shows."""
        return self._shown.unchanged(frame)

    def key(self, cookie: int) -> FlowKey:
        """Say which flow on which machine a number in a column `cookie` stands for."""
        return self._shown.key(cookie)

    def totals(self, frame: Frame) -> Totals:
        """Counts since the start, live or until the moment of a recording."""
        away = self.store is not None and self.moment is not None
        return self.store.totals() if away and self.store is not None else frame.totals

    def flows(self, names: Iterable[str]) -> Flows:
        """Some columns of all flows; see `Store.flows`."""
        return self._shown.flows(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Some columns of these flows; see `Store.some_flows`."""
        return self._shown.some_flows(cookies, names)

    def watched(self, cookies: Keys) -> npt.NDArray[np.void]:
        """Keys for sampling watched flows; see `Store.sockets`."""
        return np.empty(0, SOCKET) if self.store is None else self.store.sockets(cookies)

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows; see `Store.hold`."""
        if self.store is not None:
            self.store.hold(cookies)

    def seconds_known(self, age_ns: int) -> float:
        """Visible part of the life of a flow first seen `age_ns` ago, in seconds."""
        return min(age_ns / 1e9, LONGEST if self.store is None else math.inf)
