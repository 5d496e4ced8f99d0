"""The kernel's TCP sockets, read through NETLINK_SOCK_DIAG, without privileges."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Generator, Iterable, Iterator

import numpy as np

from tcctui.arrays import U64, Records, among
from tcctui.errors import TcctuiError
from tcctui.sources import kernel_clock
from tcctui.sources.sock_diag import inet_diag, namespaces
from tcctui.sources.sock_diag.destroy_notices import DestroyNotices
from tcctui.sources.sock_diag.netlink import (
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    Inbox,
    Messages,
)
from tcctui.wire.events import TcpState
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES, SAMPLE, End, Samples, newest

_SIOCGIFNAME = 0x8910  # include/uapi/linux/sockios.h
_TRIES = 4
_PATIENCE = 2  # seconds that the kernel may take for an answer; it takes microseconds
_AT_ONCE = 64  # requests of one sendmsg: their answers fit into the smallest receive buffer
_GONE = np.array([errno.ENOENT, errno.ESTALE])
_BUSY = (errno.ENOBUFS, errno.EBUSY, errno.EAGAIN)


class DiagSocket:
    """One netlink socket in one network namespace; used by one thread.

    `netns` is the inode that is written into samples. `raw` is a socket made elsewhere, in that
    namespace, and is closed with this; `beside` makes another one there, for notices. While it is
    open, the namespace stays.

    Raises:
        TcctuiError: there is no sock_diag.

    """

    def __init__(
        self,
        netns: int = 0,
        *,
        raw: socket.socket | None = None,
        beside: Callable[[], socket.socket] | None = None,
    ) -> None:
        self._netns = netns
        self._beside = beside
        self._elsewhere = raw is not None
        try:
            self._socket = namespaces.diag_socket() if raw is None else raw
        except OSError as error:
            raise _unusable(error) from error
        # Not settimeout: Python would poll before each read.
        patience = struct.pack("ll", _PATIENCE, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._notices: DestroyNotices | None = None
        self._inbox = Inbox()
        self._sequence = 0
        self._whole = True  # no datagram of the last dump was cut short
        self._asked: Records | None = None
        self._requests = np.zeros(0, inet_diag.REQUEST)  # of those
        self._has_mptcp = True  # until the kernel says that it has no mptcp_diag
        self.complete = False
        """True if the last dump was complete: a socket missing from it is gone."""

    def dump(self) -> Samples:
        """Sample all connected sockets at once, each once, in the order of their cookies.

        See `parts`.
        """
        return newest(joined([NO_SAMPLES, *self.parts()]))

    def parts(self, more: Iterable[int] = ()) -> Iterator[Samples]:
        """Sample all connected sockets, IPv4 and IPv6, some thousands at a time.

        Listening and closed sockets, and those in TIME_WAIT or SYN_RECV, are not connected, and
        come only where their states are among `more`; nor is
        the remainder of a closed socket that waits for the peer's FIN. An interrupted dump is
        repeated, so that sockets may come twice; after some attempts it is accepted, and `complete`
        is False. Until the end, no other request may be made.

        Raises:
            TcctuiError: the kernel refuses.

        """
        self.complete = False
        for _ in range(_TRIES):
            try:
                if (yield from self._dump(more)):
                    self.complete = True
                    return
            except OSError as error:
                if error.errno not in _BUSY:
                    raise _unusable(error) from error
                self._drain()

    def query(self, sockets: Records) -> Samples:
        """Sample each of some sockets, of dtype `SOCKET`, in their order.

        Where the kernel has no such socket, `end` is End.GONE and only cookie and time are set, and
        TIME_WAIT as the state where the remainder of that connection is there. Not found is not
        gone: one that is bound to a device is not found without its `ifindex` (INET_MATCH,
        include/net/inet_hashtables.h). A socket is left out if there was no room for the answer.
        """
        if sockets is not self._asked:  # what is on the screen is asked for again and again
            self._asked, self._requests = sockets, inet_diag.queries(sockets)
        parts = [NO_SAMPLES]
        for at in range(0, len(sockets), _AT_ONCE):
            some = slice(at, at + _AT_ONCE)
            parts.append(self._query(sockets["sock_cookie"][some], self._requests[some]))
        return joined(parts[1:] or parts)

    def fill_mptcp(self, samples: Samples) -> None:
        """Write the figures of their MPTCP connections into samples of subflows.

        Costs nothing where there is no subflow among them. Not to be called during `parts`.
        """
        if not self._has_mptcp or not np.count_nonzero(samples["mptcp_token"]):
            return
        from tcctui.sources.sock_diag import mptcp_diag  # noqa: PLC0415 - few machines have MPTCP

        with contextlib.suppress(OSError):
            mptcp_diag.fill(samples, self.mptcp())

    def mptcp(self) -> Records:
        """Read all MPTCP connections, of dtype `mptcp_diag.CONNECTION`.

        Raises:
            OSError: the kernel has no room, or no mptcp_diag.

        """
        from tcctui.sources.sock_diag import mptcp_diag  # noqa: PLC0415 - few machines have MPTCP

        found = [mptcp_diag.NO_CONNECTIONS]
        for family in mptcp_diag.FAMILIES:
            sequence = self._number(1)
            request = mptcp_diag.dump_request(sequence, family)
            try:
                found += [
                    mptcp_diag.connections(messages, sequence)
                    for messages in self._answers(sequence, request)
                ]
            except OSError as error:
                self._has_mptcp = error.errno in _BUSY
                self._drain()
                raise
        return joined(found)

    def interface(self, index: int) -> str:
        """Name of an interface in this namespace; empty if there is none of this index."""
        with contextlib.suppress(OSError):
            answer = fcntl.ioctl(self._socket, _SIOCGIFNAME, struct.pack("16si20x", b"", index))
            return os.fsdecode(answer[:16].split(b"\0", 1)[0])
        return ""

    def listen(self) -> bool:
        """Subscribe to destroyed sockets; False if the kernel refuses."""
        try:
            if self._notices is None:
                self._notices = DestroyNotices(self._listener(), self._netns)
        except OSError:
            return False
        return True

    def _listener(self) -> socket.socket:
        if self._beside is not None:
            return self._beside()
        if self._elsewhere:
            return namespaces.open_beside(self._socket)
        return namespaces.diag_socket()

    def destroyed(self) -> Samples:
        """Sample the sockets destroyed since the last call, as `DestroyNotices.read`."""
        return NO_SAMPLES if self._notices is None else self._notices.read()

    @property
    def overflows(self) -> int:
        """Number of times that notices of destroyed sockets were lost for want of room."""
        return 0 if self._notices is None else self._notices.overflows

    def close(self) -> None:
        """Close the sockets; may be called twice."""
        self._socket.close()
        if self._notices is not None:
            self._notices.close()
            self._notices = None

    def _dump(self, more: Iterable[int]) -> Generator[Samples, None, bool]:
        """Sample all sockets; False at the end if something changed meanwhile.

        Raises:
            OSError: the kernel refuses, or has no room.

        """
        intact, sequence = True, self._number(1)
        for messages in self._answers(sequence, inet_diag.dump_request(sequence, more)):
            mine = messages.headers["sequence"] == sequence
            intact &= not (messages.headers["flags"][mine] & NLM_F_DUMP_INTR).any()
            yield inet_diag.samples_of(messages, mine, self._netns)[0]
        return intact and self._whole

    def _answers(self, sequence: int, request: bytes) -> Iterator[Messages]:
        """Messages that answer the request of a dump, as many at a time as there is room for.

        Raises:
            OSError: the kernel refuses, or has no room.

        """
        inbox, ended, self._whole = self._inbox, False, True
        inbox.clear()
        next_stamp = kernel_clock.now_ns()
        self._socket.send(request)
        while not ended:
            # The kernel fills a datagram while it hands out the one before.
            stamp, next_stamp = next_stamp, kernel_clock.now_ns()
            self._whole &= inbox.receive(self._socket, stamp)
            newest = inbox.newest()
            ended = newest.kind in (NLMSG_DONE, NLMSG_ERROR) and newest.sequence == sequence
            if ended or inbox.full:
                yield inbox.take()
        if newest.errno:
            raise OSError(newest.errno, os.strerror(newest.errno))

    def _drain(self) -> None:
        """Discard the rest of an old answer: a dump under way blocks the next."""
        while self._inbox.collect(self._socket):
            self._inbox.clear()

    def _query(self, cookies: U64, requests: Records) -> Samples:
        count = len(requests)
        first = self._number(count)
        inet_diag.number(requests, first)
        self._inbox.clear()
        try:
            self._socket.send(requests.tobytes())
        except OSError:
            return np.zeros(0, SAMPLE)
        self._inbox.collect(self._socket)  # within send, the kernel has answered
        messages = self._inbox.take()
        of = messages.headers["sequence"].astype(np.int64) - first
        mine = (of >= 0) & (of < count)
        found, places = inet_diag.samples_of(messages, mine, self._netns)
        if len(places) == count and np.array_equal(of[places], np.arange(count)):
            return found  # all are there, in their order: the rule
        # The remainder of a closed socket has no values: it is gone.
        remainder = mine & inet_diag.of_time_wait(messages)
        absent = mine & among(messages.errors(), _GONE) | remainder
        gone = np.zeros(np.count_nonzero(absent), SAMPLE)
        gone["sock_cookie"] = cookies[of[absent]]
        gone["ts_ns"] = messages.stamps[absent]
        gone["netns"] = self._netns
        gone["end"] = End.GONE
        gone["state"] = np.where(remainder[absent], TcpState.TIME_WAIT, 0)
        order = np.argsort(np.concatenate([of[places], of[absent]]), kind="stable")
        return pick(joined([found, gone]), order)

    def _number(self, count: int) -> int:
        """First of `count` sequence numbers that no pending answer uses."""
        if self._sequence + count > 0x7FFFFFFF:
            self._sequence = 0
        self._sequence += count
        return self._sequence - count + 1


def _unusable(error: OSError) -> TcctuiError:
    if error.errno == errno.ENOENT:
        return TcctuiError(
            "The kernel has no sock_diag for TCP.", "Load it with: sudo modprobe tcp_diag"
        )
    return TcctuiError(
        f"The kernel does not report its TCP sockets: {error.strerror}.",
        "Allow netlink sockets (NETLINK_SOCK_DIAG) where tcctui runs, or run it outside of that.",
    )
