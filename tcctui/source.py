"""Protocol of event sources: the kernel, a recording or a pipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from tcctui.arrays import Records
from tcctui.errors import TcctuiError
from tcctui.wire.events import Events
from tcctui.wire.inside import Asked, Insides
from tcctui.wire.samples import Samples

if TYPE_CHECKING:
    from tcctui.query import Query
    from tcctui.wire.own_queue import OwnQueue, OwnWait


class EventSource(Protocol):
    """Source of events, read by one thread."""

    @property
    def description(self) -> str:
        """Name for the status line: `tcp_probe · 6.12.0`."""

    @property
    def kernel_filter(self) -> str:
        """Part of the filter that runs before events are delivered; empty if there is none."""

    @property
    def kernel_exact(self) -> bool:
        """True if `kernel_filter` is the whole filter."""

    @property
    def can_narrow(self) -> bool:
        """True if `narrow` has an effect."""

    def narrow(self, query: Query | None) -> None:
        """Stop delivering flows that can't match the query by their addresses.

        None restores the filter from the time of opening. From any thread.
        """

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that one event of a flow may stand for; 0 if every ACK has its own."""

    def focus(self, cookies: Iterable[int]) -> None:
        """Ask for these flows in all the detail that a chart shows."""

    def now_ns(self) -> int:
        """Current time on the source's clock in nanoseconds, the clock of its events' `ts_ns`."""

    def read(self, timeout: float) -> Events:
        """Deliver pending events, oldest first; wait up to `timeout` seconds for more.

        Raises:
            TcctuiError: the source is gone and delivers nothing more.

        """

    def sampled(self) -> Samples:
        """Give what has been sampled, a part at a time, oldest first; empty if there is no more."""

    def look_inside(self, asked: Asked) -> bool:
        """Change what is read of sockets beside their events; False if nothing can be.

        It is of the flows in focus, or of all. From any thread.
        """

    def inside(self) -> Insides:
        """Give what was read of sockets with the events of the last `read`; see `Batch`."""

    def lost(self) -> int:
        """Events lost since the source was opened."""

    def skipped(self) -> int:
        """Events of any flow for which the kernel ran no program, since the source was opened."""

    def close(self) -> None:
        """Release the kernel's resources; may be called twice."""


class TracingSource(EventSource, Protocol):
    """Events of tracepoints, whose programs count what leaves queues, too."""

    def queue_wait(self, cookie: int) -> OwnWait | None:
        """Time that a flow in focus waits in queues of this machine, while that is asked for."""


class Source(EventSource, Protocol):
    """Samples that can be asked for, too; the screen can't tell one source from another."""

    @property
    def shortfall(self) -> TcctuiError | None:
        """Reason for reduced detail; its `mend` is the command that gives all."""

    @property
    def attaching(self) -> bool:
        """True while there are samples alone, and events follow soon."""

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """Have rows for listeners or half-open connections while a search names their states.

        With `half_open`, a column shows the number of half-open connections of each listener.
        """

    def watch(self, sockets: Records) -> None:
        """Ask for samples of these sockets (of dtype `SOCKET`) several times a second."""

    def own_queue(
        self, netns: int, ends: tuple[tuple[int, int], tuple[int, int]] | None, bound: int = 0
    ) -> OwnQueue | None:
        """Queue of this machine that a connection leaves by; None where there is none, or unknown.

        `netns` is its network namespace, `ends` its own address and the peer's, each two halves,
        `bound` the index of the device that its socket is bound to, or 0. It is the first flow in
        focus, whose own waits are told while `Asked.QUEUE` is asked for. That of another namespace
        than this process's is known a moment later. With `ends` None no queue is shown any more:
        what is open for it is closed. In any one thread.
        """

    def sample_all(self) -> None:
        """Ask for one more sample of every socket, at once."""

    @property
    def all_sampled_ns(self) -> int:
        """Time since which every socket that was asked for so has been sampled; 0 before."""
