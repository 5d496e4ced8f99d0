"""Values that are read of the socket itself at each ACK, where somebody asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tcctui.fields.field import Column, Field, Unit, Where, moment


def _read(name: str, unit: Unit, meaning: str, source: str, title: str) -> Field:
    dtype = "u1" if unit is Unit.FLAG else "u4"
    return Field(name, dtype, unit, meaning, source, Column(title), query=name, where=Where.INSIDE)


INSIDE = (
    Field(
        "in_flight_packets", "f8", Unit.SEGMENTS,
        "segments in flight, as the kernel holds them against cwnd: not acknowledged, SACKed or "
        "presumed lost, and retransmits",
        "tcp_sock packets_out - (sacked_out + lost_out) + retrans_out: tcp_packets_in_flight, "
        "include/net/tcp.h; between ACKs the same of TCP_INFO",
        Column("INFL_PKT", key="in_flight_packets"), query="in_flight_packets inflight_packets",
        where=Where.DERIVED,
    ),
    _read(
        "in_flight_packets_min", Unit.SEGMENTS,
        "fewest segments in flight over the ACKs of the last event",
        "tcp_sock, as in_flight_packets", "INFL_MIN",
    ),
    _read(
        "in_flight_packets_max", Unit.SEGMENTS,
        "most segments in flight over the ACKs of the last event",
        "tcp_sock, as in_flight_packets", "INFL_MAX",
    ),
    _read(
        "tlp_out", Unit.FLAG, "a tail loss probe (RFC 8985) is out and not yet acknowledged",
        "tcp_sock tlp_high_seq", "TLP",
    ),
    _read(
        "undo_possible", Unit.FLAG,
        "the newest reduction of cwnd is undone if its retransmits prove needless",
        "tcp_sock undo_marker: tcp_may_undo, net/ipv4/tcp_input.c", "UNDO",
    ),
    _read(
        "undo_retrans", Unit.SEGMENTS,
        "retransmitted segments that no DSACK has shown to be needless yet, while undo is possible",
        "tcp_sock undo_retrans", "UNDO_RETR",
    ),
    _read(
        "prior_ssthresh", Unit.THRESHOLD,
        "slow start threshold before the newest reduction, which undo restores (segments)",
        "tcp_sock prior_ssthresh", "PRIOR_SST",
    ),
    _read(
        "recovery_left", Unit.BYTES,
        "bytes to be acknowledged until the loss recovery is over: high_seq - snd_una",
        "tcp_sock high_seq, snd_una; RecoveryPoint of RFC 6675", "RECOV_TO",
    ),
    _read(
        "app_limited", Unit.FLAG,
        "the application sends too little: rate samples until all of this is delivered say so",
        "tcp_sock app_limited: tcp_rate_check_app_limited, net/ipv4/tcp_rate.c",
        "APP_NOW",
    ),
    _read(
        "rate_delivered", Unit.SEGMENTS, "segments delivered in the newest sample of delivery_rate",
        "tcp_sock rate_delivered", "RATE_PKT",
    ),
    _read(
        "rate_interval", Unit.MICROSECONDS, "time of the newest sample of delivery_rate",
        "tcp_sock rate_interval_us", "RATE_IVAL",
    ),
    _read(
        "rto_rttvar", Unit.MICROSECONDS, "part of the retransmission timeout beyond srtt",
        "tcp_sock rttvar_us: __tcp_set_rto, include/net/tcp.h", "RTO_VAR",
    ),
    _read(
        "lost_total", Unit.TOTAL, "segments that were presumed lost, in its whole life",
        "tcp_sock lost", "LOST_ALL",
    ),
    moment(
        "inside_ns", Column("INSIDE", key="inside"), "the socket itself was last read",
        "tcp_probe",
    )._replace(where=Where.INSIDE),
)  # fmt: skip
"""Values that no sample has, but the first, which is exact at each ACK with these."""

ASKING = frozenset(field.name for field in INSIDE)
"""Columns for which sockets are read: while one of them is shown, searched for or alerted of."""


class Member(NamedTuple):
    """A member that is read: its unit, and its place in the kernel."""

    unit: Unit
    source: str


def _members(unit: Unit, *names: str, of: str = "tcp_sock") -> dict[str, Member]:
    return {name: Member(unit, f"{of} {name}") for name in names}


MEMBERS: Mapping[str, Member] = {
    "ts_ns": Member(Unit.MOMENT, "bpf_ktime_get_ns"),
    "sock_cookie": Member(Unit.IDENTIFIER, "sock skc_cookie"),
    "acks": Member(Unit.COUNT, "tcctui: that of the event of the same moment"),
    **_members(Unit.SEGMENTS, "packets_out", "sacked_out", "lost_out", "retrans_out"),
    "in_flight_min": Member(Unit.SEGMENTS, "tcp_packets_in_flight, over the event's ACKs"),
    "in_flight_max": Member(Unit.SEGMENTS, "tcp_packets_in_flight, over the event's ACKs"),
    **_members(Unit.BYTES, "mss_cache"),
    **_members(Unit.TOTAL, "delivered", "lost", "app_limited"),
    **_members(Unit.SEGMENTS, "rate_delivered", "reordering", "undo_retrans", "prior_ssthresh"),
    **_members(Unit.MICROSECONDS, "rate_interval_us", "rttvar_us"),
    "mdev_us": Member(Unit.MICROSECONDS, "tcp_sock mdev_us: four times the mean deviation"),
    "min_rtt_us": Member(Unit.MICROSECONDS, "tcp_sock rtt_min"),
    "icsk_rto": Member(Unit.MICROSECONDS, "inet_connection_sock icsk_rto"),
    **_members(Unit.SEQUENCE, "rcv_nxt", "copied_seq", "write_seq", "high_seq"),
    **_members(Unit.SEQUENCE, "tlp_high_seq", "undo_marker"),
    "ca_state": Member(Unit.CODE, "inet_connection_sock icsk_ca_state"),
    "backoff": Member(Unit.COUNT, "inet_connection_sock icsk_backoff"),
    "retransmits": Member(Unit.COUNT, "inet_connection_sock icsk_retransmits"),
    "pending": Member(Unit.CODE, "inet_connection_sock icsk_pending"),
    **_members(Unit.SEQUENCE, "snd_una", "snd_nxt"),
    **_members(Unit.BYTES, "snd_wnd"),
    "rtt_us": Member(Unit.MICROSECONDS, "tcp_sock rack.rtt_us: of the newest segment delivered"),
    "sacks": Member(
        Unit.SEQUENCE, "tcp_sock recv_sack_cache: begin and end of four ranges, while sacked_out"
    ),
    "private": Member(Unit.BITS, "inet_connection_sock icsk_ca_priv"),
    "key": Member(Unit.IDENTIFIER, "tcp_congestion_ops key; its members: layouts, by this"),
    "jiffies": Member(Unit.BITS, "bpf_jiffies64, the lowest 24 bits, lowest byte first"),
}
"""Members of what is read of sockets and algorithms, as recordings have them."""
