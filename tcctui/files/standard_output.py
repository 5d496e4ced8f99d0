"""Writing to standard output, which may be a pipe or a full disk."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO

from tcctui.errors import TcctuiError


def write(out: TextIO, text: str) -> None:
    """Write at once.

    Raises:
        BrokenPipeError: nobody reads it any more.
        TcctuiError: it takes no more.

    """
    try:
        out.write(text)
        out.flush()
    except OSError as error:
        # The interpreter would flush stdout once more on its way out, and complain.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise TcctuiError(
            f"The output can't be written: {error.strerror}.",
            "Write it to where there is room, or to a pipe.",
        ) from error
