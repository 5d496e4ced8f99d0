"""Which processes there are, by their relations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PARENT, _SESSION = 1, 3  # fields of /proc/PID/stat after the name


def children(pid: int) -> list[int]:
    """List a process's children."""
    return _with(_PARENT, pid)


def in_session(session: int) -> list[int]:
    """List the processes of a session that are not dead."""
    return _with(_SESSION, session)


def _with(field: int, value: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        if int(fields[field]) == value and fields[0] not in "XZ":
            found.append(int(stat.parent.name))
    return found


def files(process: int | str) -> set[str]:
    """Name the open files of a process, as /proc/PID/fd does, but for those closed meanwhile."""
    found = set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(os.readlink(link))
    return found


def of_threads(pid: int, name: str) -> Iterator[str]:
    """Read a file in /proc of each thread of a process, but for those that end meanwhile."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            yield (thread / name).read_text()
