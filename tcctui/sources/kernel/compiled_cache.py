"""Cache of the compiled BPF program: one file, so that bcc compiles once and not at every start.

What is in it goes into the kernel as root. So nothing is read that anybody else could have written:
the file and every directory above it have to belong to root or to this user, to be writable by
nobody else, and not to be symbolic links.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.files import ownership
from tcctui.sources.kernel.compiled import Compiled

DIRECTORY = Path("/var/cache/tcctui")
"""Default directory, of the Filesystem Hierarchy Standard."""

VARIABLE = "TCCTUI_CACHE"
"""Environment variable that names another directory, or, if empty, none."""

_MEND = f"Change that, or name a directory of root's in {VARIABLE}."
_NAME = "program"
_MOST_BYTES = 1 << 22


def default() -> CompiledCache | None:
    """Cache in the directory that the environment names, else in `DIRECTORY`."""
    directory = os.environ.get(VARIABLE, str(DIRECTORY))
    return CompiledCache(Path(directory)) if directory else None


class CompiledCache:
    """The file `program` in a directory, with the key that its content was compiled for.

    A key has the parts that a program depends on, by name.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory.absolute() / _NAME

    def read(self, key: Mapping[str, str]) -> Compiled | None:
        """Give the program that was kept for this key, or None if there is none to be used."""
        try:
            return self.examine(key)
        except TcctuiError:
            return None

    def examine(self, key: Mapping[str, str]) -> Compiled:
        """Give the program that was kept for this key.

        A part that the key lacks may have any value.

        Raises:
            TcctuiError: there is none, or it must not be used, and why.

        """
        try:
            with _trusted(self.path.parent) as directory:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                with open(os.open(_NAME, flags, dir_fd=directory), "rb") as file:
                    _check(self.path, os.fstat(file.fileno()), stat.S_ISREG)
                    content = file.read(_MOST_BYTES)
        except FileNotFoundError:
            raise TcctuiError(f"There is no {self.path} yet.") from None
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            checksum, _, text = content.partition(b"\n")
            if checksum != _checksum(text):
                raise ValueError
            values = json.loads(text)
            kept, compiled = values["key"], Compiled.from_json(values["compiled"])
            differing = [part for part in key if kept.get(part) != key[part]]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise TcctuiError(f"{self.path} is damaged.") from None
        if differing:
            raise TcctuiError(f"{self.path} is of another {' and '.join(differing)}.")
        return compiled

    def write(self, key: Mapping[str, str], compiled: Compiled) -> None:
        """Keep a program for this key instead of the one that is kept now, where that is possible.

        Nobody sees half of it. Without room, or on a disk that is read-only, nothing is kept.
        """
        text = json.dumps({"key": dict(key), "compiled": compiled.to_json()}).encode()
        content = b"%s\n%s" % (_checksum(text), text)
        with contextlib.suppress(OSError, TcctuiError):
            with (
                contextlib.suppress(FileExistsError),
                _trusted(self.path.parent.parent) as above,
            ):
                os.mkdir(self.path.parent.name, 0o700, dir_fd=above)
            with _trusted(self.path.parent) as directory:
                _replace(directory, content)


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


def _replace(directory: int, content: bytes) -> None:
    part = f".{_NAME}.{os.urandom(6).hex()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(part, flags, 0o600, dir_fd=directory), "wb", buffering=0) as file:
        try:
            # Not synced to the disk: what a crash damages, the checksum finds.
            if file.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.rename(part, _NAME, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            os.unlink(part, dir_fd=directory)
            raise


@contextlib.contextmanager
def _trusted(directory: Path) -> Iterator[int]:
    """Open a directory to which nobody else can write, nor to any above it; gives its descriptor.

    Each is opened below the one that was checked before, so that none is exchanged meanwhile.

    Raises:
        OSError: one of them can't be opened, or is a symbolic link.
        TcctuiError: one of them is not to be trusted.

    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    path = Path(directory.anchor)
    opened = os.open(path, flags)
    try:
        _check(path, os.fstat(opened), stat.S_ISDIR)
        for part in directory.parts[1:]:
            path /= part
            above, opened = opened, os.open(part, flags, dir_fd=opened)
            os.close(above)
            _check(path, os.fstat(opened), stat.S_ISDIR)
        yield opened
    finally:
        os.close(opened)


def _check(path: Path, status: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(status.st_mode):
        raise TcctuiError(f"{path} is not what it should be.", _MEND)
    ownership.check(path, status, _MEND)


def _unusable(path: Path, error: OSError) -> TcctuiError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):  # the latter of a link to a directory, too
        return TcctuiError(f"{path} is a symbolic link or lies behind one.", _MEND)
    return TcctuiError(f"{path} can't be read: {error.strerror}.")
