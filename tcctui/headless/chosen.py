"""Events that match a filter which the kernel can't evaluate."""

from __future__ import annotations

import numpy as np

from tcctui.flows.index import Keys
from tcctui.flows.store import Store
from tcctui.headless.busiest import Watched, busiest, unsampled
from tcctui.headless.matching import Matching
from tcctui.pump import Sink
from tcctui.source import Source
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import pick

_WATCH_NS = 250_000_000  # nanoseconds between two choices of them


class Chosen:
    """Filter for events; `samples`, where the query needs them, are its source's."""

    def __init__(self, matching: Matching, samples: Source | None = None) -> None:
        self.matching = matching
        self.sinks: list[Sink] = [matching]
        """Take in each batch before it is chosen from."""
        if samples is not None and matching.store is not None:
            self.sinks.append(Watched(samples, matching.store, _WATCH_NS, _unsampled_first))

    def of(self, events: Events) -> Events:
        """Give the tcp_probe events that match now."""
        probes = pick(events, events["kind"] == EventKind.PROBE)
        return pick(probes, self.matching.events(probes))


def _unsampled_first(store: Store) -> Keys:
    """Name those of which nothing is known yet, and then the busiest, each once."""
    cookies = np.concatenate([unsampled(store), busiest(store)])
    return cookies[np.sort(np.unique(cookies, return_index=True)[1])]
