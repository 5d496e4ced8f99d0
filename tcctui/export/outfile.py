"""A file that appears under its name only when complete."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from tcctui.files.new_file import new_file, refusal

_SIGNALS = tuple(number for number in signal.Signals if number.name in ("SIGTERM", "SIGHUP"))


@contextlib.contextmanager
def outfile(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Write a `new_file`, which a signal leaves without its name, too.

    Raises:
        TcctuiError: it can't be made, or the name is taken.

    """
    with _ended_by_signals():
        try:
            with new_file(path, force=force) as file:
                yield file
        except OSError as error:
            raise refusal(path, error) from error


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the context before a signal ends the process, unless the signal is ignored or handled."""
    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
