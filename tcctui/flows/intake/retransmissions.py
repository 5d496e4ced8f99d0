"""Intake of why segments were retransmitted, and of recoveries that were spurious."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Mask
from tcctui.flows.index import Rows
from tcctui.flows.rows import FlowRows
from tcctui.wire.events import RECOVERY, Events
from tcctui.wire.records import pick
from tcctui.wire.retransmits import COUNTED, Cause, causes, undone
from tcctui.wire.tracepoints import MarkKind

_PROBE = int(Cause.PROBE)


def count_causes(known: FlowRows, rows: Rows, events: Events) -> None:
    """Count what RETRANSMIT events of rows sent again by its causes, as far as these are known."""
    found = causes(events)
    segments = np.maximum(events.view(RECOVERY)["segments"], 1)
    for name, counted in COUNTED.items():
        which = np.isin(found, counted)
        np.add.at(known.columns[name], rows[which], segments[which])
    _mark(known, rows, events, found == _PROBE, MarkKind.PROBE)


def count_undone(known: FlowRows, rows: Rows, events: Events) -> None:
    """Count CA_STATE events of rows that end a spurious recovery."""
    spurious = undone(events)
    np.add.at(known.columns["undone"], rows[spurious], 1)
    _mark(known, rows, events, spurious, MarkKind.UNDO)


def _mark(known: FlowRows, rows: Rows, events: Events, which: Mask, kind: MarkKind) -> None:
    rows, when = rows[which], pick(events, which)["ts_ns"]
    known.marks.add(known.columns["cookie"][rows], when, np.full(len(rows), kind, "u1"))
