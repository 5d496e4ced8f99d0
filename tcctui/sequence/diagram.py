"""The time–sequence diagram of W. R. Stevens and tcptrace, worked out from the sender's records.

tcp_probe and what is read beside it have the values from before an ACK is processed: an ACK's own
effect is in the record of the next one. Curves are drawn from the moment of the ACK that made them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, Array, Indexes, Mask, Records
from tcctui.flows.history.curve import Curve
from tcctui.sequence.flow_reader import FlowRecords
from tcctui.wire.events import DROPPED, RECOVERY, Events
from tcctui.wire.retransmits import causes


class Spans(NamedTuple):
    """Ranges of sequence numbers, each at a moment; arrays of shape (n,), oldest first.

    `low` and `high` are bytes from the diagram's begin; the range ends before `high`. `kinds` are
    `Cause`s of retransmissions, else 0.
    """

    when_ns: I64
    low: I64
    high: I64
    kinds: U8

    def within(self, since_ns: int, until_ns: int) -> Spans:
        """Those between two moments."""
        first = int(np.searchsorted(self.when_ns, since_ns))
        last = int(np.searchsorted(self.when_ns, until_ns, "right"))
        when, low, high, kinds = self
        return Spans(when[first:last], low[first:last], high[first:last], kinds[first:last])


class Diagram(NamedTuple):
    """All that is drawn. Sequence numbers are bytes since `begin`, without their modulus.

    `sent` is snd_nxt, `acknowledged` snd_una, `window` the edge of the peer's receive window,
    snd_una + snd_wnd. `throughput` is snd_una once more, for its growth per second. `srtt` and
    `rtt` are microseconds; `rtt`, of the newest segment that an ACK delivered, only where each ACK
    was read. `duplicated` are ACKs with a DSACK (RFC 2883), at what they acknowledge: the peer got
    a segment that it had: a spurious retransmission, or a copy that the network made. `has_sacks`
    is False where there may be ranges of SACK that are not known.
    """

    begin: int
    sent: Curve
    acknowledged: Curve
    window: Curve
    throughput: Curve
    srtt: Curve
    rtt: Curve
    retransmitted: Spans
    sacked: Spans
    dropped: Spans
    duplicated: Spans
    has_sacks: bool


def diagram(records: FlowRecords) -> Diagram | None:
    """Work out the diagram of one connection's records; None without an ACK."""
    acks = records.acks
    if not len(acks):
        return None
    when = acks["ts_ns"].astype("i8")
    una = _unwrapped(acks["snd_una"])
    nxt = una + _ahead(acks["snd_nxt"], acks["snd_una"])
    effective = _effective(when, acks["exact"])
    told = acks["kind"] > 0
    places = _Places(when, una, acks["snd_una"])
    return Diagram(
        begin=int(acks["snd_una"][0]),
        sent=Curve(_sent(when, effective, una, nxt, acks), nxt.astype("f8")),
        acknowledged=Curve(effective, una.astype("f8")),
        window=Curve(effective, (una + acks["snd_wnd"]).astype("f8")),
        throughput=Curve(effective, una.astype("f8"), total=True),
        srtt=_known(when, acks["srtt"]),
        rtt=_known(effective[told], acks["rtt_us"][told]),
        retransmitted=_retransmitted(records.retransmits, places),
        sacked=_sacked(acks, effective, una),
        dropped=_dropped(records.drops, places),
        duplicated=_duplicated(acks, effective, una),
        has_sacks=bool(told.any() or _had_none(records.sacked)),
    )


def _had_none(sacked: Records) -> bool:
    """True where the socket itself was read, and nothing was SACKed then."""
    return bool(len(sacked)) and not sacked["sacked_out"].any()


def _effective(when: I64, exact: Mask) -> I64:
    """Moment from which each record's values hold: that of the ACK before, where it is known."""
    before = np.append(when[:1], when[:-1])
    adjacent = exact & np.append(True, exact[:-1])
    return np.where(adjacent, before, when)


def _sent(when: I64, effective: I64, una: I64, nxt: I64, acks: Records) -> I64:
    """Moments at which data up to snd_nxt was sent, as far as ACKs tell.

    Mostly an ACK lets it out. After a pause none did: then the ACK that acknowledges all of it came
    one RTT after it was sent.
    """
    rtt = np.append(acks["rtt_us"][1:], 0).astype("i8")
    rtt = np.where(rtt > 0, rtt, acks["srtt"]) * 1000
    all_of_it = np.append(una[1:] == nxt[:-1], False) & (rtt > 0)
    return np.where(all_of_it, np.clip(when - rtt, effective, when), effective)


def _known(when: I64, values: Array) -> Curve:
    return Curve(when, np.where(values > 0, values.astype("f8"), np.nan))


def _unwrapped(numbers: Array) -> I64:
    """Sequence numbers without their modulus, less the first."""
    steps = np.diff(numbers).view("i4").astype("i8")
    return np.concatenate([np.zeros(1, "i8"), np.cumsum(steps)])


def _ahead(numbers: Array, of: Array) -> I64:
    """Signed differences of sequence numbers (RFC 9293, 3.4)."""
    return np.ascontiguousarray(numbers - of, "u4").view("i4").astype("i8")


class _Places(NamedTuple):
    """Moments at which snd_una is known: modulo 2³² (`raw`), and in bytes from the begin."""

    when_ns: I64
    una: I64
    raw: Array

    def of(self, numbers: Array, when_ns: I64) -> I64:
        """Bytes from the begin of sequence numbers that belong to moments."""
        at = self._nearest(when_ns)
        return self.una[at] + _ahead(numbers, self.raw[at])

    def una_at(self, when_ns: I64) -> I64:
        """Bytes from the begin that were acknowledged at moments."""
        return self.una[self._nearest(when_ns)]

    def _nearest(self, when_ns: I64) -> Indexes:
        return np.minimum(np.searchsorted(self.when_ns, when_ns), len(self.when_ns) - 1)


def _retransmitted(events: Events, places: _Places) -> Spans:
    """Retransmitted segments, and why; what has no sequence numbers is drawn at snd_una."""
    at, when = events.view(RECOVERY), events["ts_ns"].astype("i8")
    known, una = at["known"] > 0, places.una_at(when)
    low = np.where(known, places.of(at["seq"], when), una)
    high = np.where(known, places.of(at["end_seq"], when), una)
    return Spans(when, low, np.maximum(low, high), causes(events))


def _dropped(events: Events, places: _Places) -> Spans:
    at, when = events.view(DROPPED), events["ts_ns"].astype("i8")
    low = places.of(at["seq"], when)
    return Spans(when, low, low + at["bytes"], np.zeros(len(when), "u1"))


def _duplicated(acks: Records, effective: I64, una: I64) -> Spans:
    """ACKs whose DSACK told of a segment that came twice."""
    told = acks["kind"] > 0
    counts = acks["dsack_dups"][told].astype("i8")
    grew = np.flatnonzero(told)[1:][np.diff(counts) > 0] if len(counts) else np.empty(0, "i8")
    return Spans(effective[grew], una[grew], una[grew], np.zeros(len(grew), "u1"))


def _sacked(acks: Records, effective: I64, una: I64) -> Spans:
    """Ranges that SACKs tell for the first time, beyond what is acknowledged."""
    there = np.flatnonzero(acks["sacked_out"] > 0)
    ranges = acks["sacks"][there].reshape(-1, 4, 2)
    low, high = (
        una[there][:, None] + _ahead(ranges[..., end], acks["snd_una"][there][:, None])
        for end in (0, 1)
    )
    told = (ranges[..., 0] != ranges[..., 1]) & (high > una[there][:, None])
    before = np.zeros_like(ranges)
    before[1:] = ranges[:-1]
    # A range that the ACK before told, too, is drawn once.
    again = (ranges[:, :, None, :] == before[:, None, :, :]).all(-1).any(-1)
    told &= ~again
    when = np.broadcast_to(effective[there][:, None], told.shape)
    return Spans(when[told], low[told], high[told], np.zeros(int(told.sum()), "u1"))
