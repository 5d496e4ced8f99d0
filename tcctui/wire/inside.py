"""Beside tcp_probe's events: `struct inside`, `struct algorithm` and `struct ack` of bpf/tcc.c.

They are read where somebody asks for them, on kernels whose types are known (BTF).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntFlag
from typing import NamedTuple

import numpy as np

from tcctui.arrays import Records, distinct
from tcctui.wire.private_layout import PRIVATE_BYTES, UNKNOWN_LAYOUT, PrivateLayout, keep
from tcctui.wire.records import joined, pick
from tcctui.wire.tracepoints import EVENT_KINDS

INSIDE_KIND, ALGORITHM_KIND, ACK_KIND = EVENT_KINDS, EVENT_KINDS + 1, EVENT_KINDS + 2
"""`kind` of these records in the ring buffers, where they stand among events."""

INSIDE = np.dtype(
    [
        ("ts_ns", "u8"),
        ("sock_cookie", "u8"),
        ("acks", "u4"),
        ("packets_out", "u4"),
        ("sacked_out", "u4"),
        ("lost_out", "u4"),
        ("retrans_out", "u4"),
        ("in_flight_min", "u4"),
        ("in_flight_max", "u4"),
        ("mss_cache", "u4"),
        ("delivered", "u4"),
        ("lost", "u4"),
        ("app_limited", "u4"),
        ("rate_delivered", "u4"),
        ("rate_interval_us", "u4"),
        ("rcv_nxt", "u4"),
        ("copied_seq", "u4"),
        ("write_seq", "u4"),
        ("reordering", "u4"),
        ("rttvar_us", "u4"),
        ("mdev_us", "u4"),
        ("min_rtt_us", "u4"),
        ("icsk_rto", "u4"),
        ("high_seq", "u4"),
        ("tlp_high_seq", "u4"),
        ("undo_marker", "u4"),
        ("undo_retrans", "u4"),
        ("prior_ssthresh", "u4"),
        ("ca_state", "u1"),
        ("backoff", "u1"),
        ("retransmits", "u1"),
        ("pending", "u1"),
        ("kind", "u1"),
        ("unused", "u1", (3,)),
    ]
)
"""Members of a `struct tcp_sock`, as of the last ACK of the tcp_probe event of the same moment.

They have the kernel's names and units: segments, bytes, microseconds, sequence numbers modulo 2³²;
`icsk_rto` is in jiffies in the ring, and in microseconds as a source gives it. `mdev_us` is four
times the mean deviation (tcpi_rttvar is a quarter of it).
`in_flight_min` and `in_flight_max` are the extremes, over the ACKs that the event stands for, of
packets_out - (sacked_out + lost_out) + retrans_out (tcp_packets_in_flight, include/net/tcp.h).
`acks` is the event's. The values are those before the ACK is processed, as tcp_probe's are.
"""

ALGORITHM = np.dtype(
    [
        ("ts_ns", "u8"),
        ("sock_cookie", "u8"),
        ("private", "u1", (PRIVATE_BYTES,)),
        ("key", "u4"),
        ("kind", "u1"),
        ("jiffies", "u1", (3,)),
    ]
)
"""`icsk_ca_priv` of the same moment, and the key of the algorithm whose state it is.

`key` is that of its `struct tcp_congestion_ops`: a hash of its name (tcp_ca_get_key_by_name).
`jiffies` are the lowest 24 bits of the time in jiffies, which algorithms keep times in, lowest byte
first.
"""

ACK = np.dtype(
    [
        ("ts_ns", "u8"),
        ("sock_cookie", "u8"),
        ("snd_una", "u4"),
        ("snd_nxt", "u4"),
        ("snd_wnd", "u4"),
        ("sacked_out", "u4"),
        ("rtt_us", "u4"),
        ("sacks", "u4", (8,)),
        ("dsack_dups", "u4"),
        ("unused", "u4", (13,)),
        ("kind", "u1"),
        ("reserved", "u1", (3,)),
    ]
)
"""One ACK of a socket in focus; of others, one that came while something was SACKed.

`sacks` are begin and end of each of up to four ranges of the newest SACK (recv_sack_cache of struct
tcp_sock), 0 where there is none. They stay there after it, so they count only while `sacked_out`,
in segments, is above 0. `rtt_us` is the RTT of the newest segment delivered (rack.rtt_us), 0 before
the first, and `dsack_dups` the total of segments that the peer got twice (RFC 2883). As with
tcp_probe the values are those before the ACK is processed.
"""

INSIDES = np.dtype([("socket", INSIDE), ("algorithm", ALGORITHM)])
"""`struct insides`: what of both a socket's slot has."""


class Asked(IntFlag):
    """Kinds of records that are asked for, of sockets in focus or of all: `enum inside_of`."""

    NOTHING = 0
    SOCKET = 1
    ALGORITHM = 2
    SOCKET_OF_ALL = 4
    ALGORITHM_OF_ALL = 8
    ACK = 16
    ACK_OF_ALL = 32
    """Only of ACKs that came while something was SACKed."""
    QUEUE = 64
    """Waits of sockets in focus in this machine's queues: no records, but totals."""


EVERYTHING = Asked.SOCKET_OF_ALL | Asked.ALGORITHM_OF_ALL | Asked.ACK_OF_ALL


class Insides(NamedTuple):
    """Records of each kind, oldest first."""

    sockets: Records
    algorithms: Records
    acks: Records = np.empty(0, ACK)

    def __bool__(self) -> bool:
        return any(map(len, (self.sockets, self.algorithms, self.acks)))

    def each(self, change: Callable[[Records], Records]) -> Insides:
        """Give what `change` makes of the records of each kind."""
        return Insides(change(self.sockets), change(self.algorithms), change(self.acks))


NO_INSIDES = Insides(np.empty(0, INSIDE), np.empty(0, ALGORITHM))


def parted(records: Records) -> tuple[Records, Insides]:
    """Take records of these kinds out from among events, which have the same size."""
    kinds = records["kind"]
    inside = kinds >= INSIDE_KIND
    if not np.count_nonzero(inside):
        return records, NO_INSIDES
    sockets = pick(records, kinds == INSIDE_KIND).view(INSIDE)
    algorithms = pick(records, kinds == ALGORITHM_KIND).view(ALGORITHM)
    acks = pick(records, kinds == ACK_KIND).view(ACK)
    return pick(records, ~inside), Insides(sockets, algorithms, acks)


def together(parts: list[Insides]) -> Insides:
    """Join records of several reads."""
    if not parts:
        return NO_INSIDES
    return Insides(*(joined(list(kind)) for kind in zip(*parts, strict=True)))


def use_layouts(algorithms: Records, layouts: Mapping[int, PrivateLayout]) -> None:
    """Let the keys of records stand for these layouts, from now on; others for no struct.

    `layouts` are by the keys that the records have.
    """
    keys = algorithms["key"].copy()
    for key in distinct(keys).tolist():
        algorithms["key"][keys == key] = keep(key, layouts.get(key, UNKNOWN_LAYOUT))
