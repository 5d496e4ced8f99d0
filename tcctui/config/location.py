"""Where the settings are kept, and the rights with which that file is read and written.

Under sudo they are the calling user's: the file is in that user's home, and everything on the way
to it is opened as that user would. Whatever links there are in that home lead no further than they
lead that user.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError

NAME = Path("tcctui") / "config.toml"
"""The file, from the directory that is for such files."""


class Caller(NamedTuple):
    """The user who called sudo: numbers, and the home directory."""

    uid: int
    gid: int
    home: Path


def caller() -> Caller | None:
    """Who called sudo; None where nobody did, or root.

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
            f"There is no user {user[:20]}, who is said to have called sudo.", "Unset SUDO_UID."
        ) from error
    return Caller(entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def path() -> Path:
    """Where the settings are.

    Raises:
        TcctuiError: nobody knows which home is meant.

    """
    return base_directory("XDG_CONFIG_HOME", ".config") / NAME


def base_directory(variable: str, usual: str) -> Path:
    """Give a directory of the XDG Base Directory Specification: under sudo, the calling user's.

    The environment's `variable` counts only for whose environment it is, and only if it is
    absolute; otherwise it is the `usual` one, from the user's home.

    Raises:
        TcctuiError: nobody knows which home is meant.

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
    """Let this thread reach files as the user who called sudo does, if somebody did.

    Linux gives each thread a user of its own for files (setfsuid(2)), and takes the rights from it
    that root has over them. The other threads, which need root, go on as they are.

    Raises:
        TcctuiError: it can't be done here.

    """
    who = caller()
    if who is None:
        yield None
        return
    import ctypes  # noqa: PLC0415 - only root needs it

    libc = ctypes.CDLL(None)
    if not hasattr(libc, "setfsuid"):
        raise TcctuiError("Settings of the user who called sudo can't be reached on this system.")
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
