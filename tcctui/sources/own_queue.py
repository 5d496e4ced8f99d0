"""Queueing discipline of the device that a connection leaves by, as rtnetlink has it.

Routes and queues are of this process's network namespace; both may be read without rights.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

from tcctui.wire.addresses import format_address
from tcctui.wire.own_queue import OwnQueue

_RTM_NEWROUTE, _RTM_GETROUTE, _RTM_NEWQDISC, _RTM_GETQDISC = 24, 26, 36, 38
_NLM_F_REQUEST, _NLM_F_ECHO, _NLMSG_ERROR = 0x01, 0x08, 2
_RTA_DST, _RTA_SRC, _RTA_OIF = 1, 2, 4  # include/uapi/linux/rtnetlink.h
# include/uapi/linux/{rtnetlink,gen_stats}.h
_TCA_KIND, _TCA_STATS2, _TCA_STATS_BASIC, _TCA_STATS_QUEUE = 1, 7, 1, 3
_TC_H_ROOT = 0xFFFFFFFF

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_ROUTE = struct.Struct("=8BI")  # struct rtmsg
_QUEUE = struct.Struct("=BxxxiIII")  # struct tcmsg
_STATISTICS = struct.Struct("=5I")  # struct gnet_stats_queue: qlen, backlog, drops, requeues …
_ATTRIBUTE = struct.Struct("=HH")

Ends = tuple[tuple[int, int], tuple[int, int]]
"""Addresses of this end and of the peer, each as two halves."""

_ROOM = 1 << 16
_EVERY = 0.5
"""Seconds between two questions about one device."""


class OwnQueues:
    """Asks for the queue of one connection at a time; used by one thread."""

    def __init__(self) -> None:
        self._asked: tuple[Ends, float] = (((0, 0), (0, 0)), 0.0)
        self._found: OwnQueue | None = None
        self._left: tuple[int, int, float] = (0, 0, 0.0)  # by a device, bytes until a moment

    def of(self, netns: int, ends: Ends) -> OwnQueue | None:
        """Queue on the way from one address to another.

        None in another namespace, without a route, and of devices without a queue.
        """
        try:
            if netns != os.stat("/proc/thread-self/ns/net").st_ino:
                return None
            before, when = self._asked
            if before == ends and time.monotonic() - when < _EVERY:
                return self._found
            self._asked = ends, time.monotonic()
            self._found = self._ask(*(format_address(*end) for end in ends))
        except OSError:
            self._found = None
        return self._found

    def _ask(self, local: str, remote: str) -> OwnQueue | None:
        index = self._device(local, remote)
        if not index:
            return None
        header = _QUEUE.pack(0, index, 0, _TC_H_ROOT, 0)
        for kind, data in self._answers(_RTM_GETQDISC, header):
            if kind == _RTM_NEWQDISC:
                read = _read(socket.if_indextoname(index), data)
                return None if read is None else self._timed(index, *read)
        return None

    def _timed(self, index: int, queue: OwnQueue, left: int) -> OwnQueue:
        """Add how long what waits takes to leave, at the rate since the last look."""
        (device, before, then), now = self._left, time.monotonic()
        self._left = index, left, now
        if device != index or left <= before:
            return queue
        return queue._replace(wait_us=1e6 * queue.backlog * (now - then) / (left - before))

    def _device(self, local: str, remote: str) -> int:
        """Index of the device on the way between two addresses; 0 without a route."""
        address, _, link = remote.partition("%")
        if link:
            return socket.if_nametoindex(link)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        ends = (_RTA_DST, address), (_RTA_SRC, local.partition("%")[0])
        packed = [(kind, socket.inet_pton(family, end)) for kind, end in ends]
        bits = 8 * len(packed[0][1])
        request = _ROUTE.pack(family, bits, bits, *[0] * 5, 0)
        for name, end in packed:
            request += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(end), name) + end
        for kind, data in self._answers(_RTM_GETROUTE, request):
            if kind == _RTM_NEWROUTE:
                found = dict(_attributes(data[_ROUTE.size :]))
                if len(found.get(_RTA_OIF, b"")) == 4:
                    return int(struct.unpack("=i", found[_RTA_OIF])[0])
        return 0

    def _answers(self, kind: int, request: bytes) -> Iterator[tuple[int, bytes]]:
        """Kinds and contents of the kernel's messages in one answer; none after an error."""
        # A socket for each question: nothing of one before is left in it.
        with contextlib.closing(
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        ) as asked:
            length = _HEADER.size + len(request)
            # Without the echo only listeners of changes get the answer to one qdisc's question.
            flags = _NLM_F_REQUEST | _NLM_F_ECHO
            asked.send(_HEADER.pack(length, kind, flags, 1, 0) + request)
            # The kernel answers before send() returns: nothing is waited for.
            for of_kind, content in _messages(asked.recv(_ROOM, socket.MSG_DONTWAIT)):
                if of_kind == _NLMSG_ERROR:
                    return
                yield of_kind, content


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3


def _read(device: str, data: bytes) -> tuple[OwnQueue, int] | None:
    """Queue of a message, and the bytes that have left it; None of a device without one."""
    found = dict(_attributes(data[_QUEUE.size :]))
    kind = found.get(_TCA_KIND, b"").rstrip(b"\0").decode(errors="replace")
    parts = dict(_attributes(found.get(_TCA_STATS2, b"")))
    basic, told = (parts.get(part, b"") for part in (_TCA_STATS_BASIC, _TCA_STATS_QUEUE))
    if kind in {"", "noqueue"} or len(told) < _STATISTICS.size:
        return None
    qlen, backlog, drops, _, overlimits = _STATISTICS.unpack_from(told)
    queue = OwnQueue(device, kind, backlog, qlen, drops, overlimits)
    return queue, struct.unpack_from("=Q", basic.ljust(8, b"\0"))[0]
