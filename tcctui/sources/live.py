"""Live source: tcp_probe's events with sock_diag's samples, or samples alone."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import Records
from tcctui.errors import SocketsUnreadError, TcctuiError
from tcctui.source import TracingSource
from tcctui.sources import kernel_clock
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.links import Links
from tcctui.sources.reconnections import Reconnections, cookies_of
from tcctui.sources.sock_diag.sampling import Pace, Sampler
from tcctui.wire.events import EVENT, Events
from tcctui.wire.inside import EVERYTHING, NO_INSIDES, Asked, Insides
from tcctui.wire.samples import NO_SAMPLES, Samples

if TYPE_CHECKING:
    from tcctui.query import Query
    from tcctui.sources.kernel.bpf_source import BpfSource
    from tcctui.sources.kernel.program import AnyLoading
    from tcctui.sources.own_queue import Ends, OwnQueues
    from tcctui.sources.sock_diag.surroundings import Surroundings
    from tcctui.wire.own_queue import OwnQueue

BESIDE, ALONE = Pace(0.25), Pace(0.1)
"""Pace of samples beside tcp_probe, which tells most, and without it."""

ON_SCREEN = Pace(0.5, share=1000)
"""The same as `BESIDE` for a screen, which is no faster."""


_SHOWN = 0.02
"""Seconds in which what was read first is painted."""


class Attaching:
    """tcp_probe's events, which follow the first samples, with the interval that they will have.

    `load` starts to load the program, and `opened` makes the source of it; both are called in a
    thread of their own, from `begin` on.
    """

    def __init__(
        self,
        load: Callable[[], AnyLoading],
        opened: Callable[[AnyLoading], BpfSource],
        interval_ns: int,
    ) -> None:
        self._load, self._opened = load, opened
        self.interval_ns = interval_ns
        self.events: Future[BpfSource] | None = None
        """Their source, or the reason why there is none; None before `begin`."""
        self._loading: AnyLoading | None = None
        self._over = False

    def begin(self) -> Future[BpfSource]:
        """Begin with it, unless that was done."""
        if self.events is None:
            thread = ThreadPoolExecutor(1, "attach")
            self.events = thread.submit(self._attach)
            thread.shutdown(wait=False)
        return self.events

    def close(self) -> None:
        """End it, however far it is."""
        self._over = True
        if self._loading is not None:
            self._loading.abandon()
        if self.events is not None and self.events.exception() is None:
            self.events.result().close()

    def _attach(self) -> BpfSource:
        self._loading = self._load()
        if self._over:
            self._loading.abandon()
        return self._opened(self._loading)


class LiveSource:
    """Reads `events` and samples, as available.

    Events that are still `attaching` follow later; until then there are samples. They are begun
    with behind the second read, which is short: what the first one gave is shown before them, as
    imports and the interpreter's part of loading take its lock. `shortfall` is the reason for
    reduced detail.
    """

    def __init__(
        self,
        kernel_filter: KernelFilter,
        events: TracingSource | None,
        sampler: Sampler | None,
        shortfall: TcctuiError | None = None,
        attaching: Attaching | None = None,
    ) -> None:
        self._events = events
        self._sampler = sampler
        self._attaching = attaching
        self._own = self._filter = kernel_filter
        self._focus: list[int] = []
        self._asked = self._searched = Asked.NOTHING
        self._narrowed: Query | None = None
        self._read_before = False
        self._own_queues: OwnQueues | None = None
        self._connections, self._links = Reconnections(), Links()
        self.shortfall = shortfall
        self._look_for_inside()

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

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """Sample the listeners or half-open connections that a search names; from any thread.

        With `half_open`, count those of each listener that is sampled. What a search names that
        only sockets themselves tell is read of them.
        """
        self._searched = KernelFilter().naming(query.text).inside
        self.look_inside(self._asked)
        sampler = self._sampler  # the reading thread may drop it meanwhile
        if sampler is not None:
            sampler.look_for(query, half_open=half_open)

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that one event of a flow may stand for."""
        events = self._events or self._attaching
        return 0 if events is None else events.interval_ns

    def now_ns(self) -> int:
        """Time of `kernel_clock`."""
        return kernel_clock.now_ns()

    def focus(self, cookies: Iterable[int]) -> None:
        """Ask for these flows in all the detail that a chart shows."""
        self._focus = cookies_of(np.array(list(cookies), "u8")).tolist()
        if self._events is not None:
            self._events.focus(self._focus)

    def look_inside(self, asked: Asked) -> bool:
        """Change what is read of sockets; True while it is not known yet if anything can be."""
        self._asked = asked
        if self._events is None:
            return self.attaching
        return self._events.look_inside(asked | self._searched)

    def inside(self) -> Insides:
        """Give what was read of sockets with the events of the last `read`."""
        if self._events is None:
            return NO_INSIDES
        insides = self._events.inside()
        return insides if insides is NO_INSIDES else self._connections.of_insides(insides)

    def watch(self, sockets: Records) -> None:
        """Ask for samples of these sockets several times a second."""
        sampler = self._sampler  # the reading thread may drop it meanwhile
        if sampler is not None:
            asked = sockets.copy()
            asked["sock_cookie"] = cookies_of(sockets["sock_cookie"])
            sampler.watch(asked)

    def own_queue(self, netns: int, ends: Ends | None, bound: int = 0) -> OwnQueue | None:
        """Queue on the way to an address; see `Source`."""
        if ends is None:
            if self._own_queues is not None:
                self._own_queues.close()
            return None
        if self._own_queues is None:
            from tcctui.sources.own_queue import OwnQueues  # noqa: PLC0415 - for the details alone

            self._own_queues = OwnQueues(self._open_route)
        queue = self._own_queues.of(netns, ends, bound)
        if queue is None or self._events is None or not self._focus:
            return queue
        return queue._replace(own=self._events.queue_wait(self._focus[0]))

    def _open_route(self, netns: int) -> socket.socket:
        sampler = self._sampler  # the reading thread may drop it meanwhile
        if sampler is None:
            raise FileNotFoundError("no namespaces are known without samples")
        return sampler.open_route(netns)

    def sample_all(self) -> None:
        """Ask for one more sample of every socket, at once."""
        sampler = self._sampler  # the reading thread may drop it meanwhile
        if sampler is not None:
            sampler.sample_all()

    @property
    def all_sampled_ns(self) -> int:
        """Time since which every socket has been sampled on request; the present without samples.

        Once it is told, those samples wait in `sampled`.
        """
        sampler = self._sampler
        return self.now_ns() if sampler is None else sampler.all_sampled_ns

    def read(self, timeout: float) -> Events:
        """Deliver events; while there is no tcp_probe there are none: wait for samples.

        Raises:
            TcctuiError: tcp_probe is gone; or it can't be attached, and sampling has ended.

        """
        attaching = self._attaching  # another thread may close it meanwhile
        if attaching is not None and attaching.events is not None and attaching.events.done():
            self._attached(attaching.events)
        if self._events is not None:
            events = self._events.read(timeout)
            self._links.see(events)
            return self._connections.of_events(events)
        sampler = self._sampler
        if sampler is None:
            if attaching is not None:
                wait([attaching.begin()], timeout)
        elif attaching is None or attaching.events is not None or not self._read_before:
            sampler.wait(timeout)
        else:
            sampler.wait(min(timeout, _SHOWN))
            attaching.begin()
        self._read_before = True
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
        self.look_inside(self._asked)
        self._look_for_inside()
        if self._sampler is not None:
            self._sampler.pace = ON_SCREEN

    def _look_for_inside(self) -> None:
        """Make it a shortfall that sockets themselves can't be read, where all were asked for."""
        asked = EVERYTHING in self._own.inside
        if asked and self.shortfall is None and not self.look_inside(self._asked):
            self.shortfall = SocketsUnreadError()

    def sampled(self) -> Samples:
        """Pending samples, one part per call.

        Raises:
            TcctuiError: sampling has ended, and there are no events to go on with.

        """
        if len(ended := self._connections.ended()):
            return ended
        if self._sampler is None:
            return NO_SAMPLES
        if self.shortfall is None and self._sampler.left_out:
            self.shortfall = TcctuiError(
                f"{self._sampler.left_out:,} network namespaces are not read: there are too many.",
                "Run: ip netns exec NAME tcctui",
            )
        try:
            return self._connections.of_samples(self._links.agreed(self._sampler.take()))
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
        if self._own_queues is not None:
            self._own_queues.close()
        if self._sampler is not None:
            self._sampler.close()
        if self._events is not None:
            self._events.close()


def open_live(
    kernel_filter: KernelFilter,
    program: Callable[[], AnyLoading] | AnyLoading | TcctuiError | None,
    *,
    choice: str,
    interval_ms: float,
    max_cpu: float | None,
    around: Surroundings | None = None,
    pace: Pace | None = None,
) -> LiveSource:
    """Open the source requested by `choice` (auto, bpf or sock_diag); with auto, what is available.

    `program` is loading, or the reason why it is not. With `max_cpu` None, the interval is fixed.
    `around` is what samples can see of processes and namespaces, by default what this process can.
    `pace` is that of samples, by default `BESIDE` or `ALONE`.
    A function starts to load it: with auto, once there are samples, as loading takes longer than
    all that a screen needs before it has rows to show.

    Raises:
        TcctuiError: the requested source is not available; with auto, neither is.

    """

    def opened(loading: AnyLoading) -> BpfSource:
        from tcctui.sources.kernel.bpf_source import BpfSource  # noqa: PLC0415 - behind samples

        return BpfSource(kernel_filter, loading=loading, interval_ms=interval_ms, max_cpu=max_cpu)

    if callable(program) and choice == "auto":
        with contextlib.suppress(TcctuiError):
            sampler = Sampler(kernel_filter, ALONE, around=around)
            attaching = Attaching(program, opened, round(interval_ms * 1e6))
            return LiveSource(kernel_filter, None, sampler, attaching=attaching)
    events = None
    shortfall = program if isinstance(program, TcctuiError) else None
    if program is not None and not isinstance(program, TcctuiError):
        try:
            events = opened(program() if callable(program) else program)
        except TcctuiError as error:
            if choice != "auto":
                raise
            shortfall = error
    samples = None
    if choice != "bpf":
        try:
            usual = ALONE if events is None else BESIDE
            samples = Sampler(kernel_filter, pace or usual, around=around)
        except TcctuiError as error:
            if events is None:
                raise (shortfall or error) from error
            shortfall = error
    return LiveSource(kernel_filter, events, samples, shortfall)
