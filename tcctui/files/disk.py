"""System calls that make and open files: by this process, or by one that is the user behind it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
# Python closes it in child processes; not every system has a flag for untranslated bytes.
_PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Disk(Protocol):
    """Files by path, as the user whom they are to belong to; all raise OSError."""

    @property
    def uid(self) -> int:
        """That user's id."""

    def create(self, path: Path, mode: int) -> int:
        """Make a file of this mode that was not there; gives its descriptor, for writing."""

    def open(self, path: Path, flags: int) -> int:
        """Open a file that is there; gives its descriptor."""

    def lstat(self, path: Path) -> os.stat_result:
        """Status of a file, or of the symbolic link that it is."""

    def is_directory(self, path: Path) -> bool:
        """Check for a directory."""

    def names(self, directory: Path) -> list[str]:
        """Give the names of the files in a directory that may be used, sorted."""

    def realpath(self, path: Path) -> Path:
        """Path without symbolic links."""

    def link(self, path: Path, new: Path) -> None:
        """Give a file a second name, which must be free."""

    def replace(self, path: Path, new: Path) -> None:
        """Give a file another name, in place of any other file there."""

    def unlink(self, path: Path) -> None:
        """Remove a name."""

    def makedirs(self, path: Path) -> None:
        """Make a directory that is this user's alone, and those above it, unless it is there."""


class OwnDisk:
    """Files as this process's own user."""

    @property
    def uid(self) -> int:
        """Effective user id; 0 where there are none."""
        return os.geteuid() if hasattr(os, "geteuid") else 0

    def create(self, path: Path, mode: int) -> int:
        """Make a file of this mode that was not there; gives its descriptor, for writing."""
        descriptor = os.open(path, _NEW | _PLAIN, mode)
        if mode & 0o077 and hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)  # what the umask takes away
        return descriptor

    def open(self, path: Path, flags: int) -> int:
        """Open a file that is there; gives its descriptor."""
        return os.open(path, flags & ~os.O_CREAT | _PLAIN)

    def lstat(self, path: Path) -> os.stat_result:
        """Status of a file, or of the symbolic link that it is."""
        return os.lstat(path)

    def is_directory(self, path: Path) -> bool:
        """Check for a directory."""
        return os.path.isdir(path)

    def names(self, directory: Path) -> list[str]:
        """Give the names of the files in a directory, sorted."""
        return sorted(os.listdir(directory))

    def realpath(self, path: Path) -> Path:
        """Path without symbolic links."""
        return Path(os.path.realpath(path))

    def link(self, path: Path, new: Path) -> None:
        """Give a file a second name, which must be free."""
        os.link(path, new)

    def replace(self, path: Path, new: Path) -> None:
        """Give a file another name, in place of any other file there."""
        os.replace(path, new)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        os.unlink(path)

    def makedirs(self, path: Path) -> None:
        """Make a directory that is this user's alone, and those above it, unless it is there."""
        os.makedirs(path, 0o700, exist_ok=True)


_used: Disk = OwnDisk()


def disk() -> Disk:
    """Disk that all files are made by."""
    return _used


def use(other: Disk) -> None:
    """Make all files by another one from now on."""
    global _used  # noqa: PLW0603 - as the process's user is one
    _used = other
