"""One last sample of every socket, so that all totals are of the end and not of seconds before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.pump import poll
from tcctui.source import Source
from tcctui.wire.batch import Batch

FINAL = 1.5
"""Seconds that final samples of sockets destroyed of late may take, where they are waited for."""

_LONGEST = 10.0
"""Seconds that a pass over all sockets may take: that over a million takes so long."""

_WAIT = 0.01
"""Seconds between two polls."""

_TOLD_WITHIN_NS = 1_000_000_000
"""Nanoseconds within which the last sample of a socket that was destroyed comes, if it does."""


def last_batches(source: Source, store: Store, final: float = 0.0) -> Iterator[Batch]:
    """Batches from now until every socket has been sampled once more.

    The taker puts them into the store. For `final` seconds they go on until final samples of
    destroyed sockets have come, too: the kernel gives them a little after the end. There are none
    where nothing is sampled.
    """
    if not store.flows(["sampled_ns"])["sampled_ns"].any():
        return
    now_ns, begun = source.now_ns(), time.monotonic()
    source.sample_all()
    with suppress(TcctuiError):
        while True:
            sampled = source.all_sampled_ns >= now_ns  # asked before the samples are taken out
            yield poll(source, _WAIT)
            waited = time.monotonic() - begun
            if waited >= (max(final, 0.0) if sampled else _LONGEST):
                return
            if sampled and not _final_to_come(store, now_ns):
                return


def _final_to_come(store: Store, now_ns: int) -> bool:
    """True while final samples of sockets destroyed of late are pending."""
    flows = store.flows(["sampled_ns", "closed_ns"])
    closed_ns = flows["closed_ns"]
    return bool(((closed_ns > now_ns - _TOLD_WITHIN_NS) & (flows["sampled_ns"] < closed_ns)).any())
