"""Queueing discipline of the device that a connection leaves by, as rtnetlink has it.

Routes, rules and devices are those of the connection's network namespace. They may be read without
rights, once there is a socket in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator

from tcctui.sources.route_socket import RouteSocket
from tcctui.sources.sock_diag.namespaces import OWN, route_socket
from tcctui.wire.addresses import ZONE, format_address, is_link_local
from tcctui.wire.own_queue import OwnQueue

_RTM_NEWROUTE, _RTM_GETROUTE, _RTM_NEWQDISC, _RTM_GETQDISC = 24, 26, 36, 38
_NLM_F_REQUEST, _NLM_F_ECHO, _NLMSG_ERROR = 0x01, 0x08, 2
_RTA_DST, _RTA_SRC, _RTA_OIF = 1, 2, 4  # include/uapi/linux/rtnetlink.h
# include/uapi/linux/{rtnetlink,gen_stats}.h
_TCA_KIND, _TCA_STATS2, _TCA_STATS_BASIC, _TCA_STATS_QUEUE = 1, 7, 1, 3
_TC_H_ROOT = 0xFFFFFFFF
_SIOCGIFNAME = 0x8910  # include/uapi/linux/sockios.h

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
    """Asks for the queue of one connection at a time; used by one thread.

    `open_route` opens a socket of rtnetlink in another network namespace, as `RouteSocket` has it.
    """

    def __init__(self, open_route: Callable[[int], socket.socket]) -> None:
        self._elsewhere = RouteSocket(open_route)
        self._asked: tuple[int, Ends, int, float] = (0, ((0, 0), (0, 0)), 0, 0.0)
        self._found: OwnQueue | None = None
        # By a device of a namespace, bytes until a moment.
        self._left: tuple[tuple[int, int], int, float] = ((0, 0), 0, 0.0)
        self._sequence = 0

    def of(self, netns: int, ends: Ends, bound: int = 0) -> OwnQueue | None:
        """Queue on the way from one address to another.

        `bound` is the index of the device that the socket is bound to (SO_BINDTODEVICE, or a
        subflow's endpoint), and leaves by whatever the routes of others say; 0 if it is not.

        None without a route, of devices without a queue, and in another namespace as long as there
        is no socket in it.
        """
        *before, when = self._asked
        if before == [netns, ends, bound] and time.monotonic() - when < _EVERY:
            return self._found
        try:
            with self._link(netns) as link:
                if link is None:
                    return None
                self._asked = netns, ends, bound, time.monotonic()
                self._found = self._ask(link, netns, ends, bound)
        except OSError:
            self._found = None
        return self._found

    def close(self) -> None:
        """Close what is open in another namespace; the next question opens it again."""
        self._elsewhere.close()

    def _link(self, netns: int) -> contextlib.AbstractContextManager[socket.socket | None]:
        """Socket in a namespace, for one question."""
        if netns == os.stat(OWN).st_ino:
            self.close()
            return route_socket()
        return contextlib.nullcontext(self._elsewhere.of(netns))

    def _ask(self, link: socket.socket, netns: int, ends: Ends, bound: int) -> OwnQueue | None:
        index = self._device(link, ends, bound)
        if not index:
            return None
        header = _QUEUE.pack(0, index, 0, _TC_H_ROOT, 0)
        for kind, data in self._answers(link, _RTM_GETQDISC, header):
            if kind == _RTM_NEWQDISC:
                read = _read(_name(link, index), data)
                return None if read is None else self._timed((netns, index), *read)
        return None

    def _timed(self, device: tuple[int, int], queue: OwnQueue, left: int) -> OwnQueue:
        """Add how long what waits takes to leave, at the rate since the last look."""
        (last, before, then), now = self._left, time.monotonic()
        self._left = device, left, now
        if last != device or left <= before:
            return queue
        return queue._replace(wait_us=1e6 * queue.backlog * (now - then) / (left - before))

    def _device(self, link: socket.socket, ends: Ends, bound: int) -> int:
        """Index of the device on the way between two addresses; 0 without a route."""
        high = ends[1][0]
        if is_link_local(high) and high & ZONE:
            return high & ZONE
        local, remote = (format_address(*end).partition("%")[0] for end in ends)
        family = socket.AF_INET6 if ":" in remote else socket.AF_INET
        named = (_RTA_DST, remote), (_RTA_SRC, local)
        packed = [(kind, socket.inet_pton(family, end)) for kind, end in named]
        bits = 8 * len(packed[0][1])
        request = _ROUTE.pack(family, bits, bits, *[0] * 5, 0)
        if bound:
            packed.append((_RTA_OIF, struct.pack("=I", bound)))
        for name, end in packed:
            request += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(end), name) + end
        for kind, data in self._answers(link, _RTM_GETROUTE, request):
            if kind == _RTM_NEWROUTE:
                found = dict(_attributes(data[_ROUTE.size :]))
                if len(found.get(_RTA_OIF, b"")) == 4:
                    return int(struct.unpack("=i", found[_RTA_OIF])[0])
        return 0

    def _answers(
        self, link: socket.socket, kind: int, request: bytes
    ) -> Iterator[tuple[int, bytes]]:
        """Kinds and contents of the kernel's messages in one answer; none after an error."""
        self._sequence = sequence = self._sequence + 1 & 0xFFFFFFFF
        length = _HEADER.size + len(request)
        # Without the echo only listeners of changes get the answer to one qdisc's question.
        flags = _NLM_F_REQUEST | _NLM_F_ECHO
        link.send(_HEADER.pack(length, kind, flags, sequence, 0) + request)
        answer = bytes(_HEADER.size)
        while _HEADER.unpack_from(answer)[3] != sequence:  # left of a question before
            # The kernel answers before send() returns: nothing is waited for.
            answer = link.recv(_ROOM, socket.MSG_DONTWAIT)
        for of_kind, content in _messages(answer):
            if of_kind == _NLMSG_ERROR:
                return
            yield of_kind, content


def _name(link: socket.socket, index: int) -> str:
    """Name of a device in a socket's namespace.

    Raises:
        OSError: it is gone.

    """
    answer = fcntl.ioctl(link, _SIOCGIFNAME, struct.pack("16si20x", b"", index))
    return os.fsdecode(answer[:16].split(b"\0", 1)[0])


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
