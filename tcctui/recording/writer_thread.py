"""Recording in a thread of its own: reading the kernel must not wait for a disk, or for ssh."""

from __future__ import annotations

import threading
from collections import deque

from tcctui.errors import TcctuiError
from tcctui.recording.chunks import Chunk
from tcctui.recording.writer import RecordingWriter

ROOM = 64 << 20
"""Limit on waiting chunks in bytes: two and a half seconds at 200,000 events a second."""

_LAST = 0.5
"""Seconds allowed for a write after giving up."""


class RecordingThread:
    """Writes chunks in a thread of its own, in order, and finally closes the writer.

    What it fails with is raised where the next chunk is to be written, or by `close`.
    After that nothing more is written.
    """

    def __init__(self, writer: RecordingWriter, room: int = ROOM) -> None:
        self._writer = writer
        self._room = room
        self._waiting: deque[Chunk] = deque()
        self._nbytes = 0
        self._ending = self._given_up = self._over = self._told = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="recording", daemon=True).start()

    def write(self, chunk: Chunk) -> None:
        """Queue a chunk; waits only if more than `room` bytes are queued already.

        Raises:
            TcctuiError: an earlier one could not be written; see `RecordingWriter.write`.

        """
        with self._changed:
            self._changed.wait_for(lambda: self._nbytes <= self._room or self._over)
            if self._failure is not None:
                self._told = True
                raise self._failure
            if self._over:
                raise TcctuiError("The recording has ended.")
            self._waiting.append(chunk)
            self._nbytes += _size(chunk)
            self._changed.notify_all()

    @property
    def failed(self) -> bool:
        """True after a failed write, which `write` or `close` reports once."""
        return self._failure is not None

    def close(self) -> None:
        """Wait until everything is written, and end the recording; may be called twice.

        Raises:
            TcctuiError: a chunk could not be written, and no call has raised it yet.

        """
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._over)
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
        try:
            while (chunk := self._next()) is not None:
                self._writer.write(chunk)
                with self._changed:
                    self._nbytes -= _size(chunk)
                    self._changed.notify_all()
        except BaseException as error:  # raised to the caller of the next `write`
            self._failure = error
        finally:
            try:
                if not self._given_up:
                    self._writer.close()
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
    return chunk.events.nbytes + chunk.samples.nbytes + len(chunk.keyframe)
