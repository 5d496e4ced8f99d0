"""All that a recording has of one end of a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Array, Mask, Records, among, distinct
from tcctui.both_ends.clocks import Counter, Side
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.timeline import Origin, Timeline
from tcctui.wire.addresses import ZONE, are_link_local
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_QUEUE, NO_SAMPLES, End, Samples, is_known

ACK = np.dtype(
    [
        ("ts_ns", "u8"),
        ("sock_cookie", "u8"),
        ("arrived", "i8"),
        ("snd_nxt", "u4"),
        ("snd_una", "u4"),
        ("snd_cwnd", "u4"),
        ("snd_wnd", "u4"),
        ("srtt", "u4"),
        ("rcv_wnd", "u4"),
    ]
)
"""A tcp_probe event, as far as it is kept: fields as in `events.EVENT`.

`arrived` are bytes of data in all segments until then, duplicates too.
"""

_MOST = 500_000
"""Events kept of one end: of more, the last in each of so many parts of the recording's time."""

SAMPLED_NS = 10_000_000
"""Nanoseconds that the kernel's answer may be apart from a sample's time, before or after it."""

_UNKNOWN = 1 << 62

_SLACK_NS = 1_000_000_000
"""Nanoseconds that records may be older than their timeline's begin."""


class Ends(NamedTuple):
    """Addresses, as halves in one tuple, and ports of a connection, as one end has them."""

    saddr: tuple[int, int]
    daddr: tuple[int, int]
    sport: int
    dport: int

    @property
    def turned(self) -> Ends:
        """The same connection as the other end has it."""
        return Ends(self.daddr, self.saddr, self.dport, self.sport)

    def of(self, records: Records) -> Mask:
        """Mask of events or samples that have these ends."""
        found: Mask = (records["sport"] == self.sport) & (records["dport"] == self.dport)
        if found.any():
            there = np.flatnonzero(found)
            addresses = (("saddr", self.saddr), ("daddr", self.daddr))
            for name, address in addresses:
                found[there] &= _is(records[name][there], address)
        return found


def _is(addresses: Array, address: tuple[int, int]) -> Mask:
    """Mask of addresses that are one; on which link they are, only their own machine knows."""
    high, low = addresses[:, 0].astype("u8"), addresses[:, 1].astype("u8")
    high = np.where(are_link_local(high), high & ~np.uint64(ZONE), high)
    wanted = address[0]
    if are_link_local(np.array([wanted], "u8"))[0]:
        wanted &= ~ZONE
    return np.asarray((high == np.uint64(wanted)) & (low == np.uint64(address[1])))


class OneEnd(NamedTuple):
    """One socket in a recording: events and samples in the order of time.

    `acks` are of dtype `ACK`, `others` all other events. Nothing is known of it from `until_ns` on:
    the recording ends, or the socket was destroyed.
    """

    origin: Origin
    ends: Ends
    cookie: int
    acks: Records
    others: Events
    samples: Samples
    until_ns: int

    @property
    def span(self) -> tuple[int, int]:
        """First and last moment, on its machine's clock, in nanoseconds."""
        times = [part["ts_ns"] for part in (self.acks, self.samples) if len(part)]
        return min(int(one[0]) for one in times), max(int(one[-1]) for one in times)

    @property
    def acknowledged(self) -> int:
        """Bytes that were acknowledged to it while it was recorded."""
        una = self.una
        by_events = int(una[-1] - una[0]) if len(una) else 0
        known = self.samples["bytes_acked"][is_known(self.samples, "bytes_acked")]
        return max(by_events, int(known[-1]) - int(known[0]) if len(known) else 0)

    @property
    def una(self) -> I64:
        """snd_una at each event, from the first one's on, without its modulus."""
        return _unwrapped(self.acks["snd_una"])

    def side(self) -> Side:
        """Counters of the bytes it sent, knows acknowledged, and received."""
        looks = pick(self.samples, self.samples["end"] == End.LIVES)
        told = pick(looks, is_known(looks, "bytes_acked"))
        acked, when = told["bytes_acked"].astype("i8"), told["ts_ns"].astype("i8")
        # wqueue, write_seq - snd_una, is read before the rest (inet_csk_diag_fill): more may have
        # been written, and sent, before that was.
        queued = told["wqueue"] != NO_QUEUE
        sent = _sampled(when[queued], acked[queued], (acked + told["wqueue"])[queued])
        acknowledged = _sampled(when, acked, acked)
        una, at = self.una, self.acks["ts_ns"].astype("i8")
        least, most = _begin(una, at, acked, when)
        if -_UNKNOWN < least <= most < _UNKNOWN:
            nxt = una + (self.acks["snd_nxt"] - self.acks["snd_una"])
            sent = _together(sent, Counter(at, at, nxt - most, nxt - least))
            acknowledged = _together(acknowledged, Counter(at, at, una - most, una - least))
        told = pick(looks, is_known(looks, "bytes_received"))
        received = told["bytes_received"].astype("i8")
        return Side(sent, acknowledged, _sampled(told["ts_ns"].astype("i8"), received, received))


def _sampled(when: I64, least: I64, most: I64) -> Counter:
    return Counter(when - SAMPLED_NS, when + SAMPLED_NS, least, most)


def _together(one: Counter, other: Counter) -> Counter:
    return Counter(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))


def _unwrapped(numbers: Array) -> I64:
    """Sequence numbers without their modulus, less the first."""
    steps = np.diff(numbers).view("i4").astype("i8")
    return np.concatenate([np.zeros(min(len(numbers), 1), "i8"), np.cumsum(steps)])


def _begin(una: I64, at: I64, acked: I64, when: I64) -> tuple[int, int]:
    """Least and most of snd_una, as events have it, where samples have 0 bytes acknowledged."""
    if not len(una) or not len(when):
        return -_UNKNOWN, _UNKNOWN
    before = np.searchsorted(at, when - SAMPLED_NS, "right") - 1
    # An event has the values from before its ACK: those of the next one hold until that.
    after = np.searchsorted(at, when + SAMPLED_NS)
    least = np.where(before >= 0, una[np.maximum(before, 0)] - acked, -_UNKNOWN)
    most = np.where(after < len(una), una[np.minimum(after, len(una) - 1)] - acked, _UNKNOWN)
    return int(least.max()), int(most.min())


class EndsReader:
    """Every socket in a timeline that has one of some ends; reads on where the timeline grows."""

    def __init__(self, timeline: Timeline, *wanted: Ends) -> None:
        self._timeline = timeline
        self._found = [
            _Records(ends, [np.empty(0, ACK)], [NO_EVENTS], [NO_SAMPLES]) for ends in wanted
        ]
        self._read_ns: int | None = None
        first_ns, last_ns = timeline.span
        self._part_ns = max(1, (last_ns - first_ns) // _MOST)

    @property
    def until_ns(self) -> int:
        """Moment until which the timeline was read, on its own clock; 0 before."""
        return self._read_ns or 0

    @property
    def has_more(self) -> bool:
        """True where the timeline has grown since it was read."""
        return self._read_ns is not None and self._timeline.span.last_ns > self._read_ns

    def read(self, stopped: Callable[[], bool] = lambda: False) -> list[OneEnd]:
        """Read what has come; gives each socket, with all records that the timeline still has.

        Less of them where it is `stopped` meanwhile.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        first_ns, last_ns = self._timeline.span
        before_ns = first_ns - 1 if self._read_ns is None else self._read_ns
        for chunk in self._timeline.chunks(before_ns, last_ns):
            if stopped():
                break
            for records in self._found:
                records.take(chunk, self._part_ns)
        self._read_ns = last_ns
        return [
            one
            for records in self._found
            for one in _sockets(self._timeline, records.since(first_ns))
        ]


class _Records(NamedTuple):
    """Records of sockets with the same ends, by chunk."""

    ends: Ends
    acks: list[Records]
    others: list[Events]
    samples: list[Samples]

    def take(self, chunk: Chunk, part_ns: int) -> None:
        """Take in those of a chunk."""
        events = pick(chunk.events, self.ends.of(chunk.events))
        probes = events["kind"] == EventKind.PROBE
        self.acks.append(_kept(pick(events, probes), part_ns))
        self.others.append(pick(events, ~probes))
        self.samples.append(pick(chunk.samples, self.ends.of(chunk.samples)))

    def since(self, first_ns: int) -> _Records:
        """Join what there is, in the order of time, and forget what is older than a moment."""
        for parts in (self.acks, self.others, self.samples):
            whole = joined(parts)
            parts[:] = [_in_time(pick(whole, whole["ts_ns"] >= first_ns - _SLACK_NS))]
        return self


def _sockets(timeline: Timeline, records: _Records) -> Iterator[OneEnd]:
    (acks,), (others,), (samples,) = records.acks, records.others, records.samples
    cookies = np.concatenate([acks["sock_cookie"], samples["sock_cookie"]])
    for cookie in distinct(cookies[cookies > 0]).tolist():
        own = pick(acks, acks["sock_cookie"] == cookie)
        own["arrived"] = np.cumsum(own["arrived"])
        # Retransmits and states come without a cookie.
        beside = pick(others, among(others["sock_cookie"], np.array([0, cookie], "u8")))
        looks = pick(samples, samples["sock_cookie"] == cookie)
        over = (beside["kind"] == EventKind.DESTROY) & (beside["sock_cookie"] == cookie)
        destroyed = beside["ts_ns"][over].tolist()
        ended = looks["ts_ns"][looks["end"] == End.DESTROYED].tolist()
        until_ns = min([*destroyed, *ended], default=timeline.span.last_ns)
        yield OneEnd(timeline.origin, records.ends, cookie, own, beside, looks, until_ns)


def _kept(probes: Events, part_ns: int) -> Records:
    """Last event of each socket in each part of time; its `arrived` is of that part."""
    if not len(probes):
        return np.empty(0, ACK)
    part, cookies = probes["ts_ns"] // np.uint64(part_ns), probes["sock_cookie"]
    last = np.append((part[1:] != part[:-1]) | (cookies[1:] != cookies[:-1]), True)
    places = np.flatnonzero(last)
    kept = np.zeros(len(places), ACK)
    for name in ACK.names or ():
        if name != "arrived":
            kept[name] = probes[name][places]
    starts = np.append(0, places[:-1] + 1)
    kept["arrived"] = np.add.reduceat(probes["data_len"].astype("i8"), starts)
    return kept


def _in_time(records: Records) -> Records:
    return pick(records, np.argsort(records["ts_ns"], kind="stable"))
