"""Deliveries of one end's segments, by cumulative ACKs and SACK, and the round trips they tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, Indexes, Mask
from tcctui.importing.segmented import NEVER, earliest
from tcctui.importing.senders import Senders


class Blocks(NamedTuple):
    """Blocks of SACK that one end was told, in order; an entry for each.

    `at` is the index of the ACK, `begin` and `end` are numbers as `Senders.numbers`, `place` is
    the block's in its option.
    """

    at: I64
    begin: I64
    end: I64
    place: U8


@dataclass(frozen=True, eq=False)
class RoundTrips:
    """Round trips of the segments that one end of each connection sent.

    Segments are counted as captured: with segmentation offload, one may be several of the path's.
    """

    sender: Senders

    @cached_property
    def sent(self) -> Indexes:
        """Index of each segment that was sent for the first time, in ascending order."""
        return np.flatnonzero(self.sender.leads & ~self.sender.again)

    @cached_property
    def blocks(self) -> Blocks:
        """Blocks of SACK in the peer's ACKs."""
        ends, found = self.sender, self.sender.of.sacks
        found = found[ends.acks[found["packet"]]]
        at, acknowledged = found["packet"], ends.packets["ack"]
        begin, end = (
            ends.numbers[at] + (found[name] - acknowledged[at]).view("i4")
            for name in ("begin", "end")
        )
        return Blocks(at, begin, end, found["place"])

    @cached_property
    def duplicates(self) -> Mask:
        """Blocks that tell of a segment that came twice: DSACK (tcp_check_dsack, RFC 2883)."""
        at, begin, end, place = self.blocks
        inside = np.zeros(len(at), bool)
        inside[:-1] = (at[1:] == at[:-1]) & (begin[:-1] >= begin[1:]) & (end[:-1] <= end[1:])
        return np.asarray((place == 0) & ((begin < self.sender.numbers[at]) | inside))

    @cached_property
    def sacked(self) -> I64:
        """Index of the ACK that selectively acknowledged each of `sent` first, or NEVER.

        What a cumulative ACK acknowledged before that is not counted.
        """
        at, begin, end, _ = self.blocks
        keys, own = self.sender.sequences.keys, self.sender.numbers[self.sent]
        first = np.searchsorted(keys(own, self.sent), keys(begin, at))
        behind = np.searchsorted(self._ends, keys(end, at), "right")
        found = earliest(len(self.sent), first, behind, at)
        return np.where(found < self.acknowledged, found, NEVER)

    @cached_property
    def acknowledged(self) -> I64:
        """Index of the ACK that acknowledged each of `sent` as a whole first, or NEVER."""
        ends = self.sender
        acks = np.flatnonzero(ends.acks)
        known = ends.sequences.keys(ends.snd_una[acks], acks)
        place = np.searchsorted(known, self._ends)
        found = np.append(acks, NEVER)[place]
        there = place < len(acks)
        there[there] = ends.of.of[found[there]] == ends.of.of[self.sent[there]]
        return np.where(there, found, NEVER)

    @cached_property
    def retransmitted(self) -> I64:
        """Index of the first retransmission of some of each of `sent`, or NEVER."""
        again = np.flatnonzero(self.sender.again)
        keys, numbers = self.sender.sequences.keys, self.sender.numbers
        first = np.searchsorted(self._ends, keys(numbers[again], again), "right")
        end = keys((numbers + self.sender.length)[again], again)
        behind = np.searchsorted(keys(numbers[self.sent], self.sent), end)
        return earliest(len(self.sent), first, behind, again)

    @cached_property
    def _ends(self) -> I64:
        """Key of the number behind each of `sent`, ascending."""
        ends = self.sender
        return ends.sequences.keys((ends.numbers + ends.length)[self.sent], self.sent)

    @cached_property
    def oldest_ns(self) -> I64:
        """Nanoseconds from the oldest segment that an ACK delivered to it; -1 without a sample.

        This is what srtt is made of. Of what is acknowledged it is the oldest segment that SACK did
        not tell of before, and none where some of it was retransmitted (Karn's rule); else the
        oldest one that SACK tells of for the first time, which never was (tcp_clean_rtx_queue,
        tcp_ack_update_rtt, net/ipv4/tcp_input.c; RFC 6675).
        """
        return self._delivered[0]

    @cached_property
    def newest_ns(self) -> I64:
        """Nanoseconds from the newest segment that an ACK delivered to it; -1 without a sample.

        The kernel's minimum is of these, of SACK where it tells of any: ca_rtt_us.
        """
        return self._delivered[1]

    @cached_property
    def _delivered(self) -> tuple[I64, I64]:
        """Round trips of the oldest and of the newest segment that each ACK delivered; -1: none."""
        by_ack = self._without(), self._without()
        for place, samples in zip(self._acknowledging(), by_ack, strict=True):
            acks, sent = place
            samples[acks] = self._between(sent, acks)
        by_sack = self._without(), self._without()
        mine = np.flatnonzero((self.sacked < NEVER) & (self.sacked < self.retransmitted))
        # Of what is written several times, the last one stays.
        for samples, order in zip(by_sack, (mine[::-1], mine), strict=True):
            samples[self.sacked[order]] = self._between(self.sent[order], self.sacked[order])
        (oldest, newest), (oldest_sacked, newest_sacked) = by_ack, by_sack
        return (
            np.where(oldest >= 0, oldest, oldest_sacked),
            np.where(newest_sacked >= 0, newest_sacked, newest),
        )

    def _without(self) -> I64:
        return np.full(len(self.sender.own), -1, "i8")

    def _between(self, sent: Indexes, acks: Indexes) -> I64:
        when = self.sender.packets["ts_ns"]
        return np.maximum(when[acks] - when[sent], 0)

    def _acknowledging(self) -> tuple[tuple[Indexes, Indexes], tuple[Indexes, Indexes]]:
        """Cumulative ACKs with a sample, with the oldest and the newest segment of each."""
        ends, sent = self.sender, self.sent
        none = np.empty(0, "i8")
        before = ends.sequences.before(ends.snd_una)
        acks = np.flatnonzero(ends.acks & (ends.snd_una > before))
        if not len(acks) or not len(sent):
            return (none, none), (none, none)
        keys = ends.sequences.keys
        first = np.searchsorted(self._ends, keys(before[acks], acks), "right")
        until = keys(ends.snd_una[acks], acks)
        last = np.searchsorted(keys(ends.numbers[sent], sent), until) - 1
        there = (first < len(sent)) & (first <= last)
        acks, first, last = acks[there], first[there], last[there]
        good = (ends.of.of[sent[first]] == ends.of.of[acks]) & (sent[last] < acks)
        good &= ends.numbers[sent[first]] <= before[acks]  # else there is more than was captured
        touched = np.append(0, np.cumsum(self.retransmitted < NEVER))
        good &= touched[last + 1] == touched[first]
        acks, first, last = acks[good], first[good], last[good]
        # SACK told of some before: they are no news.
        news = self.sacked == NEVER
        every = np.arange(len(sent))
        following = np.minimum.accumulate(np.where(news, every, len(sent))[::-1])[::-1]
        newest = np.maximum.accumulate(np.where(news, every, -1))
        oldest, latest = following[first], newest[last]
        some = (oldest <= last) & (latest >= first)
        acks, oldest, latest = acks[some], oldest[some], latest[some]
        return (acks, sent[oldest]), (acks, sent[latest])

    @cached_property
    def srtt_us(self) -> I64:
        """Smoothed round-trip time in microseconds, this segment included; 0 is unknown.

        RFC 6298, 2, with the kernel's integers (tcp_rtt_estimator, net/ipv4/tcp_input.c).
        """
        taken = self.oldest_ns
        places = np.flatnonzero(taken >= 0)
        smoothed = []
        eighths, connection = 0, -1
        for micros, of in zip(
            np.maximum(taken[places] // 1000, 1).tolist(),
            self.sender.of.of[places].tolist(),
            strict=True,
        ):
            if of != connection:
                eighths, connection = micros << 3, of
            else:
                eighths += micros - (eighths >> 3)
            smoothed.append(eighths >> 3)
        values = np.zeros(len(taken), "i8")
        values[places] = smoothed
        newest = self.sender.sequences.latest(taken >= 0)
        return np.where(newest < 0, 0, values[np.maximum(newest, 0)])
