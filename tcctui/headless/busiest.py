"""Connections that are sampled often where nobody says which: the busiest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcctui.flows.index import Keys
from tcctui.flows.store import Store
from tcctui.source import Source
from tcctui.wire.batch import Batch

_WATCHED = 500
"""Connections that are sampled several times a second."""


def busiest(store: Store) -> Keys:
    """Cookies of the sockets that are not closed, those with the newest event first."""
    flows = store.flows(["last_ns", "closed_ns"])
    living = np.flatnonzero(flows["closed_ns"] == 0)
    return flows["cookie"][living[np.argsort(-flows["last_ns"][living], kind="stable")]]


def unsampled(store: Store) -> Keys:
    """Cookies of open sockets without a sample."""
    flows = store.flows(["sampled_ns", "closed_ns"])
    return flows["cookie"][(flows["closed_ns"] == 0) & (flows["sampled_ns"] == 0)]


class Watched:
    """A sink that has `source` sample connections of a store several times a second.

    `choose` names them by their cookies, the most important first; it is asked each `apart_ns`.
    """

    def __init__(
        self, source: Source, store: Store, apart_ns: int, choose: Callable[[Store], Keys] = busiest
    ) -> None:
        self._source = source
        self._store = store
        self._apart_ns = apart_ns
        self._choose = choose
        self._next_ns = 0

    def take(self, batch: Batch) -> None:
        """Choose anew, if it is time to."""
        if batch.now_ns >= self._next_ns:
            self._next_ns = batch.now_ns + self._apart_ns
            self._source.watch(self._store.sockets(self._choose(self._store)[:_WATCHED]))
