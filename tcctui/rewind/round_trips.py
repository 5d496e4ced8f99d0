"""Round-trip times of all connections in a timeline, of each the last in a tenth of a second."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcctui.arrays import Array, Records
from tcctui.flows.groups.heat_map import STAMP_NS, TIME
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Timeline
from tcctui.wire.events import EventKind
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import End, value

_PROBE, _LIVES = int(EventKind.PROBE), int(End.LIVES)

MOST = 4_000_000
"""Samples that are kept, 64 MB: of more, the newest."""


class RoundTrips:
    """Reads a timeline's times, and only what is new where it grows."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._since_ns = self._until_ns = 0
        self._times = np.empty(0, TIME)

    @property
    def until_ns(self) -> int:
        """Moment until which everything was read; 0 before."""
        return self._until_ns

    def read(
        self, since_ns: int, until_ns: int, stopped: Callable[[], bool] = lambda: False
    ) -> Records:
        """Samples, of dtype `heat_map.TIME`, from a moment on and some of before, in any order.

        Raises:
            TcctuiError: the timeline can't be read any more.

        """
        first_ns, last_ns = self._timeline.span
        since_ns, until_ns = max(since_ns, first_ns), min(until_ns, last_ns)
        if not self._since_ns <= since_ns <= self._until_ns:
            self._times, self._since_ns, self._until_ns = self._times[:0], since_ns, since_ns - 1
        if until_ns > self._until_ns:
            parts = [pick(self._times, self._times["stamp"] >= since_ns // STAMP_NS - 1)]
            for chunk in self._timeline.chunks(self._until_ns, until_ns):
                if stopped():
                    return self._times[:0]
                parts += _of_chunk(chunk, self._until_ns, until_ns)
            self._times = joined(parts)[-MOST:]
            self._since_ns, self._until_ns = since_ns, until_ns
        return self._times


def _of_chunk(chunk: Chunk, after_ns: int, until_ns: int) -> list[Records]:
    """Times of a chunk: of connections without an ACK in it, those that were sampled."""
    events, looks = (
        pick(part, (part["ts_ns"] > max(after_ns, 0)) & (part["ts_ns"] <= until_ns))
        for part in (chunk.events, chunk.samples)
    )
    events = pick(events, events["kind"] == _PROBE)
    looks = pick(looks, looks["end"] == _LIVES)
    looks = pick(looks, ~np.isin(looks["sock_cookie"], events["sock_cookie"]))
    rtt = np.nan_to_num(value(looks, "rtt")).astype("u4")
    return [_thinned(events, events["srtt"]), _thinned(looks, rtt)]


def _thinned(records: Records, srtt: Array) -> Records:
    """Last time of each connection in each tenth of a second; records are sorted by flow."""
    stamps, cookies = records["ts_ns"] // np.uint64(STAMP_NS), records["sock_cookie"]
    last = np.append((stamps[1:] != stamps[:-1]) | (cookies[1:] != cookies[:-1]), True)
    last = last[: len(records)] & (srtt > 0)
    made = np.empty(int(np.count_nonzero(last)), TIME)
    made["stamp"], made["cookie"], made["srtt"] = stamps[last], cookies[last], srtt[last]
    return made
