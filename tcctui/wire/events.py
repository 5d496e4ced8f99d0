"""The wire between kernel and Python: `struct event` of bpf/tcc.c, field by field."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from tcctui.arrays import Records
from tcctui.wire.tracepoints import EventKind

__all__ = [
    "AF_INET",
    "AF_INET6",
    "EVENT",
    "NO_SSTHRESH",
    "CaState",
    "EventKind",
    "Events",
    "TcpState",
]

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

`kind` is an `EventKind`. `oldstate` and `newstate` are `TcpState`s of a STATE event. `newstate` of
a CA_STATE event is the `CaState` that is entered, and of a RETRANSMIT event the socket's
`TcpState`.
"""

Events = Records
"""A one-dimensional array of `EVENT` records, in the order in which the kernel wrote them."""


NO_SSTHRESH = 0x7FFFFFFF
"""TCP_INFINITE_SSTHRESH (include/net/tcp.h): ssthresh was never set."""

AF_INET, AF_INET6 = 2, 10


class CaState(IntEnum):
    """The kernel's view of the path (`enum tcp_ca_state`, uapi/linux/tcp.h)."""

    OPEN = 0
    DISORDER = 1
    CWR = 2
    RECOVERY = 3
    LOSS = 4


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
