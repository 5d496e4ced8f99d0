"""Distance between an end and the place of its capture: what can be told of the end from there."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import I64, Mask
from tcctui.importing.packet_headers import TIMESTAMPS
from tcctui.importing.round_trips import RoundTrips
from tcctui.importing.segmented import NEVER

_HERE_NS = 100_000
"""Nanoseconds from the capture to an end and back within which it is on the end's machine."""

_PART = 10
"""Least number of times that an end's round trips exceed its distance, where that is longer."""


def near(own: RoundTrips, other: RoundTrips) -> Mask:
    """True for connections that were captured beside their `own` end; an entry for each.

    Round trips of its segments, and the times with some in flight, are then the end's own. Else,
    or where nothing tells, it has sent and lost what was not captured.
    """
    there = np.minimum(_turnaround_ns(own), other.sender.sequences.lowest(other.newest_ns))
    beyond = own.sender.sequences.lowest(own.newest_ns)
    far = np.where(beyond == NEVER, 0, beyond // _PART)
    return np.asarray(there <= np.maximum(far, _HERE_NS))


def _turnaround_ns(own: RoundTrips) -> I64:
    """Least nanoseconds from a timestamp of the peer to the end's echo of it (RFC 7323, 4)."""
    ends = own.sender
    stamped = ends.packets["options"] & TIMESTAMPS > 0
    places = np.flatnonzero(stamped)
    elapsed = np.full(len(ends.own), -1, "i8")
    if len(places):
        # Relative to the first of its connection, the peer's and their echoes alike.
        clock = np.where(ends.own, ends.packets["ts_echo"], ends.packets["ts_value"]).astype("u4")
        told = places[~ends.own[places]]
        echoes = places[ends.own[places]]
        origin = np.zeros(len(ends.of.first), "u4")
        origin[ends.of.of[told[::-1]]] = clock[told[::-1]]
        since = (clock - origin[ends.of.of]).view("i4").astype("i8")
        keys = ends.sequences.keys
        newest = ends.sequences.highest(np.where(stamped & ~ends.own, since, -1), -1)
        known = keys(newest[told], told)
        wanted = keys(since[echoes], echoes)
        first = np.searchsorted(known, wanted)
        right = first < len(told)
        right[right] = known[first[right]] == wanted[right]
        echoes, first = echoes[right], told[first[right]]
        when = ends.packets["ts_ns"]
        elapsed[echoes] = when[echoes] - when[first]
    return ends.sequences.lowest(elapsed)
