"""Network namespaces from a process apart, which may enter them all (CAP_SYS_ADMIN).

The protocol: a request is `REQUEST`, a command and the inode of a namespace (0 with `LIST`); an
answer is `ERROR`, an errno or 0, and what was asked for: of `LIST`, `ENTRY` and the name of each
namespace, its own first; of the others a socket. A request names only namespaces that were listed,
never a path, and gets only sockets that ask for sockets, routes and queues, and change nothing:
whoever takes over the process that asks learns no more than what `ss`, `ip` and `tc` print.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable

from tcctui.privileges.capabilities import Capability
from tcctui.privileges.channel import Channel
from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.namespaces import Namespace

RIGHTS = (Capability.SYS_ADMIN, Capability.SYS_PTRACE, Capability.NET_ADMIN)
"""Enters namespaces, finds those of all processes, and gives sockets room for many notices."""

LIST, DIAG, LISTENER, ROUTE = b"l", b"d", b"n", b"r"

REQUEST = struct.Struct("=cQ")
ERROR = struct.Struct("=i")
ENTRY = struct.Struct("=QH")
"""Inode, and bytes of the name that follows."""


def serve(channel: Channel) -> None:
    """Answer each request until the channel is closed, or what comes is no request.

    Raises:
        OSError: it is closed.

    """
    listed: dict[int, Namespace] = {}
    while True:
        message, _ = channel.receive(REQUEST.size)
        if len(message) != REQUEST.size:
            return
        command, inode = REQUEST.unpack(message)
        if command == LIST:
            listed = {one.inode: one for one in namespaces.found()}
            channel.send(ERROR.pack(0) + b"".join(map(_entry, listed.values())))
        elif command == DIAG:
            _open(channel, listed.get(inode), namespaces.open_diag)
        elif command == LISTENER:
            _open(channel, listed.get(inode), namespaces.open_listener)
        elif command == ROUTE:
            _open(channel, listed.get(inode), namespaces.open_route)
        else:
            return


def _entry(namespace: Namespace) -> bytes:
    name = os.fsencode(namespace.name)
    return ENTRY.pack(namespace.inode, len(name)) + name


def _open(
    channel: Channel, namespace: Namespace | None, make: Callable[[Namespace], socket.socket]
) -> None:
    """Answer with a socket made in a namespace, or with the reason why there is none."""
    if namespace is None:
        channel.send(ERROR.pack(errno.ENOENT))
        return
    try:
        made = make(namespace)
    except OSError as error:
        channel.send(ERROR.pack(error.errno or errno.EIO))
        return
    with made:
        channel.send(ERROR.pack(0), [made.fileno()])
