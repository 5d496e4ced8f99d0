"""Connections that come and go by the ten thousands."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.flows.history.pages import PAGE_BYTES
from tcctui.flows.rows import LINGER_NS
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import HISTORY_MEMORY, Store
from tcctui.wire.events import EVENT, EventKind, Events, TcpState
from tcctui.wire.records import joined
from tests.unit.events import MS, NOTHING, SECOND, halves, stand_alone
from tests.unit.stores import SOCKET, known

SECONDS = 20
"""Long enough for twice as many as are known at once, and for more than there are pages."""

A_BATCH = 500
"""Connections in 50 ms."""

REMOTE = halves("192.0.2.7")


def connections(first: int, at_ns: int, *, skaddr: bool = True) -> Events:
    """Connections that are opened, have three tcp_probe events and end, all within 50 ms."""
    numbers = np.arange(first, first + A_BATCH, dtype="u8")
    steps = (EventKind.STATE, EventKind.PROBE, EventKind.PROBE, EventKind.PROBE, EventKind.DESTROY)
    events = np.zeros((len(steps), len(numbers)), EVENT)
    events["kind"] = np.array(steps)[:, None]
    events["ts_ns"] = at_ns + np.arange(len(steps))[:, None] * 9 * MS
    events["sock_cookie"] = np.where(events["kind"] == EventKind.STATE, 0, numbers)
    events["newstate"] = np.where(events["kind"] == EventKind.STATE, TcpState.ESTABLISHED, 0)
    # The kernel soon uses the addresses of sockets again, and clients their ports.
    events["skaddr"] = np.uint64(SOCKET) + numbers % 4000 * 64
    if not skaddr:
        events["skaddr"][events["kind"] == EventKind.PROBE] = 0
    events["saddr"], events["sport"] = halves("10.0.0.1"), 443
    events["daddr"], events["dport"] = REMOTE, 1024 + numbers % 50_000
    events["snd_una"], events["snd_cwnd"] = np.arange(len(steps))[:, None] * 1000, 10
    stand_alone(events)
    return events.ravel()


@pytest.mark.parametrize("skaddr", [True, False], ids=["skaddr", "addresses"])
def test_ten_thousand_connections_a_second(skaddr: bool) -> None:
    """None is known 10 s after its end, and of none is anything left: row, page, key or name."""
    store = Store()
    cookie, now, most, sizes = 1, 1000 * SECOND, 0, []
    for _ in range(SECONDS * 20):
        batch = connections(cookie, now, skaddr=skaddr)
        cookie, now = cookie + A_BATCH, now + 50 * MS
        store.ingest(batch, now)
        most = max(most, store.totals().flows)
        sizes.append(store.nbytes)
    assert store.totals() == Totals(SECONDS * 10_000 * 5, store.totals().flows, 0)
    assert 100_000 <= most <= 105_000, "those of the last 10 s, and of one tick"
    assert sizes[-1] == sizes[12 * 20], "rows are used again"
    assert HISTORY_MEMORY // PAGE_BYTES < SECONDS * 10_000, (
        "so are pages, or flows would be evicted"
    )
    ages = store.flows(["age_ns", "bytes_acked"])
    assert set(ages["age_ns"].tolist()) == {4 * 9 * MS}, "from their own opening to their own end"
    assert set(ages["bytes_acked"].tolist()) == {2000}

    store.ingest(NOTHING, now + LINGER_NS + SECOND)
    assert store.totals().flows == 0
    assert known(store) == []
    assert not any(len(array) for array in store.keyframe().arrays.values())


def test_evictions_are_counted_one_by_one() -> None:
    """Where a page each is too much for all, as many go as come above that, and are counted."""
    pages = 2000
    store = Store(pages * PAGE_BYTES)
    cookie, now = 1, 1000 * SECOND
    for _ in range(5 * 20):
        batch = connections(cookie, now)
        cookie, now = cookie + A_BATCH, now + 50 * MS
        store.ingest(batch, now)
        totals = store.totals()
        assert totals.flows + totals.evicted == cookie - 1
        assert totals.flows == min(cookie - 1, pages)
    assert known(store) == list(range(cookie - pages, cookie)), "those that ended first are gone"
    store.ingest(NOTHING, now + LINGER_NS + SECOND)
    assert (store.totals().flows, store.totals().evicted) == (0, cookie - 1 - pages)
    store.ingest(joined([connections(cookie + at, now) for at in range(0, pages, A_BATCH)]), now)
    assert (store.totals().flows, store.totals().evicted) == (pages, cookie - 1 - pages)
