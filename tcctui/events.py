"""The wire between kernel and Python: `struct event` of bpf/tcc.c, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

EVENT = np.dtype(
    [
        ("ts_ns", "u8"),
        ("sock_cookie", "u8"),
        ("skaddr", "u8"),
        ("saddr", ">u8", (2,)),
        ("daddr", ">u8", (2,)),
        ("mark", "u4"),
        ("snd_nxt", "u4"),
        ("snd_una", "u4"),
        ("snd_cwnd", "u4"),
        ("ssthresh", "u4"),
        ("snd_wnd", "u4"),
        ("srtt", "u4"),
        ("rcv_wnd", "u4"),
        ("acks", "u4"),
        ("snd_cwnd_min", "u4"),
        ("srtt_min", "u4"),
        ("in_flight_min", "u4"),
        ("snd_cwnd_max", "u4"),
        ("srtt_max", "u4"),
        ("in_flight_max", "u4"),
        ("sport", "u2"),
        ("dport", "u2"),
        ("family", "u2"),
        ("data_len", "u2"),
        ("kind", "u1"),
        ("oldstate", "u1"),
        ("newstate", "u1"),
        ("begun", "u1"),
    ]
)
"""One record of the ring buffer, 128 bytes, as `struct event` in bpf/tcc.c lays it out.

`ts_ns` is CLOCK_MONOTONIC. `saddr` and `daddr` are 128-bit addresses as two big-endian halves, IPv4
as ::ffff:a.b.c.d. `snd_cwnd` and `ssthresh` are segments, `srtt` microseconds, `snd_wnd`, `rcv_wnd`
and `data_len` bytes, `snd_nxt` and `snd_una` sequence numbers modulo 2³². Ports are in host order.
What a kind or a kernel does not have is 0.

A tcp_probe event may stand for several ACKs of its flow. `acks` is then how many the kernel has
counted of it so far, modulo 2³²: what the count before lacks of it is what this one stands for, or
all of it where `begun` says that this is the first that is told of a count. It is 0 where the event
stands for itself alone. `snd_cwnd_min` to `in_flight_max` are the extremes over the ACKs it stands
for (in_flight is snd_nxt - snd_una, in bytes); the other fields are the last one's.
"""

Events = npt.NDArray[np.void]
"""A one-dimensional array of `EVENT` records, in the order in which the kernel wrote them."""

_PIECE = np.dtype(f"V{EVENT.itemsize}")


def pick(events: Events, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]]) -> Events:
    """Copy some events, chosen by a mask or by their places.

    Each is copied as one piece: numpy copies records field by field, at twenty times the cost.
    """
    return events.view(_PIECE)[which].view(events.dtype)


def joined(parts: Sequence[Events]) -> Events:
    """Copy events one behind the other; of one part alone, give that."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part.view(_PIECE) for part in parts]).view(EVENT)


NO_SSTHRESH = 0x7FFFFFFF
"""TCP_INFINITE_SSTHRESH (include/net/tcp.h): ssthresh was never set."""

AF_INET, AF_INET6 = 2, 10


class EventKind(IntEnum):
    """`kind` of an event: the tracepoint it comes from (`enum event_kind` in bpf/tcc.c)."""

    PROBE = 0
    STATE = 1
    DESTROY = 2


class TcpState(IntEnum):
    """Socket states (include/net/tcp_states.h)."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11
    NEW_SYN_RECV = 12


class Source(Protocol):
    """Where events come from. Read by one thread; the screen can't tell one source from another."""

    @property
    def description(self) -> str:
        """What it is, in the status line's words: `tcp_probe · 6.12.0`."""

    @property
    def kernel_filter(self) -> str:
        """The part of the filter that runs before events are delivered; empty if there is none."""

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that one event of a flow may stand for; 0 where every ACK has its own."""

    def focus(self, cookies: Iterable[int]) -> None:
        """Ask for every ACK of these flows."""

    def now_ns(self) -> int:
        """The source's clock, in nanoseconds: the one that its events' `ts_ns` are from."""

    def read(self, timeout: float) -> Events:
        """Deliver what has come, oldest first; wait up to `timeout` seconds for more.

        Raises:
            TcctuiError: the source is gone; it delivers nothing more.

        """

    def lost(self) -> int:
        """Events that happened and could not be delivered, since the source was opened."""

    def skipped(self) -> int:
        """Events of any flow that the kernel ran no program for, since the source was opened."""

    def close(self) -> None:
        """Give back what the source holds of the kernel; may be called twice."""
