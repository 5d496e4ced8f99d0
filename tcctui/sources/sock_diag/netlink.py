"""Netlink datagrams, received back to back into one buffer and decoded in bulk."""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple, Protocol

import numpy as np

from tcctui.arrays import I64, Array, Indexes, Records
from tcctui.sources import kernel_clock

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x01, 0x10, 0x300

HEADER = np.dtype(
    [("length", "u4"), ("kind", "u2"), ("flags", "u2"), ("sequence", "u4"), ("port", "u4")]
)
"""struct nlmsghdr (include/uapi/linux/netlink.h); `length` counts the header too."""

DATAGRAM = 1 << 16
"""Room that there is for one datagram; the kernel makes them no larger than half of it."""

_MSG_TRUNC, _MSG_DONTWAIT = 0x20, 0x40
_HEADER, _ERROR = struct.Struct("=IHHII"), struct.Struct("=i")


class Receiver(Protocol):
    """The methods used of a socket."""

    def recv_into(self, buffer: memoryview, nbytes: int, flags: int, /) -> int:
        """Receive a datagram; with MSG_TRUNC, return its whole length even if it is truncated."""


class Messages(NamedTuple):
    """Messages in a buffer, valid until the next are received into it."""

    data: memoryview
    starts: Indexes  # offset of each: multiples of 4
    headers: Records  # of dtype HEADER
    stamps: I64

    def errors(self) -> I64:
        """Errno of each NLMSG_ERROR, 0 for other messages."""
        found = np.zeros(len(self.starts), np.int64)
        long = self.headers["length"] >= HEADER.itemsize + 4
        which = np.flatnonzero((self.headers["kind"] == NLMSG_ERROR) & long)
        numbers = pieces(self.data, self.starts[which] + HEADER.itemsize, 4).view("i4")
        found[which] = -numbers.astype(np.int64)
        return found


class Newest(NamedTuple):
    """Summary of one message: its kind, its sequence number, an errno or 0."""

    kind: int
    sequence: int
    errno: int


def boundaries(words: memoryview, begin: int, end: int) -> list[int]:
    """Offsets of the complete messages of one datagram.

    The datagram is from byte `begin` to `end` of what is seen as `words` of 4 bytes; `begin` is a
    multiple of 4, as NLMSG_ALIGNTO is. A truncated message ends it, as does one with an invalid
    length.
    """
    found = []
    while begin + HEADER.itemsize <= end:
        length = words[begin >> 2]
        if length < HEADER.itemsize or begin + length > end:
            break
        found.append(begin)
        begin += length + 3 & ~3
    return found


def pieces(data: memoryview, starts: Indexes, length: int) -> Records:
    """Copy `length` bytes from each offset, a multiple of 4: records of void."""
    if not len(starts):
        return np.zeros(0, f"V{length}")
    windows: Records = np.ndarray(((len(data) - length) // 4 + 1,), f"V{length}", data, 0, (4,))
    return windows[starts >> 2]


class Inbox:
    """Buffer of `size` bytes for datagrams."""

    def __init__(self, size: int = 1 << 20) -> None:
        # Not a bytearray: untouched pages take no memory.
        self._data = np.zeros(max(size, DATAGRAM) & ~3, "u1").data
        self._words = self._data.cast("I")
        self.overflows = 0
        """Number of times that the kernel reported lost messages."""
        self.clear()

    def clear(self) -> None:
        """Discard the received messages."""
        self._end = 0
        self._starts: list[int] = []
        self._stamps: list[int] = []

    @property
    def full(self) -> bool:
        """True if another datagram has no room before `take` or `clear`."""
        return self._end + DATAGRAM > len(self._data)

    def __len__(self) -> int:
        return len(self._starts)

    def receive(self, receiver: Receiver, stamp: int, flags: int = 0) -> bool:
        """Receive one datagram; its messages get `stamp`. False if it was truncated.

        Raises:
            OSError: there is none, or it had no room in the kernel.

        """
        size = receiver.recv_into(self._data[self._end :], 0, flags | _MSG_TRUNC)
        end = min(self._end + size, len(self._data))
        intact = end == self._end + size
        found = boundaries(self._words, self._end, end)
        self._starts += found
        self._stamps += [stamp] * len(found)
        self._end = min(end + 3 & ~3, len(self._data))
        return intact

    def collect(self, receiver: Receiver) -> bool:
        """Receive pending datagrams without waiting; True if the inbox filled up first.

        Datagrams that the kernel had no room for are counted in `overflows`.
        """
        stamp = kernel_clock.now_ns()
        while not self.full:
            try:
                self.receive(receiver, stamp, _MSG_DONTWAIT)
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # reported once; reading goes on
                    return False
                self.overflows += 1
        return True

    def newest(self) -> Newest:
        """Summary of the last message; all 0 if there is none."""
        if not self._starts:
            return Newest(0, 0, 0)
        start = self._starts[-1]
        length, kind, _, sequence, _ = _HEADER.unpack_from(self._data, start)
        number = 0
        if kind in (NLMSG_ERROR, NLMSG_DONE) and length >= _HEADER.size + _ERROR.size:
            # Negative in the message, as in the kernel.
            number = abs(_ERROR.unpack_from(self._data, start + _HEADER.size)[0])
        return Newest(kind, sequence, number)

    def take(self) -> Messages:
        """All received messages, oldest first; the buffer is free again."""
        starts = np.array(self._starts, np.intp)
        stamps = np.array(self._stamps, np.int64)
        self.clear()
        headers: Array = pieces(self._data, starts, HEADER.itemsize).view(HEADER)
        return Messages(self._data, starts, headers, stamps)
