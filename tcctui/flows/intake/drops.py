"""Intake of segments that this machine dropped: whose they were, how many, and why."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import U64
from tcctui.flows.index import Rows
from tcctui.flows.intake.sockets import keys_of_ends
from tcctui.flows.rows import FlowRows
from tcctui.wire.events import DROPPED, Events
from tcctui.wire.records import pick
from tcctui.wire.tracepoints import MarkKind

NO_DROPS = (b"NOT_SPECIFIED", b"QUEUE_PURGE")
"""Reasons of what is freed with a socket that goes, as its queues are (sk_stream_kill_queues).

Older kernels have no reason of its own for that: what has none is left out, too.
"""

_ENDS = ("saddr_hi", "saddr_lo", "daddr_hi", "daddr_lo")


def count_drops(known: FlowRows, events: Events) -> None:
    """Count DROP events for the flows whose segments they were: of the sender's and the receiver's.

    Both may be on this machine, as may be neither: then the event is of no flow.
    """
    events = pick(events, ~np.isin(events.view(DROPPED)["reason_name"], NO_DROPS))
    rows = known.cookies.rows
    columns = known.columns
    living = rows[columns["closed_ns"][rows] == 0]
    own = keys_of_ends(
        *(columns[name][living] for name in _ENDS),
        columns["sport"][living],
        columns["dport"][living],
    )
    order = np.argsort(own, kind="stable")
    for asked in _both_ways(events):
        place = np.minimum(np.searchsorted(own[order], asked), max(len(own) - 1, 0))
        if not len(own):
            return
        there = own[order[place]] == asked
        _count(known, living[order[place[there]]], events[there])


def _both_ways(events: Events) -> tuple[U64, U64]:
    """Keys of the sender's own connection, and of the receiver's."""
    source = (events["saddr"][:, 0], events["saddr"][:, 1])
    target = (events["daddr"][:, 0], events["daddr"][:, 1])
    ports = (events["sport"], events["dport"])
    return keys_of_ends(*source, *target, *ports), keys_of_ends(*target, *source, *ports[::-1])


def _count(known: FlowRows, rows: Rows, events: Events) -> None:
    columns = known.columns
    np.add.at(columns["dropped"], rows, 1)
    columns["drop_reason"][rows] = events.view(DROPPED)["reason_name"]
    kinds = np.full(len(rows), MarkKind.DROP, "u1")
    known.marks.add(columns["cookie"][rows], events["ts_ns"], kinds)
