"""Location of the settings file, and how it is replaced.

Under sudo this process is the calling user by now (tcctui.cli.rights): it is that user's file.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import new_file

NAME = Path("tcctui") / "config.toml"
"""Path of the file below the configuration directory."""


def path() -> Path:
    """Path of the settings file.

    Raises:
        TcctuiError: no home directory is known.

    """
    return base_directory("XDG_CONFIG_HOME", ".config") / NAME


def base_directory(variable: str, usual: str) -> Path:
    """Directory of the XDG Base Directory Specification.

    The environment's `variable` counts only if it is absolute; otherwise it is the `usual` one,
    below the user's home.

    Raises:
        TcctuiError: no home directory is known.

    """
    given = Path(os.environ.get(variable, ""))
    if given.is_absolute():
        return given
    try:
        return Path.home() / usual
    except RuntimeError as error:
        raise TcctuiError(
            "There is no home directory for settings.", "Set HOME, or give --config FILE."
        ) from error


def read(path: Path, most: int) -> bytes:
    """Read up to `most` bytes of an ordinary file.

    Raises:
        OSError: it can't be read.
        TcctuiError: it is no ordinary file.

    """
    # Neither wait for a FIFO nor take over a terminal.
    descriptor = disk().open(path, getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise TcctuiError("This is a directory, not a file.")
        if not stat.S_ISREG(mode):
            raise TcctuiError("This is not an ordinary file.")
        return file.read(most)


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file anew, in a directory that is made if needed.

    Raises:
        OSError: it can't be written.
        TcctuiError: it is a symbolic link, or no file.

    """
    disk().makedirs(path.parent)
    with new_file(path, force=True, mode=mode) as file:
        file.write(text.encode())
