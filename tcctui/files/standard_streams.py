"""Standard streams that no command has to think of: closed ones, closed pipes, full disks, ASCII.

Standard output that can't be written ends the command with an exit code that is never 0: of a
closed pipe quietly, as SIGPIPE would, of anything else with a sentence. Standard error that can't
be written changes nothing: there is no place left to complain. Characters that the locale's
encoding lacks are replaced.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from tcctui.errors import PipeClosedError, TcctuiError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDIN, _STDOUT, _STDERR = 0, 1, 2

_REPLACING = "tcctui"
"""Name of the error handler that replaces characters."""


def prepare(in_ascii: Callable[[str], str]) -> None:
    """Make `sys.stdout` and `sys.stderr` what this module says, and leave no standard one closed.

    `in_ascii` gives the ASCII replacement of a text.
    """
    if sys.platform == "win32":
        return
    _occupy()

    def replaced(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        return in_ascii(error.object[error.start : error.end]), error.end

    codecs.register_error(_REPLACING, replaced)
    sys.stdout = _text(Output(_STDOUT, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Remarks(_STDERR, "w", closefd=False), sys.stderr, by_line=True)


def _occupy() -> None:
    """Occupy the numbers of closed standard streams: the next file opened would get them."""
    for number, flags in ((_STDIN, os.O_WRONLY), (_STDOUT, os.O_RDONLY), (_STDERR, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):  # without /dev/null
                os.set_inheritable(os.open(os.devnull, flags), True)


def _text(raw: io.FileIO, former: TextIO | None, *, by_line: bool = False) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8" if former is None else former.encoding,
        errors=_REPLACING,
        line_buffering=by_line or raw.isatty(),
    )


class Output(io.FileIO):
    """File of output whose first failure is raised; what is written after it is dropped.

    So what the interpreter flushes at its exit fails no second time.
    """

    _failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, waiting for the reader of a pipe that does not block.

        Raises:
            PipeClosedError: the reader has closed the pipe.
            TcctuiError: any other failure.

        """
        if self._failed:
            return len(memoryview(data))
        try:
            while True:
                written: int | None = super().write(data)
                if written is not None:
                    return written
                select.select([], [self], [])
        except OSError as error:
            self._failed = True
            raise _failure(error) from error


class _Remarks(io.FileIO):
    """Standard error: what can't be written is dropped."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write or drop."""
        written: int | None = None
        with suppress(OSError):
            written = super().write(data)
        return len(memoryview(data)) if written is None else written


def _failure(error: OSError) -> TcctuiError:
    if isinstance(error, BrokenPipeError):
        return PipeClosedError()
    if error.errno == errno.EBADF:
        return TcctuiError("Standard output is closed.", "Write it to a file or a pipe.")
    return TcctuiError(
        f"The output can't be written: {error.strerror}.",
        "Write it to a disk with room, or to a pipe.",
    )
