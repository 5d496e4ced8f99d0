"""Recording in a thread of its own: reading the kernel must not wait for a disk, or for ssh."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from tcctui.errors import TcctuiError
from tcctui.recording.chunks import Chunk

ROOM = 64 << 20
"""Limit on waiting chunks in bytes: two and a half seconds at 200,000 events a second."""

_LAST = 0.5
"""Seconds allowed for a write after giving up."""

_PATIENCE = 1.0
"""Seconds that `leave` waits for a target that takes nothing."""

_FRAME = 256
"""Bytes of a chunk without its records: that of an idle second waits for a stuck target, too."""


class Writer(Protocol):
    """Writes chunks: `RecordingWriter`, or `RollingWriter`."""

    @property
    def events(self) -> int:
        """Events written."""

    @property
    def nbytes(self) -> int:
        """Bytes written."""

    @property
    def taken(self) -> int:
        """Bytes that the target has taken, of incomplete chunks too."""

    def write(self, chunk: Chunk) -> None:
        """Write a chunk. Raises TcctuiError."""

    def close(self) -> None:
        """End what is written. Raises TcctuiError."""


class RecordingThread:
    """Writes chunks in a thread of its own, in order, and finally closes the writer.

    What it fails with is raised where the next chunk is to be written, or by `close`.
    After that nothing more is written. Instead of a writer, a function may be given that makes it
    in that thread, as opening a FIFO waits for its reader.
    """

    def __init__(self, writer: Writer | Callable[[], Writer], room: int = ROOM) -> None:
        self.writer: Writer | None = None if callable(writer) else writer
        """The writer, once it is there."""
        self._make = writer
        self._room = room
        self._waiting: deque[Chunk] = deque()
        self._nbytes = 0
        self.offered = 0
        """Number of events that were to be written."""
        self._ending = self._given_up = self._over = self._told = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._progress = time.monotonic(), 0
        threading.Thread(target=self._run, name="recording", daemon=True).start()

    def write(self, chunk: Chunk) -> None:
        """Queue a chunk; waits only if more than `room` bytes are queued already.

        Raises:
            TcctuiError: an earlier one could not be written; see `RecordingWriter.write`.

        """
        with self._changed:
            self._changed.wait_for(lambda: self._nbytes <= self._room or self._over)
            self._queue(chunk)

    def offer(self, chunk: Chunk) -> None:
        """Queue a chunk without waiting; if more than `room` bytes are queued, recording ends.

        Raises:
            TcctuiError: an earlier one could not be written, or there is no room.

        """
        with self._changed:
            if self._nbytes > self._room and self._failure is None:
                self._given_up = self._ending = True
                self._failure = TcctuiError(
                    f"The recording's target took nothing for {self.stalled_s:.0f} s.",
                    "Record to another place.",
                )
            self._queue(chunk)

    def _queue(self, chunk: Chunk) -> None:
        self.offered += len(chunk.events)
        if self._failure is not None:
            self._told = True
            raise self._failure
        if self._over:
            raise TcctuiError("The recording has ended.")
        self._waiting.append(chunk)
        self._nbytes += _size(chunk)
        self._changed.notify_all()

    def begun(self, timeout: float) -> None:
        """Wait some seconds for the writer.

        Raises:
            TcctuiError: it can't be made.

        """
        with self._changed:
            self._changed.wait_for(lambda: self.writer is not None or self._over, timeout)
            if self._failure is not None:
                self._told = True
                raise self._failure

    @property
    def failed(self) -> bool:
        """True after a failed write, which `write` or `close` reports once."""
        return self._failure is not None

    @property
    def full(self) -> bool:
        """True while more than `room` bytes are queued."""
        return self._nbytes > self._room

    @property
    def stalled_s(self) -> float:
        """Seconds for which the target has taken nothing, though something waits; 0 without."""
        taken = 0 if self.writer is None else self.writer.taken
        at, before = self._progress
        if taken != before or not (self._nbytes or self.writer is None):
            self._progress = time.monotonic(), taken
            return 0.0
        return time.monotonic() - at

    @property
    def unwritten(self) -> int:
        """Number of events offered that are not in the recording."""
        return self.offered - (0 if self.writer is None else self.writer.events)

    def close(self) -> None:
        """Wait until everything is written, and end the recording; may be called twice.

        Raises:
            TcctuiError: a chunk could not be written, and no call has raised it yet.

        """
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            # A signal that comes just before a wait is not handled until that ends.
            while not self._changed.wait_for(lambda: self._over, _LAST / 2):
                pass
        self._raise()

    def leave(self) -> None:
        """End the recording; waits only for a target that takes something each second.

        Raises:
            TcctuiError: a chunk could not be written, and no call has raised it yet.

        """
        begun = time.monotonic()
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            while not self._changed.wait_for(lambda: self._over, _LAST / 2):
                if min(self.stalled_s, time.monotonic() - begun) >= _PATIENCE:
                    self._given_up = True
                    break
        self._raise()

    def _raise(self) -> None:
        if self._failure is not None and not self._told:
            self._told = True
            raise self._failure

    def give_up(self) -> None:
        """End without waiting: a blocked target keeps what it has."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._over, _LAST)
            self._given_up = True

    def _run(self) -> None:
        writer = self.writer
        try:
            if callable(self._make):
                writer = self._make()
                with self._changed:
                    self.writer = writer
                    self._changed.notify_all()
            assert writer is not None
            while (chunk := self._next()) is not None:
                writer.write(chunk)
                with self._changed:
                    self._nbytes -= _size(chunk)
                    self._changed.notify_all()
        except BaseException as error:  # raised to the caller of the next `write`
            self._failure = self._failure or error
        finally:
            try:
                if not self._given_up and writer is not None:
                    writer.close()
            except TcctuiError as error:  # the file was deleted or replaced
                self._failure = self._failure or error
            finally:
                with self._changed:
                    self._over = True
                    self._waiting.clear()
                    self._changed.notify_all()

    def _next(self) -> Chunk | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            return self._waiting.popleft() if self._waiting and not self._given_up else None


def _size(chunk: Chunk) -> int:
    parts = chunk.events, chunk.samples, *chunk.insides
    return _FRAME + sum(part.nbytes for part in parts) + len(chunk.keyframe)
