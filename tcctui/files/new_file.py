"""New file that appears under its name when begun or finished, readable by its owner only.

Everything that tcctui writes from observed traffic is such a file: recordings and exports.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tcctui.errors import TcctuiError
from tcctui.files.disk import disk


class NewFile:
    """Open file without a name yet, in the directory of its future name.

    Nobody but its owner can read it from the first byte on, unless `mode` says so. An existing file
    is replaced only with `force`, and only when `name` is called: its readers keep the old file,
    and it survives if the new one can't be written.

    Raises:
        TcctuiError: the name is taken, or the file can't be made.

    """

    def __init__(self, path: Path, *, force: bool, mode: int = 0o600) -> None:
        see(path, force=force)
        self.path = path
        self._force = force
        name = os.fsdecode(os.fsencode(path.name)[:200])
        self._part: Path | None = path.with_name(f".{name}.{os.urandom(6).hex()}.part")
        try:
            self.descriptor = disk().create(self._part, mode)
            """Descriptor of the file; closed by its creator."""
        except OSError as error:
            raise refusal(path, error) from error

    def name(self) -> None:
        """Give the file its name.

        Raises:
            TcctuiError: the name has been taken meanwhile, or is not possible.

        """
        assert self._part is not None
        try:
            if self._force:
                see(self.path, force=True)
            elif _linked(self._part, self.path):
                return
            else:
                _claim(self.path)
            disk().replace(self._part, self.path)
            self._part = None
        except OSError as error:
            raise refusal(self.path, error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the file if it has no name yet; may be called twice."""
        if self._part is not None:
            with contextlib.suppress(OSError):
                disk().unlink(self._part)
        self._part = None


@contextlib.contextmanager
def new_file(path: Path, *, force: bool, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Write a new file, named when the context ends without an exception; see `NewFile`."""
    new = NewFile(path, force=force, mode=mode)
    try:
        with os.fdopen(new.descriptor, "wb") as file:
            yield file
        new.name()
    finally:
        new.discard()


def see(path: Path, *, force: bool) -> None:
    """Check that a file may be made under this name, before all the work.

    Raises:
        TcctuiError: the name is taken and must not be replaced.

    """
    try:
        mode = disk().lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal(path, error) from error
    if stat.S_ISLNK(mode):
        raise TcctuiError(f"{path} is a symbolic link, which is not replaced.", "Name its target.")
    if stat.S_ISDIR(mode):
        raise TcctuiError(f"{path} is a directory.", f"Name a file in it: {path / 'NAME'}")
    if not stat.S_ISREG(mode):
        raise TcctuiError(f"{path} is not an ordinary file.", "Give the name of a file.")
    if not force:
        raise _there(path)


def is_regular(path: Path) -> bool:
    """Check for an ordinary file, as far as that can be known."""
    try:
        return stat.S_ISREG(disk().lstat(path).st_mode)
    except OSError:
        return False


def is_there(path: Path) -> bool:
    """Check for a name that is taken, as far as that can be known."""
    try:
        disk().lstat(path)
    except OSError:
        return False
    return True


def refusal(path: Path, error: OSError) -> TcctuiError:
    """Error for a file that can't be made or written."""
    what = f"{path} can't be written"
    if error.errno == errno.EEXIST:
        return _there(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return TcctuiError(f"{what}: {error.strerror}.", "Make room, or write to another disk.")
    if error.errno == errno.ENOENT:
        why, mend = f"there is no directory {path.parent}", "Make it first."
        if path.parent == Path():
            why, mend = "the working directory is gone", "Change to another one."
        return TcctuiError(f"{what}: {why}.", mend)
    if error.errno == errno.EROFS:
        return TcctuiError(f"{what}: the disk is read-only.", "Name a file on another one.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return TcctuiError(f"{what}: {error.strerror}.", "Name a file where you may write.")
    return TcctuiError(f"{what}: {error.strerror}.", "Name another file.")


def _there(path: Path) -> TcctuiError:
    return TcctuiError(f"{path} already exists.", "Overwrite it with --force, or name another.")


def _linked(part: Path, path: Path) -> bool:
    """Hard-link the file; fails if the name is taken, False without hard links."""
    try:
        disk().link(part, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _claim(path: Path) -> None:
    """Reserve a free name, which the finished file replaces at once."""
    os.close(disk().create(path, 0o600))
