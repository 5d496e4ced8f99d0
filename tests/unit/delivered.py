"""A source that delivers what a test gives it, on a clock that goes on with each look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from tcctui.errors import TcctuiError
from tcctui.query import Query
from tcctui.wire.events import Events
from tcctui.wire.samples import Samples
from tests.unit.events import MS, NOTHING, SECOND
from tests.unit.samples import NO_SAMPLES

START = 50 * SECOND


class Delivered:
    """Gives a batch of events at each look, and the samples beside it; each look takes 100 ms.

    `then` is called at the look for which there is nothing more.
    """

    description = "tcp_probe + sock_diag · 6.12.0"
    kernel_filter = "port 443"
    kernel_exact = True
    can_narrow = False
    attaching = False
    interval_ns = 0

    def __init__(
        self,
        events: Iterable[Events] = (),
        samples: Iterable[Samples] = (),
        then: Callable[[], object] = lambda: None,
    ) -> None:
        self._events, self._samples = list(events), list(samples)
        self._then = then
        self._now_ns = START
        self.shortfall: TcctuiError | None = None
        self.watched: list[int] = []
        self.closed = False

    def now_ns(self) -> int:
        return self._now_ns

    def read(self, timeout: float) -> Events:
        self._now_ns += 100 * MS
        if self._events:
            return self._events.pop(0)
        self._then()
        return NOTHING

    def sampled(self) -> Samples:
        return self._samples.pop(0) if self._samples else NO_SAMPLES

    def watch(self, sockets: npt.NDArray[np.void]) -> None:
        self.watched = sockets["sock_cookie"].tolist()

    def focus(self, cookies: Iterable[int]) -> None:
        """Nothing is coalesced."""

    def narrow(self, query: Query | None) -> None:
        """Nothing can be asked for."""

    def lost(self) -> int:
        return 3

    def skipped(self) -> int:
        return 4

    def close(self) -> None:
        self.closed = True
