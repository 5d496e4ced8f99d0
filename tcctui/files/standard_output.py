"""Writing to standard output, which may be a pipe or a full disk."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO

from tcctui.errors import TcctuiError


def write(out: TextIO, text: str) -> None:
    """Write and flush.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
        TcctuiError: any other failure.

    """
    try:
        out.write(text)
        out.flush()
    except OSError as error:
        # The interpreter would flush stdout again at exit, and complain.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise TcctuiError(
            f"The output can't be written: {error.strerror}.",
            "Write it to a disk with room, or to a pipe.",
        ) from error
