"""Processes and namespaces as the processes apart see them, which keep the rights for it."""

from __future__ import annotations

import os
import socket
import struct
import threading

import numpy as np

from tcctui.privileges.channel import Channel
from tcctui.sources.sock_diag import namespace_process, namespaces, owner_process, process_memory
from tcctui.sources.sock_diag.namespaces import Namespace
from tcctui.sources.sock_diag.processes import NOBODY, OWNER, Owners, Processes

_MOST_BYTES = 1 << 28
"""Of an answer: 60 million sockets' owners."""

_HOLDER = np.dtype([("pid", "u4"), ("count", "u4"), ("comm", "S16"), ("cgroup", "S40")])
"""`owner_process.HOLDER`."""


class ScansElsewhere:
    """Owners from `owner_process`; `look` is used by one thread.

    Where that process is gone, this user's own processes remain.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asking = threading.Lock()
        self._own: Processes | None = None
        self.worked = 0.0
        """Seconds of CPU time that the last scan took."""

    def look(self) -> Owners:
        """Ask for a scan, and wait for it."""
        if self._own is None:
            try:
                return self._owners(self._ask(owner_process.SCAN))
            except (OSError, ValueError):
                self._own = Processes()
        owners = self._own.look()
        self.worked = self._own.worked
        return owners

    def memory(self) -> int:
        """Bytes that this process and those apart from it take."""
        try:
            (found,) = owner_process.BYTES.unpack(self._ask(owner_process.MEMORY))
        except (OSError, struct.error):
            return process_memory.own()
        return int(found)

    def _ask(self, request: bytes) -> bytes:
        with self._asking:
            self._channel.send(request)
            return self._channel.receive(_MOST_BYTES)[0]

    def _owners(self, answer: bytes) -> Owners:
        """Read an answer.

        Raises:
            ValueError: it is none.

        """
        head = owner_process.HEAD
        worked, sockets, processes = head.unpack_from(answer.ljust(head.size, b"\0"))
        self.worked = worked / 1e9
        if not processes:
            return NOBODY
        inodes = np.frombuffer(answer, "u4", sockets, head.size)
        holders = np.frombuffer(answer, _HOLDER, processes, head.size + inodes.nbytes)
        owners = np.empty(processes, OWNER)
        for name in OWNER.names or ():
            owners[name] = holders[name]
        return Owners(inodes, np.repeat(np.arange(processes), holders["count"]), owners)


class NamespacesElsewhere:
    """Namespaces from `namespace_process`; used by any thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asking = threading.Lock()

    def found(self) -> list[Namespace]:
        """Ask for a list; empty where that process is gone."""
        try:
            answer, _ = self._ask(namespace_process.LIST, 0)
        except OSError:
            return []
        entry = namespace_process.ENTRY
        listed: list[Namespace] = []
        at = 0
        while at + entry.size <= len(answer):
            inode, length = entry.unpack_from(answer, at)
            at += entry.size + length
            name = os.fsdecode(answer[at - length : at])
            listed.append(Namespace(inode, name, "" if listed else namespaces.OWN))
        return listed

    def signs_of_change(self) -> tuple[object, ...]:
        """As everybody can read them."""
        return namespaces.signs_of_change()

    def open_diag(self, namespace: Namespace) -> socket.socket:
        """Ask for a sock_diag socket in a namespace.

        Raises:
            OSError: the namespace is gone, or that process is.

        """
        return self._opened(namespace_process.DIAG, namespace)

    def open_listener(self, namespace: Namespace) -> socket.socket:
        """Ask for one with room for notices of destroyed sockets; see `open_diag`."""
        return self._opened(namespace_process.LISTENER, namespace)

    def open_route(self, namespace: Namespace) -> socket.socket:
        """Ask for a socket of rtnetlink; see `open_diag`."""
        return self._opened(namespace_process.ROUTE, namespace)

    def _opened(self, command: bytes, namespace: Namespace) -> socket.socket:
        _, files = self._ask(command, namespace.inode)
        (made,) = files or [-1]
        return socket.socket(fileno=made)

    def _ask(self, command: bytes, inode: int) -> tuple[bytes, list[int]]:
        with self._asking:
            self._channel.send(namespace_process.REQUEST.pack(command, inode))
            answer, files = self._channel.receive(_MOST_BYTES, 1)
        number = namespace_process.ERROR
        (error,) = number.unpack_from(answer.ljust(number.size, b"\xff"))
        if error:
            raise OSError(error, os.strerror(error) if error > 0 else "no answer")
        return answer[number.size :], files
