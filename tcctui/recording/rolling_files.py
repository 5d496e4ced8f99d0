"""Files of the last minutes in a directory: their names, and their opening as root.

Times are those of the machine's clock since it booted: files of an earlier boot are of no use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError

NAMES = r"[0-9a-f]{32}-[0-9]{20}\.arrows"
"""Pattern of the files' names: `kernel.random.boot_id`, and the moment each begins."""

_NAME = re.compile(NAMES)


def boot() -> str:
    """Hexadecimal digits of `kernel.random.boot_id`; zeros where there is none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    return "0" * 32


def named(boot_id: str, begin: int) -> str:
    """Name of a file that begins at a moment, in nanoseconds."""
    return f"{boot_id}-{begin:020}.arrows"


def is_name(name: str) -> bool:
    """True for the name of such a file."""
    return _NAME.fullmatch(name) is not None


def begin_ns(name: str) -> int:
    """Moment at which a file begins."""
    return int(name[33:53])


class OpenFile(NamedTuple):
    """A file of the last minutes, open for reading."""

    path: Path
    descriptor: int


def opened(directory: Path, since_ns: int) -> list[OpenFile]:
    """Open all files of this boot that have something of a moment or later, in order.

    None where nothing is kept there. It is for before rights are given up: what is in the files is
    read later.

    Raises:
        TcctuiError: they can't be opened.

    """
    try:
        names = [name for name in sorted(os.listdir(directory)) if is_name(name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(directory, error) from error
    names = [name for name in names if name.startswith(boot())]
    late = [at for at, name in enumerate(names) if at and begin_ns(name) <= since_ns]
    files = []
    for name in names[late[-1] if late else 0 :]:
        path = directory / name
        try:
            # Nobody but its owner makes files there; what a link would lead to is none of them.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            files.append(OpenFile(path, os.open(path, flags)))
        except FileNotFoundError:
            continue  # it has been removed for a newer one
        except OSError as error:
            raise _unreadable(path, error) from error
    return files


def _unreadable(path: Path, error: OSError) -> TcctuiError:
    mend = "Make room for it."
    if error.errno in (errno.EACCES, errno.EPERM):
        mend = "The last minutes are root's: run it with sudo."
    return TcctuiError(f"{path} can't be opened: {error.strerror}.", mend)
