"""Names of cgroups in the place of the numbers that events bring from the kernel."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tcctui.sources.sock_diag.process_scan import short_name
from tcctui.wire.events import CGROUP_ID, OWNED, EventKind, Events

MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
"""Places of the unified hierarchy, whose numbers the kernel gives; the second beside cgroup v1."""

_FILE = "cgroup.controllers"  # of the unified hierarchy alone
_SHARE = 100
"""Ratio of the pause between two searches to the time that one takes."""

_MOST = 1 << 16
_WIDTH = OWNED["cgroup"].itemsize


class CgroupNames:
    """Writes names into events; used by one thread.

    A cgroup's number is its directory's inode (cgroup_id, include/linux/cgroup.h), which no later
    one gets. One that is not found, or has a name longer than there is room for, stays unknown:
    it was removed, or is outside of this process's cgroup namespace.
    """

    def __init__(self, mounts: tuple[Path, ...] = MOUNTS) -> None:
        self._root = next((mount for mount in mounts if (mount / _FILE).exists()), None)
        self._names: dict[int, bytes] = {}
        self._next_search = 0.0

    def write(self, events: Events) -> None:
        """Replace the numbers in STATE and DESTROY events."""
        kinds = events["kind"]
        if not np.count_nonzero(kinds):  # PROBE, all of them: the rule
            return
        owned = (kinds == EventKind.STATE) | (kinds == EventKind.DESTROY)
        places = np.flatnonzero(owned & (events.view(OWNED)["pid"] > 0))
        numbers = events.view(CGROUP_ID)["cgroup_id"][places]
        known, which = np.unique(numbers, return_inverse=True)
        names = np.array([self._name(number) for number in known.tolist()], OWNED["cgroup"])
        events.view(OWNED)["cgroup"][places] = names[which]

    def _name(self, number: int) -> bytes:
        if number not in self._names:
            now = time.monotonic()
            if self._root is None or not number or now < self._next_search:
                return b""
            self._search()
            self._next_search = now + _SHARE * (time.monotonic() - now)
            self._names.setdefault(number, b"")
        return self._names[number]

    def _search(self) -> None:
        """Learn all names that there are now."""
        assert self._root is not None
        if len(self._names) > _MOST:
            self._names.clear()
        for path, number in _directories(os.fspath(self._root)):
            below = os.fsencode(path[len(os.fspath(self._root)) :])
            name = short_name(b"0::" + (below or b"/"))
            self._names[number] = name if len(name) <= _WIDTH else b""


def _directories(path: str) -> Iterator[tuple[str, int]]:
    """All directories below one, and itself, with their inodes.

    Those without directories in them are not read (kernfs_refresh_inode counts them as links).
    """
    try:
        found = os.stat(path)
        yield path, found.st_ino
        if found.st_nlink != 2:
            with os.scandir(path) as entries:
                inside = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            for one in inside:
                yield from _directories(one)
    except OSError:  # it was removed
        return
