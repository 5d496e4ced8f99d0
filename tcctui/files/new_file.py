"""New file that appears under its name when begun or finished, readable by its owner only.

Everything that tcctui writes from observed traffic is such a file: recordings and exports.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tcctui.errors import TcctuiError

# Python closes it in child processes; not every system has a flag for untranslated bytes.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class NewFile:
    """Open file without a name yet, in the directory of its future name.

    Its mode is 0600 from the first byte, and under sudo it belongs to the calling user. An existing
    file is replaced only with `force`, and only when `name` is called: its readers keep the old
    file, and it survives if the new one can't be written.

    Raises:
        TcctuiError: the name is taken, or the file can't be made.

    """

    def __init__(self, path: Path, *, force: bool) -> None:
        see(path, force=force)
        self.path = path
        self._force = force
        name = os.fsdecode(os.fsencode(path.name)[:200])
        self._part: Path | None = path.with_name(f".{name}.{os.urandom(6).hex()}.part")
        flags = _NEW | getattr(os, "O_NOFOLLOW", 0)
        try:
            self.descriptor = os.open(self._part, flags, 0o600)
            """Descriptor of the file; closed by its creator."""
        except OSError as error:
            raise refusal(path, error) from error
        give_to_caller(self.descriptor)

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
            os.replace(self._part, self.path)
            self._part = None
        except OSError as error:
            raise refusal(self.path, error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the file if it has no name yet; may be called twice."""
        if self._part is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._part)
        self._part = None


@contextlib.contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Write a new file, named when the context ends without an exception; see `NewFile`."""
    new = NewFile(path, force=force)
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
        mode = os.lstat(path).st_mode
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
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _claim(path: Path) -> None:
    """Reserve a free name, which the finished file replaces at once."""
    os.close(os.open(path, _NEW, 0o600))


# Ownership of files made under sudo


def give_to_caller(descriptor: int) -> None:
    """Give an open file to the user who called sudo, where the file system supports it."""
    if sys.platform == "win32":
        return
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and user.isdecimal() and group.isdecimal():
        with contextlib.suppress(OSError, OverflowError, ValueError):  # SUDO_UID may be anything
            os.fchown(descriptor, int(user), int(group))


def ours(user: int) -> bool:
    """Check for our own user id, or that of the user who called sudo."""
    if sys.platform == "win32":
        return True
    caller = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return user == os.geteuid() or str(user) == caller
