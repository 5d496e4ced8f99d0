"""Owners of sockets, by their inodes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import U32, Indexes, Mask, Records
from tcctui.wire.samples import SAMPLE, Samples

if TYPE_CHECKING:
    from tcctui.sources.sock_diag.process_scan import Holder

OWNER = np.dtype([(name, SAMPLE[name]) for name in ("pid", "comm", "cgroup")])
"""Description of a process; fields as in `samples.SAMPLE`.

`comm` is raw, as the process itself may have set it: with control characters, brackets, or bytes
that are no UTF-8.
"""


class Owners:
    """Owners of sockets at one time, immutable.

    `inodes` are sockets', of any order and each as often as processes have it; `holders` are the
    indexes of their owners in `owners` (of dtype `OWNER`, lowest pid first).
    """

    def __init__(self, inodes: U32, holders: Indexes, owners: Records) -> None:
        order = np.lexsort((holders, inodes))
        inodes, holders = inodes[order], holders[order]
        first = np.ones(len(inodes), bool)
        first[1:] = inodes[1:] != inodes[:-1]
        self._inodes, self._holders, self._owners = inodes[first], holders[first], owners

    def __len__(self) -> int:
        """Number of sockets, of every family, that have an owner."""
        return len(self._inodes)

    def fill(self, samples: Samples) -> U32:
        """Write `pid`, `comm` and `cgroup` into samples, by their inodes.

        Samples of sockets without a known owner stay unchanged; gives these sockets' inodes. Of
        several owners (`ss -p` lists them all) the one with the lowest pid is used: as a rule the
        parent, which opened the socket, and a stable choice while it lives.
        """
        inodes = samples["inode"]
        places, known = self._find(inodes)
        found = self._owners[self._holders[places[known]]]
        for name in OWNER.names or ():
            samples[name][known] = found[name]
        return np.asarray(inodes[~known & (inodes != 0)])

    def without(self, inodes: U32) -> U32:
        """Those of the inodes that have no owner."""
        return inodes[~self._find(inodes)[1]]

    def _find(self, inodes: U32) -> tuple[Indexes, Mask]:
        """Place of each inode, and the mask of those that have one."""
        if not len(self._inodes):
            return np.zeros(len(inodes), np.intp), np.zeros(len(inodes), bool)
        places = np.minimum(np.searchsorted(self._inodes, inodes), len(self._inodes) - 1)
        return places, (self._inodes[places] == inodes) & (inodes != 0)


NOBODY = Owners(np.empty(0, "u4"), np.empty(0, np.intp), np.empty(0, OWNER))
"""Before the first scan."""


def owners_of(holders: Iterable[Holder]) -> Owners:
    """Owners from a scan of processes, lowest pid first."""
    holders = list(holders)
    counts = [len(holder.inodes) for holder in holders]
    return Owners(
        np.fromiter(chain.from_iterable(holder.inodes for holder in holders), "u4", sum(counts)),
        np.repeat(np.arange(len(holders)), counts),
        np.array([(one.pid, one.comm, one.cgroup) for one in holders], OWNER),
    )


class Processes:
    """Processes of `/proc`, or of a tree like it under `root`; used by one thread."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        self.worked = 0.0
        """Seconds of CPU time that the last scan took."""

    def look(self) -> Owners:
        """Scan the sockets that every process has open; see `scan`."""
        from tcctui.sources.sock_diag.process_scan import scan  # noqa: PLC0415 - often elsewhere

        began = time.thread_time()
        owners = owners_of(scan(self._root))
        self.worked = time.thread_time() - began
        return owners
