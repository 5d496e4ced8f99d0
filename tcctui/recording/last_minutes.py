"""Reader of the last minutes: the newest whole chunks, while their writer goes on or was killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tcctui.errors import TcctuiError
from tcctui.recording.chunks import Chunk
from tcctui.recording.file import Recording
from tcctui.recording.rolling_files import OpenFile


class LastMinutes:
    """Chunks in open files of the last minutes, which it closes; `memory` is as in `Recording`.

    `remark` is a sentence about files that can't be read, or empty.
    """

    def __init__(self, files: Sequence[OpenFile], memory: int) -> None:
        self._recordings: list[Recording] = []
        remarks = []
        for path, descriptor in files:
            try:
                self._recordings.append(Recording(path, memory, descriptor))
            except TcctuiError as error:
                # The newest may not have a whole chunk yet.
                if path != files[-1].path:
                    remarks.append(error.reason)
        self.remark = " ".join(remarks)

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that an event may stand for, at most."""
        return max((one.origin.interval_ns for one in self._recordings), default=0)

    def first_ns(self, since_ns: int, until_ns: int) -> int:
        """Begin of the first chunk that `chunks` gives; `until_ns` without any."""
        for recording in self._recordings:
            begin_ns, end_ns = recording.span
            if end_ns > since_ns and begin_ns < until_ns:
                return max(since_ns, begin_ns)
        return until_ns

    def chunks(self, since_ns: int, until_ns: int) -> Iterator[Chunk]:
        """Whole chunks that end after `since_ns`, and by `until_ns`, in order.

        Raises:
            TcctuiError: they can't be read any more.

        """
        last_ns = since_ns
        for recording in self._recordings:
            for chunk in recording.chunks(since_ns, until_ns):
                if last_ns < chunk.end_ns <= until_ns:
                    yield chunk
                    last_ns = chunk.end_ns

    def close(self) -> None:
        """Close all files; may be called twice."""
        for recording in self._recordings:
            recording.close()
