"""The machine's network namespaces, and netlink sockets made in them."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

NAMED = Path("/run/netns")
"""Directory of `ip netns`: files that namespaces are mounted on."""

OWN = "/proc/thread-self/ns/net"
"""Leads to the calling thread's namespace, which the first thread's (/proc/self) need not be."""

ROOM = 8 << 20
"""Bytes of the receive buffer for notices of destroyed sockets: some 4,000 sockets."""

_SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h
_CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
_SIOCGSKNS = 0x894C  # include/uapi/linux/sockios.h: a descriptor of a socket's namespace
_NETLINK_ROUTE, _NETLINK_SOCK_DIAG = 0, 4


class Namespace(NamedTuple):
    """A network namespace: its inode in nsfs, its name, and a path to it.

    The path may be that of a process, and become stale when the process ends.
    """

    inode: int
    name: str
    path: str


def found() -> list[Namespace]:
    """Namespaces reachable by name or by process, each once, our own first.

    Vanished and inaccessible ones are left out.
    """
    own = _inode(OWN)
    if own is None:
        return []
    names = _named()
    paths = {inode: f"{NAMED}/{name}" for inode, name in names.items()}
    for process in _processes():
        path = f"/proc/{process}/ns/net"
        inode = _inode(path)
        if inode is not None:
            paths.setdefault(inode, path)
    paths.pop(own, None)
    if (first := _inode("/proc/1/ns/net")) is not None:
        names.setdefault(first, "host")
    everything = [(own, OWN), *sorted(paths.items())]
    return [Namespace(inode, names.get(inode, str(inode)), path) for inode, path in everything]


def signs_of_change() -> tuple[object, ...]:
    """Cheap signs of new or ended namespaces: equal ones twice mean that there are hardly any.

    The newest process and the number of all, and the last change of names. A process that has long
    been there may still enter another namespace.
    """
    signs: list[object] = []
    for sign in (_newest_process, lambda: os.stat("/proc").st_nlink, _last_named):
        try:
            signs.append(sign())
        except OSError:
            signs.append(None)
    return tuple(signs)


def _newest_process() -> bytes:
    with open("/proc/loadavg", "rb", buffering=0) as file:
        return file.read().split()[-1]


def _last_named() -> int:
    return NAMED.stat().st_mtime_ns


def _inode(path: str) -> int | None:
    """Inode of the namespace that a link of /proc names, or None."""
    try:
        # `net:[4026531840]`: cheaper to read than to follow.
        return int(os.readlink(path)[5:-1])
    except (OSError, ValueError):
        return None


def _processes() -> list[str]:
    try:
        return [name for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return []


def _named() -> dict[int, str]:
    """Names by inode; of several names the first."""
    names: dict[int, str] = {}
    try:
        nsfs = os.stat(OWN).st_dev
        for name in sorted(os.listdir(NAMED)):
            try:
                there = os.stat(NAMED / name)
            except OSError:
                continue
            # A name whose namespace is gone is an empty file.
            if there.st_dev == nsfs:
                names.setdefault(there.st_ino, name)
    except OSError:
        pass
    return names


def open_diag(namespace: Namespace) -> socket.socket:
    """Open a sock_diag socket in a namespace, which it keeps alive while it is open.

    The calling thread and all others stay in their namespaces.

    Raises:
        OSError: the namespace is gone, or may not be entered.

    """
    return _open(namespace, diag_socket)


def open_route(namespace: Namespace) -> socket.socket:
    """Open a socket of rtnetlink in a namespace; see `open_diag` and `route_socket`."""
    return _open(namespace, route_socket)


def open_listener(namespace: Namespace) -> socket.socket:
    """Open a sock_diag socket with room for many notices of destroyed sockets; see `open_diag`."""
    listener = open_diag(namespace)
    make_room(listener)
    return listener


def make_room(listener: socket.socket) -> None:
    """Raise a socket's receive buffer to `ROOM`, or as far as is allowed."""
    for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= ROOM:
            return
        with contextlib.suppress(PermissionError):
            listener.setsockopt(socket.SOL_SOCKET, option, ROOM)


def open_beside(other: socket.socket) -> socket.socket:
    """Open a sock_diag socket in the namespace that another socket was made in.

    Raises:
        OSError: not permitted.

    """
    there = fcntl.ioctl(other, _SIOCGSKNS)
    try:
        return _opened_in(there, diag_socket)
    finally:
        os.close(there)


def diag_socket() -> socket.socket:
    """Open a sock_diag socket in the namespace of the calling thread.

    Raises:
        OSError: the kernel or the sandbox has none.

    """
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)


def route_socket() -> socket.socket:
    """Open a socket of rtnetlink in the namespace of the calling thread.

    It reads what `ip` and `tc` show. For a change the kernel wants CAP_NET_ADMIN of the process
    that sends, too, whoever has opened the socket (netlink_ns_capable, net/netlink/af_netlink.c).

    Raises:
        OSError: the sandbox has none.

    """
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
    try:
        made.connect((0, 0))  # a container's root could send to it, otherwise
    except BaseException:
        made.close()
        raise
    return made


def _open(namespace: Namespace, make: Callable[[], socket.socket]) -> socket.socket:
    there = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.fstat(there).st_ino != namespace.inode:
            raise FileNotFoundError(f"{namespace.path} is another namespace by now")
        if namespace.inode == _inode(OWN):
            return make()
        return _opened_in(there, make)
    finally:
        os.close(there)


def _opened_in(namespace: int, make: Callable[[], socket.socket]) -> socket.socket:
    """Make a socket in a thread that enters the namespace and never comes back."""
    opened: list[socket.socket] = []
    failed: list[OSError] = []

    def enter() -> None:
        try:
            _setns(namespace)
            opened.append(make())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=enter, name="setns", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return opened[0]


def _setns(namespace: int) -> None:
    if hasattr(os, "setns"):  # Python 3.12
        os.setns(namespace, _CLONE_NEWNET)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
