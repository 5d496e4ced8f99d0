"""What recordings and tables say of their columns: units, and where the kernel has them from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.wire.samples import CC_FIELDS, SKMEM_FIELDS, TCP_INFO
from tcctui.wire.tracepoints import TRACEPOINTS, EventKind

_US, _MS, _BYTES, _SEGMENTS = "microseconds", "milliseconds", "bytes", "segments"
_NS = "nanoseconds, CLOCK_MONOTONIC"
_SEQUENCE = "sequence number modulo 2^32"
_RATE = "bytes per second"
_ADDRESS = "IP address, 16 bytes; IPv4 as ::ffff:a.b.c.d"
_PROBE = "tcp:tcp_probe "


def _state_source(name: str) -> str:
    rows = [row for row in TRACEPOINTS if name in row.states]
    return ", ".join(f"{row.event} {row.states[name]}" for row in rows)


EVENT_UNITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ts_ns": (_NS, "bpf_ktime_get_ns"),
        "sock_cookie": ("socket cookie, 0 if unknown", _PROBE + "sock_cookie"),
        "skaddr": ("hash or address of the socket", _PROBE + "skaddr"),
        "saddr": (_ADDRESS, _PROBE + "saddr"),
        "daddr": (_ADDRESS, _PROBE + "daddr"),
        "mark": ("SO_MARK", _PROBE + "mark"),
        "snd_nxt": (_SEQUENCE, _PROBE + "snd_nxt"),
        "snd_una": (_SEQUENCE, _PROBE + "snd_una"),
        "snd_cwnd": (_SEGMENTS, _PROBE + "snd_cwnd"),
        "ssthresh": (_SEGMENTS + "; 2147483647: never set", _PROBE + "ssthresh"),
        "snd_wnd": (_BYTES, _PROBE + "snd_wnd"),
        "srtt": (_US, _PROBE + "srtt"),
        "rcv_wnd": (_BYTES, _PROBE + "rcv_wnd"),
        "acks": ("ACKs of the flow so far modulo 2^32; 0: the event is of one ACK", "tcctui"),
        "snd_cwnd_min": (_SEGMENTS, "tcctui, over the ACKs; null: snd_cwnd"),
        "srtt_min": (_US, "tcctui, over the ACKs; null: srtt"),
        "in_flight_min": (_BYTES, "tcctui, over the ACKs; null: snd_nxt - snd_una"),
        "snd_cwnd_max": (_SEGMENTS, "tcctui, over the ACKs; null: snd_cwnd"),
        "srtt_max": (_US, "tcctui, over the ACKs; null: srtt"),
        "in_flight_max": (_BYTES, "tcctui, over the ACKs; null: snd_nxt - snd_una"),
        "sport": ("port", _PROBE + "sport"),
        "dport": ("port", _PROBE + "dport"),
        "family": ("2: AF_INET, 10: AF_INET6", _PROBE + "family"),
        "data_len": (_BYTES, _PROBE + "data_len"),
        "kind": (
            ", ".join(f"{row.kind:d} {row.event.partition(':')[2]}" for row in TRACEPOINTS),
            "the tracepoint",
        ),
        "oldstate": ("TCP state (tcp_states.h)", _state_source("oldstate")),
        "newstate": (
            f"TCP state; of kind {EventKind.CA_STATE:d}, enum tcp_ca_state",
            _state_source("newstate"),
        ),
        "begun": ("1: the first event that is told of a count of ACKs", "tcctui"),
    }
)
"""Unit and origin of each field of `events.EVENT`."""

_TIMES = {
    *("rto", "ato", "rtt", "rttvar", "rcv_rtt", "min_rtt"),
    *("busy_time", "rwnd_limited", "sndbuf_limited"),
}
_OF_SEGMENTS = {
    *("unacked", "sacked", "lost", "retrans", "snd_ssthresh", "snd_cwnd", "reordering"),
    *("total_retrans", "segs_out", "segs_in", "data_segs_in", "data_segs_out", "delivered"),
    *("delivered_ce", "rcv_ooopack"),
}
_OF_BYTES = {
    *("snd_mss", "rcv_mss", "pmtu", "rcv_ssthresh", "advmss", "rcv_space", "bytes_acked"),
    *("bytes_received", "notsent_bytes", "bytes_sent", "bytes_retrans", "snd_wnd", "rcv_wnd"),
}


def _unit_of_info(name: str) -> str:
    if name in _TIMES:
        return _US
    if name.startswith("last_"):
        return _MS
    if name.endswith("_rate"):
        return _RATE
    if name in _OF_SEGMENTS:
        return _SEGMENTS
    return _BYTES if name in _OF_BYTES else ""


SAMPLE_UNITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ts_ns": (_NS, "tcctui"),
        "sock_cookie": ("socket cookie", "inet_diag idiag_cookie"),
        "saddr": (_ADDRESS, "inet_diag idiag_src"),
        "daddr": (_ADDRESS, "inet_diag idiag_dst"),
        "sport": ("port", "inet_diag idiag_sport"),
        "dport": ("port", "inet_diag idiag_dport"),
        "family": ("2: AF_INET, 10: AF_INET6", "inet_diag idiag_family"),
        "info_len": ("bytes of struct tcp_info that the kernel gave", "INET_DIAG_INFO"),
        "ifindex": ("interface", "inet_diag idiag_if"),
        "inode": ("inode of the socket's file", "inet_diag idiag_inode"),
        "uid": ("user", "inet_diag idiag_uid"),
        "rqueue": (_BYTES, "inet_diag idiag_rqueue"),
        "wqueue": (_BYTES, "inet_diag idiag_wqueue"),
        "state": ("TCP state (tcp_states.h)", "inet_diag idiag_state"),
        "end": ("0 lives, 1 destroyed, 2 gone: without values", "tcctui"),
        "cc_info": ("whose values there are: 0 nobody's, 1 bbr_*, 2 dctcp_*", "tcctui"),
        "has_skmem": ("1: rmem_alloc to drops are there", "tcctui"),
        "netns": ("inode of the network namespace, 0 if unknown", "tcctui"),
        "pid": ("process, 0 if unknown", "/proc"),
        "cc": ("congestion control", "INET_DIAG_CONG"),
        "comm": ("process's name", "/proc"),
        "netns_name": ("name of the network namespace", "/run/netns"),
        "cgroup": ("container or unit", "/proc"),
        **{name: (_unit_of_info(name), f"struct tcp_info tcpi_{name}") for name in TCP_INFO},
        "tcpi_state": ("TCP state (tcp_states.h)", "struct tcp_info tcpi_state"),
        "fackets": (_SEGMENTS, "struct tcp_info tcpi_fackets"),
        **{name: ("", f"INET_DIAG_VEGASINFO {name}") for name in CC_FIELDS},
        "bbr_bw": (_RATE, "struct tcp_bbr_info bbr_bw_lo, bbr_bw_hi"),
        "bbr_min_rtt": (_US, "struct tcp_bbr_info"),
        "bbr_pacing_gain": ("256 is 1.0", "struct tcp_bbr_info"),
        "bbr_cwnd_gain": ("256 is 1.0", "struct tcp_bbr_info"),
        "dctcp_ce_state": ("", "struct tcp_dctcp_info"),
        "dctcp_enabled": ("", "struct tcp_dctcp_info"),
        "dctcp_alpha": ("1024 is 1.0", "struct tcp_dctcp_info"),
        **{name: (_BYTES, f"INET_DIAG_SKMEMINFO {name}") for name in SKMEM_FIELDS},
        "drops": ("packets", "INET_DIAG_SKMEMINFO drops"),
    }
)
"""Unit and origin of each field of `samples.SAMPLE`, and of two more of tcp_info."""
