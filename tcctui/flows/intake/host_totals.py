"""Totals over all flows at the end of a second."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import I64
from tcctui.flows.columns import FlowColumns
from tcctui.flows.groups.groups import GROUPINGS, membership
from tcctui.flows.history.marks import MarkLog
from tcctui.flows.index import KeyIndex, Keys
from tcctui.flows.snapshot import Flows
from tcctui.wire.events import CaState
from tcctui.wire.tracepoints import MarkKind

_LOSS = int(CaState.LOSS)

_SECOND = 1_000_000_000

_NET = GROUPINGS["net"]


def keep_totals(
    second: np.void, now_ns: int, columns: FlowColumns, cookies: KeyIndex, marks: MarkLog
) -> None:
    """Complete the entry (`host_seconds.ENTRY`) of the second that ended just before `now_ns`."""
    rates = columns["rate"]
    second["goodput"] = np.add.reduce(rates[rates > 0])  # not those that are unknown
    in_loss = columns["ca_state"] == _LOSS
    if np.count_nonzero(in_loss):
        open_ = in_loss & columns.live & (columns["closed_ns"] == 0)
        second["in_loss"] = max(int(second["in_loss"]), int(np.count_nonzero(open_)))
    if second["marks"][MarkKind.RETRANSMIT]:
        end_ns = now_ns // _SECOND * _SECOND
        retransmits = marks.retransmits(end_ns - _SECOND, end_ns)
        _keep_worst_net(second, columns, cookies, retransmits)


def _keep_worst_net(
    second: np.void, columns: FlowColumns, cookies: KeyIndex, retransmits: tuple[Keys, I64]
) -> None:
    """Keep the remote net with the most retransmits of late, of flows that are still known."""
    whose, counts = retransmits
    rows = cookies.lookup(whose)
    rows, counts = rows[rows >= 0], counts[rows >= 0]
    if not len(rows):
        return
    ends = Flows(0, {name: columns[name][rows] for name in ("daddr_hi", "daddr_lo")})
    _, first, number = membership(ends, _NET)
    sums = np.bincount(number, counts)
    worst = int(sums.argmax())
    if sums[worst] > second["worst"]:
        second["worst"] = sums[worst]
        second["net_hi"], second["net_lo"] = (key[first[worst]] for key in _NET.keys(ends))
