"""Division of a flow's time among the causes that limit it, from two samples. Stateless."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import U8, U32, Floats, Records
from tcctui.flows.diagnosis.verdicts import VERDICTS, Limit
from tcctui.wire.events import CaState
from tcctui.wire.many_values import values
from tcctui.wire.samples import Samples, in_flight

SHORTEST_NS = 250_000_000
"""Windows between two samples are at least so long: the kernel's clocks move in steps of a jiffy,
4 ms with HZ=250, so that each share is right to 2 %."""

FULL_BUFFER = 2 / 3
"""Part of the send buffer from which it counts as full: a blocked writer is woken only when the
free part is half of the queued (sk_stream_min_wspace, include/net/sock.h). Measured: 1.0 to 1.2.
"""

IS_RECOVERING = np.zeros(256, bool)
"""True for states of congestion control during the repair of losses (`CaState`)."""
IS_RECOVERING[[CaState.RECOVERY, CaState.LOSS]] = True

_CWND, _RWND, _SNDBUF, _APP = map(int, (Limit.CWND, Limit.RWND, Limit.SNDBUF, Limit.APP))

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
    ],
    align=True,
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


def look(
    samples: Samples,
    snd_wnd: U32,
    recovered: Floats | float,
    read: Mapping[str, Floats] | None = None,
) -> Records:
    """Take from samples what `divide` needs, an array of `LOOK`.

    `snd_wnd` is the newest that is known of each flow, `recovered` as in `LOOK`. `read` has the
    samples' `NUMBERS`, if they were read.
    """
    read = values(samples, NUMBERS) if read is None else read
    looks = np.zeros(len(samples), LOOK)
    looks["ts_ns"] = samples["ts_ns"]
    for name, field in _CLOCKS.items():
        looks[name] = read[field]
    looks["recovered"] = recovered
    looks["recovering"] = IS_RECOVERING[samples["ca_state"]]
    looks["cause"] = momentary(samples, snd_wnd, read)
    return looks


_CLOCKS = {
    "busy": "busy_time",
    "rwnd": "rwnd_limited",
    "sndbuf": "sndbuf_limited",
    "sent": "data_segs_out",
    "received": "bytes_received",
}

NUMBERS = frozenset({*_CLOCKS.values(), "notsent_bytes", "wmem_queued", "sndbuf"})
"""Fields of a sample that a look reads."""


def momentary(samples: Samples, snd_wnd: U32, read: Mapping[str, Floats]) -> U8:
    """Say what keeps flows from sending at the moment of a sample: CWND, RWND, SNDBUF or APP.

    The send buffer it is where that is full, and all that it holds would go into both windows. Its
    clock does not tell: an ordinary sender has sent all that it could before it finds the buffer
    full, and tcp_cwnd_validate (net/ipv4/tcp_output.c) starts the clock only where something is
    sent after that. Measured, it is 0 % with cubic, and 21 to 42 % with bbr, which paces.

    The application it is where less than a segment waits to be sent and the window is not full
    (tcp_rate_check_app_limited, net/ipv4/tcp_rate.c). The kernel's own flag is of the newest
    delivery, and does not count while something waits.
    """
    waiting, unsent = samples["wqueue"].astype("i8"), read["notsent_bytes"]
    mss = np.maximum(samples["snd_mss"].astype("i8"), 1)
    window = samples["snd_cwnd"] * mss
    flying = in_flight(samples, unsent)
    next_ = flying + mss
    waits = unsent >= mss
    missing = np.isnan(unsent)
    if np.count_nonzero(missing):
        waits[missing] = (waiting > flying)[missing]
    cause = np.full(len(samples), _CWND, "u1")
    cause[~waits & ((next_ <= window) | (samples["rate_flags"] & 1 == 1))] = _APP
    held = read["wmem_queued"] >= FULL_BUFFER * read["sndbuf"]
    if np.count_nonzero(held):
        cause[held & (waiting + mss <= np.minimum(window, snd_wnd))] = _SNDBUF
    cause[waits & (next_ > snd_wnd)] = _RWND
    cause[waiting == 0] = _APP
    return cause


def divide(before: Records, after: Records) -> Floats:
    """Divide the time between two looks at each flow among the causes.

    Gives shape (n, len(VERDICTS)), each limit's share at its number less one: they sum
    to 1. Time in which nothing was queued is the application's, or nobody's where the flow only
    receives. What is left of the busy time after both clocks is recovery, then what the two looks
    say of it (`momentary`). A flow may be busy all the time and yet limited by its application: one
    request a round trip.
    """
    span = np.maximum((after["ts_ns"] - before["ts_ns"]) / 1e3, 1.0)
    grew = {name: _grown(before[name], after[name]) for name in ("busy", "rwnd", "sndbuf")}
    clocked = ~np.isnan(after["busy"] + before["busy"])
    if np.count_nonzero(clocked) < len(span):
        # Where a kernel has no clocks, the two looks are all there is.
        queued = 1 - _half(before, after, _APP)
        grew["busy"] = np.where(clocked, grew["busy"], queued * span)
        grew["rwnd"] = np.where(clocked, grew["rwnd"], _half(before, after, _RWND) * span)
        grew["sndbuf"] *= clocked
    busy = np.minimum(grew["busy"], span)
    rwnd = np.minimum(grew["rwnd"], busy)
    rest = busy - rwnd
    sndbuf = np.minimum(grew["sndbuf"], rest)
    rest -= sndbuf
    recovery = (before["recovering"].astype("f8") + after["recovering"]) / 2 * rest
    known = ~np.isnan(after["recovered"] + before["recovered"])
    if np.count_nonzero(known):
        told = _grown(before["recovered"], after["recovered"]) / 1e3
        recovery = np.minimum(np.where(known, told, recovery), rest)
    rest -= recovery
    app = rest * _half(before, after, _APP) * clocked
    full = rest * _half(before, after, _SNDBUF)
    receives = after["received"] > before["received"]
    receives &= after["sent"] == before["sent"]
    idle = span - busy
    idle_here = idle * receives
    parts = {
        Limit.CWND: rest - app - full,
        Limit.RWND: rwnd,
        Limit.SNDBUF: sndbuf + full,
        Limit.APP: app + (idle - idle_here),
        Limit.RECOVERY: recovery,
        Limit.RECEIVES: idle_here,
    }
    shares = np.zeros((len(span), len(VERDICTS)))
    for limit, part in parts.items():
        shares[:, limit - 1] = part
    shares /= span[:, None]
    return shares


def _grown(before: Floats, after: Floats) -> Floats:
    """Increase of counters: 0 if unknown, or after a reset."""
    return np.fmax(after - before, 0)


def _half(before: Records, after: Records, cause: int) -> Floats:
    """The share of both looks that have a cause: none, one half or all."""
    return ((before["cause"] == cause).astype("f8") + (after["cause"] == cause)) / 2
