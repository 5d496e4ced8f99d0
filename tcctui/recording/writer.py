"""Writer of recordings: a file that stays readable whatever happens, or a pipe."""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.errors import PipeClosedError, TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import NewFile
from tcctui.recording.chunks import Chunk
from tcctui.recording.file_index import IndexWriter
from tcctui.recording.ipc_frames import END, Note
from tcctui.recording.location import opened, standard_output
from tcctui.recording.timeline import Origin

if TYPE_CHECKING:
    from tcctui.recording.arrow import Encoder


_PIECE = 1 << 16
"""Bytes written at a time, so that a slow target is seen to take something."""


def require_pyarrow() -> None:
    """Require pyarrow, which reads and writes recordings.

    Raises:
        TcctuiError: it is missing, or can't be loaded.

    """
    from tcctui.recording import arrow  # noqa: F401, PLC0415 - 100 ms that few need


class RecordingWriter:
    """Writes chunks to a new file, or to a pipe; a chunk is with the kernel when `write` returns.

    `path` may also be a FIFO or a device; None is standard output. A new file gets its name once
    its head is written; see `NewFile` about an existing one.

    Raises:
        TcctuiError: it can't be written there, or pyarrow is missing.

    """

    def __init__(self, path: Path | None, origin: Origin, *, force: bool = False) -> None:
        require_pyarrow()
        from tcctui.recording.arrow import Encoder  # noqa: PLC0415

        self.path = path
        self.nbytes = 0
        """Bytes written."""
        self.events = 0
        """Events written."""
        self.taken = 0
        """Bytes that the target has taken, of incomplete chunks too."""
        self._encoder: Encoder = Encoder(origin)
        place = standard_output() if path is None else opened(path, force=force)
        self._new = place if isinstance(place, NewFile) else None
        self._descriptor = place.descriptor if isinstance(place, NewFile) else place
        self._begin: int | None = None
        """Offset of the recording in the file; None where seeking is impossible."""
        if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self._begin = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        self._broken = False
        self._index = IndexWriter()
        try:
            self._put(self._encoder.head)
            if self._new is not None:
                self._new.name()
        except BaseException:
            self._broken = True  # nothing more is written
            if self._new is not None:
                self._new.discard()
                self._new = None
            self.close()
            raise

    def write(self, chunk: Chunk) -> None:
        """Write a chunk; a failed one leaves no trace in a file.

        Raises:
            PipeClosedError: the reader has closed the pipe.
            TcctuiError: there is no room, or the file can't be written any more. Earlier chunks
                stay readable, and the next may be written if there is room then.

        """
        at, note = self.nbytes, Note.of(chunk)
        self._see()
        self._put(self._encoder.batch(chunk))
        self._index.add(at, self.nbytes - at, note)
        self.events += len(chunk.events)

    def close(self) -> None:
        """End the recording; may be called twice.

        Raises:
            TcctuiError: the file was deleted or replaced, and `write` has not reported it.

        """
        if self._descriptor < 0:
            return
        try:
            if not self._broken:
                self._see()
        finally:
            self._end()

    def _end(self) -> None:
        if not self._broken:
            with suppress(TcctuiError):  # without its end it is as readable
                self._put(END if self._begin is None else END + self._index.to_bytes())
        if self.path is not None:
            os.close(self._descriptor)
        self._descriptor = -1

    def _see(self) -> None:
        """Check that the file still has its name; a moved file is complete, and fine."""
        if self._new is None or self._broken or self._descriptor < 0:
            return
        mine, other = os.fstat(self._descriptor), False
        with suppress(OSError):
            other = not os.path.samestat(mine, disk().lstat(self._new.path))
        if other or not mine.st_nlink:
            self._broken = True
            raise TcctuiError(
                f"{self._name} was {'replaced' if other else 'deleted'} while it was written:"
                " the recording is lost.",
                "Let only one record to a name.",
            )

    def _put(self, data: bytes) -> None:
        if self._descriptor < 0 or self._broken:
            raise TcctuiError(f"{self._name} is not written any more.")
        left = memoryview(data)
        try:
            while left:
                count = _written(self._descriptor, left[:_PIECE])
                left = left[count:]
                self.taken += count
        except OSError as error:
            self._cut(partly=len(left) < len(data))
            raise self._failure(error) from error
        except BaseException:  # Ctrl-C in the middle
            self._cut(partly=len(left) < len(data))
            raise
        self.nbytes += len(data)

    def _cut(self, *, partly: bool) -> None:
        """Truncate an incompletely written chunk."""
        if self._begin is None:
            self._broken |= partly
            return
        try:
            os.ftruncate(self._descriptor, self._begin + self.nbytes)
            os.lseek(self._descriptor, self._begin + self.nbytes, os.SEEK_SET)
        except OSError:
            self._broken = True

    @property
    def _name(self) -> str:
        return "The output" if self.path is None else str(self.path)

    def _failure(self, error: OSError) -> TcctuiError:
        if error.errno == errno.EPIPE:
            self._broken = True
            return PipeClosedError("The reader of the recording has closed the pipe.")
        kept = ""
        if self._begin is not None and self.nbytes:
            kept = f" The {self.events} events recorded before are in the file and readable."
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return TcctuiError(
                f"{self._name} has no more room: {error.strerror}.{kept}",
                "Make room, or record to another disk.",
            )
        return TcctuiError(
            f"{self._name} can't be written any more: {error.strerror}.{kept}",
            "Record to another place.",
        )


def _written(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:  # another process made the pipe non-blocking, as ssh does
        select.select([], [descriptor], [])
        return 0
