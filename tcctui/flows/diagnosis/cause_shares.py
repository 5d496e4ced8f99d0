"""Division of a flow's time among the causes that limit it, from two samples. Stateless."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import U8, U32, Floats, Records
from tcctui.flows.diagnosis.verdicts import VERDICTS, Limit
from tcctui.wire.events import CaState
from tcctui.wire.samples import Samples, in_flight, value

SHORTEST_NS = 250_000_000
"""Windows between two samples are at least so long: the kernel's clocks move in steps of a jiffy,
4 ms with HZ=250, so that each share is right to 2 %."""

FULL_BUFFER = 2 / 3
"""Part of the send buffer from which it counts as full: a blocked writer is woken only when the
free part is half of the queued (sk_stream_min_wspace, include/net/sock.h). Measured: 1.0 to 1.2.
"""

RECOVERING = (CaState.RECOVERY, CaState.LOSS)
"""States of congestion control during the repair of losses."""

LOOK = np.dtype(
    [
        ("ts_ns", "i8"),
        ("busy", "f8"),  # microseconds with something in the send queue
        ("rwnd", "f8"),  # of these, limited by the other end's window
        ("sndbuf", "f8"),  # of these, limited by the send buffer
        ("sent", "f8"),  # segments with data
        ("received", "f8"),  # bytes
        ("recovered", "f8"),  # nanoseconds in recovery, by events; NaN where none tell
        ("cause", "u1"),  # Limit: what it looks like at this moment, by the queue
        ("recovering", "?"),
    ]
)
"""Values of a sample that its limit depends on; NaN if the kernel lacks them.

The clocks are tcp_chrono_* (net/ipv4/tcp_output.c), as tcp_get_info_chrono_stats reports them:
busy_time is the sum of all three.
"""


NOT_LOOKED = np.zeros(1, LOOK)
"""A look that tells nothing: what no kernel told of it is NaN."""
for _name in LOOK.names or ():
    if LOOK[_name].kind == "f":
        NOT_LOOKED[_name] = np.nan


def look(samples: Samples, snd_wnd: U32, recovered: Floats) -> Records:
    """Take from samples what `divide` needs, an array of `LOOK`.

    `snd_wnd` is the newest that is known of each flow, `recovered` as in `LOOK`.
    """
    looks = np.zeros(len(samples), LOOK)
    looks["ts_ns"] = samples["ts_ns"]
    for name, field in _CLOCKS.items():
        looks[name] = value(samples, field)
    looks["recovered"] = recovered
    looks["recovering"] = np.isin(samples["ca_state"], RECOVERING)
    looks["cause"] = momentary(samples, snd_wnd)
    return looks


_CLOCKS = {
    "busy": "busy_time",
    "rwnd": "rwnd_limited",
    "sndbuf": "sndbuf_limited",
    "sent": "data_segs_out",
    "received": "bytes_received",
}


def momentary(samples: Samples, snd_wnd: U32) -> U8:
    """Say what keeps flows from sending at the moment of a sample: CWND, RWND, SNDBUF or APP.

    The send buffer it is where that is full, and all that it holds would go into both windows. Its
    clock does not tell: an ordinary sender has sent all that it could before it finds the buffer
    full, and tcp_cwnd_validate (net/ipv4/tcp_output.c) starts the clock only where something is
    sent after that. Measured, it is 0 % with cubic, and 21 to 42 % with bbr, which paces.

    The application it is where less than a segment waits to be sent and the window is not full
    (tcp_rate_check_app_limited, net/ipv4/tcp_rate.c). The kernel's own flag is of the newest
    delivery, and does not count while something waits.
    """
    mss = np.maximum(samples["snd_mss"].astype("i8"), 1)
    flying = in_flight(samples)
    unsent = value(samples, "notsent_bytes")
    waits = np.where(np.isnan(unsent), samples["wqueue"] > flying, unsent >= mss)
    fills = flying + mss > samples["snd_cwnd"].astype("i8") * mss
    flagged = samples["rate_flags"] & 1 == 1
    closed = flying + mss > snd_wnd
    held = value(samples, "wmem_queued") >= FULL_BUFFER * value(samples, "sndbuf")
    fits = samples["wqueue"] + mss <= np.minimum(samples["snd_cwnd"].astype("i8") * mss, snd_wnd)
    return np.select(
        [
            samples["wqueue"] == 0,
            closed & waits,
            held & fits,
            ~waits & (flagged | ~fills),
        ],
        [Limit.APP, Limit.RWND, Limit.SNDBUF, Limit.APP],
        Limit.CWND,
    ).astype("u1")


def divide(before: Records, after: Records) -> Floats:
    """Divide the time between two looks at each flow among the causes.

    Gives shape (n, len(VERDICTS)), each limit's share at its number less one: they sum
    to 1. Time in which nothing was queued is the application's, or nobody's where the flow only
    receives. What is left of the busy time after both clocks is recovery, then what the two looks
    say of it (`momentary`). A flow may be busy all the time and yet limited by its application: one
    request a round trip.
    """
    span = np.maximum((after["ts_ns"] - before["ts_ns"]) / 1e3, 1.0)
    clocked = ~np.isnan(after["busy"] + before["busy"])
    grew = {name: _grown(before[name], after[name]) for name in ("busy", "rwnd", "sndbuf")}
    # Where a kernel has no clocks, the two looks are all there is.
    queued = [(look["cause"] != Limit.APP) / 2 for look in (before, after)]
    busy = np.where(clocked, np.minimum(grew["busy"], span), sum(queued) * span)
    rwnd = np.where(
        clocked, np.minimum(grew["rwnd"], busy), _half(before, after, Limit.RWND) * span
    )
    rwnd = np.minimum(rwnd, busy)
    sndbuf = np.minimum(np.where(clocked, grew["sndbuf"], 0), busy - rwnd)
    rest = busy - rwnd - sndbuf
    told = _grown(before["recovered"], after["recovered"]) / 1e3
    seen = (before["recovering"].astype("f8") + after["recovering"]) / 2 * rest
    known = ~np.isnan(after["recovered"] + before["recovered"])
    recovery = np.minimum(np.where(known, told, seen), rest)
    rest = rest - recovery
    app = np.where(clocked, rest * _half(before, after, Limit.APP), 0)
    full = rest * _half(before, after, Limit.SNDBUF)
    receives = (_grown(before["received"], after["received"]) > 0) & (
        after["sent"] == before["sent"]
    )
    idle = span - busy
    parts = {
        Limit.CWND: rest - app - full,
        Limit.RWND: rwnd,
        Limit.SNDBUF: sndbuf + full,
        Limit.APP: app + np.where(receives, 0, idle),
        Limit.RECOVERY: recovery,
        Limit.RECEIVES: np.where(receives, idle, 0),
    }
    shares = np.zeros((len(span), len(VERDICTS)))
    for limit, part in parts.items():
        shares[:, limit - 1] = part / span
    return shares


def _grown(before: Floats, after: Floats) -> Floats:
    """Increase of counters: 0 if unknown, or after a reset."""
    return np.maximum(np.nan_to_num(after - before), 0)


def _half(before: Records, after: Records, cause: Limit) -> Floats:
    """The share of both looks that have a cause: none, one half or all."""
    return ((before["cause"] == cause).astype("f8") + (after["cause"] == cause)) / 2
