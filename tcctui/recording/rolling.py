"""The last minutes as files of a directory: the newest is written, the oldest is removed for it.

Each file is a recording of its own, so that a reader needs no writer: see `last_minutes`.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.recording.chunks import Chunk
from tcctui.recording.rolling_files import begin_ns, boot, is_name, named
from tcctui.recording.timeline import Origin
from tcctui.recording.writer import RecordingWriter

_PARTS = 8
"""Files that the whole is cut into: one of so many is removed at once."""

_AGAIN_NS = 30_000_000_000
"""Nanoseconds after which a directory that could not be written is tried again."""


class _Part(NamedTuple):
    """A file that is written no more."""

    path: Path
    begin_ns: int
    nbytes: int


class RollingWriter:
    """Writes chunks to files of a directory, at most `most_bytes`, and `most_ns` and an eighth.

    `origin` is asked for at the beginning of each file. Where the directory can't be written,
    chunks are dropped, which `troubles` tells once, until it can.

    Raises:
        TcctuiError: the directory can't be made or read.

    """

    def __init__(
        self, directory: Path, origin: Callable[[], Origin], most_ns: int, most_bytes: int
    ) -> None:
        self._directory, self._origin = directory, origin
        self._most_ns, self._most_bytes = most_ns, most_bytes
        self._boot = boot()
        self._parts: deque[_Part] = deque(self._found())
        self._writer: RecordingWriter | None = None
        self._begin_ns = self._again_ns = 0
        self._failing = False
        self._troubles: list[str] = []
        self.events = 0
        """Events written."""
        self.nbytes = 0
        """Bytes written."""

    @property
    def taken(self) -> int:
        """Bytes written, those of an incomplete chunk too."""
        writer = self._writer
        return self.nbytes + (0 if writer is None else writer.taken - writer.nbytes)

    def write(self, chunk: Chunk) -> None:
        """Write a chunk, and remove files that are too old or too much."""
        if self._writer is None and chunk.end_ns < self._again_ns:
            return
        try:
            self._write(chunk)
        except TcctuiError as error:
            self._again_ns = chunk.end_ns + _AGAIN_NS
            self._end()
            if not self._failing:
                self._failing = True
                self._troubles.append(f"{error.reason} The last minutes are not kept meanwhile.")
            return
        if self._failing:
            self._failing = False
            self._troubles.append(f"{self._directory} can be written again.")
        self._make_room(chunk.end_ns)

    def close(self) -> None:
        """End the newest file; may be called twice."""
        self._end()

    def troubles(self) -> list[str]:
        """New errors since the last call, a sentence each."""
        troubles, self._troubles = self._troubles, []
        return troubles

    def _write(self, chunk: Chunk) -> None:
        if self._writer is None:
            self._begin_ns = chunk.begin_ns
            path = self._directory / named(self._boot, chunk.begin_ns)
            self._writer = RecordingWriter(path, self._origin(), force=True)
        before = self._writer.nbytes
        self._writer.write(chunk)
        self.nbytes += self._writer.nbytes - before
        self.events += len(chunk.events)
        long = chunk.end_ns - self._begin_ns >= self._most_ns // _PARTS
        if long or self._writer.nbytes >= self._most_bytes // _PARTS:
            self._end()

    def _end(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None or writer.path is None:
            return
        with contextlib.suppress(TcctuiError):  # it was deleted
            writer.close()
        self._parts.append(_Part(writer.path, self._begin_ns, writer.nbytes))

    def _make_room(self, now_ns: int) -> None:
        parts = self._parts
        held = sum(part.nbytes for part in parts)
        newest = 0 if self._writer is None else self._writer.nbytes
        while parts:
            until_ns = parts[1].begin_ns if len(parts) > 1 else self._begin_ns
            old = len(parts) + bool(self._writer) > 1 and until_ns <= now_ns - self._most_ns
            if not old and held + newest <= self._most_bytes:
                break
            part = parts.popleft()
            held -= part.nbytes
            self._remove(part.path)

    def _found(self) -> Iterator[_Part]:
        """Files of this boot that an earlier writer left, in order; all others are removed."""
        try:
            disk().makedirs(self._directory)
            names = disk().names(self._directory)
        except OSError as error:
            raise TcctuiError(
                f"{self._directory} can't be used: {error.strerror}.",
                "Let this user write there, or leave out --rewind.",
            ) from error
        for name in names:
            path = self._directory / name
            if name.startswith(self._boot) and is_name(name):
                with contextlib.suppress(OSError):
                    yield _Part(path, begin_ns(name), disk().lstat(path).st_size)
            elif name.endswith(".part") or is_name(name):
                self._remove(path)

    def _remove(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            disk().unlink(path)
