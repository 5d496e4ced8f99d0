"""What the store lets go: flows that are closed, and others when the memory is spent."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.flows.columns import FIELDS, UNKNOWN
from tcctui.flows.frame import Sparkline
from tcctui.flows.history.history import BYTES_PER_FLOW
from tcctui.flows.history.pages import PAGE_BYTES
from tcctui.flows.rows import LINGER_NS, MOST_CLOSED
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import HISTORY_MEMORY, Store
from tcctui.wire.events import EVENT, EventKind, Events, TcpState
from tcctui.wire.records import joined
from tests.unit.events import (
    MS,
    NOTHING,
    SECOND,
    destroy,
    halves,
    probes,
    stand_alone,
    state,
    together,
)
from tests.unit.stores import ELSEWHERE, SOCKET, charted, filled, ingest, known, value


def test_closed_flows_leave_after_ten_seconds() -> None:
    """A closed flow can be looked at for 10 s, then it leaves; it does not count as evicted."""
    store = filled(together(probes(SECOND, [1, 2]), destroy(2 * SECOND, 1, SOCKET)))
    store.ingest(NOTHING, 12 * SECOND - MS)
    assert known(store) == [1, 2]
    store.ingest(NOTHING, 12 * SECOND + 300 * MS)
    assert known(store) == [2]
    assert store.totals() == Totals(3, 1, 0)
    assert store.history(1, 60, 100) is None


def test_held_flows_stay() -> None:
    """A flow that somebody looks at stays after its end, until it is no longer held."""
    store = filled(together(probes(SECOND, [1, 2]), destroy(SECOND, 1, 7), destroy(SECOND, 2, 8)))
    store.hold([2])
    store.ingest(NOTHING, 60 * SECOND)
    assert known(store) == [2]
    assert store.history(2, None, 100) is not None
    store.hold([])
    store.ingest(NOTHING, 61 * SECOND)
    assert known(store) == []


def test_a_row_that_is_used_again_starts_anew() -> None:
    """Nothing of a flow that left shows in the next one that takes its place."""
    store = filled(
        probes([SECOND, 2 * SECOND], snd_una=[0, 10**6], snd_cwnd=99, mark=5, skaddr=SOCKET),
        destroy(2 * SECOND, 1, SOCKET),
    )
    store.ingest(NOTHING, 3 * SECOND)
    assert "192.0.2.7" in value(store, "text")
    store.ingest(NOTHING, 20 * SECOND)
    assert known(store) == []
    ingest(store, probes(21 * SECOND, 2, snd_una=5, snd_cwnd=3, remote=ELSEWHERE))
    expected: dict[str, Any] = dict.fromkeys(FIELDS, 0)
    expected |= {"cookie": 2, "snd_cwnd": 3, "snd_una": 5, "in_flight": 2**32 - 5, "events": 1}
    expected |= {"first_ns": 21 * SECOND, "last_ns": 21 * SECOND, "state": 1, "family": 2}
    expected |= {"zero_window_ns": 21 * SECOND, "drop_reason": b""}
    expected |= {"sport": 443, "dport": 80, "saddr_lo": halves("10.0.0.1")[1]}
    expected |= {"daddr_lo": halves("198.51.100.9")[1], "ca_state": UNKNOWN["ca_state"]}
    assert {name: value(store, name, 2) for name in FIELDS} == expected
    assert value(store, "text", 2) == "10.0.0.1:443 198.51.100.9:80 estab"
    past = charted(store, 2, None, 50)
    assert np.nanmax(past.series["snd_cwnd"].high) == 3
    lines = store.sparklines(np.array([2], "u8"), [Sparkline("snd_cwnd", "max", 30, 10)])[0]
    assert np.nanmax(lines) == 3


def busy(store: Store, cookie: int, at_ns: int) -> None:
    """Give a flow 12 buckets of history; where memory is short, they are kept in two pages."""
    ingest(store, probes(at_ns + np.arange(12) * 100 * MS, cookie))


def test_who_leaves_when_the_memory_is_spent() -> None:
    """Closed flows go first, then the longest idle, held ones never; those that go are counted."""
    store = Store(10 * PAGE_BYTES)  # one held flow of four pages, and three of two
    store.hold([1])
    for cookie in (1, 2, 3, 4):
        busy(store, cookie, cookie * 2 * SECOND)
    ingest(store, destroy(10 * SECOND, 3, SOCKET))
    assert known(store) == [1, 2, 3, 4]
    assert store.totals() == Totals(49, 4, 0, 0)
    busy(store, 5, 12 * SECOND)
    assert known(store) == [1, 2, 4, 5], "3 is closed"
    busy(store, 6, 14 * SECOND)
    assert known(store) == [1, 4, 5, 6], "1 is idle longer than 2, but held"
    ingest(store, probes(15 * SECOND, 4))
    busy(store, 7, 16 * SECOND)
    assert known(store) == [1, 4, 6, 7], "5 is idle longest now"
    assert store.totals() == Totals(50 + 3 * 12, 4, 3, 0)
    for cookie in known(store):
        past = charted(store, cookie, None, 300)
        assert np.nanmax(past.series["snd_cwnd"].high) == 0
    ingest(store, probes(18 * SECOND, 2, skaddr=SOCKET))  # one that was evicted is a new flow
    assert value(store, "first_ns", 2) == 18 * SECOND
    ingest(store, state(19 * SECOND, SOCKET, TcpState.CLOSE_WAIT))
    assert value(store, "state", 2) == TcpState.CLOSE_WAIT


@pytest.mark.parametrize(("flows", "newcomer"), [(1, False), (3, False), (2, True)])
def test_a_history_goes_on_in_the_memory_it_has(flows: int, newcomer: bool) -> None:
    """A flow whose past fills its budget gets newer buckets for older ones, without end.

    It takes no more, so that nobody is pushed out; nor does a newcomer without memory stop it.
    """
    store = Store(flows * BYTES_PER_FLOW)
    cookies = [*range(2, flows + 2)]
    for number in range(1500):
        here = [1, *cookies] if newcomer and number >= 1300 else cookies
        ingest(store, probes(SECOND + number * 100 * MS, here, snd_cwnd=number))
    for cookie in cookies:
        windows = charted(store, cookie, 10, 200).series["snd_cwnd"]
        assert windows.last[-1] == 1499
        assert np.nanmin(windows.low) >= 1499 - 103
    if not newcomer:
        assert store.totals() == Totals(1500 * flows, flows, 0)


def test_a_flow_that_finds_no_memory() -> None:
    """Where all memory is held, a new flow has its values and no past, and nothing breaks."""
    store = Store(BYTES_PER_FLOW)
    for number in range(829):  # 104 buckets of its life are 0.8 s wide: it has all its pages
        ingest(store, probes(SECOND + number * 100 * MS, 2))
    store.hold([2])
    for number in range(20):
        ingest(store, probes(90 * SECOND + number * 100 * MS, 1, snd_cwnd=number))
    assert value(store, "snd_cwnd", 1) == 19
    past = charted(store, 1, 10, 100)
    assert np.isnan(past.series["snd_cwnd"].low).all()
    assert store.totals() == Totals(849, 2, 0, 0)


def test_a_batch_of_more_flows_than_there_is_memory_for() -> None:
    """Where the budget is too small for a batch, it is spent on some flows, not left unused."""
    store = Store(100 * PAGE_BYTES)
    for number in range(3):
        ingest(store, probes(SECOND + number * 100 * MS, range(1, 201), snd_cwnd=7))
    assert known(store) == list(range(1, 201))
    lines = store.sparklines(np.arange(1, 201, dtype="u8"), [Sparkline("snd_cwnd", "min", 30, 10)])[
        0
    ]
    with_past = int((~np.isnan(lines)).any(axis=1).sum())
    assert with_past == 100, "one page each"


def test_batches_that_span_minutes_give_their_memory_back() -> None:
    """Flows that left hold no memory: dozens, one after the other, fit into the budget of two."""
    store = Store(2 * BYTES_PER_FLOW)
    now = SECOND
    for cookie in range(1, 40):
        when = now + np.concatenate([np.zeros(1000, "i8"), np.arange(1000) * 100 * MS])
        now = int(when[-1]) + 1
        store.ingest(together(probes(when, cookie), destroy(now, cookie, cookie)), now)
        past = charted(store, cookie, 60, 100)
        assert not np.isnan(past.series["snd_cwnd"].low).any()
        now += 20 * SECOND
        store.ingest(NOTHING, now)
    assert store.totals() == Totals(39 * 2001, 0, 0)


# Connections that come and go by the ten thousands


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
    """None is known 10 s after its end, and of none is anything left: row, page, key or name.

    Where each may linger: else those that closed first leave before.
    """
    store = Store(most_closed=1 << 30)
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


README = Path(__file__).parents[2] / "README.md"


def test_churn_has_a_bound() -> None:
    """Of any number of connections a second, memory has those open and the last 16,384 closed.

    Those are the newest; a slower machine's all linger. They are not counted as dropped.
    """
    store, cookie, now, sizes = Store(), 1, 1000 * SECOND, []
    for _ in range(SECONDS * 20):
        batch = connections(cookie, now)
        cookie, now = cookie + A_BATCH, now + 50 * MS
        store.ingest(batch, now)
        sizes.append(store.nbytes)
        assert store.totals().flows <= MOST_CLOSED + 10_000 // 2
    assert store.totals().evicted == 0
    assert max(sizes) < HISTORY_MEMORY + 2 * (MOST_CLOSED + 5_000) * 1600
    store.ingest(NOTHING, now + SECOND // 4)
    flows = store.flows(["closed_ns"])
    assert flows.count == MOST_CLOSED
    assert int(flows["cookie"].min()) >= cookie - MOST_CLOSED - A_BATCH
    assert f"{MOST_CLOSED:,}" in README.read_text()


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


_RESIDENT = """
import re
import numpy as np
from tcctui import memory
from tcctui.flows.store import Store
from tests.unit.events import SECOND, probes
from tests.unit.samples import samples

def resident():
    rollup = open("/proc/self/smaps_rollup").read()
    return int(re.search(r"^Anonymous:\\s*(\\d+) kB", rollup, re.MULTILINE)[1]) << 10

def taken(store, cookies):
    store.ingest_samples(samples(SECOND, cookies), SECOND)
    store.ingest(probes(2 * SECOND, cookies), 2 * SECOND)

memory.return_at_once()
count = 10_000
taken(Store(), np.arange(1, 50))
before = resident()
store = Store()
empty = resident()
taken(store, np.arange(1, count + 1))
print(empty - before, (resident() - empty) // count)
"""


def test_memory_grows_with_the_flows() -> None:
    """A store has no memory for flows to come; one with a page of history takes 3.5 kB at most."""
    printed = subprocess.run(
        [sys.executable, "-c", _RESIDENT], check=True, capture_output=True, text=True
    ).stdout
    empty, of_a_flow = map(int, printed.split())
    assert empty < HISTORY_MEMORY // 32
    assert PAGE_BYTES < of_a_flow < 3_500


_FAULTS = """
import resource
import numpy as np
from tcctui import memory
memory.{tuned}()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(1 << 20, "u1")
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.parametrize(("tuned", "again"), [("return_at_once", False), ("use_again", True)])
def test_large_arrays_take_memory_that_was_used_before(tuned: str, *, again: bool) -> None:
    """An agent has some for each batch; the kernel clears each page of those that are new."""
    code = _FAULTS.format(tuned=tuned)
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    pages = 20 * (1 << 20) // resource.getpagesize()
    assert (int(run.stdout) < pages // 20) == again
