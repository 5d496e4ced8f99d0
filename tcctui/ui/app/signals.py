"""Signals of a program that has a terminal: none leaves it as the screen needs it.

All are plain handlers of the main thread, which never waits for the terminal.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

LEAVING = {signal.SIGINT: 0, signal.SIGTERM: 0, signal.SIGHUP: 128 + signal.SIGHUP}
"""Signals that end the program in good order, and its exit status then."""

_ENDING = "QUIT", "ALRM", "USR1", "USR2", "PIPE", "VTALRM", "PROF", "XCPU", "IO", "PWR", "STKFLT"
ENDING = tuple(number for number in signal.Signals if number.name.removeprefix("SIG") in _ENDING)
"""Signals that end it at once, with their own status. SIGPIPE is one only if Python has not been
told to ignore it, as it is by itself: a pipe or socket without a reader is an error of that one."""

_Handler = Callable[[int, FrameType | None], Any]


@contextlib.contextmanager
def handled(handlers: Mapping[int, _Handler]) -> Iterator[None]:
    """Handle these signals, but for those that whoever started the program has it ignore."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_by(number: int) -> None:
    """End the process as if the signal had not been handled."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def stop_by(number: int) -> None:
    """Stop the process by SIGTSTP or SIGTTOU as if it had no handler; returns when it goes on.

    The kernel stops no process that no shell could continue.
    """
    handler = signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.signal(number, handler)
