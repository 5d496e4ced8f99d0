"""Round-trip times of all connections in a timeline, of each the last in a tenth of a second."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Array, Records
from tcctui.flows.groups.heat_map import STAMP_NS, TIME
from tcctui.recording.chunks import Chunk
from tcctui.recording.growing_read import GrowingRead
from tcctui.recording.timeline import Timeline
from tcctui.wire.events import EventKind
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import End, value

_PROBE, _LIVES = int(EventKind.PROBE), int(End.LIVES)

MOST = 4_000_000
"""Samples that are kept, 64 MB: of more, the newest."""


def round_trips(timeline: Timeline) -> GrowingRead[Records]:
    """Reader of a timeline's samples, of dtype `heat_map.TIME`, in any order."""
    return GrowingRead(timeline, np.empty(0, TIME), _of_chunk, _newest, forget=_since)


def _newest(parts: list[Records]) -> Records:
    return joined(parts)[-MOST:]


def _since(times: Records, since_ns: int) -> Records:
    return pick(times, times["stamp"] >= since_ns // STAMP_NS - 1)


def _of_chunk(chunk: Chunk, after_ns: int, until_ns: int) -> Records:
    """Times of a chunk: of connections without an ACK in it, those that were sampled."""
    events, looks = (
        pick(part, (part["ts_ns"] > max(after_ns, 0)) & (part["ts_ns"] <= until_ns))
        for part in (chunk.events, chunk.samples)
    )
    events = pick(events, events["kind"] == _PROBE)
    looks = pick(looks, looks["end"] == _LIVES)
    looks = pick(looks, ~np.isin(looks["sock_cookie"], events["sock_cookie"]))
    rtt = np.nan_to_num(value(looks, "rtt")).astype("u4")
    return joined([_thinned(events, events["srtt"]), _thinned(looks, rtt)])


def _thinned(records: Records, srtt: Array) -> Records:
    """Last time of each connection in each tenth of a second; records are sorted by flow."""
    stamps, cookies = records["ts_ns"] // np.uint64(STAMP_NS), records["sock_cookie"]
    last = np.append((stamps[1:] != stamps[:-1]) | (cookies[1:] != cookies[:-1]), True)
    last = last[: len(records)] & (srtt > 0)
    made = np.empty(int(np.count_nonzero(last)), TIME)
    made["stamp"], made["cookie"], made["srtt"] = stamps[last], cookies[last], srtt[last]
    return made
