"""Location of the settings file, and the rights used to read and write it.

Under sudo it is the calling user's file in that user's home, and every directory on the way is
opened with that user's rights: a link in that home leads no further than it leads that user.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError
from tcctui.files.new_file import new_file

NAME = Path("tcctui") / "config.toml"
"""Path of the file below the configuration directory."""


class Caller(NamedTuple):
    """The user who called sudo: ids and home directory."""

    uid: int
    gid: int
    home: Path


def caller() -> Caller | None:
    """Identify the user who called sudo; None without sudo or for root.

    Raises:
        TcctuiError: there is no such user.

    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    user = os.environ.get("SUDO_UID", "")
    if not user.isdecimal() or not user.isascii() or int(user) == 0:
        return None
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        entry = pwd.getpwuid(int(user))
    except (KeyError, OverflowError) as error:
        raise TcctuiError(
            f"SUDO_UID names user {user[:20]}, who does not exist.", "Unset SUDO_UID."
        ) from error
    return Caller(entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def path() -> Path:
    """Path of the settings file.

    Raises:
        TcctuiError: no home directory is known.

    """
    return base_directory("XDG_CONFIG_HOME", ".config") / NAME


def base_directory(variable: str, usual: str) -> Path:
    """Directory of the XDG Base Directory Specification: under sudo, the calling user's.

    The environment's `variable` counts only if it belongs to that user and is absolute; otherwise
    it is the `usual` one, below the user's home.

    Raises:
        TcctuiError: no home directory is known.

    """
    who = caller()
    if who is not None:
        return who.home / usual
    given = Path(os.environ.get(variable, ""))
    if given.is_absolute():
        return given
    try:
        return Path.home() / usual
    except RuntimeError as error:
        raise TcctuiError(
            "There is no home directory for settings.", "Set HOME, or give --config FILE."
        ) from error


@contextmanager
def as_caller() -> Iterator[Caller | None]:
    """Access files as the user who called sudo, in this thread only.

    Linux gives each thread its own user for files (setfsuid(2)), which takes root's rights over
    them away. Other threads keep root's rights.

    Raises:
        TcctuiError: the system does not support it.

    """
    who = caller()
    if who is None:
        yield None
        return
    import ctypes  # noqa: PLC0415 - only root needs it

    libc = ctypes.CDLL(None)
    if not hasattr(libc, "setfsuid"):
        raise TcctuiError("This system does not let root read files as the user who called sudo.")
    user, group = libc.setfsuid(-1), libc.setfsgid(-1)
    try:
        libc.setfsgid(who.gid)
        libc.setfsuid(who.uid)
        if (libc.setfsuid(-1), libc.setfsgid(-1)) != (who.uid, who.gid):
            raise TcctuiError(f"Files can't be reached as user {who.uid} here.")
        yield who
    finally:
        libc.setfsuid(user)
        libc.setfsgid(group)


def read(path: Path, most: int) -> bytes:
    """Read up to `most` bytes of an ordinary file as the user who called sudo.

    Raises:
        OSError: it can't be read, or that user may not read it.
        TcctuiError: it is no ordinary file.

    """
    with as_caller() as who:
        # Neither wait for a FIFO nor take over a terminal.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise TcctuiError("This is a directory, not a file.")
        if not stat.S_ISREG(status.st_mode):
            raise TcctuiError("This is not an ordinary file.")
        # The thread still has root's supplementary groups, and a mistake would print the content.
        if who is not None and status.st_uid != who.uid and not status.st_mode & stat.S_IROTH:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return file.read(most)


def replace(path: Path, text: str, who: Caller | None, mend: str, mode: int = 0o600) -> None:
    """Write a file anew, in a directory that is made if needed; within `as_caller`.

    Raises:
        OSError: it can't be written.
        TcctuiError: the directory is not the user's who called sudo; `mend` is the advice.

    """
    os.makedirs(path.parent, 0o700, exist_ok=True)
    # The thread still has root's supplementary groups, and a directory may be writable for them.
    if who is not None and os.stat(path.parent).st_uid != who.uid:
        raise TcctuiError(f"{path} can't be written: {path.parent} is another user's.", mend)
    with new_file(path, force=True) as file:
        with suppress(OSError):
            os.chmod(file.fileno(), mode)
        file.write(text.encode())
