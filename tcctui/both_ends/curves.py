"""Curves of both ends: what the sender reckons with, and what the receiver sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, Array, Floats
from tcctui.both_ends.one_end import OneEnd
from tcctui.both_ends.pair import Pair
from tcctui.flows.history.curve import Curve
from tcctui.flows.history.marks import NO_KIND, OF_CA_STATE, OF_EVENT
from tcctui.wire.events import EventKind
from tcctui.wire.samples import in_flight, value

_SECOND = 1_000_000_000

_APART_NS = 250_000_000
"""The kernel's totals are told by clocks that move in steps of some milliseconds."""


class Marks(NamedTuple):
    """Moments at which something happened to the sender, and the `MarkKind` of each; (n,)."""

    when_ns: I64
    kinds: U8


class Curves(NamedTuple):
    """Curves by name: times are on `here`'s clock of the pair.

    Sizes are bytes, `srtt` microseconds, `out_of_order` segments a second, and of `sent`,
    `received` and `read` bytes a second.
    """

    sender: Mapping[str, Curve]
    receiver: Mapping[str, Curve]
    marks: Marks


def curves(pair: Pair) -> Curves:
    """Work out all curves; once for a pair."""
    here_sends = pair.sender_is_here
    sender, receiver = (pair.here, pair.there) if here_sends else (pair.there, pair.here)

    def here(end: OneEnd, when: Array) -> I64:
        when = when.astype("i8")
        return when if end is pair.here else pair.moments(when)

    def of(end: OneEnd, make: Callable[[OneEnd, I64, I64], dict[str, Curve]]) -> dict[str, Curve]:
        made = make(end, here(end, end.acks["ts_ns"]), here(end, end.samples["ts_ns"]))
        over_ns = int(here(end, np.array([end.until_ns]))[0])
        return {name: curve._replace(over_ns=over_ns) for name, curve in made.items()}

    happened = sender.others
    kinds = OF_EVENT[happened["kind"]]
    states = happened["kind"] == EventKind.CA_STATE
    kinds[states] = OF_CA_STATE[happened["newstate"][states]]
    marked = kinds != NO_KIND
    marks = Marks(here(sender, happened["ts_ns"])[marked], kinds[marked])
    return Curves(of(sender, _sending), of(receiver, _receiving), marks)


def _sending(end: OneEnd, acked_ns: I64, sampled_ns: I64) -> dict[str, Curve]:
    acks, looks = end.acks, end.samples
    mss = value(looks, "snd_mss")
    if len(acks):
        own = np.append(mss[:1] if len(mss) else np.nan, mss)  # before the first, that
        mss_then = own[np.searchsorted(sampled_ns, acked_ns, "right")]
        return {
            "in_flight": Curve(acked_ns, (acks["snd_nxt"] - acks["snd_una"]).astype("f8")),
            "cwnd": Curve(acked_ns, _unless(acks["snd_cwnd"], 0) * mss_then),
            "snd_wnd": Curve(acked_ns, _unless(acks["snd_wnd"], 0xFFFFFFFF)),
            "sent": Curve(acked_ns, end.una.astype("f8"), total=True),
            "srtt": Curve(acked_ns, _unless(acks["srtt"], 0)),
        }
    return {
        "in_flight": Curve(sampled_ns, in_flight(looks).astype("f8")),
        "cwnd": Curve(sampled_ns, value(looks, "snd_cwnd") * mss),
        "snd_wnd": Curve(sampled_ns, value(looks, "snd_wnd")),
        "sent": _rate(sampled_ns, value(looks, "bytes_acked")),
        "srtt": Curve(sampled_ns, value(looks, "rtt")),
    }


def _receiving(end: OneEnd, acked_ns: I64, sampled_ns: I64) -> dict[str, Curve]:
    acks, looks = end.acks, end.samples
    total, unread = value(looks, "bytes_received"), value(looks, "rqueue")
    found = {
        "rcv_wnd": Curve(sampled_ns, value(looks, "rcv_wnd")),
        "unread": Curve(sampled_ns, unread),
        "rcvbuf": Curve(sampled_ns, value(looks, "rcvbuf")),
        "received": _rate(sampled_ns, total),
        "read": _rate(sampled_ns, total - unread),
        "out_of_order": _rate(sampled_ns, value(looks, "rcv_ooopack")),
    }
    if len(acks):
        found["rcv_wnd"] = Curve(acked_ns, _unless(acks["rcv_wnd"], 0xFFFFFFFF))
        if not end.origin.interval_ns:  # of an event for several ACKs, only the last one's is known
            found["received"] = Curve(acked_ns, acks["arrived"].astype("f8"), total=True)
    return found


def _unless(numbers: Array, unknown: int) -> Floats:
    return np.where(numbers == unknown, np.nan, numbers.astype("f8"))


def _rate(when_ns: I64, totals: Floats) -> Curve:
    """Growth of a total per second from each read to the next, `_APART_NS` later or more."""
    first = np.append(True, np.diff(when_ns // _SECOND) > 0)[: len(when_ns)]
    when_ns, totals = when_ns[first], totals[first]
    apart = np.append(True, np.diff(when_ns) >= _APART_NS)[: len(when_ns)]
    when_ns, totals = when_ns[apart], totals[apart]
    seconds = np.maximum(np.diff(when_ns), 1) / _SECOND
    rate = np.maximum(np.diff(totals), 0) / seconds
    return Curve(when_ns[:-1], rate)
