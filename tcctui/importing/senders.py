"""Sequence numbers of one end of each connection, as its own TCP has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcctui.arrays import I64, Array, Indexes, Mask, Records
from tcctui.importing.connections import Connections
from tcctui.importing.packet_headers import ACK, FIN, RST, SYN
from tcctui.importing.segmented import Sequences

UNKNOWN_WINDOW = 0xFFFFFFFF

_REORDERED_NS = 3_000_000
"""Nanoseconds within which what fills a gap is reordered, where no handshake tells of the path."""


@dataclass(frozen=True, eq=False)
class Senders:
    """One end of each connection: that which sent the segments that are `own`.

    Sequence numbers are int64, relative to the first one seen of each connection. All arrays have
    an entry for each segment of either direction.
    """

    of: Connections
    own: Mask

    @property
    def packets(self) -> Records:
        """All segments."""
        return self.of.packets

    @cached_property
    def sequences(self) -> Sequences:
        """Segments of each connection."""
        return Sequences(self.of.first, self.of.of)

    @cached_property
    def flags(self) -> Array:
        """Flags of all segments."""
        return self.packets["flags"]

    @cached_property
    def acks(self) -> Mask:
        """Segments of the peer that acknowledge."""
        return np.asarray(~self.own & ((self.flags & (ACK | RST)) == ACK))

    @cached_property
    def sends(self) -> Mask:
        """Own segments that have a sequence number of the connection."""
        return np.asarray(self.own & ((self.flags & RST) == 0))

    @cached_property
    def numbers(self) -> I64:
        """Sequence number of what was sent, or of what the peer acknowledges; else the one before.

        The difference of two that follow each other is taken modulo 2³² (RFC 9293, 3.4).
        """
        raw = np.where(self.own, self.packets["seq"], self.packets["ack"]).astype("u4")
        newest = self.sequences.latest(self.sends | self.acks)
        raw = raw[np.maximum(newest, 0)]
        step = np.zeros(len(raw), "i8")
        step[1:] = (raw[1:] - raw[:-1]).view("i4")
        began = newest < 0
        step[1:][began[:-1] & ~began[1:]] = 0
        step[self.of.first] = 0
        total = np.cumsum(step)
        return total - total[self.of.first][self.of.of]

    @cached_property
    def origin(self) -> Array:
        """Sequence number modulo 2³² that `numbers` are relative to, of each segment."""
        raw = np.where(self.own, self.packets["seq"], self.packets["ack"]).astype("u4")
        places = np.flatnonzero(self.sends | self.acks)
        found = np.zeros(len(self.of.first), "u4")
        found[self.of.of[places[::-1]]] = raw[places[::-1]]  # the first one is written last
        return found[self.of.of]

    @cached_property
    def length(self) -> I64:
        """Sequence numbers that a segment takes: its data, SYN and FIN."""
        controls = (self.flags & SYN > 0).astype("i8") + (self.flags & FIN > 0)
        return self.packets["payload"].astype("i8") + controls

    @cached_property
    def sent_before(self) -> I64:
        """Number behind the last own one so far, without this segment."""
        ends = np.where(self.sends, self.numbers + self.length, 0)
        return np.asarray(self.sequences.before(self.sequences.highest(ends)))

    @cached_property
    def snd_una(self) -> I64:
        """First number that is not acknowledged, this segment included."""
        return self.sequences.highest(np.where(self.acks, self.numbers, 0))

    @cached_property
    def snd_nxt(self) -> I64:
        """Number of the next byte to send, this segment included."""
        ends = self.numbers + np.where(self.sends, self.length, 0)
        return self.sequences.highest(np.where(self.sends | self.acks, ends, 0))

    @cached_property
    def opened(self) -> Mask:
        """True once the own SYN was acknowledged before, or where there is none."""
        syn = self.sequences.highest((self.sends & (self.flags & SYN > 0)).astype("i8"))
        seen = np.maximum.reduceat(syn, self.of.first) if len(syn) else syn
        first = self.sequences.before(self.snd_una) > 0
        return np.asarray(first | (seen[self.of.of] == 0))

    def window(self, of: Mask) -> I64:
        """Receive window in bytes as last advertised by segments `of` one end; UNKNOWN_WINDOW.

        The scale holds where both SYNs have one (RFC 7323, 2.2), and is unknown without them.
        """
        of = of & (self.flags & RST == 0)
        syns = (self.flags & SYN) > 0
        scale = self._scale(of)
        both = (scale >= 0) & (self._scale(~of) >= 0)
        unscaled = (scale >= -1) & (self._scale(~of) >= -1) & ~both
        shift = np.where(both & ~syns, np.maximum(scale, 0), 0)
        window = self.packets["window"].astype("i8") << shift
        window[~(both | unscaled | syns)] = UNKNOWN_WINDOW
        newest = self.sequences.latest(of)
        return np.where(newest < 0, UNKNOWN_WINDOW, window[np.maximum(newest, 0)])

    def _scale(self, of: Mask) -> I64:
        """Window scale in the SYN of one end of each segment's connection; -1 none, -2 no SYN."""
        found = np.full(len(self.of.first), -2, "i8")
        syns = np.flatnonzero(of & (self.flags & SYN > 0))[::-1]
        found[self.of.of[syns]] = self.packets["scale"][syns]
        return found[self.of.of]

    @cached_property
    def again(self) -> Mask:
        """Own segments that were retransmitted: data, or a SYN, below the highest number sent.

        Probes of a keep-alive are none (one byte that is acknowledged already), nor is what fills a
        gap sooner than a round trip after it was seen: the network reordered it.
        """
        return np.asarray(self._below & ~self.reordered)

    @cached_property
    def reordered(self) -> Mask:
        """Own segments that others overtook before they were captured."""
        found = np.zeros(len(self.own), bool)
        places = np.flatnonzero(self._below)
        if len(places):
            found[places[self._fills_gap(places)]] = True
        return found

    @cached_property
    def _below(self) -> Mask:
        """Own segments below the highest number sent, but for keep-alives."""
        below = self.sends & (self.length > 0) & (self.numbers < self.sent_before)
        una = self.sequences.before(self.snd_una)
        alive = (self.length <= 1) & (self.numbers == self.sent_before - 1) & (self.numbers < una)
        return np.asarray(below & ~(alive & (self.flags & (SYN | FIN) == 0)))

    @cached_property
    def missing(self) -> I64:
        """Sequence numbers before own segments that were skipped: sent, and never captured."""
        gap = self.leads & (self.numbers > self.sent_before) & self._sent_any
        return np.where(gap, self.numbers - self.sent_before, 0)

    def _fills_gap(self, places: Indexes) -> Mask:
        """True for segments of what was skipped shortly before."""
        gaps = np.flatnonzero(self.missing)
        if not len(gaps):
            return np.zeros(len(places), bool)
        begins = self.sequences.keys(self.sent_before[gaps], gaps)
        ends = self.sequences.keys(self.numbers[gaps], gaps)
        at = self.sequences.keys(self.numbers[places], places)
        found = np.maximum(np.searchsorted(begins, at, "right") - 1, 0)
        inside = (begins[found] <= at) & (at < ends[found])
        elapsed = self.packets["ts_ns"][places] - self.packets["ts_ns"][gaps[found]]
        return np.asarray(inside & (elapsed < self._round_trip_ns[self.of.of[places]]))

    @cached_property
    def _sent_any(self) -> Mask:
        newest = self.sequences.latest(self.sends)
        return np.asarray(self.sequences.before(newest, -1) >= 0)

    @cached_property
    def leads(self) -> Mask:
        """Own segments that go beyond what was sent before: nothing in them was seen before."""
        ends = self.numbers + self.length
        fresh = ~self._sent_any
        return np.asarray(self.sends & (self.length > 0) & ((ends > self.sent_before) | fresh))

    @cached_property
    def _round_trip_ns(self) -> I64:
        """Round-trip time of each connection's handshake, as far as it is captured."""
        found = np.full(len(self.of.first), _REORDERED_NS, "i8")
        syns = np.flatnonzero((self.flags & SYN) > 0)
        if not len(syns):
            return found
        first, of = np.unique(self.of.of[syns], return_index=True)[::-1]
        begin = syns[first]
        done = np.flatnonzero((self.flags & (SYN | ACK | RST)) == ACK)
        which, place = np.unique(self.of.of[done], return_index=True)
        end = np.full(len(found), -1, "i8")
        end[which] = done[place]
        there = end[of] > begin
        when = self.packets["ts_ns"]
        found[of[there]] = (when[end[of]] - when[begin])[there]
        return found
