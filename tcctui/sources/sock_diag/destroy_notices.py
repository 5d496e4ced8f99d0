"""Destroyed sockets with their last values, as multicast by the kernel."""

from __future__ import annotations

import socket

import numpy as np

from tcctui.sources import kernel_clock
from tcctui.sources.sock_diag.inet_diag import samples_of
from tcctui.sources.sock_diag.namespaces import make_room
from tcctui.sources.sock_diag.netlink import Inbox
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES, End, Samples

STORM = 2_000
"""Limit on destroyed sockets per second; above it the notices are switched off."""

_SECOND = 1_000_000_000
_DEAF_NS = 10 * _SECOND
_AT_ONCE = 16  # inboxes that are read before others get their turn
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NETLINK_DROP_MEMBERSHIP = 270, 1, 2
_GROUPS = (1, 3)
"""SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY (include/uapi/linux/sock_diag.h)."""

_UP_TO_SEGMENTS = 144
"""Bytes of a TCP_INFO that has segs_out and segs_in."""


class DestroyNotices:
    """Listens on a sock_diag socket of its own, which is closed with this.

    A notice costs the kernel about 5 µs. Above `STORM` per second the notices are switched off for
    ten seconds; meanwhile `deaf` is True.

    Raises:
        OSError: the kernel refuses.

    """

    def __init__(self, listener: socket.socket, netns: int) -> None:
        self._listener = listener
        self._netns = netns
        self._inbox = Inbox()
        self.deaf = False
        """True while notices are switched off because of a storm."""
        self._deaf_until = 0
        try:
            make_room(listener)
            listener.bind((0, 0))  # a socket without an address receives no notices
            self._take_part(_NETLINK_ADD_MEMBERSHIP)
        except OSError:
            listener.close()
            raise
        self._heard, self._since = 0, kernel_clock.now_ns()

    @property
    def overflows(self) -> int:
        """Number of times that notices of destroyed sockets were lost for want of room."""
        return self._inbox.overflows

    def read(self) -> Samples:
        """Sample what has been told since the last time; does not wait.

        The kernel tells addresses and TCP_INFO, not the algorithm and no buffers; of a socket that
        reset its connection itself, nothing. Sockets that it had no room for are missing.
        """
        now = kernel_clock.now_ns()
        if self.deaf and now >= self._deaf_until:
            self.deaf = False
            self._take_part(_NETLINK_ADD_MEMBERSHIP)
            self._heard, self._since = 0, now
        parts: list[Samples] = []
        more = True
        while more and len(parts) < _AT_ONCE:
            more = self._inbox.collect(self._listener)
            if not len(self._inbox):
                break
            messages = self._inbox.take()
            samples, _ = samples_of(messages, np.ones(len(messages.starts), bool), self._netns)
            samples["end"] = End.DESTROYED
            # Who resets its connection has forgotten all by now (tcp_disconnect, net/ipv4/tcp.c);
            # else it has sent or got a segment at least.
            wiped = (samples["segs_out"] == 0) & (samples["segs_in"] == 0)
            samples["info_len"][wiped & (samples["info_len"] >= _UP_TO_SEGMENTS)] = 0
            parts.append(samples)
            self._heard += len(samples)
        passed = now - self._since
        if not self.deaf and passed >= _SECOND:
            if self._heard * _SECOND > STORM * passed:
                self.deaf, self._deaf_until = True, now + _DEAF_NS
                self._take_part(_NETLINK_DROP_MEMBERSHIP)
            self._heard, self._since = 0, now
        return joined([NO_SAMPLES, *parts]) if parts else NO_SAMPLES

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self._listener.close()

    def _take_part(self, option: int) -> None:
        for group in _GROUPS:
            self._listener.setsockopt(_SOL_NETLINK, option, group)
