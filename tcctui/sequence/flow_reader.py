"""One connection's ACKs, retransmissions and drops, read from a timeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tcctui.arrays import Mask, Records
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.growing_read import GrowingRead
from tcctui.recording.timeline import Timeline
from tcctui.wire.events import EventKind, Events
from tcctui.wire.inside import ACK
from tcctui.wire.records import joined, pick

_PROBE, _RETRANSMIT, _DROP = map(int, (EventKind.PROBE, EventKind.RETRANSMIT, EventKind.DROP))

MOST = 1_000_000
"""ACKs that are kept: of a longer time the newest."""

_SLACK_NS = 1_000_000_000
"""Nanoseconds that records may be older than their chunk's begin."""

TOLD_ACK = np.dtype([*ACK.descr, ("srtt", "u4"), ("exact", "?")])
"""An `inside.ACK`, with tcp_probe's srtt in microseconds (0 where unknown).

`exact` is False for a tcp_probe event that stands for several ACKs.
"""


SACKED = np.dtype([("ts_ns", "u8"), ("sacked_out", "u4")])
"""Segments that were SACKed when the socket itself was read."""


class FlowRecords(NamedTuple):
    """Records of one connection, oldest first: `acks` of dtype `TOLD_ACK`, `sacked` of `SACKED`."""

    acks: Records
    retransmits: Events
    drops: Events
    sacked: Records


NO_RECORDS = FlowRecords(np.empty(0, TOLD_ACK), NO_EVENTS, NO_EVENTS, np.empty(0, SACKED))


class FlowReader:
    """Reads one connection from a timeline, and only what is new where the timeline grows."""

    def __init__(self, timeline: Timeline, cookie: int) -> None:
        self._cookie = np.array([cookie], "u8")
        self._reading = GrowingRead(timeline, NO_RECORDS, self._of, _in_time, cookies=self._cookie)
        self._one = NO_EVENTS  # an event of it, for its ends

    def read(
        self, since_ns: int, until_ns: int, stopped: Callable[[], bool] = lambda: False
    ) -> FlowRecords:
        """Records from a moment on, and some of before; none of after `until_ns`.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        found = self._reading.read(since_ns, until_ns, stopped)
        return FlowRecords(*(pick(one, one["ts_ns"] <= until_ns) for one in found))

    def _of(self, chunk: Chunk, after_ns: int, _: int) -> FlowRecords:
        """Records of a chunk that are not known yet, and some that are."""
        events = chunk.events
        new = (events["ts_ns"] > max(after_ns - _SLACK_NS, 0)) & self._mine(events)
        events = pick(events, new)
        kinds = events["kind"]
        probes = pick(events, kinds == _PROBE)
        acks, sockets = (
            pick(records, records["sock_cookie"] == self._cookie[0])
            for records in (chunk.insides.acks, chunk.insides.sockets)
        )
        sacked = np.empty(len(sockets), SACKED)
        for name in SACKED.names or ():
            sacked[name] = sockets[name]
        return FlowRecords(
            joined([_of_acks(acks), _of_probes(probes)]),
            pick(events, kinds == _RETRANSMIT),
            pick(events, kinds == _DROP),
            sacked,
        )

    def _mine(self, events: Events) -> Mask:
        """Tell which events are this connection's: some have no cookie, but its ends."""
        mine: Mask = events["sock_cookie"] == self._cookie[0]
        first = np.flatnonzero(mine)[:1]
        self._one = events[first] if len(first) else self._one
        one = self._one
        if not len(one):
            return mine
        found = events["sock_cookie"] == 0
        for name in ("sport", "dport"):
            found = found & (events[name] == one[name])
        for name in ("saddr", "daddr"):
            found = found & (events[name] == one[name]).all(1)
        other = (events["skaddr"] > 0) & (one["skaddr"] > 0) & (events["skaddr"] != one["skaddr"])
        return np.asarray(mine | (found & ~other))


def _of_acks(acks: Records) -> Records:
    made = np.zeros(len(acks), TOLD_ACK)
    for name in ACK.names or ():
        made[name] = acks[name]
    made["exact"] = True
    return made


def _of_probes(probes: Events) -> Records:
    made = np.zeros(len(probes), TOLD_ACK)
    for name in ("ts_ns", "sock_cookie", "snd_una", "snd_nxt", "snd_wnd", "srtt"):
        made[name] = probes[name]
    made["exact"] = probes["acks"] == 0
    return made


def _in_time(parts: list[FlowRecords]) -> FlowRecords:
    """Join parts in the order of time; of an ACK that was told twice, one record."""
    acks, *others = (joined(list(kind)) for kind in zip(*parts, strict=True))
    # Of the same moment, that with the ranges of SACK comes first; it gets the other's srtt.
    order = np.lexsort((acks["kind"] == 0, acks["ts_ns"]))
    acks = pick(acks, order)
    same = acks["ts_ns"][1:] == acks["ts_ns"][:-1]
    acks["srtt"][:-1][same] = np.maximum(acks["srtt"][:-1], acks["srtt"][1:])[same]
    acks = pick(acks, np.append(True, ~same)[: len(acks)])[-MOST:]
    told = [_distinct(pick(one, np.argsort(one["ts_ns"], kind="stable"))) for one in others]
    return FlowRecords(acks, *told)


def _distinct(records: Records) -> Records:
    """Leave out what was read twice."""
    if len(records) < 2:
        return records
    data = np.ascontiguousarray(records).view(f"V{records.dtype.itemsize}")
    return pick(records, np.append(True, data[1:] != data[:-1]))
