"""A file that gets its name when it is begun or done, and its owner's alone to read.

All files that tcctui makes of what it saw are such: recordings, and what is exported from them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.files.ownership import give_to_caller

# Python closes it in other processes by itself; not every system has a flag for bytes as they are.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class NewFile:
    """An open file without its name yet, in the directory where it will have it.

    Its mode is 0600 from the first byte, and under sudo it is the calling user's. What is there
    under the name is replaced only with `force`, and only once `name` is called: who reads the old
    file can go on, and if the new one can't be written the old one stays.

    Raises:
        TcctuiError: something is there, or it can't be made.

    """

    def __init__(self, path: Path, *, force: bool) -> None:
        see(path, force=force)
        self.path = path
        self._force = force
        name = os.fsdecode(os.fsencode(path.name)[:200])
        self._part: Path | None = path.with_name(f".{name}.{secrets.token_hex(6)}.part")
        flags = _NEW | getattr(os, "O_NOFOLLOW", 0)
        try:
            self.descriptor = os.open(self._part, flags, 0o600)
            """Of the file; whoever made this closes it."""
        except OSError as error:
            raise refusal(path, error) from error
        give_to_caller(self.descriptor)

    def name(self) -> None:
        """Give it its name.

        Raises:
            TcctuiError: something is there meanwhile, or it can't have it.

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
        """Leave nothing of it where it has no name; may be called twice."""
        if self._part is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._part)
        self._part = None


def see(path: Path, *, force: bool) -> None:
    """See that a file may be made under this name, before all the work.

    Raises:
        TcctuiError: something is there, and is not to be replaced.

    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal(path, error) from error
    if stat.S_ISLNK(mode):
        raise TcctuiError(
            f"{path} is a symbolic link, which is not replaced.", "Name what it leads to."
        )
    if stat.S_ISDIR(mode):
        raise TcctuiError(f"{path} is a directory.", f"Name a file in it: {path / 'NAME'}")
    if not stat.S_ISREG(mode):
        raise TcctuiError(f"{path} is not an ordinary file.", "Give the name of a file.")
    if not force:
        raise _there(path)


def refusal(path: Path, error: OSError) -> TcctuiError:
    """Say why a file can't be made, or not be written."""
    what = f"{path} can't be written"
    if error.errno == errno.EEXIST:
        return _there(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return TcctuiError(f"{what}: {error.strerror}.", "Make room, or write to another disk.")
    if error.errno == errno.ENOENT:
        return TcctuiError(f"{what}: there is no directory {path.parent}.", "Make it first.")
    if error.errno == errno.EROFS:
        return TcctuiError(f"{what}: the disk is read-only.", "Name a file on another one.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return TcctuiError(f"{what}: {error.strerror}.", "Name a file where you may write.")
    return TcctuiError(f"{what}: {error.strerror}.", "Name another file.")


def _there(path: Path) -> TcctuiError:
    return TcctuiError(f"{path} is there already.", "Overwrite it with --force, or name another.")


def _linked(part: Path, path: Path) -> bool:
    """Give a file a second name, which fails where something is; False without such names."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _claim(path: Path) -> None:
    """Take a name that nobody has, to replace what is made here at once."""
    os.close(os.open(path, _NEW, 0o600))
