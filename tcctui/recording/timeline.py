"""Protocol of the past, in memory or in a recording."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk
from tcctui.wire.addresses import zones


class Span(NamedTuple):
    """Range of reachable moments, on the source's clock, in nanoseconds."""

    first_ns: int
    last_ns: int


@dataclass(frozen=True)
class Origin:
    """Origin of chunks: a recording's schema metadata.

    `description` is the source's, as the status line has it (`tcp_probe + sock_diag · 6.12.0`);
    `kernel` is uname's release, `version` tcctui's, `tracepoint` the text of tcp_probe's `format`
    (empty without it). `interval_ns` is the time one event of a flow may stand for.
    `interfaces` are those of link-local addresses, as far as they were known (`2=eth0 3=wlan0`).
    `inside` is 1 if there is what was read of sockets and their algorithms. `imported` is the
    format that it was made of (`pcap`, `tcp-info`, `qlog`), empty where tcctui recorded it.
    `wall_offset_ns` added to a moment (CLOCK_MONOTONIC) gives nanoseconds since 1970, UTC. Until
    `live_from_ns` it is of the past: it was kept, and comes at once; 0 where nothing was.
    """

    host: str
    description: str = ""
    kernel: str = ""
    kernel_filter: str = ""
    interval_ns: int = 0
    wall_offset_ns: int = 0
    version: str = ""
    tracepoint: str = ""
    interfaces: str = ""
    live_from_ns: int = 0
    inside: int = 0
    imported: str = ""

    @property
    def has_cwnd(self) -> bool:
        """False where no event has a cwnd: packets don't carry it."""
        return self.imported != "pcap"

    def named(self) -> Origin:
        """The same with all interfaces whose names are known by now."""
        names = dict(one.partition("=")[::2] for one in self.interfaces.split())
        names |= {str(index): name for index, name in zones().items()}
        return replace(self, interfaces=" ".join(map("=".join, names.items())))


_MOVED_NS = 50_000_000
"""Nanoseconds that the time of day has moved at least: less is slewing, or the measurement's."""

_MOST = 1000
"""Number of such moves that are remembered."""


class WallClock:
    """Nanoseconds since 1970 of moments on the clock of events (CLOCK_MONOTONIC).

    That clock stands still while the machine sleeps, and whoever sets the time of day does not move
    it: `follow` measures anew how far they are apart. A moment has the time of day that was right
    when it happened, as far as `follow` was called then: `at` takes the newest measurement that is
    not later. `measured` gives a moment and its time of day; without it, as of a recording,
    `offset_ns` holds for all moments, 0 is unknown. Used by any thread, followed by one.
    """

    def __init__(
        self, offset_ns: int = 0, measured: Callable[[], tuple[int, int]] | None = None
    ) -> None:
        self._steps = [(0, offset_ns)]  # from which moment on it is how much
        self._measured = measured

    def follow(self) -> None:
        """Measure anew."""
        if self._measured is None:
            return
        now_ns, wall_ns = self._measured()
        offset_ns = wall_ns - now_ns
        if abs(offset_ns - self._steps[-1][1]) >= _MOVED_NS:
            self._steps = [*self._steps[1 - _MOST :], (now_ns, offset_ns)]

    def offset_ns(self, moment_ns: int) -> int:
        """Nanoseconds to add to a moment; 0 if unknown."""
        steps = self._steps
        return steps[max(0, bisect_right(steps, moment_ns, key=lambda step: step[0]) - 1)][1]

    def at(self, moment_ns: int) -> int:
        """Nanoseconds since 1970 of a moment; 0 if unknown."""
        offset_ns = self.offset_ns(moment_ns)
        return moment_ns + offset_ns if offset_ns else 0


class Timeline(Protocol):
    """Consecutive chunks. All methods may be called from any thread."""

    @property
    def span(self) -> Span:
        """Current first and last moment."""

    @property
    def origin(self) -> Origin:
        """Origin of the chunks: host, kernel, source, clock."""

    def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
        """Newest keyframe at or before `at_ns`, and its moment; None without one.

        Raises:
            TcctuiError: it can't be read any more.

        """

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Chunks that end after `after_ns` and begin at or before `until_ns`, in order.

        With `cookies`, only records of these flows, or without a cookie. Keyframes may be left out.

        Raises:
            TcctuiError: they can't be read any more.

        """
