"""Health: signs that a connection suffers or did so of late, whatever limits it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag

import numpy as np

from tcctui.arrays import U8, U32, Array, Floats, Indexes, Mask
from tcctui.flows.columns import FlowColumns
from tcctui.flows.index import Rows
from tcctui.wire.events import CaState, Events, TcpState
from tcctui.wire.samples import Samples

LOSS_PERCENT = 2.0
"""Segments retransmitted in the last 10 s, in percent of those sent, from which a flow loses."""

QUEUE_ROUND_TRIPS = 3.0
"""Minimum round-trip times that srtt exceeds where a flow queues."""

QUEUE_US = 2000
"""Queueing delay in microseconds below which it does not: that is jitter of hosts."""

UNKNOWN = 0xFF
"""Health of a flow that was never sampled."""


LATE_NS = 10_000_000_000
"""A sign is of a flow that shows it, or did in the last 10 s."""


class Sign(IntFlag):
    """Signs of a flow, added up: the worst one has the highest number."""

    REORDER = 1
    """Segments overtook others, at this end or the peer's (reord_seen)."""
    QUEUE = 2
    """srtt was beyond `QUEUE_ROUND_TRIPS` minimum round-trip times."""
    LOSS = 4
    """`LOSS_PERCENT` or more were retransmitted."""
    ZERO = 8
    """A receive window was closed: the peer's, or the local one."""
    RTO = 16
    """A retransmission timeout expired, or is being repaired."""


ALL = sum(Sign)

NAMES: Mapping[int, str] = {
    UNKNOWN: "–",
    0: "ok",
    **{
        signs: "+".join(str(sign.name).lower() for sign in reversed(Sign) if sign & signs)
        for signs in range(1, ALL + 1)
    },
}
"""Words of each health, the worst sign first: `rto+loss`."""

NEEDS = (
    *("sampled_ns", "state", "timeouts_10s", "ca_state", "snd_wnd", "rcv_wnd", "rqueue"),
    *("retrans_percent_10s", "srtt_us", "min_rtt", "reorder_rate_10s"),
    *("zero_window_ns", "queued_ns"),
)
"""Columns that health is worked out from."""


_HAS_WINDOWS = np.ones(256, bool)
_HAS_WINDOWS[[TcpState.SYN_SENT, TcpState.SYN_RECV, TcpState.CLOSE, TcpState.LISTEN]] = False


def closed(state: U8, snd_wnd: U32, rcv_wnd: U32, rqueue: Array) -> Mask:
    """Tell where a receive window is closed: the peer's, or the local one, with data unread."""
    shut = (snd_wnd == 0) | ((rcv_wnd == 0) & (rqueue > 0))
    return np.asarray(shut & _HAS_WINDOWS[state])


def queues(srtt_us: Array, min_rtt: Array) -> Mask:
    """Tell where srtt, in microseconds, is beyond its minimum by what jitter does not explain."""
    beyond = np.maximum(QUEUE_ROUND_TRIPS * min_rtt, min_rtt + QUEUE_US)
    return np.asarray(srtt_us > beyond)


def health(now_ns: int, *values: Array) -> U8:
    """Add up the signs of each flow, from `NEEDS`; what is unknown (NaN) is no sign."""
    of = dict(zip(NEEDS, values, strict=True))
    since_ns = max(now_ns - LATE_NS, 0)
    signs = np.zeros(len(of["state"]), "u1")
    for sign, found in (
        (Sign.RTO, (of["timeouts_10s"] > 0) | (of["ca_state"] == CaState.LOSS)),
        (Sign.ZERO, of["zero_window_ns"] > since_ns),
        (Sign.ZERO, closed(*(of[name] for name in ("state", "snd_wnd", "rcv_wnd", "rqueue")))),
        (Sign.LOSS, of["retrans_percent_10s"] >= LOSS_PERCENT),
        (Sign.QUEUE, of["queued_ns"] > since_ns),
        (Sign.QUEUE, queues(of["srtt_us"], of["min_rtt"])),
        (Sign.REORDER, of["reorder_rate_10s"] > 0),
    ):
        signs[found] |= np.uint8(sign)
    signs[of["sampled_ns"] == 0] = UNKNOWN
    return signs


def note_events(columns: FlowColumns, rows: Rows, events: Events, first: Indexes) -> None:
    """Keep when the peers' windows were closed: the events of each row begin at `first`."""
    zero = events["snd_wnd"] == 0
    if np.count_nonzero(zero):
        (places,) = zero.nonzero()
        of = rows[np.searchsorted(first, places, "right") - 1]
        columns["zero_window_ns"][of] = events["ts_ns"][places]  # of a row the newest is its last


def note_samples(
    columns: FlowColumns, rows: Rows, samples: Samples, read: Mapping[str, Floats]
) -> None:
    """Keep when the rows' newest values, with a sample of each taken in, showed signs that last.

    `read` has the samples' `min_rtt`.
    """
    state, snd_wnd, rcv_wnd = (columns[name][rows] for name in ("state", "snd_wnd", "rcv_wnd"))
    for name, seen in (
        ("zero_window_ns", closed(state, snd_wnd, rcv_wnd, samples["rqueue"])),
        ("queued_ns", queues(columns["srtt_us"][rows], read["min_rtt"])),
    ):
        if np.count_nonzero(seen):
            columns[name][rows[seen]] = samples["ts_ns"][seen]


def worst(signs: U8) -> U8:
    """Leave each flow's worst sign only; 0 stays 0, and `UNKNOWN` becomes 0."""
    known = np.where(signs == UNKNOWN, 0, signs)
    return _WORST[known]


_WORST = np.array([1 << signs.bit_length() >> 1 for signs in range(ALL + 1)], "u1")
