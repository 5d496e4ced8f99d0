"""Idle seconds of a recording merged: each batch has 7 kB of overhead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tcctui.recording.chunks import Chunk

LONGEST_NS = 5_000_000_000
"""Nanoseconds that a chunk may begin before its first record."""


class IdleChunks:
    """Holds back empty chunks, and lets the next one begin where they did."""

    def __init__(self, write: Callable[[Chunk], None]) -> None:
        self._write = write
        self._held: Chunk | None = None

    def write(self, chunk: Chunk) -> None:
        """Write a chunk, or hold it back."""
        if self._held is not None:
            chunk = replace(chunk, begin_ns=self._held.begin_ns)
        self._held = None
        long = chunk.end_ns - chunk.begin_ns >= LONGEST_NS
        if long or len(chunk.events) or len(chunk.samples) or chunk.keyframe:
            self._write(chunk)
        else:
            self._held = chunk

    def flush(self) -> None:
        """Write the chunk held back, which marks the end of the idle time."""
        held, self._held = self._held, None
        if held is not None:
            self._write(held)
