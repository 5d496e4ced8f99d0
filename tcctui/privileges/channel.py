"""Messages with open files between two processes, over a socket that only these two have."""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
from collections.abc import Iterable

_HEADER = struct.Struct("=II")
"""Bytes of the message, and number of descriptors that come with it."""

_MOST_DESCRIPTORS = 253  # SCM_MAX_FD, include/net/scm.h
_INT = array.array("i").itemsize


class Channel:
    """One end of a socket pair; closed by its owner.

    All errors are OSErrors: ConnectionError where the other process is gone, or sends what is no
    message.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: bytes, descriptors: Iterable[int] = ()) -> None:
        """Send a message and copies of open files.

        Raises:
            OSError: nobody receives it.

        """
        files = array.array("i", descriptors)
        header = _HEADER.pack(len(message), len(files))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)] if files else []
        sent = self._end.sendmsg([header], rights)
        self._end.sendall(header[sent:] + message)

    def receive(self, most: int, most_files: int = 0) -> tuple[bytes, list[int]]:
        """Wait for a message of `most` bytes at most; gives it and its open files.

        Raises:
            OSError: none comes any more, or it is longer, or brings more files.

        """
        room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * _INT)
        header, rights, _, _ = self._end.recvmsg(_HEADER.size, room, socket.MSG_CMSG_CLOEXEC)
        files = array.array("i")
        for level, kind, data in rights:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                files.frombytes(data[: len(data) // _INT * _INT])
        try:
            header += self._exactly(_HEADER.size - len(header)) if header else b""
            if len(header) < _HEADER.size:
                raise ConnectionError("the other process has ended")
            size, count = _HEADER.unpack(header)
            if size > most or count != len(files) or count > most_files:
                raise ConnectionError("the other process sends what is no message")
            return self._exactly(size), list(files)
        except BaseException:
            for descriptor in files:
                os.close(descriptor)
            raise

    def close(self) -> None:
        """Close it: the other process, which waits for a message, ends; may be called twice."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)  # a thread that waits here wakes up
        self._end.close()

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._end.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise ConnectionError("the other process has ended")
            parts += part
        return bytes(parts)
