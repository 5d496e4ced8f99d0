"""Protocol of the past, in memory or in a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk


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
    `wall_offset_ns` added to a moment (CLOCK_MONOTONIC) gives nanoseconds since 1970, UTC.
    """

    host: str
    description: str = ""
    kernel: str = ""
    kernel_filter: str = ""
    interval_ns: int = 0
    wall_offset_ns: int = 0
    version: str = ""
    tracepoint: str = ""


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
