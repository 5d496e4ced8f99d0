"""A source that delivers what a test gives it, on a clock that goes on with each look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from tcctui.errors import TcctuiError
from tcctui.query import Query
from tcctui.wire.events import Events
from tcctui.wire.inside import NO_INSIDES, Asked, Insides
from tcctui.wire.samples import Samples
from tests.unit.events import MS, NOTHING, SECOND
from tests.unit.samples import NO_SAMPLES

START = 50 * SECOND


class Delivered:
    """Gives a batch of events at each look, and the samples beside it; each look takes `step_ns`.

    `before` is called at each look, `then` at one for which there is nothing more; that one takes
    as long as it may if it `waits`. All sockets are sampled once no samples are left, or
    `all_at_once`.
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
        *,
        step_ns: int = 100 * MS,
        waits: bool = False,
    ) -> None:
        self.events, self._samples = list(events), list(samples)
        self.before: Callable[[], object] = lambda: None
        self.then = then
        self.step_ns, self._waits = step_ns, waits
        self.now = START
        self.reads = 0
        self.shortfall: TcctuiError | None = None
        self.watched: list[int] = []
        self.all_asked_ns = 0
        self.all_at_once = False
        self.closed = False

    def now_ns(self) -> int:
        return self.now

    def read(self, timeout: float) -> Events:
        self.reads += 1
        assert self.reads < 1000, "it never ends"
        assert timeout <= 0.1, "it never waits long"
        self.before()
        self.now += self.step_ns
        if self.events:
            return self.events.pop(0)
        self.then()
        self.now += int(timeout * 1e9) if self._waits else 0
        return NOTHING

    def sampled(self) -> Samples:
        return self._samples.pop(0) if self._samples else NO_SAMPLES

    def look_inside(self, asked: Asked) -> bool:
        self.asked = asked
        return False

    def inside(self) -> Insides:
        return NO_INSIDES

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """Nothing can be asked for."""

    def watch(self, sockets: npt.NDArray[np.void]) -> None:
        self.watched = sockets["sock_cookie"].tolist()

    def own_queue(self, netns: int, ends: object, bound: int = 0) -> None:
        """None is known here."""

    def sample_all(self) -> None:
        self.all_asked_ns = self.now

    @property
    def all_sampled_ns(self) -> int:
        return self.now if self.all_at_once or not self._samples else 0

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
