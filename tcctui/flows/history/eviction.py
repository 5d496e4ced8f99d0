"""Eviction of flows when the memory for histories is spent and all detail was shed."""

from __future__ import annotations

import numpy as np

from tcctui.flows.columns import FlowColumns
from tcctui.flows.history.buckets import BUCKET_NS
from tcctui.flows.history.history import History
from tcctui.flows.index import Rows


def to_evict(columns: FlowColumns, history: History, needed: int, keep: Rows) -> Rows:
    """Rows whose pages make up for what lacks to `needed`: closed ones, then the longest idle.

    Those in `keep` stay, and so do flows without pages: evicting them frees nothing.
    """
    candidate = columns.live.copy()
    candidate[keep] = False
    candidate &= history.pages_held(slice(None)) > 0
    missing = needed - history.pages.free
    chosen = np.empty(0, "i8")
    for closed in (True, False):
        rows = np.flatnonzero(candidate & ((columns["closed_ns"] > 0) == closed))
        # For a flow with samples only, the time of its last change.
        last = np.maximum(columns["last_ns"][rows], history.newest(rows).astype("i8") * BUCKET_NS)
        if len(rows) > missing:  # each has a page at least: no more evictions than that
            longest = np.argpartition(last, missing)[:missing]
            rows, last = rows[longest], last[longest]
        rows = rows[np.argsort(last, kind="stable")]
        freed = np.cumsum(history.pages_held(rows))
        rows = rows[: int(np.searchsorted(freed, missing)) + 1]
        chosen = np.concatenate([chosen, rows])
        missing -= int(freed[len(rows) - 1]) if len(rows) else 0
        if missing <= 0:
            break
    return chosen
