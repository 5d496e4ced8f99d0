"""Records of algorithms' own state, made for tests from values of members."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import Records
from tcctui.wire.inside import ALGORITHM, ALGORITHM_KIND
from tcctui.wire.private_layout import PRIVATE_BYTES, PrivateLayout, PrivateMember

HZ = 250


def laid_out(algorithm: str, struct: str, *members: str) -> PrivateLayout:
    """Layout of members one behind the other: `name`, of 32 bits, or `name:bits`."""
    made, at = [], 0
    for member in members:
        name, _, bits = member.partition(":")
        made.append(PrivateMember(name, at, int(bits or 32)))
        at += made[-1].bits
    return PrivateLayout(algorithm, struct, tuple(made), HZ)


CUBIC = laid_out(
    *("cubic", "bictcp", "cnt", "last_max_cwnd", "last_cwnd", "last_time", "bic_origin_point"),
    *("bic_K", "delay_min", "epoch_start", "ack_cnt", "tcp_cwnd", "unused:16", "sample_cnt:8"),
    *("found:8", "round_start", "end_seq", "last_ack", "curr_rtt"),
)
"""cubic's state, as Linux has had it since 5.8."""

BBR = laid_out(
    *("bbr", "bbr", "min_rtt_us", "min_rtt_stamp", "bw.s[0].v", "rtt_cnt", "mode:3", "rest:29"),
    *("pacing_gain:10", "cwnd_gain:10", "full_bw_reached:1", "more:11"),
)
"""Some of BBR's, of version 1."""

BBR3 = laid_out(
    *("bbr", "bbr", "min_rtt_us", "min_rtt_stamp", "mode:2", "rest:30"),
    *("pacing_gain:10", "cwnd_gain:10", "full_bw_reached:1", "more:11", "bw_lo", "bw_hi[0]"),
    *("bw_hi[1]", "inflight_lo"),
)
"""Some of BBR's, of version 3."""


def record(
    layout: PrivateLayout,
    values: Mapping[str, int],
    *,
    jiffies: int = 0,
    cookie: int = 1,
    ts_ns: int = 0,
    key: int = 7,
) -> Records:
    """One record with values of members, and zeros elsewhere."""
    whole = 0
    for member in layout.members:
        value = values.get(member.name, 0) & ((1 << member.bits) - 1)
        whole |= value << member.offset
    made = np.zeros(1, ALGORITHM)
    made["private"][0] = np.frombuffer(whole.to_bytes(PRIVATE_BYTES, "little"), "u1")
    made["jiffies"][0] = np.frombuffer((jiffies & 0xFFFFFF).to_bytes(3, "little"), "u1")
    made["sock_cookie"], made["ts_ns"] = cookie, ts_ns
    made["key"], made["kind"] = key, ALGORITHM_KIND
    return made
