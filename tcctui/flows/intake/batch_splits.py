"""Cuts of a batch of events before intake."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcctui.wire.events import EventKind, Events

_LONGEST_NS = 30_000_000_000  # half of what the recent history holds


def parts(events: Events) -> Iterator[Events]:
    """Cut a batch so that no part is long, nor contains a cookie's reuse after its end.

    A part spans 30 s at most. An empty batch is one part.
    """
    if len(events) > 1:
        when = events["ts_ns"]
        if int(when.max()) - int(when.min()) > _LONGEST_NS:
            for half in np.array_split(events, 2):
                yield from parts(half)
            return
    while place := _first_reuse(events):
        yield events[:place]
        events = events[place:]
    yield events


def _first_reuse(events: Events) -> int:
    """Index of the first tcp_probe event of a socket whose end precedes it; 0 if there is none."""
    ends = np.flatnonzero(events["kind"] == EventKind.DESTROY)
    probes = np.flatnonzero(events["kind"] == EventKind.PROBE)
    if not len(ends) or not len(probes):
        return 0
    cookies, first = np.unique(events["sock_cookie"][ends], return_index=True)
    found = np.searchsorted(cookies, events["sock_cookie"][probes])
    found[found == len(cookies)] = 0
    end = ends[first[found]]
    again = cookies[found] == events["sock_cookie"][probes]
    again &= (probes > end) & (events["ts_ns"][probes] > events["ts_ns"][end])
    return int(probes[again][0]) if again.any() else 0
