"""Target of a recording: a new file, standard output, or a named pipe or device."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import NewFile, refusal

_STDOUT = 1

_STREAM = re.compile(
    r"/dev/(?:fd/(\d{1,9})|std(out|err))|/proc/(?:self|thread-self|(\d+))/fd/(\d{1,9})"
)


def standard_output() -> int:
    """Descriptor of standard output.

    Raises:
        TcctuiError: it is a terminal.

    """
    if os.isatty(_STDOUT):
        raise TcctuiError(
            "A recording is no text for a terminal.",
            "Send it into a file or a pipe: tcctui record - | tcctui replay -",
        )
    return _STDOUT


def opened(path: Path, *, force: bool) -> int | NewFile:
    """Open an existing pipe or device, or make a new file.

    Names of inherited descriptors, such as /dev/stdout, mean these, and so does a file that is
    already our standard output: nothing is deleted there. Other symbolic links are never followed:
    their owner may point them anywhere.

    Raises:
        TcctuiError: it can't be written there.

    """
    try:
        if (stream := _stream(path)) is not None:
            return _no_terminal(os.dup(stream), path)
        try:
            found = disk().lstat(path)
        except FileNotFoundError:
            found = None
        if found is None or stat.S_IFMT(found.st_mode) in (stat.S_IFREG, stat.S_IFLNK):
            return NewFile(path, force=force)
        if stat.S_ISDIR(found.st_mode):
            raise TcctuiError(
                f"{path} is a directory.", f"Name a file in it: {path / 'recording.arrows'}"
            )
        return _special(path, found)
    except OSError as error:
        raise refusal(path, error) from error


def _stream(path: Path) -> int | None:
    """Inherited descriptor that a name means, if any."""
    if match := _STREAM.fullmatch(str(path)):
        number, name, process, of_process = match.groups()
        if name:
            return 1 if name == "out" else 2
        if process in (None, str(os.getpid())):
            return int(number or of_process)
    try:
        same = os.path.samestat(os.stat(path), os.fstat(_STDOUT))
    except OSError:
        return None
    return _STDOUT if same else None


def _special(path: Path, found: os.stat_result) -> int:
    """Open a pipe or device; in a directory such as /tmp, only our own."""
    if stat.S_ISBLK(found.st_mode):
        raise TcctuiError(f"{path} is a disk.", "Name a file on it.")
    if _is_shared(path.parent) and found.st_uid != disk().uid:
        raise TcctuiError(
            f"{path} belongs to another user, who may put anything there.",
            "Make one in a directory of your own.",
        )
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY
    descriptor = disk().open(path, flags)
    if not os.path.samestat(os.fstat(descriptor), found):
        os.close(descriptor)
        raise TcctuiError(f"{path} was replaced while it was opened.", "Name another place.")
    return _no_terminal(descriptor, path)


def _is_shared(directory: Path) -> bool:
    """Check for a directory such as /tmp, in which everybody makes files of their own."""
    try:
        return bool(os.stat(directory).st_mode & stat.S_ISVTX)
    except OSError:
        return False  # nobody else gets into it


def _no_terminal(descriptor: int, path: Path) -> int:
    if os.isatty(descriptor):
        os.close(descriptor)
        raise TcctuiError(f"{path} is a terminal.", "Record into a file or a pipe.")
    return descriptor
