"""Scan of the files that all processes have open, and of their cgroups, in plain Python."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

_SOCKET, _SOCKET_END = "socket:[", -1  # sockfs_dname() of net/socket.c
_READ_BYTES = 4096  # more than any comm, and than the cgroups of a process


class Holder(NamedTuple):
    """A process with open sockets, and their inodes; `comm` is raw, as the process may set it."""

    pid: int
    inodes: list[int]
    comm: bytes
    cgroup: bytes


def scan(root: str = "/proc") -> list[Holder]:
    """Scan processes of `/proc`, or of a tree like it, lowest pid first.

    Processes that end meanwhile are left out, and those that this user may not inspect: other
    users' without root (or CAP_SYS_PTRACE), also where `hidepid` hides them. It costs 4 µs an open
    file and 40 to 70 µs a process, most of it in the kernel. Nothing is kept between scans: open
    files can't be known without reading them, and name and cgroup change too.
    """
    found = (_holder(root, pid) for pid in _pids(root))
    return [holder for holder in found if holder is not None]


def _pids(root: str) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(root) if name.isdecimal())
    except OSError:
        return []


def _holder(root: str, pid: int) -> Holder | None:
    """Sockets and description of a process, consistent even if its pid is reused meanwhile."""
    try:
        with _folder(f"{root}/{pid}") as process:
            with _folder("fd", process) as files:
                inodes = _sockets(files)
            if not inodes:
                return None
            comm = _content("comm", process).removesuffix(b"\n")
            return Holder(pid, inodes, comm, short_name(_content("cgroup", process)))
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
