"""Causes of retransmissions, and recoveries that were spurious, in the store."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.flows.store import Store
from tcctui.wire.events import DROPPED, EVENT, RECOVERY, CaState, EventKind, Events, TcpState
from tcctui.wire.retransmits import CAUSE_WORDS, Cause, causes, undone
from tcctui.wire.tracepoints import MarkKind
from tests.unit.events import SECOND, probes

COOKIE = 7
BEGIN = 100 * SECOND


def event(kind: EventKind, **values: int) -> Events:
    """One event, with what `RECOVERY` has."""
    made = np.zeros(1, EVENT)
    made["kind"], made["sock_cookie"], made["ts_ns"] = kind, COOKIE, BEGIN + SECOND
    at = made.view(RECOVERY)
    at["known"] = 1
    for name, value in values.items():
        (at if name in (RECOVERY.names or ()) else made)[name] = value
    return made


@pytest.mark.parametrize(
    ("cause", "state", "pending", "newstate"),
    [
        (Cause.TIMEOUT, CaState.LOSS, 0, TcpState.ESTABLISHED),
        (Cause.AFTER_TIMEOUT, CaState.LOSS, 1, TcpState.ESTABLISHED),
        (Cause.FAST, CaState.RECOVERY, 1, TcpState.ESTABLISHED),
        (Cause.FAST, CaState.RECOVERY, 5, TcpState.ESTABLISHED),
        (Cause.REORDERING, CaState.RECOVERY, 6, TcpState.ESTABLISHED),
        (Cause.PROBE, CaState.OPEN, 5, TcpState.ESTABLISHED),
        (Cause.PROBE, CaState.DISORDER, 5, TcpState.CLOSE_WAIT),
        (Cause.SYN, CaState.OPEN, 0, TcpState.SYN_SENT),
        (Cause.SYN, CaState.LOSS, 0, TcpState.SYN_SENT),
        (Cause.OTHER, CaState.OPEN, 1, TcpState.ESTABLISHED),
    ],
)
def test_causes(cause: Cause, state: CaState, pending: int, newstate: TcpState) -> None:
    """Each follows from the state of recovery and the pending timer; without types, none does."""
    one = event(EventKind.RETRANSMIT, ca_state=state, pending=pending, newstate=newstate)
    assert causes(one).tolist() == [cause]
    one.view(RECOVERY)["known"] = 0
    assert causes(one).tolist() == [Cause.UNKNOWN]
    assert {*CAUSE_WORDS} == {*Cause}


@pytest.mark.parametrize(
    ("spurious", "values"),
    [
        (True, {"ca_state": CaState.LOSS, "newstate": CaState.OPEN, "prior_ssthresh": 20}),
        (True, {"ca_state": CaState.RECOVERY, "newstate": CaState.DISORDER, "prior_ssthresh": 20}),
        (False, {"ca_state": CaState.LOSS, "newstate": CaState.OPEN}),
        (False, {"ca_state": CaState.OPEN, "newstate": CaState.OPEN, "prior_ssthresh": 20}),
        (False, {"ca_state": CaState.OPEN, "newstate": CaState.LOSS, "prior_ssthresh": 20}),
        (
            False,
            {
                **{"ca_state": CaState.RECOVERY, "newstate": CaState.OPEN},
                **{"prior_ssthresh": 20, "undo_marker": 5},
            },
        ),
    ],
)
def test_spurious_recoveries(*, spurious: bool, values: dict[str, int]) -> None:
    """A recovery is taken back where nothing is left to undo, and the ssthresh before is known."""
    assert undone(event(EventKind.CA_STATE, **values)).tolist() == [spurious]


def test_a_flow_counts_them() -> None:
    """The store counts each cause, and marks probes and what was taken back."""
    store = Store()
    store.ingest(probes(BEGIN, COOKIE), BEGIN)
    seen = [
        event(EventKind.RETRANSMIT, ca_state=CaState.LOSS, newstate=1),
        event(EventKind.RETRANSMIT, ca_state=CaState.LOSS, pending=1, newstate=1),
        event(EventKind.RETRANSMIT, ca_state=CaState.OPEN, pending=5, newstate=1),
        event(EventKind.CA_STATE, ca_state=CaState.LOSS, newstate=0, prior_ssthresh=9),
    ]
    store.ingest(np.concatenate(seen), BEGIN + 2 * SECOND)
    names = ("retrans_rto", "retrans_fast", "retrans_tlp", "retrans_syn", "undone")
    flows = store.flows(names)
    assert [flows[name].tolist() for name in names] == [[2], [0], [1], [0], [1]]
    history = store.history(COOKIE, 10, 100)
    assert history is not None
    assert {MarkKind.PROBE, MarkKind.UNDO, MarkKind.RETRANSMIT} <= set(history.marks.kind.tolist())


def test_what_is_freed_with_a_socket_is_no_drop() -> None:
    """Segments that are dropped count for their flow; what is purged with its queues does not."""
    store = Store()
    store.ingest(probes(BEGIN, COOKIE), BEGIN)
    flow = probes(BEGIN, COOKIE)
    for reason in (b"NETFILTER_DROP", b"QUEUE_PURGE", b"NOT_SPECIFIED"):
        made = np.zeros(1, EVENT)
        for name in ("saddr", "daddr", "sport", "dport"):
            made[name] = flow[name]
        made["kind"], made["ts_ns"] = EventKind.DROP, BEGIN + SECOND
        made.view(DROPPED)["reason_name"] = reason
        store.ingest(made, BEGIN + 2 * SECOND)
    flows = store.flows(["dropped", "drop_reason"])
    assert flows["dropped"].tolist() == [1]
    assert flows["drop_reason"].tolist() == [b"NETFILTER_DROP"]
