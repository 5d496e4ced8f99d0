"""Limits of a receiving end: its reader, its receive buffer, or neither."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import U32, Floats, Mask, Records
from tcctui.wire.events import TcpState
from tcctui.wire.samples import NO_QUEUE, Samples

_LISTEN = int(TcpState.LISTEN)

FULL_WINDOW = 0.6
"""Part of the offered window that arrives in each round trip from which the window is the limit.

tcp_rcv_space_adjust (net/ipv4/tcp_input.c) offers at least twice what the application reads in a
round trip, so that no more than half of it is used while the buffer can grow. Measured with a small
SO_RCVBUF, 20 ms away: 0.7 to 1.3, as the window varies; behind a bottleneck: 0.1 to 0.25.
"""

_COARSE_US = 4000
"""Below this a receiver's round-trip time, on kernels that take it from timestamps in milliseconds
(tcp_rcv_rtt_measure_ts), may be that of a clock's step."""

_UNKNOWN_WINDOW = 0xFFFF_FFFF


class Idle(NamedTuple):
    """Parts of the time in which a flow sent nothing, shape (n,), in the same unit as that time.

    `reader`: bytes wait for the application, and fill the window. `rcvbuf`: the peer sends all that
    the receive buffer allows in a round trip. `receives`: data arrived, and neither is the case.
    """

    reader: Floats
    rcvbuf: Floats
    receives: Floats


def unread(samples: Samples, rcv_wnd: U32) -> Mask:
    """Tell where the application leaves so much unread that it takes up the window.

    `rcv_wnd` is the newest that is known of each flow. The unread bytes and the window share one
    buffer (tcp_select_window, net/ipv4/tcp_output.c): from half of it on the reader decides.
    """
    waits = samples["rqueue"] >= np.maximum(rcv_wnd, 1)
    waits &= samples["state"] != _LISTEN  # there it counts connections
    waits &= samples["rqueue"] != NO_QUEUE
    return waits


def carried(samples: Samples, rcv_wnd: U32) -> Floats:
    """Bytes per second that the receive window carries, one window a round trip; NaN if unknown."""
    rtt, other = samples["rcv_rtt"].astype("f8"), samples["rtt"]
    coarse = rtt < _COARSE_US
    if np.count_nonzero(coarse):
        rtt[coarse] = np.minimum(rtt, other)[coarse]
    known = (rtt > 0) & (rcv_wnd != _UNKNOWN_WINDOW)
    return np.divide(rcv_wnd * 1e6, rtt, out=np.full(len(rtt), np.nan), where=known)


def divide_idle(before: Records, after: Records, idle: Floats, span: Floats) -> Idle:
    """Divide the time in which nothing was queued, by two looks at each flow.

    `idle` and `span` are in microseconds, as all that this gives.
    """
    half = (before["unread"].astype("f8") + after["unread"]) / 2
    reader = idle * half
    rest = idle - reader
    arrived = np.fmax(after["received"] - before["received"], 0)
    receives = (arrived > 0) & (after["sent"] == before["sent"])
    # A buffer that grows is none that limits for long.
    full = receives & (after["rcvbuf"] <= before["rcvbuf"])
    if np.count_nonzero(full):
        carries = np.maximum(before["carried"], after["carried"])
        full &= arrived * 1e6 >= FULL_WINDOW * carries * span
    return Idle(reader, rest * full, rest * (receives & ~full))
