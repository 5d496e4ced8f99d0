"""The host's last minutes, kept by its agent in files: nothing of them is sent."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError
from tcctui.recording.chunks import Chunker
from tcctui.recording.origin import live_origin
from tcctui.recording.rolling import RollingWriter
from tcctui.recording.writer_thread import RecordingThread
from tcctui.source import Source
from tcctui.wire.batch import Batch

ROOM = 8 << 20
"""Bytes of chunks that wait for a slow disk; more are dropped."""


class Rewind(NamedTuple):
    """Limits on what is kept: nanoseconds and bytes, and the directory."""

    directory: Path
    most_ns: int
    most_bytes: int


class Rewinding:
    """Sink that keeps all batches of a source; `close` ends it.

    Raises:
        TcctuiError: the directory can't be used, or pyarrow is missing.

    """

    def __init__(self, source: Source, rewind: Rewind) -> None:
        self._source = source
        self._files = RollingWriter(
            *(rewind.directory, lambda: live_origin(source)),
            *(rewind.most_ns, rewind.most_bytes),
        )
        self._thread = RecordingThread(self._files, ROOM)
        self._chunker = Chunker(source.now_ns())
        self._dropping = False
        self._troubles: list[str] = []

    def take(self, batch: Batch) -> None:
        """Take in a batch, and keep what there is about each second."""
        self._chunker.add(batch.events, batch.samples)
        if not self._chunker.due(batch.now_ns):
            return
        made = self._chunker.cut(batch.now_ns, self._source.lost(), self._source.skipped())
        if self._thread.full:
            if not self._dropping:
                self._troubles.append(
                    "The disk is too slow for the last minutes: some is left out."
                )
            self._dropping = True
            return
        self._dropping = False
        self._thread.write(made())

    def troubles(self) -> list[str]:
        """New errors since the last call, a sentence each."""
        troubles, self._troubles = self._troubles, []
        return troubles + self._files.troubles()

    def close(self) -> None:
        """Write what is left, unless the disk takes nothing."""
        made = self._chunker.cut(self._source.now_ns(), self._source.lost(), self._source.skipped())
        with contextlib.suppress(TcctuiError):
            if not self._thread.full:
                self._thread.write(made())
            self._thread.leave()
