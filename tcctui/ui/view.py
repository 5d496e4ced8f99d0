"""What the widgets look at: the store as it is now, or as it was when the view was paused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

from tcctui.flows.buckets import BUCKET_NS, SERIES
from tcctui.flows.derived import FROZEN, complete, follow, needs
from tcctui.flows.index import KeyIndex, Keys, Rows
from tcctui.flows.snapshot import FlowHistory, Flows
from tcctui.flows.store import Store

WINDOWS: tuple[float | None, ...] = (60, 10, None)
"""Seconds that the charts can go back; None is a flow's whole life."""


class View:
    """Pulls snapshots from the store. While it is paused, they are those of one moment.

    Pausing copies what is known of all flows, and the past of the flow whose charts are shown; any
    other past is there for as long as the store's histories reach back to that moment.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._frozen: Flows | None = None
        self._frozen_rows = KeyIndex()
        self._frozen_past: dict[tuple[int, float | None, int], FlowHistory | None] = {}

    @property
    def paused(self) -> bool:
        """Whether the view stands still."""
        return self._frozen is not None

    def pause(self, pasts: Iterable[tuple[int, float | None, int]] = ()) -> None:
        """Stand still; `pasts` are those to keep, each as `history` is asked for it."""
        self._frozen = self.store.flows(FROZEN)
        self._frozen_rows = KeyIndex()
        self._frozen_rows.put(self._frozen["cookie"], np.arange(self._frozen.count))
        self._frozen_past = {}
        for past in pasts:
            self._frozen_past[past] = self.store.history(*past, self._frozen.now_ns)

    def resume(self) -> None:
        """Go on."""
        self._frozen = None
        self._frozen_past = {}

    def flows(self, names: Iterable[str]) -> Flows:
        """Some columns of all flows; see `Store.flows`."""
        if self._frozen is None:
            return self.store.flows(names)
        # What was copied; what follows from it is made when somebody wants it, and once.
        made = {name: follow(self._frozen, name) for name in {*names} - {*self._frozen}}
        self._frozen = Flows(self._frozen.now_ns, {**self._frozen, **made})
        return self._frozen

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Some columns of these flows; see `Store.some_flows`."""
        if self._frozen is None:
            return self.store.some_flows(cookies, names)
        frozen = self._frozen
        rows = self._frozen_rows.lookup(cookies)
        rows = rows[rows >= 0]
        names = {*names, "cookie"}
        wanted = frozenset[str]().union(*map(needs, names))
        copied = {name if name in frozen else "sample" for name in wanted}
        some = Flows(frozen.now_ns, {name: frozen[name][rows] for name in copied})
        return complete(some, names)

    def watched(self, cookies: Keys) -> npt.NDArray[np.void]:
        """What to ask for samples by, of flows that are looked at; see `Store.sockets`."""
        return self.store.sockets(cookies)

    def history(self, cookie: int, seconds: float | None, columns: int) -> FlowHistory | None:
        """A flow's past; see `Store.history`."""
        if self._frozen is None:
            return self.store.history(cookie, seconds, columns)
        asked = (cookie, seconds, columns)
        if asked not in self._frozen_past:
            row = int(self._frozen_rows.lookup(np.array([cookie], "u8"))[0])
            values = [int(self._frozen[name][row]) for name in SERIES] if row >= 0 else []
            if not self._just_then(np.array([row]))[0]:
                values = []
            self._frozen_past[asked] = self.store.history(*asked, self._frozen.now_ns, values)
        return self._frozen_past[asked]

    def _just_then(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Say of which flows something had come in the 100 ms in which the view was paused."""
        assert self._frozen is not None
        if not self._frozen.count:
            return np.zeros(len(rows), bool)
        last = np.maximum(self._frozen["last_ns"][rows], self._frozen["sampled_ns"][rows])
        return (rows >= 0) & (last // BUCKET_NS == self._frozen.now_ns // BUCKET_NS)

    def sparklines(
        self, cookies: Keys, name: str, *, worst: Literal["min", "max"], seconds: int, columns: int
    ) -> npt.NDArray[np.float64]:
        """The recent past of several flows; see `Store.sparklines`."""
        at_ns = values = None
        if self._frozen is not None:
            at_ns = self._frozen.now_ns
            rows = self._frozen_rows.lookup(cookies)
            values = np.where(self._just_then(rows), self._frozen[name][rows], np.nan)
        return self.store.sparklines(
            cookies, name, worst=worst, seconds=seconds, columns=columns, at_ns=at_ns, values=values
        )
