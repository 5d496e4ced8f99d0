"""Sockets that are connected again: a flow for each connection, whoever tells of it first."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.flows.store import Store
from tcctui.sources.reconnections import Reconnections, cookies_of
from tcctui.wire.events import Events, TcpState
from tcctui.wire.records import joined
from tcctui.wire.samples import End, Samples
from tests.unit.events import SECOND, probes, state
from tests.unit.samples import samples

COOKIE = 7
FIRST, SECOND_KEY, THIRD = (COOKIE | number << 48 for number in range(3))
ENDS = [("192.0.2.7", port) for port in (50000, 50001, 50002)]


def states(at_ns: int, cookie: int = COOKIE) -> Events:
    """Give what a socket tells when it is disconnected and connected again."""
    made = joined([state(at_ns, 64, TcpState.CLOSE), state(at_ns + 10, 64, TcpState.SYN_SENT)])
    made["oldstate"] = TcpState.ESTABLISHED, TcpState.CLOSE
    made["sock_cookie"] = cookie
    return made


def sample(at_ns: int, number: int, bytes_acked: int = 100) -> Samples:
    """Sample the connection of this number."""
    return samples(at_ns, COOKIE, remote=ENDS[number], bytes_acked=bytes_acked)


def ends(ended: Samples) -> list[tuple[int, int, int]]:
    """Give key, moment and kind of ends."""
    return ended[["sock_cookie", "ts_ns", "end"]].tolist()


def test_the_states_of_a_socket_tell_that_it_is_connected_again() -> None:
    """Each connection has its key, by the moment of the record; the one before ends at the next."""
    found = Reconnections()
    before = found.of_events(probes([100, 200], COOKIE))
    assert before["sock_cookie"].tolist() == [FIRST, FIRST]
    batch = [probes(900, COOKIE), states(1000), probes([1500, 1600], [COOKIE, 8]), states(2000)]
    named = found.of_events(joined([*batch, probes(2500, COOKIE)]))
    assert named["sock_cookie"].tolist() == [FIRST, 0, 0, SECOND_KEY, 8, 0, 0, THIRD]
    assert ends(found.ended()) == [(FIRST, 1010, End.GONE), (SECOND_KEY, 2010, End.GONE)]
    assert not len(found.ended())
    late = joined([sample(950, 0), sample(1100, 1), sample(3000, 2)])
    assert found.of_samples(late)["sock_cookie"].tolist() == [FIRST, SECOND_KEY, THIRD]
    assert not len(found.ended()), "the states have told it"
    assert cookies_of(named["sock_cookie"]).tolist() == [7, 0, 0, 7, 8, 0, 0, 7]


def test_a_first_connection_is_no_other() -> None:
    """A cookie that a socket got before its first connection, as by a program, makes none anew."""
    found = Reconnections()
    found.of_events(states(1000)[1:])
    assert found.of_events(probes(2000, COOKIE))["sock_cookie"].tolist() == [FIRST]
    assert not len(found.ended())


@pytest.mark.parametrize("told", ["ends", "bytes"])
def test_samples_tell_that_a_socket_is_connected_again(told: str) -> None:
    """Without events, other addresses tell it, or fewer bytes between the same addresses."""
    found = Reconnections()
    keys = []
    for number, size in enumerate([300, 400, 200, 100]):
        which = min(number, 1) if told == "ends" else 0
        taken = 300 if told == "ends" else size
        keys += found.of_samples(sample(number + 1, which, taken))["sock_cookie"].tolist()
    if told == "ends":
        assert keys == [FIRST, SECOND_KEY, SECOND_KEY, SECOND_KEY]
    else:
        assert keys == [FIRST, FIRST, SECOND_KEY, THIRD]
    assert [key for key, _, _ in ends(found.ended())] == [FIRST, SECOND_KEY][: len(set(keys)) - 1]


def test_samples_that_are_ahead_of_events_count_once() -> None:
    """Where a sample has told it first, the state that comes later says since when it is so."""
    found = Reconnections()
    found.of_samples(sample(500, 0))
    assert found.of_samples(sample(1500, 1))["sock_cookie"].tolist() == [SECOND_KEY]
    named = found.of_events(joined([probes(900, COOKIE), states(1000), probes(1200, COOKIE)]))
    assert named["sock_cookie"].tolist() == [FIRST, 0, 0, SECOND_KEY]
    assert found.of_samples(sample(1700, 1))["sock_cookie"].tolist() == [SECOND_KEY]
    assert len(found.ended()) == 1


def test_a_store_has_a_row_for_each_connection() -> None:
    """The rows of a socket's connections have their own ends and bytes; all but the last closed."""
    found, store = Reconnections(), Store()
    for number in range(3):
        begin_ns = (number + 1) * SECOND
        events = probes(begin_ns + 500, COOKIE, remote=ENDS[number])
        store.ingest(found.of_events(joined([states(begin_ns), events])), begin_ns + 600)
        store.ingest_samples(found.ended(), begin_ns + 600)
        looked = sample(begin_ns + 700, number, 1000 * (3 - number))
        store.ingest_samples(found.of_samples(looked), begin_ns + 800)
    flows = store.flows(["dport", "bytes_acked", "closed_ns"])
    assert flows["cookie"].tolist() == [COOKIE | number << 48 for number in (1, 2, 3)]
    assert flows["dport"].tolist() == [50000, 50001, 50002]
    assert flows["bytes_acked"].tolist() == [3000, 2000, 1000]
    assert flows["closed_ns"].tolist() == [2 * SECOND + 10, 3 * SECOND + 10, 0]


def test_what_is_remembered_is_bounded() -> None:
    """Sockets that are gone are forgotten, and of one that goes on and on its last connections."""
    found = Reconnections()
    for number in range(20):
        cookies = np.arange(1000) + 1000 * number
        found.of_samples(samples((number + 1) * 30 * SECOND, cookies))
    assert len(found._seen) < 10_000
    for number in range(1, 200):
        found.of_events(states(number * 1000))
    assert found.of_events(probes(10**9, COOKIE))["sock_cookie"].tolist() == [COOKIE | 199 << 48]
    assert len(found._sockets[COOKIE].starts) < 100


def test_cookies_that_are_counted_down() -> None:
    """A cookie that the kernel counted down from 2^64 comes out of its keys, too."""
    cookie = (1 << 64) - 5
    found = Reconnections()
    found.of_events(states(1000, cookie))
    (key,) = found.of_events(probes(2000, cookie))["sock_cookie"].tolist()
    assert key != cookie
    assert cookies_of(np.array([key, cookie], "u8")).tolist() == [cookie, cookie]
