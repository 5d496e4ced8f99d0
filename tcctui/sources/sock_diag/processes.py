"""Owners of sockets: a scan of all files that processes have open, and of their cgroups."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from tcctui.arrays import U32, Indexes, Mask, Records
from tcctui.wire.samples import SAMPLE, Samples

OWNER = np.dtype([(name, SAMPLE[name]) for name in ("pid", "comm", "cgroup")])
"""Description of a process; fields as in `samples.SAMPLE`.

`comm` is raw, as the process itself may have set it: with control characters, brackets, or bytes
that are no UTF-8.
"""

_SOCKET, _SOCKET_END = "socket:[", -1  # sockfs_dname() of net/socket.c
_READ_BYTES = 4096  # more than any comm, and than the cgroups of a process


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


class _Held(NamedTuple):
    inodes: list[int]
    comm: bytes
    cgroup: bytes


class Processes:
    """Processes of `/proc`, or of a tree like it under `root`; used by one thread.

    A scan costs 4 µs an open file and 40 to 70 µs a process, most of it in the kernel and without
    the interpreter's lock, which it takes for about a microsecond at a time. While another thread
    keeps the lock, it waits. Nothing is cached between scans: open files can't be known without
    reading them, and name and cgroup change too.
    """

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def look(self) -> Owners:
        """Scan the sockets that every process has open.

        Processes that end meanwhile are left out, and those that this user may not inspect: other
        users' without root (or CAP_SYS_PTRACE), also where `hidepid` hides them.
        """
        inodes: list[int] = []
        counts: list[int] = []
        owners: list[tuple[int, bytes, bytes]] = []
        for pid in self._pids():
            held = self._held(pid)
            if held is not None:
                inodes += held.inodes
                counts.append(len(held.inodes))
                owners.append((pid, held.comm, held.cgroup))
        return Owners(
            np.array(inodes, "u4"),
            np.repeat(np.arange(len(owners)), counts),
            np.array(owners, OWNER),
        )

    def _pids(self) -> list[int]:
        try:
            return sorted(int(name) for name in os.listdir(self._root) if name.isdecimal())
        except OSError:
            return []

    def _held(self, pid: int) -> _Held | None:
        """Sockets and description of a process, consistent even if its pid is reused meanwhile."""
        try:
            with _folder(f"{self._root}/{pid}") as process:
                with _folder("fd", process) as files:
                    inodes = _sockets(files)
                if not inodes:
                    return None
                comm = _content("comm", process).removesuffix(b"\n")
                return _Held(inodes, comm, short_name(_content("cgroup", process)))
        except OSError:  # it ended, or it is hidden
            return None


def _sockets(files: int) -> list[int]:
    inodes = []
    for name in os.listdir(files):
        try:
            link = os.readlink(name, dir_fd=files)
        except OSError:  # it was closed
            continue
        if link.startswith(_SOCKET):
            inodes.append(int(link[len(_SOCKET) : _SOCKET_END]) & 0xFFFFFFFF)
    return inodes


def _content(name: str, folder: int) -> bytes:
    file = os.open(name, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(file, _READ_BYTES)
    finally:
        os.close(file)


@contextmanager
def _folder(path: str, folder: int | None = None) -> Iterator[int]:
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    try:
        yield opened
    finally:
        os.close(opened)


# Cgroups

LONGEST = 40
"""Bytes that a name may have: as many as `cgroup` of `samples.SAMPLE` holds."""

_ID = rb"[0-9a-f]{32,64}"  # of a container
_CONTAINER = re.compile(rb"(?:(?P<runtime>.*)-)?(?P<id>" + _ID + rb")(?:\.scope)?")
_UNIT = re.compile(rb".+\.(?:service|scope)")
_DELETED = b" (deleted)"  # the kernel's suffix for a removed cgroup
_ID_SHOWN = 12  # digits, as docker, podman and crictl show them


def short_name(lines: bytes) -> bytes:
    """Name of the container or the unit in a `/proc/PID/cgroup` text; at most 40 bytes.

    The path is that of the unified hierarchy (cgroup v2), else of systemd's own (v1), else the
    longest, since any controller's shows a container. A container comes first (`docker
    3f2a9c1b7d4e`, its runtime and id), then the outermost service or scope (`nginx.service`,
    `user@1000.service`: the one that `systemctl status PID` names), else the innermost directory.
    Empty for the root.
    """
    parts = [part for part in _path(lines).split(b"/") if part not in (b"", b"..")]
    for before, part in zip([b"", *parts], parts, strict=False):
        found = _CONTAINER.fullmatch(part)
        if found:
            runtime = found["runtime"] or _runtime(parts, before)
            return (runtime + b" " + found["id"][:_ID_SHOWN]).strip()[-LONGEST:]
    units = [part for part in parts if _UNIT.fullmatch(part)]
    return (units or parts[-1:] or [b""])[0][:LONGEST]


def _runtime(parts: list[bytes], before: bytes) -> bytes:
    """Runtime of a container whose own directory does not name it: its parent directory."""
    if parts[0].startswith(b"kubepods"):  # kubepods/burstable/pod<uid>/<id>, of any runtime
        return b"kubepods"
    return before


def _path(lines: bytes) -> bytes:
    unified = systemd = longest = b""
    for line in lines.splitlines():
        number, _, rest = line.partition(b":")
        controllers, _, path = rest.partition(b":")
        path = path.removesuffix(_DELETED)
        if path == b"/":
            continue
        if number == b"0" and not controllers:
            unified = path
        elif controllers == b"name=systemd":
            systemd = path
        elif len(path) > len(longest):
            longest = path
    return unified or systemd or longest
