"""Whose a file is that is made under sudo."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def give_to_caller(descriptor: int) -> None:
    """Let an open file belong to the user who called sudo, if so; not every file system can."""
    if sys.platform == "win32":
        return
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and user.isdecimal() and group.isdecimal():
        with suppress(OSError, OverflowError, ValueError):  # what it says may be anything
            os.fchown(descriptor, int(user), int(group))


def ours(user: int) -> bool:
    """Whether a user is who we are, or who called sudo."""
    if sys.platform == "win32":
        return True
    caller = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return user == os.geteuid() or str(user) == caller
