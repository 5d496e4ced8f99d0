"""Ownership of files made under sudo."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def give_to_caller(descriptor: int) -> None:
    """Give an open file to the user who called sudo, where the file system supports it."""
    if sys.platform == "win32":
        return
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and user.isdecimal() and group.isdecimal():
        with suppress(OSError, OverflowError, ValueError):  # SUDO_UID may be anything
            os.fchown(descriptor, int(user), int(group))


def ours(user: int) -> bool:
    """Check for our own user id, or that of the user who called sudo."""
    if sys.platform == "win32":
        return True
    caller = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return user == os.geteuid() or str(user) == caller
