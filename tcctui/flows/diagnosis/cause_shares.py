"""Division of a flow's time among the causes that limit it, from two samples. Stateless."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import U8, U32, Floats, Mask, Records
from tcctui.flows.diagnosis.queueing import queued
from tcctui.flows.diagnosis.receiving import carried, divide_idle, unread
from tcctui.flows.diagnosis.verdicts import VERDICTS, Limit
from tcctui.wire.events import CaState
from tcctui.wire.many_values import values
from tcctui.wire.samples import NO_QUEUE, CcInfo, Samples, in_flight

_LOSS = int(CaState.LOSS)
_BBR = int(CcInfo.BBR)

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
_QUEUE, _PACING, _POLICER, _IDLE, _NAGLE = map(
    int, (Limit.QUEUE, Limit.PACING, Limit.POLICER, Limit.IDLE, Limit.NAGLE)
)
_RECOVERY, _RECEIVES, _READER, _RCVBUF = map(
    int, (Limit.RECOVERY, Limit.RECEIVES, Limit.READER, Limit.RCVBUF)
)

_USED = 0.5
"""Part of cwnd's rate that a flow must reach in its busy time to be limited by it, where no ACKs
say: the window of a burst that begins small is on average half used."""

LOOK = np.dtype(
    [
        ("ts_ns", "i8"),
        ("busy", "f8"),  # microseconds with something in the send queue
        ("rwnd", "f8"),  # of these, limited by the other end's window
        ("sndbuf", "f8"),  # of these, limited by the send buffer
        ("sent", "f8"),  # segments with data
        ("received", "f8"),  # bytes
        ("recovered", "f8"),  # nanoseconds in recovery, by events; NaN where none tell
        ("acked", "f8"),  # bytes
        ("delivered", "f8"),  # segments
        ("retransmitted", "f8"),  # segments
        ("marked", "f8"),  # segments delivered with a congestion mark
        ("cap", "f8"),  # SO_MAX_PACING_RATE in bytes a second; NaN without one
        ("allowed", "f8"),  # bytes a second that cwnd allows
        ("queued", "f8"),  # queueing delay: see `queueing.queued`
        ("used", "f4"),  # of the times with ACKs since the look before, the part that used cwnd
        ("mss", "u4"),
        ("cwnd", "u4"),
        ("ssthresh", "u4"),
        ("peak", "u4"),  # cwnd before the pause that reset it
        ("cause", "u1"),  # Limit: what it looks like at this moment, by the queue
        ("cut", "u1"),  # Limit: what last reduced cwnd
        ("holds", "u1"),  # Limit behind CWND since the look before: see `network_limits.settle`
        ("recovering", "?"),
        ("closed", "?"),  # the peer's window takes no segment, or took none earlier in a recovery
        ("unread", "?"),  # the local application leaves the receive window no room
        ("carried", "f8"),  # bytes a second that the receive window carries
        ("rcv_rate", "f8"),  # bytes a second received since the look before
        ("rcvbuf", "f8"),  # bytes of the receive buffer; 0 where memory is not told
        ("timed_out", "?"),  # in Loss, behind a timeout of retransmission
        ("paused", "?"),  # nothing was sent for longer than the timeout of retransmission
        ("resets", "?"),  # a pause has reset cwnd before
        ("restarted", "?"),  # a pause reset cwnd since the look before, by events
        ("modelled", "?"),  # congestion control has a model of the path, as BBR has
        ("blind", "?"),  # cwnd is not known
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
    rcv_wnd: U32,
    recovered: Floats | float,
    read: Mapping[str, Floats] | None = None,
) -> Records:
    """Take from samples what `divide` needs, an array of `LOOK`.

    `snd_wnd` and `rcv_wnd` are the newest that are known of each flow, `recovered` as in `LOOK`.
    `read` has the samples' `NUMBERS`, if they were read.
    """
    read = values(samples, NUMBERS) if read is None else read
    looks = np.zeros(len(samples), LOOK)
    looks["ts_ns"] = samples["ts_ns"]
    for name, field in _CLOCKS.items():
        looks[name] = read[field]
    looks["recovered"] = recovered
    looks["recovering"] = IS_RECOVERING[samples["ca_state"]]
    looks["timed_out"] = samples["ca_state"] == _LOSS
    looks["paused"] = samples["last_data_sent"] * np.uint64(1000) > samples["rto"]
    looks["cause"] = momentary(samples, snd_wnd, read)
    looks["closed"] = snd_wnd < samples["snd_mss"]
    looks["unread"] = unread(samples, rcv_wnd)
    looks["carried"] = carried(samples, rcv_wnd)
    looks["rcv_rate"] = np.nan
    looks["rcvbuf"] = samples["rcvbuf"]
    srtt = read["rtt"]
    looks["queued"] = queued(srtt, read["min_rtt"])
    for name, field in _PLAIN.items():
        looks[name] = samples[field]
    window = looks["cwnd"] * looks["mss"].astype("f8")
    looks["allowed"] = window * 1e6 / np.maximum(srtt, 1)
    looks["modelled"] = samples["cc_info"] == _BBR
    looks["blind"] = np.isnan(read["snd_cwnd"])
    return looks


_CLOCKS = {
    "busy": "busy_time",
    "rwnd": "rwnd_limited",
    "sndbuf": "sndbuf_limited",
    "sent": "data_segs_out",
    "received": "bytes_received",
    "acked": "bytes_acked",
    "delivered": "delivered",
    "retransmitted": "total_retrans",
    "marked": "delivered_ce",
    "cap": "max_pacing_rate",
}
_COUNTERS = (
    *("busy", "rwnd", "sndbuf", "sent", "received", "recovered"),
    *("acked", "delivered", "retransmitted", "marked"),
)
_PLACES = [LOOK.fields[name][1] // 8 for name in _COUNTERS]  # type: ignore[index]
_FIRST = _PLACES[0]
assert [*range(_FIRST, _FIRST + len(_COUNTERS))] == _PLACES
_PLAIN = {"mss": "snd_mss", "cwnd": "snd_cwnd", "ssthresh": "snd_ssthresh"}

NUMBERS = frozenset(
    {
        *_CLOCKS.values(),
        *("notsent_bytes", "wmem_queued", "sndbuf", "rtt", "min_rtt", "snd_cwnd"),
    }
)
"""Fields of a sample that a look reads."""


def momentary(samples: Samples, snd_wnd: U32, read: Mapping[str, Floats]) -> U8:
    """Say what keeps flows from sending at the moment of a sample.

    It is CWND, RWND, SNDBUF, APP or NAGLE.

    The send buffer it is where that is full, and all that it holds would go into both windows. Its
    clock does not tell: an ordinary sender has sent all that it could before it finds the buffer
    full, and tcp_cwnd_validate (net/ipv4/tcp_output.c) starts the clock only where something is
    sent after that. Measured, it is 0 % with cubic, and 21 to 42 % with bbr, which paces.

    The application it is where less than a segment waits to be sent and the window is not full
    (tcp_rate_check_app_limited, net/ipv4/tcp_rate.c). The kernel's own flag is of the newest
    delivery, and does not count while something waits. The window is full by segments where their
    number is known (tcp_packets_in_flight, include/net/tcp.h): after a change of the path's MTU,
    those in flight are not of the present size.

    Nagle's algorithm it is where less than a segment waits behind a small one in flight
    (tcp_nagle_check, net/ipv4/tcp_output.c), with room in both windows.
    """
    waiting, unsent = samples["wqueue"].astype("i8"), read["notsent_bytes"]
    mss = np.maximum(samples["snd_mss"].astype("i8"), 1)
    window = samples["snd_cwnd"] * mss
    flying = in_flight(samples, unsent)
    unread = waiting == NO_QUEUE
    if np.count_nonzero(unread):
        waiting = np.where(unread, flying + np.nan_to_num(unsent), waiting)
    next_ = flying + mss
    packets = samples["unacked"].astype("i8")
    counted = packets > 0
    room = next_ <= window
    if np.count_nonzero(counted):
        gone = samples["sacked"].astype("i8") + samples["lost"] - samples["retrans"]
        room = np.where(counted, packets - gone < samples["snd_cwnd"], room)
    waits = unsent >= mss
    missing = np.isnan(unsent)
    if np.count_nonzero(missing):
        waits[missing] = (waiting > flying)[missing]
    cause = np.full(len(samples), _CWND, "u1")
    cause[~waits & (room | (samples["rate_flags"] & 1 == 1))] = _APP
    small = (unsent > 0) & ~waits & room & counted
    if np.count_nonzero(small):
        cause[small & (flying < packets * mss) & (next_ <= snd_wnd)] = _NAGLE
    held = read["wmem_queued"] >= FULL_BUFFER * read["sndbuf"]
    if np.count_nonzero(held):
        cause[held & (waiting + mss <= np.minimum(window, snd_wnd))] = _SNDBUF
    cause[waits & (next_ > snd_wnd)] = _RWND
    cause[waiting == 0] = _APP
    return cause


def growth(before: Records, after: Records) -> dict[str, Floats]:
    """Increase of each counter between two looks at each flow: 0 if unknown, or after a reset."""
    numbers = np.fmax(_counted(after) - _counted(before), 0).T.copy()
    return dict(zip(_COUNTERS, numbers, strict=True))


def _counted(looks: Records) -> Floats:
    """View the counters of looks, which lie side by side: shape (n, len(_COUNTERS))."""
    words = looks.view("f8").reshape(len(looks), LOOK.itemsize // 8)
    return words[:, _FIRST : _FIRST + len(_COUNTERS)]


def divide(before: Records, after: Records, grew: Mapping[str, Floats]) -> Floats:
    """Divide the time between two looks at each flow among the causes.

    `grew` is their `growth`. Gives shape (n, len(VERDICTS)), each limit's share at its number less
    one: they sum to 1, but where some of the time is unknown (`_of_blind`). Time in which nothing
    was queued is the application's, or nobody's where the flow only receives. What is left of the
    busy time after both clocks is recovery, then what the two looks say of it (`momentary`), unless
    they fall into pauses: then the ACKs between them tell (`_window_used`). A flow may be busy all
    the time and yet limited by its application: one request a round trip. The network's part is
    that of the cause that `network_limits.settle` found, and so is the repair of losses that a
    policer or, but for timeouts, a full queue causes.
    """
    span = np.maximum((after["ts_ns"] - before["ts_ns"]) / 1e3, 1.0)
    busy, rwnd, sndbuf = grew["busy"], grew["rwnd"], grew["sndbuf"]
    clocked = ~np.isnan(after["busy"] + before["busy"])
    if np.count_nonzero(clocked) < len(span):
        # Where a kernel has no clocks, the two looks are all there is.
        queued = 1 - _half(before, after, _APP)
        busy = np.where(clocked, busy, queued * span)
        rwnd = np.where(clocked, rwnd, _half(before, after, _RWND) * span)
        sndbuf = sndbuf * clocked
    busy = np.minimum(busy, span)
    rwnd = np.minimum(rwnd, busy)
    rest = busy - rwnd
    sndbuf = np.minimum(sndbuf, rest)
    holds = after["holds"]
    paced = holds == _PACING  # the buffer is full of what pacing holds back
    sndbuf[paced] = 0
    rest -= sndbuf
    recovery = (before["recovering"].astype("f8") + after["recovering"]) / 2 * rest
    known = ~np.isnan(after["recovered"] + before["recovered"])
    if np.count_nonzero(known):
        told = grew["recovered"] / 1e3
        recovery = np.minimum(np.where(known, told, recovery), rest)
    timeouts = before["timed_out"] | after["timed_out"]
    recovery[(holds == _QUEUE) & ~timeouts | (holds == _POLICER) | paced] = 0
    rest -= recovery
    # What an overfull receive buffer drops is lost by its window, and is repaired once that opens.
    overfull = recovery * (before["closed"] | after["closed"])
    rwnd, recovery = rwnd + overfull, recovery - overfull
    app = rest * _half(before, after, _APP) * clocked
    if np.count_nonzero(app):
        app *= 1 - _window_used(before, after, grew)
    full = rest * _half(before, after, _SNDBUF) * ~paced
    nagle = rest * _half(before, after, _NAGLE)
    idle = span - busy
    reader, rcvbuf, receives = divide_idle(before, after, idle, span)
    network = rest - app - full - nagle
    parts = {
        _RWND: rwnd,
        _SNDBUF: sndbuf + full,
        _APP: app + (idle - reader - rcvbuf - receives),
        _RECOVERY: recovery,
        _RECEIVES: receives,
        _READER: reader,
        _RCVBUF: rcvbuf,
        _NAGLE: nagle,
    }
    shares = np.zeros((len(span), len(VERDICTS)))
    for limit, part in parts.items():
        shares[:, limit - 1] = part
    shares[np.arange(len(span)), np.maximum(holds, _CWND) - 1] += network
    blind = before["blind"] | after["blind"]
    if np.count_nonzero(blind):
        still = idle * ((grew["received"] == 0) | (grew["sent"] > 0))  # else it only receives
        shares[blind] = _of_blind(rwnd, still, clocked)[blind]
    shares /= span[:, None]
    return shares


PROVEN = np.zeros(len(VERDICTS), bool)
"""True for limits that are told without cwnd."""
PROVEN[[_RWND - 1, _APP - 1]] = True


def _of_blind(rwnd: Floats, idle: Floats, clocked: Mask) -> Floats:
    """Times of flows whose cwnd is not known: what their clocks prove, the rest is nobody's.

    With nothing in flight, any cwnd and both windows have room: it is the application. What keeps
    data in flight from being more, but for the peer's window, can't be told without cwnd.
    """
    found = np.zeros((len(rwnd), len(VERDICTS)))
    found[:, _RWND - 1] = rwnd * clocked
    found[:, _APP - 1] = idle * clocked
    return found


def _window_used(before: Records, after: Records, grew: Mapping[str, Floats]) -> Floats:
    """Part of the busy time between looks in which cwnd was used up: by ACKs, else by the rate.

    It is 0 where neither tells.
    """
    share = after["used"].astype("f8")
    unseen = np.isnan(share)
    if np.count_nonzero(unseen):
        rate = grew["acked"] * 1e6 / np.maximum(grew["busy"], 1.0)
        allowed = np.maximum(before["allowed"], after["allowed"])
        share = np.where(unseen, rate >= _USED * allowed, share)
    # A burst that a pause has cut down is over sooner without that, to its last ACK.
    return np.where((after["holds"] == _IDLE) & (share > 0), 1.0, share)


def _half(before: Records, after: Records, cause: int) -> Floats:
    """The share of both looks that have a cause: none, one half or all."""
    return ((before["cause"] == cause).astype("f8") + (after["cause"] == cause)) / 2
