"""Live source: tcp_probe's events with sock_diag's samples, or samples alone."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import Records
from tcctui.errors import TcctuiError
from tcctui.source import EventSource
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.sources.sock_diag.sampling import Pace, Sampler
from tcctui.wire.events import EVENT, Events
from tcctui.wire.samples import NO_SAMPLES, Samples

if TYPE_CHECKING:
    from tcctui.query import Query

BESIDE, ALONE = Pace(0.25), Pace(0.1)
"""Pace of samples beside tcp_probe, which tells most, and without it."""

ON_SCREEN = Pace(0.5, share=1000)
"""The same as `BESIDE` for a screen, which is no faster."""


@dataclass(frozen=True)
class Attaching:
    """tcp_probe's events on their way, with the interval that they will have."""

    loading: Loading
    events: Future[BpfSource]
    interval_ns: int

    def close(self) -> None:
        """End it, however far it is."""
        self.loading.abandon()
        if self.events.exception() is None:
            self.events.result().close()


class LiveSource:
    """Reads `events` and samples, as available.

    Events that are still `attaching` follow later; until then there are samples. `shortfall` is the
    reason for reduced detail.
    """

    def __init__(
        self,
        kernel_filter: KernelFilter,
        events: EventSource | None,
        sampler: Sampler | None,
        shortfall: TcctuiError | None = None,
        attaching: Attaching | None = None,
    ) -> None:
        self._events = events
        self._sampler = sampler
        self._attaching = attaching
        self._own = self._filter = kernel_filter
        self._focus: list[int] = []
        self._narrowed: Query | None = None
        self.shortfall = shortfall

    @property
    def attaching(self) -> bool:
        """True until tcp_probe's events can be read, or it is known that they can't be."""
        return self._attaching is not None

    @property
    def description(self) -> str:
        """Active sources and those that follow, and the kernel's release."""
        parts = (("tcp_probe", self._events or self._attaching), ("sock_diag", self._sampler))
        what = " + ".join(name for name, part in parts if part is not None)
        return f"{what} · {os.uname().release}"

    @property
    def kernel_filter(self) -> str:
        """The filter in force, in words."""
        return str(self._filter)

    @property
    def kernel_exact(self) -> bool:
        """True if the filter in force passes nothing more than requested."""
        return self._filter.exact

    can_narrow = True

    def narrow(self, query: Query | None) -> None:
        """Deliver only flows that may also match this; from any thread."""
        narrowed = None if query is None else KernelFilter.of(query)
        self._narrowed = query
        self._filter = self._own if narrowed is None else self._own & narrowed
        if self._events is not None:
            self._events.narrow(query)
        sampler = self._sampler  # the reading thread may drop it meanwhile
        if sampler is not None:
            sampler.narrow(narrowed)

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that one event of a flow may stand for."""
        events = self._events or self._attaching
        return 0 if events is None else events.interval_ns

    def now_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def focus(self, cookies: Iterable[int]) -> None:
        """Ask for these flows in all the detail that a chart shows."""
        self._focus = list(cookies)
        if self._events is not None:
            self._events.focus(self._focus)

    def watch(self, sockets: Records) -> None:
        """Ask for samples of these sockets several times a second."""
        sampler = self._sampler  # the reading thread may drop it meanwhile
        if sampler is not None:
            sampler.watch(sockets)

    def read(self, timeout: float) -> Events:
        """Deliver events; while there is no tcp_probe there are none: wait for samples.

        Raises:
            TcctuiError: tcp_probe is gone; or it can't be attached, and sampling has ended.

        """
        attaching = self._attaching  # another thread may close it meanwhile
        if attaching is not None and attaching.events.done():
            self._attached(attaching.events)
        if self._events is not None:
            return self._events.read(timeout)
        if self._sampler is not None:
            self._sampler.wait(timeout)
        elif attaching is not None:
            wait([attaching.events], timeout)
        return np.empty(0, EVENT)

    def _attached(self, attached: Future[BpfSource]) -> None:
        """Go on with the events, as was asked meanwhile, or say why there are none."""
        self._attaching = None
        try:
            events = attached.result()
        except TcctuiError as error:
            if self._sampler is None:
                raise
            self.shortfall = error
            return
        self._events = events
        events.narrow(self._narrowed)
        events.focus(self._focus)
        if self._sampler is not None:
            self._sampler.pace = ON_SCREEN

    def sampled(self) -> Samples:
        """Pending samples, one part per call.

        Raises:
            TcctuiError: sampling has ended, and there are no events to go on with.

        """
        if self._sampler is None:
            return NO_SAMPLES
        try:
            return self._sampler.take()
        except TcctuiError as error:
            if self._events is None and self._attaching is None:
                raise
            self._sampler.close()
            self._sampler, self.shortfall = None, error
            return NO_SAMPLES

    def lost(self) -> int:
        """Events lost."""
        return 0 if self._events is None else self._events.lost()

    def skipped(self) -> int:
        """Events for which the kernel ran no program."""
        return 0 if self._events is None else self._events.skipped()

    def close(self) -> None:
        """Release the kernel's resources; may be called twice."""
        attaching, self._attaching = self._attaching, None
        if attaching is not None:
            attaching.close()
        if self._sampler is not None:
            self._sampler.close()
        if self._events is not None:
            self._events.close()


def open_live(
    kernel_filter: KernelFilter,
    program: Loading | TcctuiError | None,
    *,
    choice: str,
    interval_ms: float,
    max_cpu: float | None,
    at_once: bool = False,
) -> LiveSource:
    """Open the source requested by `choice` (auto, bpf or sock_diag); with auto, what is available.

    `program` is loading, or the reason why it is not. With `max_cpu` None, the interval is fixed.
    With auto and `at_once`, begin with samples: events follow once they can, since compiling takes
    longer than all that a screen needs before it has rows to show.

    Raises:
        TcctuiError: the requested source is not available; with auto, neither is.

    """

    def opened(loading: Loading) -> BpfSource:
        return BpfSource(kernel_filter, loading=loading, interval_ms=interval_ms, max_cpu=max_cpu)

    if at_once and choice == "auto" and isinstance(program, Loading):
        with contextlib.suppress(TcctuiError):
            sampler = Sampler(kernel_filter, ALONE)
            thread = ThreadPoolExecutor(1, "attach")
            attaching = Attaching(program, thread.submit(opened, program), round(interval_ms * 1e6))
            thread.shutdown(wait=False)
            return LiveSource(kernel_filter, None, sampler, attaching=attaching)
    events = None
    shortfall = program if isinstance(program, TcctuiError) else None
    if isinstance(program, Loading):
        try:
            events = opened(program)
        except TcctuiError as error:
            if choice != "auto":
                raise
            shortfall = error
    samples = None
    if choice != "bpf":
        try:
            samples = Sampler(kernel_filter, ALONE if events is None else BESIDE)
        except TcctuiError as error:
            if events is None:
                raise (shortfall or error) from error
            shortfall = error
    return LiveSource(kernel_filter, events, samples, shortfall)
