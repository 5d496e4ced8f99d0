"""Marks: what happened to a flow at a moment, each thing once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.store import Store
from tcctui.wire.events import CaState, EventKind, Events, TcpState
from tcctui.wire.tracepoints import MarkKind
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, state, together
from tests.unit.samples import look, samples
from tests.unit.stores import MEMORY, SOCKET, charted, filled, ingest


def happens(kind: EventKind, ts_ns: int, newstate: int = 0, cookie: int = 0) -> Events:
    """Make an event of a lifecycle tracepoint about the usual socket."""
    event = state(ts_ns, SOCKET, TcpState.ESTABLISHED)
    event["kind"], event["newstate"], event["sock_cookie"] = kind, newstate, cookie
    return event


def marks(store: Store, seconds: float = 60, columns: int = 601) -> list[tuple[int, int, int]]:
    """Marks of flow 1: the 100 ms back from now, kind and count."""
    past = charted(store, 1, seconds, columns)
    back = len(past.limits) - 1 - past.marks.column
    return list(
        zip(back.tolist(), past.marks.kind.tolist(), past.marks.count.tolist(), strict=True)
    )


def test_events_become_marks() -> None:
    """Retransmits, losses, recoveries, reductions and resets have their marks in their time."""
    store = filled(
        probes(SECOND, skaddr=SOCKET),
        together(
            happens(EventKind.RETRANSMIT, 2 * SECOND),
            happens(EventKind.CA_STATE, 3 * SECOND, CaState.RECOVERY),
            happens(EventKind.CA_STATE, 4 * SECOND, CaState.LOSS),
            happens(EventKind.CA_STATE, 5 * SECOND, CaState.CWR),
            happens(EventKind.CA_STATE, 6 * SECOND, CaState.DISORDER),
            happens(EventKind.CA_STATE, 7 * SECOND, CaState.OPEN),
            happens(EventKind.SEND_RESET, 8 * SECOND),
            happens(EventKind.RECEIVE_RESET, 9 * SECOND, cookie=1),
        ),
    )
    store.ingest(NOTHING, 10 * SECOND)
    assert marks(store) == [
        (80, MarkKind.RETRANSMIT, 1),
        (70, MarkKind.RECOVERY, 1),
        (60, MarkKind.RTO, 1),
        (50, MarkKind.CWR, 1),
        (20, MarkKind.RESET, 1),
        (10, MarkKind.RESET, 1),
    ]


def test_a_reset_that_ends_the_flow() -> None:
    """A reset right before the socket is destroyed, in the same batch, is the flow's.

    Without any tcp_probe event, retransmits join the flow by its addresses.
    """
    reset = happens(EventKind.RECEIVE_RESET, 2 * SECOND, cookie=1)
    ends = together(reset, destroy(2 * SECOND + 5, 1, SOCKET))
    assert marks(filled(probes(SECOND, skaddr=SOCKET), ends)) == [(0, MarkKind.RESET, 1)]
    store = Store(MEMORY)
    look(store, samples(SECOND))
    ingest(store, happens(EventKind.RETRANSMIT, 2 * SECOND))
    assert marks(store) == [(0, MarkKind.RETRANSMIT, 1)]


def test_states_that_chatter_are_one_mark() -> None:
    """Within 100 ms a state is entered once, retransmits are counted."""
    store = filled(probes(SECOND, skaddr=SOCKET))
    for number in range(8):
        when = 2 * SECOND + number * 10 * MS
        opened, again = (EventKind.CA_STATE, EventKind.RETRANSMIT)
        after = together(happens(opened, when + MS, CaState.OPEN), happens(again, when + MS))
        ingest(store, happens(EventKind.CA_STATE, when, CaState.RECOVERY), after)
    assert marks(store) == [(0, MarkKind.RETRANSMIT, 8), (0, MarkKind.RECOVERY, 1)]


@settings(max_examples=80)
@given(
    happened=st.lists(
        st.tuples(st.integers(0, 3000), st.sampled_from([1, 2]), st.sampled_from([3, 5, 6])),
        min_size=1,
        max_size=60,
    ),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    columns=st.integers(2, 200),
)
def test_no_mark_is_there_twice(
    happened: list[tuple[int, int, int]], cuts: list[int], columns: int
) -> None:
    """However events are cut into batches, and in any order, each is counted in one place."""
    store = filled(probes(SECOND, [1, 2], skaddr=[SOCKET, SOCKET + 1]))
    events = [
        happens(EventKind(kind), 2 * SECOND + ms * MS, 0, cookie) for ms, cookie, kind in happened
    ]
    now = 6 * SECOND
    for part in np.split(np.arange(len(events)), sorted(cuts)):
        if len(part):
            store.ingest(together(*(events[place] for place in part)), now)
    past = charted(store, 1, 10, columns)
    places = list(zip(past.marks.column.tolist(), past.marks.kind.tolist(), strict=True))
    assert places == sorted(set(places)), "one of a kind in a column"
    own = [kind for _, cookie, kind in happened if cookie == 1]
    assert past.marks.count.sum() == len(own)
    again = past.marks.count[past.marks.kind == MarkKind.RETRANSMIT].sum()
    assert again == own.count(EventKind.RETRANSMIT)


# Without events


def test_marks_from_samples_alone() -> None:
    """Where no tracepoint tells, retransmits and states follow from two samples."""
    store = Store(MEMORY)
    look(
        store,
        samples(SECOND, total_retrans=5, ca_state=CaState.OPEN),
        samples(2 * SECOND, total_retrans=5, ca_state=CaState.RECOVERY),
        samples(3 * SECOND, total_retrans=9, ca_state=CaState.RECOVERY),
        samples(4 * SECOND, total_retrans=9, ca_state=CaState.LOSS),
    )
    assert marks(store) == [
        (20, MarkKind.RECOVERY, 1),
        (10, MarkKind.RETRANSMIT, 4),
        (0, MarkKind.RTO, 1),
    ]


def test_a_state_that_lasts_is_entered_once() -> None:
    """On a kernel that tells no states by events, samples older than the newest event do it."""
    store = filled(probes([SECOND, 9 * SECOND]))
    for second in range(2, 8):
        look(store, samples(second * SECOND, ca_state=CaState.LOSS if second > 3 else CaState.OPEN))
    assert [kind for _, kind, _ in marks(store)] == [MarkKind.RTO]


@pytest.mark.parametrize("sample_first", [True, False])
def test_samples_double_no_mark(sample_first: bool) -> None:
    """Where events tell of retransmits and states, samples add nothing."""
    store = filled(
        probes(SECOND, skaddr=SOCKET),
        together(
            happens(EventKind.RETRANSMIT, 2 * SECOND),
            happens(EventKind.CA_STATE, 2 * SECOND, CaState.CWR),
        ),
    )
    look(store, samples(2 * SECOND + MS, total_retrans=1, ca_state=CaState.CWR))
    events = together(
        happens(EventKind.RETRANSMIT, 3 * SECOND - 200 * MS),
        happens(EventKind.CA_STATE, 3 * SECOND - 200 * MS, CaState.LOSS),
    )
    sample = samples(3 * SECOND, total_retrans=2, ca_state=CaState.LOSS)
    told: list[Any] = [lambda: look(store, sample), lambda: ingest(store, events)]
    for tell in told if sample_first else reversed(told):
        tell()
    store.ingest(NOTHING, 3 * SECOND)
    assert marks(store) == [
        (10, MarkKind.RETRANSMIT, 1),
        (10, MarkKind.CWR, 1),
        (2, MarkKind.RETRANSMIT, 1),
        (2, MarkKind.RTO, 1),
    ]


def test_the_log_goes_round() -> None:
    """Of more marks than there is room for, the newest stay."""
    store = filled(probes(SECOND, skaddr=SOCKET))
    random = np.random.default_rng(1)
    for number in range(3):
        when = 2 * SECOND + number * SECOND + np.arange(60_000)
        events = np.repeat(happens(EventKind.RETRANSMIT, 0), 60_000)
        events["sock_cookie"] = random.permutation(60_000) + 1
        events["ts_ns"] = when
        store.ingest(together(probes(int(when[0]), np.arange(1, 60_001)), events), int(when[-1]))
    store.ingest(NOTHING, 5 * SECOND)
    found = marks(store)
    assert (10, MarkKind.RETRANSMIT, 1) in found
    assert (30, MarkKind.RETRANSMIT, 1) not in found
