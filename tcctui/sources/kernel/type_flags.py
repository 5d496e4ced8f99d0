"""Compiler flags for bpf/tcc.c that come from the kernel's types: where its structs have members.

Each member is named once, with the bytes it has to have: where a kernel has it otherwise, there is
no flag, and what needs it is switched off or done in another way.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import NamedTuple

from tcctui.sources.kernel.type_information import Kind, Member, TypeInformation

PRIVATE_WORDS = 13
"""Words of eight bytes that a congestion control algorithm has for itself in a socket."""

CAST = "bpf_rdonly_cast"
"""Kernel function by which the verifier takes a pointer for one to a type: since Linux 6.2."""

_RUNS = "btf_trace_tcp_probe"
"""Type of the functions that run where the kernel traces tcp_probe."""


class _Wanted(NamedTuple):
    """A member, by its struct and path in it, and its bytes; 0 for any number.

    With `more`, there may be more bytes than these: kernels with BBR v3 have a larger state.
    """

    struct: str
    path: str
    bytes: int
    more: bool = False


_SOCKET: Mapping[str, _Wanted] = {
    "COOKIE": _Wanted("sock", "__sk_common.skc_cookie", 8),
    "DEVICE": _Wanted("sock", "__sk_common.skc_bound_dev_if", 4),
    "LOCK": _Wanted("sock", "sk_lock", 0),
    "OWNED": _Wanted("socket_lock_t", "owned", 4),
    "ERROR": _Wanted("sock", "sk_err", 4),
    "TASK_FLAGS": _Wanted("task_struct", "flags", 4),
    "LEADER": _Wanted("task_struct", "group_leader", 8),
    "COMM": _Wanted("task_struct", "comm", 16),
}
"""Members that no tracepoint has a field for, as bpf/tcc.c names their offsets."""

_PROBE: Mapping[str, _Wanted] = {
    "FAMILY": _Wanted("sock", "__sk_common.skc_family", 2),
    "DADDR": _Wanted("sock", "__sk_common.skc_daddr", 4),
    "DADDR6": _Wanted("sock", "__sk_common.skc_v6_daddr", 16),
    "SADDR6": _Wanted("sock", "__sk_common.skc_v6_rcv_saddr", 16),
    "SADDR": _Wanted("inet_sock", "inet_saddr", 4),
    "SPORT": _Wanted("inet_sock", "inet_sport", 2),
    "DPORT": _Wanted("sock", "__sk_common.skc_dport", 2),
    "SND_NXT": _Wanted("tcp_sock", "snd_nxt", 4),
    "SND_UNA": _Wanted("tcp_sock", "snd_una", 4),
    "SND_CWND": _Wanted("tcp_sock", "snd_cwnd", 4),
    "SND_SSTHRESH": _Wanted("tcp_sock", "snd_ssthresh", 4),
    "SND_WND": _Wanted("tcp_sock", "snd_wnd", 4),
    "SRTT": _Wanted("tcp_sock", "srtt_us", 4),
    "RCV_WND": _Wanted("tcp_sock", "rcv_wnd", 4),
    "SKB_MARK": _Wanted("sk_buff", "mark", 4),
    "SKB_LEN": _Wanted("sk_buff", "len", 4),
    "SKB_DATA": _Wanted("sk_buff", "data", 8),
}
"""Members from which tcp_probe has its values (TP_fast_assign, include/trace/events/tcp.h)."""

_INSIDE: Mapping[str, _Wanted] = {
    "PACKETS_OUT": _Wanted("tcp_sock", "packets_out", 4),
    "SACKED_OUT": _Wanted("tcp_sock", "sacked_out", 4),
    "LOST_OUT": _Wanted("tcp_sock", "lost_out", 4),
    "RETRANS_OUT": _Wanted("tcp_sock", "retrans_out", 4),
    "MSS_CACHE": _Wanted("tcp_sock", "mss_cache", 4),
    "DELIVERED": _Wanted("tcp_sock", "delivered", 4),
    "LOST": _Wanted("tcp_sock", "lost", 4),
    "APP_LIMITED": _Wanted("tcp_sock", "app_limited", 4),
    "RATE_DELIVERED": _Wanted("tcp_sock", "rate_delivered", 4),
    "RATE_INTERVAL_US": _Wanted("tcp_sock", "rate_interval_us", 4),
    "RCV_NXT": _Wanted("tcp_sock", "rcv_nxt", 4),
    "COPIED_SEQ": _Wanted("tcp_sock", "copied_seq", 4),
    "WRITE_SEQ": _Wanted("tcp_sock", "write_seq", 4),
    "REORDERING": _Wanted("tcp_sock", "reordering", 4),
    "RTTVAR_US": _Wanted("tcp_sock", "rttvar_us", 4),
    "MDEV_US": _Wanted("tcp_sock", "mdev_us", 4),
    "ICSK_RTO": _Wanted("inet_connection_sock", "icsk_rto", 4),
    "HIGH_SEQ": _Wanted("tcp_sock", "high_seq", 4),
    "TLP_HIGH_SEQ": _Wanted("tcp_sock", "tlp_high_seq", 4),
    "UNDO_MARKER": _Wanted("tcp_sock", "undo_marker", 4),
    "UNDO_RETRANS": _Wanted("tcp_sock", "undo_retrans", 4),
    "PRIOR_SSTHRESH": _Wanted("tcp_sock", "prior_ssthresh", 4),
    "RACK_RTT_US": _Wanted("tcp_sock", "rack.rtt_us", 4),
    "DSACK_DUPS": _Wanted("tcp_sock", "dsack_dups", 4),
    "SACK_CACHE": _Wanted("tcp_sock", "recv_sack_cache", 32),
    "BACKOFF": _Wanted("inet_connection_sock", "icsk_backoff", 1),
    "RETRANSMITS": _Wanted("inet_connection_sock", "icsk_retransmits", 1),
    "PENDING": _Wanted("inet_connection_sock", "icsk_pending", 1),
    "CA_OPS": _Wanted("inet_connection_sock", "icsk_ca_ops", 8),
    "CA_PRIV": _Wanted("inet_connection_sock", "icsk_ca_priv", 8 * PRIVATE_WORDS, more=True),
    "CA_KEY": _Wanted("tcp_congestion_ops", "key", 4),
}
"""Members that `struct inside`, `struct ack` and `struct algorithm` of bpf/tcc.c are made of."""

_MINIMUM = _Wanted("tcp_sock", "rtt_min.s", 24), _Wanted("minmax_sample", "v", 4)
"""The minimum RTT: the first of three samples."""

_SEGMENT: Mapping[str, tuple[_Wanted, _Wanted]] = {
    "SEQ": (_Wanted("sk_buff", "cb", 48), _Wanted("tcp_skb_cb", "seq", 4)),
    "END_SEQ": (_Wanted("sk_buff", "cb", 48), _Wanted("tcp_skb_cb", "end_seq", 4)),
    "SEGMENTS": (_Wanted("sk_buff", "cb", 48), _Wanted("tcp_skb_cb", "tcp_gso_segs", 2)),
}
"""Sequence numbers and number of segments, in what TCP has for itself in a packet: TCP_SKB_CB."""

_PACKET: Mapping[str, _Wanted] = {
    "HEAD": _Wanted("sk_buff", "head", 8),
    "NETWORK_HEADER": _Wanted("sk_buff", "network_header", 2),
}
"""Members by which the headers of a dropped packet are found."""

_QUEUE: Mapping[str, _Wanted] = {
    "NEXT": _Wanted("sk_buff", "next", 8),
    "SK": _Wanted("sk_buff", "sk", 8),
    "TSTAMP": _Wanted("sk_buff", "tstamp", 8),
}
"""Members of packets that leave a queue: the next one, its socket, when it was to be sent."""

_CA_STATE = _Wanted("inet_connection_sock", "icsk_ca_state", 0)


def socket_flags(types: TypeInformation | None) -> list[str]:
    """Offsets of members that no tracepoint has a field for; none without types."""
    if types is None:
        return []
    found = {name: _found(types, wanted) for name, wanted in _SOCKET.items()}
    return [f"-DTCC_{name}_OFFSET={one.byte}" for name, one in found.items() if one is not None]


def probe_flags(types: TypeInformation | None) -> list[str]:
    """Flags with which tcp_probe's values are read from the socket itself.

    None where the kernel lacks any of what is needed: then the tracepoint's own fields are.
    """
    if types is None or sys.byteorder != "little" or types.find(Kind.TYPEDEF, _RUNS) is None:
        return []
    found = {name: _found(types, wanted) for name, wanted in _PROBE.items()}
    state = _found(types, _CA_STATE)
    tcp = types.find(Kind.STRUCT, "tcp_sock")
    if tcp is None or state is None or state.offset % 8 + state.bits > 8:
        return []
    flags = [
        "-DTCC_TYPED",
        "-DTCC_PROBE_HAS_SKADDR",
        f"-DTCC_CA_STATE_BYTE={state.byte}",
        f"-DTCC_CA_STATE_SHIFT={state.offset % 8}",
        f"-DTCC_CA_STATE_MASK={(1 << state.bits) - 1}",
    ]
    inside = {name: _found(types, wanted) for name, wanted in _INSIDE.items()}
    samples, value = (_found(types, wanted) for wanted in _MINIMUM)
    if samples is None or value is None:
        return []
    flags.append(f"-DTCC_INSIDE_MIN_RTT_US={samples.byte + value.byte}")
    for name, pair in _SEGMENT.items():
        place, number = (_found(types, wanted) for wanted in pair)
        if place is None or number is None:
            return []
        flags.append(f"-DTCC_SKB_{name}={place.byte + number.byte}")
    packet = {name: _found(types, wanted) for name, wanted in _PACKET.items()}
    for prefix, members in (("PROBE", found), ("INSIDE", inside), ("SKB", packet)):
        for name, one in members.items():
            if one is None:
                return []
            flags.append(f"-DTCC_{prefix}_{name}={one.byte}")
    queue = {name: _found(types, wanted) for name, wanted in _QUEUE.items()}
    flags += [f"-DTCC_QUEUE_{name}={one.byte}" for name, one in queue.items() if one is not None]
    header = types.find(Kind.STRUCT, "tcphdr")
    if types.find(Kind.FUNCTION, CAST) is not None and header is not None:
        flags += [f"-DTCC_TCP_SOCK={tcp}", f"-DTCC_TCPHDR={header}"]
    return flags


def lacking(types: TypeInformation) -> list[str]:
    """Name the members that sockets can't be read without and that these types do not have so."""
    wanted = (*_PROBE.values(), *_INSIDE.values(), *_MINIMUM, _CA_STATE)
    return [f"{one.struct}.{one.path}" for one in wanted if _found(types, one) is None]


def runs_tcp_probe(types: TypeInformation) -> int:
    """Number of the type of tcp_probe's functions; 0 if there is none."""
    return types.find(Kind.TYPEDEF, _RUNS) or 0


def _found(types: TypeInformation, wanted: _Wanted) -> Member | None:
    one = types.member(wanted.struct, wanted.path)
    if one is None or (wanted.bytes and one.offset % 8):
        return None
    has, needs = one.bits, 8 * wanted.bytes
    return one if not needs or has == needs or (wanted.more and has > needs) else None
