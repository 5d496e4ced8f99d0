"""Which flow an event is about: sockets open, change, end, and their addresses are used again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tcctui.flows.snapshot import Totals
from tcctui.wire.events import Events, TcpState
from tests.unit.events import MS, NOTHING, REMOTE, SECOND, destroy, probes, state, together
from tests.unit.stores import ELSEWHERE, OTHER_SOCKET, SOCKET, filled, ingest, known, value

# The same socket, connected anew


def test_a_socket_that_is_connected_anew_keeps_its_flow() -> None:
    """Connected anew, a cookie shows its new addresses, and the jump of snd_una counts nothing."""
    store = filled(probes([SECOND, 2 * SECOND], snd_una=[1000, 3000]))
    assert value(store, "text") == "10.0.0.1:443 192.0.2.7:50000 estab"
    ingest(
        store,
        probes([3 * SECOND, 4 * SECOND], snd_una=[0x4000_0000, 0x4000_0005], remote=ELSEWHERE),
    )
    assert known(store) == [1]
    assert value(store, "bytes_acked") == 2005
    assert value(store, "dport") == 80
    assert value(store, "text") == "10.0.0.1:443 198.51.100.9:80 estab"


def test_a_socket_that_is_connected_anew_within_one_batch() -> None:
    """The jump of snd_una between two connections counts nothing where one batch has both."""
    before = probes([SECOND, SECOND + MS], snd_una=[1000, 3000])
    after = probes(
        [SECOND + 2 * MS, SECOND + 3 * MS], snd_una=[0x4000_0000, 0x4000_0005], remote=ELSEWHERE
    )
    assert value(filled(together(before, after)), "bytes_acked") == 2005
    assert value(filled(before[:1], together(before[1:], after)), "bytes_acked") == 2005


def test_states_follow_a_socket_that_is_connected_anew() -> None:
    """Where only addresses join states with flows, they do so after the socket moved, too."""
    store = filled(
        probes(SECOND),
        probes(2 * SECOND, remote=ELSEWHERE),
        state(3 * SECOND, SOCKET, TcpState.CLOSE_WAIT),
    )
    assert value(store, "state") == TcpState.ESTABLISHED
    ingest(store, state(4 * SECOND, SOCKET, TcpState.FIN_WAIT1, remote=ELSEWHERE))
    assert value(store, "state") == TcpState.FIN_WAIT1


# A socket's life


@pytest.mark.parametrize("skaddr", [SOCKET, 0], ids=["skaddr", "addresses"])
def test_states_are_followed(skaddr: int) -> None:
    """A state change finds its flow by the socket's address, on older kernels by both ends'."""
    store = filled(
        together(
            probes(SECOND, 1, skaddr=skaddr),
            probes(SECOND, 2, skaddr=skaddr and OTHER_SOCKET, remote=ELSEWHERE),
        ),
        together(
            state(2 * SECOND, SOCKET, TcpState.FIN_WAIT1),
            state(3 * SECOND, SOCKET, TcpState.FIN_WAIT2),
        ),
    )
    assert value(store, "state", 1) == TcpState.FIN_WAIT2
    assert value(store, "state", 2) == TcpState.ESTABLISHED
    assert value(store, "text", 1).endswith(" fin-wait-2")
    assert value(store, "events", 1) == 1, "only tcp_probe events are counted"
    assert store.totals().events == 4


def test_a_state_in_the_batch_of_the_first_event() -> None:
    """A connection that opens, sends and closes its end within one batch is shown as it is."""
    store = filled(
        together(probes(SECOND, skaddr=SOCKET), state(SECOND + MS, SOCKET, TcpState.CLOSE_WAIT))
    )
    assert value(store, "state") == TcpState.CLOSE_WAIT


@pytest.mark.parametrize("skaddr", [SOCKET, 0], ids=["skaddr", "addresses"])
@pytest.mark.parametrize("apart", [True, False], ids=["batches", "one batch"])
def test_age_counts_from_the_opening(skaddr: int, apart: bool) -> None:
    """The age of a flow is from when it became ESTABLISHED, which is before its first event."""
    opening = state(5 * SECOND, SOCKET, TcpState.ESTABLISHED)
    first = probes(8 * SECOND, skaddr=skaddr)
    store = filled(opening, first) if apart else filled(together(opening, first))
    assert value(store, "opened_ns") == 5 * SECOND
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "age_ns") == 4 * SECOND


def test_age_without_an_opening_counts_from_the_first_event() -> None:
    """Where the opening was not seen, opened_ns says so, and the age is a lower bound."""
    store = filled(state(SECOND, OTHER_SOCKET, TcpState.ESTABLISHED), probes(8 * SECOND, skaddr=1))
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "opened_ns") == 0
    assert value(store, "age_ns") == SECOND


def test_the_age_of_a_closed_flow_stands_still() -> None:
    """A closed flow's age is how old it became."""
    store = filled(probes(2 * SECOND, skaddr=SOCKET), destroy(5 * SECOND, 1, SOCKET))
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "age_ns") == 3 * SECOND
    assert value(store, "closed_ns") == 5 * SECOND
    assert value(store, "state") == TcpState.CLOSE


def test_a_destroyed_socket_that_is_not_known() -> None:
    """The end of a socket that never had a tcp_probe event makes no flow."""
    store = filled(destroy(SECOND, 7, SOCKET))
    assert known(store) == []
    assert store.totals() == Totals(1, 0, 0)


LIVES = {
    "the kernel uses the address again": (SOCKET, REMOTE, SOCKET, ELSEWHERE),
    "both addresses are used again": (SOCKET, REMOTE, SOCKET, REMOTE),
    "without skaddr": (0, REMOTE, 0, ELSEWHERE),
    "without skaddr, both ends again": (0, REMOTE, 0, REMOTE),
}


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize(("first", "second"), [(3, 8), (8, 3)])
def test_a_socket_address_that_is_used_again(life: str, first: int, second: int) -> None:
    """One socket ends, the next begins at its address: however batches fall, both come out right.

    Cookies don't tell which is older: each CPU hands them out from a stock of its own.
    """
    skaddr, remote, next_skaddr, next_remote = LIVES[life]
    alive, ending = [1 * SECOND, 0, TcpState.ESTABLISHED], [1 * SECOND, 0, TcpState.FIN_WAIT1]
    over = [1 * SECOND, 5 * SECOND, TcpState.CLOSE]
    fresh, closing = [6 * SECOND, 0, TcpState.ESTABLISHED], [6 * SECOND, 0, TcpState.CLOSE_WAIT]
    story: tuple[tuple[Events, dict[int, list[int]]], ...] = (
        (state(1 * SECOND, SOCKET, TcpState.ESTABLISHED, remote=remote), {}),
        (probes(2 * SECOND, first, skaddr=skaddr, remote=remote), {first: alive}),
        (state(3 * SECOND, SOCKET, TcpState.FIN_WAIT1, remote=remote), {first: ending}),
        (destroy(5 * SECOND, first, SOCKET, remote=remote), {first: over}),
        (state(6 * SECOND, SOCKET, TcpState.ESTABLISHED, remote=next_remote), {first: over}),
        (
            probes(7 * SECOND, second, skaddr=next_skaddr, remote=next_remote),
            {first: over, second: fresh},
        ),
        (
            state(8 * SECOND, SOCKET, TcpState.CLOSE_WAIT, remote=next_remote),
            {first: over, second: closing},
        ),
    )
    names = ("opened_ns", "closed_ns", "state")
    events = np.concatenate([event for event, _ in story])
    wrong = {}
    for end, (_, expected) in enumerate(story, start=1):
        for cuts in itertools.product([False, True], repeat=end - 1):
            places = [place for place, cut in enumerate(cuts, start=1) if cut]
            store = filled(*np.split(events[:end], places))
            found = {cookie: [value(store, name, cookie) for name in names] for cookie in expected}
            if found != expected:
                wrong[end, tuple(places)] = found
    assert wrong == {}


@pytest.mark.parametrize("skaddr", [SOCKET, 0], ids=["skaddr", "addresses"])
def test_a_state_from_before_a_flow(skaddr: int) -> None:
    """What the earlier socket at an address did in the same batch is not the later one's doing."""
    store = filled(
        together(
            probes(2 * SECOND, 3, skaddr=skaddr),
            state(3 * SECOND, SOCKET, TcpState.FIN_WAIT1),
            destroy(5 * SECOND, 3, SOCKET),
            probes(7 * SECOND, 8, skaddr=skaddr),
        )
    )
    assert value(store, "state", 8) == TcpState.ESTABLISHED
    assert value(store, "opened_ns", 8) == 0
    assert value(store, "state", 3) == TcpState.CLOSE
