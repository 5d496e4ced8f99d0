"""Check for a terminal to draw on."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from tcctui import terminal_type
from tcctui.errors import TcctuiError, UsageError


def require(mend: str = "For a file or a pipe, run: tcctui trace") -> None:
    """Require a terminal for keys and screen.

    Raises:
        TcctuiError: there is none, then `mend` is the advice; or it can't show the screen.

    """
    # Python has None for a stream that was closed at start.
    if not all(end is not None and end.isatty() for end in (sys.stdin, sys.stderr)):
        raise TcctuiError("The dashboard needs a terminal.", mend)
    terminal_type.colours(os.environ)


def standard_input_apart() -> BinaryIO:
    """Take over piped standard input, and read keys from the terminal instead.

    Textual reads keys from standard input (`LinuxDriver.fileno` is `sys.__stdin__`'s).

    Raises:
        TcctuiError: nothing is piped in, or there is no terminal.

    """
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "Nothing comes through standard input: it is the terminal, or closed.",
            "Pipe a recording in, as in: ssh HOST sudo tcctui record - | tcctui replay -",
        )
    try:
        keys = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise TcctuiError("The dashboard needs a terminal for its keys.") from error
    number = sys.stdin.fileno()
    piped = os.dup(number)
    os.dup2(keys, number)
    os.close(keys)
    require("Don't redirect standard error: the screen is drawn on it.")
    return os.fdopen(piped, "rb")
