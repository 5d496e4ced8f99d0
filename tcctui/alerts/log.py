"""Alert log: a JSON object per line for each raised and each cleared alert."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from tcctui.alerts.alert import Turns
from tcctui.alerts.background import Errands, Troubles
from tcctui.alerts.payload import json_line
from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import refusal

_MOST = 1000
"""Checks whose lines may wait for a slow disk."""

_FLAGS = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class AlertLog:
    """Appends to a file, created with mode 0600.

    Raises:
        TcctuiError: it can't be opened, or is not a regular file.

    """

    def __init__(self, path: Path, troubles: Troubles) -> None:
        self._path = path
        self._troubles = troubles
        self._descriptor = _opened(path)
        self._cut = False  # in the middle of a line
        self._errands = Errands("alert log", _MOST, self._write)

    def tell(self, turns: Turns) -> None:
        """Queue the lines for writing."""
        lines = "".join(map(json_line, (*turns.cleared, *turns.raised)))
        if lines and not self._errands.add(lines.encode()):
            self._troubles.tell("log late", f"{self._path} is too slow: some alerts are left out.")

    @property
    def idle(self) -> bool:
        """True when every possible line is written."""
        return self._errands.idle

    def close(self) -> None:
        """Write the waiting lines."""
        self._errands.close(2)
        os.close(self._descriptor)

    def _write(self, lines: object) -> None:
        assert isinstance(lines, bytes)
        data = b"\n" + lines if self._cut else lines
        try:
            while data:
                written = os.write(self._descriptor, data)
                self._cut = data[written - 1] != ord("\n")
                data = data[written:]
        except OSError as error:
            self._troubles.tell("log", str(refusal(self._path, error)))


def _opened(path: Path) -> int:
    try:
        with suppress(FileExistsError):
            os.close(disk().create(path, 0o600))
        descriptor = disk().open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise TcctuiError(
                f"{path} is a symbolic link, which is not followed.", "Name its target."
            ) from error
        if error.errno in (errno.ENXIO, errno.EISDIR):
            raise _no_file(path) from error
        raise refusal(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_file(path)
    return descriptor


def _no_file(path: Path) -> TcctuiError:
    return TcctuiError(f"{path} is not an ordinary file.", "Give the name of a file.")
