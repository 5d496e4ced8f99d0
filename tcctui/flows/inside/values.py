"""Values of connections, from the members of their sockets that were read at an ACK."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tcctui.arrays import Array, Floats, Mask, Records
from tcctui.wire.events import CaState

Columns = Mapping[str, Array]
"""Columns of the same flows: those of the event that the records are of."""

Value = Callable[[Records, Columns], Array]

_NO_RTT = 0xFFFFFFFF  # before the first measurement
_OPEN = int(CaState.OPEN)


def _member(name: str) -> Value:
    return lambda read, _: read[name]


def _only_if(known: Mask, values: Array) -> Floats:
    return np.where(known, values, np.nan)


def _distance(end: str, begin: str) -> Value:
    """Bytes between two sequence numbers modulo 2³², none where `end` is before `begin`.

    `begin` is a member, or a column of the event.
    """

    def bytes_(read: Records, columns: Columns) -> Array:
        start = columns[begin] if begin in OF_EVENT else read[begin]
        return np.maximum((read[end] - start).view("i4"), 0)

    return bytes_


def _delivery_rate(read: Records, _: Columns) -> Floats:
    """Bytes per second (tcp_compute_delivery_rate, net/ipv4/tcp.c)."""
    taken = read["rate_interval_us"].astype("f8")
    some = (read["rate_delivered"] > 0) & (taken > 0)
    sent = read["rate_delivered"].astype("f8") * read["mss_cache"] * 1e6
    return np.divide(sent, taken, out=np.full(len(read), np.nan), where=some)


OF_EVENT = ("snd_nxt", "snd_una")
"""Columns that a value may need beside members: tcp_probe tells them of the same moment."""

BESIDE = ("last_ns", *OF_EVENT)
"""Columns of the newest event, to be given beside records."""

LONG_AGO_NS = 1_000_000_000
"""Nanoseconds of ACKs without a record after which it says nothing any more: nobody asks."""

NEWER: Mapping[str, Value] = {
    "unacked": _member("packets_out"),
    "sacked": _member("sacked_out"),
    "lost": _member("lost_out"),
    "retrans": _member("retrans_out"),
    "snd_mss": _member("mss_cache"),
    "delivered": _member("delivered"),
    "delivery_rate": _delivery_rate,
    "reordering": _member("reordering"),
    "rttvar": lambda read, _: read["mdev_us"] >> 2,
    "min_rtt": lambda read, _: _only_if(read["min_rtt_us"] != _NO_RTT, read["min_rtt_us"]),
    "rto": _member("icsk_rto"),
    "retransmits": _member("retransmits"),
    "backoff": _member("backoff"),
    "rqueue": _distance("rcv_nxt", "copied_seq"),
    "wqueue": _distance("write_seq", "snd_una"),
    "notsent_bytes": _distance("write_seq", "snd_nxt"),
}
"""Fields that samples have too: worked out as the kernel does for TCP_INFO and sock_diag.

See tcp_get_info, net/ipv4/tcp.c, and tcp_diag_get_info, net/ipv4/tcp_diag.c.
"""

ALONE: Mapping[str, Value] = {
    "in_flight_packets_min": _member("in_flight_min"),
    "in_flight_packets_max": _member("in_flight_max"),
    "tlp_out": lambda read, _: read["tlp_high_seq"] != 0,
    "undo_possible": lambda read, _: read["undo_marker"] != 0,
    # -1 where nothing was retransmitted since (tcp_init_undo, net/ipv4/tcp_input.c).
    "undo_retrans": lambda read, _: _only_if(
        (read["undo_marker"] != 0) & (read["undo_retrans"].view("i4") >= 0), read["undo_retrans"]
    ),
    "prior_ssthresh": lambda read, _: _only_if(read["prior_ssthresh"] > 0, read["prior_ssthresh"]),
    "recovery_left": lambda read, columns: _only_if(
        read["ca_state"] != _OPEN, _distance("high_seq", "snd_una")(read, columns)
    ),
    "app_limited": lambda read, _: read["app_limited"] != 0,
    "rate_delivered": _member("rate_delivered"),
    "rate_interval": _member("rate_interval_us"),
    "rto_rttvar": _member("rttvar_us"),
    "lost_total": _member("lost"),
}
"""Fields that nothing else tells: those of `columns.INSIDE` with a number."""

WITH_EVENT = frozenset({"wqueue", "notsent_bytes", "recovery_left"})
"""Fields that need `OF_EVENT`: unknown unless the newest event is that of the record."""


def alone(name: str, read: Records, columns: Columns) -> Array:
    """One of `ALONE`, or `inside_ns`, of some flows' newest records; see `columns.INSIDE`.

    `columns` has `BESIDE` of the same flows.
    """
    when = read["ts_ns"].astype("i8")
    if name == "inside_ns":
        return when
    known = (when > 0) & (when + LONG_AGO_NS >= columns["last_ns"])
    if name in WITH_EVENT:
        known &= when == columns["last_ns"]
    return np.where(known, ALONE[name](read, columns), np.nan)


def newer(sampled: Columns, read: Records, columns: Columns) -> Columns:
    """Columns of samples with what newer records have instead, of those in `NEWER`.

    `columns` has `BESIDE` and `sampled_ns` of the same flows.
    """
    when = read["ts_ns"].astype("i8")
    known = when > columns["sampled_ns"]
    if not np.count_nonzero(known):
        return sampled
    with_event = known & (when == columns["last_ns"])
    return {
        name: np.where(with_event if name in WITH_EVENT else known, NEWER[name](read, columns), one)
        if name in NEWER
        else one
        for name, one in sampled.items()
    }
