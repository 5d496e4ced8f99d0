"""What the dashboard and `trace` read: live from the kernel, or anything that looks like it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from tcctui.errors import TcctuiError
from tcctui.wire.events import Events
from tcctui.wire.samples import Samples

if TYPE_CHECKING:
    from tcctui.query import Query


class EventSource(Protocol):
    """Where events come from. Read by one thread."""

    @property
    def description(self) -> str:
        """What it is, in the status line's words: `tcp_probe · 6.12.0`."""

    @property
    def kernel_filter(self) -> str:
        """The part of the filter that runs before events are delivered; empty if there is none."""

    @property
    def kernel_exact(self) -> bool:
        """Whether that is all of what was asked for: else some of the filter is left to do."""

    @property
    def can_narrow(self) -> bool:
        """Whether `narrow` changes anything."""

    def narrow(self, query: Query | None) -> None:
        """Deliver nothing more of flows that can't match this, as far as addresses tell.

        With None, deliver again what the source delivered when it was opened. From any thread.
        """

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that one event of a flow may stand for; 0 where every ACK has its own."""

    def focus(self, cookies: Iterable[int]) -> None:
        """Ask for every ACK of these flows."""

    def now_ns(self) -> int:
        """The source's clock, in nanoseconds: the one that its events' `ts_ns` are from."""

    def read(self, timeout: float) -> Events:
        """Deliver what has come, oldest first; wait up to `timeout` seconds for more.

        Raises:
            TcctuiError: the source is gone; it delivers nothing more.

        """

    def lost(self) -> int:
        """Events that happened and could not be delivered, since the source was opened."""

    def skipped(self) -> int:
        """Events of any flow that the kernel ran no program for, since the source was opened."""

    def close(self) -> None:
        """Give back what the source holds of the kernel; may be called twice."""


class Source(EventSource, Protocol):
    """Events and samples; the screen can't tell one source from another."""

    @property
    def shortfall(self) -> TcctuiError | None:
        """Why it gives less than it could; its mend is the command that gives all."""

    def watch(self, sockets: npt.NDArray[np.void]) -> None:
        """Ask for samples of these sockets (of dtype `SOCKET`) several times a second."""

    def sampled(self) -> Samples:
        """Give what has been sampled, a part at a time, oldest first; empty if there is no more."""
