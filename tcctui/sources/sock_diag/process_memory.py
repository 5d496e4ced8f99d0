"""Memory of a program that is several processes: what they share counts once."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def together(pid: int) -> int:
    """Bytes that a process and its children take: proportional set sizes, proc(5) smaps_rollup.

    Of one into which this process may not look, the resident bytes that are its own alone.
    """
    children: list[str] = []
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(_share, (str(pid), *children)))


def own() -> int:
    """Bytes that this process and its children take."""
    return together(os.getpid())


def _share(pid: str) -> int:
    with suppress(OSError, ValueError, IndexError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(rollup.partition("\nPss:")[2].split(maxsplit=1)[0]) << 10
    with suppress(OSError, ValueError):
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(resident) - int(shared)) * _PAGE
    return 0
