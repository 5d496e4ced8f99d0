"""The past as whoever shows it needs it: kept in memory, or in a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk


class Span(NamedTuple):
    """The moments that one can go to, on the source's clock, in nanoseconds."""

    first_ns: int
    last_ns: int


@dataclass(frozen=True)
class Origin:
    """Where chunks come from: what a recording says of itself in its schema's metadata.

    `description` is the source's, as the status line has it (`tcp_probe + sock_diag · 6.12.0`);
    `kernel` is uname's release, `version` tcctui's, `tracepoint` the text of tcp_probe's `format`
    (empty without it). `interval_ns` is what one event of a flow may stand for. `wall_offset_ns`
    added to a moment (CLOCK_MONOTONIC) gives nanoseconds since 1970, UTC.
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
    """Chunks that follow one another. All methods may be called from any thread."""

    @property
    def span(self) -> Span:
        """From where to where it goes now."""

    @property
    def origin(self) -> Origin:
        """Where it was recorded, and how."""

    def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
        """Give the newest keyframe from `at_ns` or before, and its moment; None without one.

        Raises:
            TcctuiError: it can't be read any more.

        """

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Give the chunks that end after `after_ns` and begin at `until_ns` or before, in order.

        With `cookies`, only what is of these flows, or says of none whose it is. Keyframes may be
        left out.

        Raises:
            TcctuiError: they can't be read any more.

        """
