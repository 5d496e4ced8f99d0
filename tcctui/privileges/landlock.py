"""Landlock: files that this process, and all that it starts, can reach from now on; landlock(7)."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_MAKE_SYM = 1 << 12
_FIRST_VERSION = (1 << 13) - 1  # all rights of version 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15  # versions 2, 3 and 5
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_OWN = _WRITE | _REMOVE_DIR | _MAKE_SYM


def version() -> int:
    """Version of Landlock that this kernel has; 0 without it."""
    found = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(int(found), 0)


def restrict(*, read: Iterable[Path], write: Iterable[Path], own: Iterable[Path] = ()) -> bool:
    """Restrict this thread, and those it starts, to files beneath these paths, for ever.

    What is in `write` can be read, too; in `own`, directories can also be removed and renamed, and
    symbolic links made. Files that are open stay as they are. Paths that are not
    there are left out. False where the kernel has no Landlock.

    Raises:
        OSError: the kernel refuses; `no_new_privs` has to be set before.

    """
    has = version()
    if has == 0:
        return False
    known = _FIRST_VERSION
    for since, right in ((2, _REFER), (3, _TRUNCATE)):
        known |= right if has >= since else 0
    ruleset = _checked(_CREATE_RULESET, struct.pack("=Q", known), ctypes.c_size_t(8), 0)
    try:
        for paths, rights in ((read, _READ), (write, _READ | _WRITE), (own, _READ | _OWN)):
            for path in paths:
                _allow(ruleset, path, rights & known)
        _checked(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        there = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(there).st_mode):
            rights &= _OF_FILES
        _checked(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, there), 0)
    finally:
        os.close(there)


def _checked(number: int, *arguments: object) -> int:
    result = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return int(result)
