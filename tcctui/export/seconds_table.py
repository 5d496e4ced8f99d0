"""The table of seconds: totals over all selected connections."""

from __future__ import annotations

from collections.abc import Iterable

from tcctui.export.arrow_tables import Column, Table, floats, table, times, whole
from tcctui.export.selection import Selection
from tcctui.flows.history.host_seconds import HostSeconds
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunks import Chunk
from tcctui.wire.tracepoints import MarkKind

_NAMES = {
    MarkKind.RETRANSMIT: "retransmits",
    MarkKind.RTO: "rtos",
    MarkKind.RECOVERY: "recoveries",
    MarkKind.CWR: "reductions",
    MarkKind.RESET: "resets",
    MarkKind.PROBE: "tail_loss_probes",
    MarkKind.UNDO: "undone",
    MarkKind.DROP: "dropped",
}
"""Columns of marks."""


def seconds_table(
    chunks: Iterable[Chunk], chosen: Selection, begin_ns: int, end_ns: int, wall_offset_ns: int
) -> Table:
    """Give a row for each second between two moments; for each of several in a very long time.

    `chunks` are those of the selection, of selected records only.
    """
    store = Store(0, seconds=HostSeconds.over(begin_ns, end_ns))
    for chunk in chunks:
        deliver(chosen.pieces(chunk), store)
    entries, step_ns, _ = store.seconds(begin_ns, end_ns)
    columns: dict[str, Column] = {
        "time": times(entries["stamp"] * step_ns + wall_offset_ns),
        "goodput": floats(entries["goodput"]),
        "in_loss": whole(entries["in_loss"]),
    }
    columns |= {name: whole(entries["marks"][:, kind]) for kind, name in _NAMES.items()}
    return table(columns)
