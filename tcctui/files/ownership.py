"""Files that nobody but root and this user can change, so that root may use what is in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tcctui.errors import TcctuiError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check(path: Path, status: os.stat_result, mend: str) -> None:
    """Check one file or directory by its `status`.

    Raises:
        TcctuiError: others own it or can write to it; `mend` is the advice.

    """
    if status.st_uid not in (0, os.geteuid()):
        raise TcctuiError(f"{path} belongs to another user.", mend)
    if status.st_mode & _OTHERS_WRITE:
        raise TcctuiError(f"{path} can be written by others.", mend)


def check_trees(directories: Iterable[Path], mend: str) -> None:
    """Check all that is in directories, all directories above, and where links in them lead.

    Raises:
        TcctuiError: others can change any of it; `mend` is the advice.

    """
    above: set[Path] = set()
    seen: set[Path] = set()
    waiting = [Path(os.path.realpath(directory)) for directory in directories]
    try:
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            for parent in path.parents:
                if parent not in above:
                    check(parent, os.lstat(parent), mend)
                    above.add(parent)
            waiting += _below(path, mend)
    except OSError as error:
        raise TcctuiError(f"{error.filename} can't be read: {error.strerror}.", mend) from error


def _below(path: Path, mend: str) -> Iterator[Path]:
    """Check a file, or a directory with all that is in it; gives where links lead."""
    status = os.lstat(path)
    check(path, status, mend)
    if not stat.S_ISDIR(status.st_mode):
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_symlink():
                # One that leads nowhere, as distributions have them, can't be included.
                if os.path.exists(target := os.path.realpath(entry.path)):
                    yield Path(target)
            elif entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path), mend)
            else:
                check(Path(entry.path), entry.stat(follow_symlinks=False), mend)
