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

`kind` is an `EventKind`. `oldstate` and `newstate` are `TcpState`s of a STATE event; in place of
`snd_nxt` to `in_flight_max` that and a DESTROY event have the socket's process: see `OWNED`.
RETRANSMIT and CA_STATE events have what `RECOVERY` says in place of some.
`newstate` of a CA_STATE event is the `CaState` that is entered, and of a RETRANSMIT event the
socket's `TcpState`.
"""

_OWNER = EVENT.fields["snd_nxt"][1]  # type: ignore[index]

OWNED = np.dtype(
    {
        "names": ["pid", "uid", "comm", "cgroup"],
        "formats": ["u4", "u4", "S16", "S32"],
        "offsets": [_OWNER, _OWNER + 4, _OWNER + 8, _OWNER + 24],
        "itemsize": EVENT.itemsize,
    }
)
"""The process of a STATE or DESTROY event, as `struct owner` of bpf/tcc.c: a view of `EVENT`.

`pid` is 0 unless the socket's process itself was at work on it, as in connect() and close(): all
else is done in whichever process a segment interrupts. `comm` is its thread's name, `cgroup` that
of its container or unit, as in a sample; empty where it is unknown.
"""

CGROUP_ID = np.dtype(
    {
        "names": ["cgroup_id"],
        "formats": ["u8"],
        "offsets": [_OWNER + 28],
        "itemsize": EVENT.itemsize,
    }
)
"""Number of the process's cgroup in such an event of the kernel, before its name is written."""

_RECOVERY = EVENT.fields["acks"][1]  # type: ignore[index]

RECOVERY = np.dtype(
    {
        "names": [
            *("ca_state", "pending", "retransmits", "known"),
            *("undo_marker", "prior_ssthresh", "high_seq", "seq", "end_seq", "segments"),
        ],
        "formats": ["u1"] * 4 + ["u4"] * 6,
        "offsets": [_RECOVERY + place for place in (0, 1, 2, 3, 4, 8, 12, 16, 20, 24)],
        "itemsize": EVENT.itemsize,
    }
)
"""Loss recovery at a RETRANSMIT or CA_STATE event: a view of `EVENT`.

`struct recovery` of bpf/tcc.c, in place of `acks` and the extremes; `snd_nxt` to `rcv_wnd` are
those of the moment. `known` is 1 where the kernel's types are known (BTF), else all of it is 0.
`ca_state` is the `CaState` before, `pending` the timer (ICSK_TIME_... of
include/net/inet_connection_sock.h), `retransmits` the timeouts in a row; `undo_marker` is 0 where
there is nothing to undo, `prior_ssthresh` the ssthresh before the reduction. `seq` and `end_seq`
are those of the data that a RETRANSMIT sends again, `segments` how many these are (tcp_skb_pcount),
as total_retrans counts them; 0 in older recordings.
"""

_DROP = EVENT.fields["mark"][1]  # type: ignore[index]

DROPPED = np.dtype(
    {
        "names": ["reason", "seq", "bytes", "reason_name"],
        "formats": ["u4", "u4", "u4", "S40"],
        "offsets": [_DROP, _DROP + 4, _DROP + 8, _DROP + 12],
        "itemsize": EVENT.itemsize,
    }
)
"""A segment that this machine dropped, in a DROP event: a view of `EVENT`.

`struct drop` of bpf/tcc.c: `reason` is a number of `enum skb_drop_reason`, which differ from kernel
to kernel, so its name is there, too, without SKB_DROP_REASON_. `seq` and `bytes` are of its data.
`saddr` is the segment's sender: this machine's end may be either, or both.
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
