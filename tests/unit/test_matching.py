"""Which events match a query: by their own values, and by what is known of their flow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.store import Store
from tcctui.headless.matching import Followed, Matching, is_of_ends
from tcctui.query import parse
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind, Events, TcpState
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, state, together
from tests.unit.samples import NO_SAMPLES, gone, samples

NOW = 100 * SECOND


def sent(cookies: list[int], **fields: object) -> Events:
    """Make an event of each of these, a millisecond apart."""
    when = NOW + np.arange(len(cookies)) * MS
    return probes(when, cookies, **fields)  # type: ignore[arg-type]


def matching(text: str, events: Events, *looks: object) -> list[bool]:
    """Ask about events, after samples."""
    asked = Matching(parse(text))
    asked.take(Batch(events, looks, NOW + SECOND))  # type: ignore[arg-type]
    return asked.events(events).tolist()


def test_an_event_has_its_own_values() -> None:
    """Each event of a flow is asked for itself, whatever its flow has come to since."""
    events = sent([1, 1, 1], srtt=[10_000, 90_000, 20_000], snd_cwnd=[5, 6, 7])
    assert matching("srtt>80ms", events) == [False, True, False]
    assert matching("cwnd<7 port:443", events) == [True, True, False]
    flight = sent([1, 1], snd_nxt=[5000, 10], snd_una=[1000, 2**32 - 10])
    assert matching("inflight<21", flight) == [False, True]
    begun = sent([1, 1], snd_cwnd=[5, 50], ssthresh=[20, 20])
    assert matching("phase:slow-start", begun) == [True, False]


def test_its_flow_has_the_rest() -> None:
    """What only samples tell is its flow's; what is derived of both is worked out of both."""
    events = sent([1, 2, 1], srtt=[30_000, 30_000, 90_000])
    looks = (
        samples(NOW, 1, cc=b"bbr", min_rtt=20_000),
        samples(NOW, 2, cc=b"cubic", min_rtt=20_000),
    )
    assert matching("cc:bbr", events, *looks) == [True, False, True]
    assert matching("cc:bbr srtt>80ms", events, *looks) == [False, False, True]
    assert matching("queueing>50ms", events, *looks) == [False, False, True]
    assert matching("cc:bbr", events) == [False] * 3, "not known yet"
    assert matching("age>0.5s", sent([1]), samples(NOW, 1)) == [True]


def test_other_kinds_go_by_their_flow() -> None:
    """A retransmit says no window: it matches where its flow does, by the cookie that is given.

    So do samples, and one that says nothing but that its socket has gone.
    """
    events = together(sent([1, 2], snd_cwnd=[5, 50]), state(NOW + 5 * MS, 77, TcpState.CLOSE_WAIT))
    events["kind"][2] = EventKind.RETRANSMIT
    asked = Matching(parse("cwnd<10"))
    asked.take(Batch(events, [], NOW + SECOND))
    assert asked.events(events, np.array([1, 2, 1], "u8")).tolist() == [True, False, True]
    assert asked.events(events, np.array([1, 2, 2], "u8")).tolist() == [True, False, False]
    assert asked.events(events).tolist() == [True, False, False]
    asked = Matching(parse("retrans>3"))
    looks = samples(NOW, [1, 2], total_retrans=[5, 1])
    asked.take(Batch(NOTHING, [looks], NOW))
    assert asked.samples(looks).tolist() == [True, False]
    assert asked.samples(gone(NOW, [1, 2, 3])).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("text", "store", "wants_samples"),
    [
        ("port:443 dst:10.0.0.0/8", False, False),
        ("srtt>20ms cwnd<10 inflight>1k phase:slow-start", False, False),
        ("rate>1M", True, False),
        ("state:estab", True, False),
        ("cc:bbr", True, True),
        ("limit:rwnd", True, True),
        ("nginx", True, True),
    ],
)
def test_no_more_is_kept_than_is_needed(text: str, store: bool, wants_samples: bool) -> None:
    """What events tell themselves needs no store; only what samples tell needs samples."""
    asked = Matching(parse(text), only_probes=True)
    assert (asked.store is not None, asked.wants_samples) == (store, wants_samples)


def test_ends_alone() -> None:
    """Ports and addresses are what every record has; a cookie is none of them."""
    assert is_of_ends(parse("port:443 -ip:10.0.0.0/8"))
    assert is_of_ends(parse(""))
    assert not is_of_ends(parse("cookie:1"))
    assert not is_of_ends(parse("port:443 cwnd>1"))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 30)), min_size=1, max_size=30))
def test_the_last_event_is_the_flows(made: list[tuple[int, int]]) -> None:
    """Of the last event of each flow, the answer is that of the store."""
    cookies, cwnd = (np.array(column) for column in zip(*made, strict=True))
    events = probes(NOW + np.arange(len(made)) * MS, cookies, snd_cwnd=cwnd, srtt=1000 * cwnd)
    query = parse("cwnd>10 srtt<25ms")
    asked = Matching(query, store=Store(0))
    asked.take(Batch(events, [], NOW + SECOND))
    mask = asked.events(events)
    assert mask.tolist() == ((cwnd > 10) & (1000 * cwnd < 25_000)).tolist()
    last = {cookie: bool(answer) for cookie, answer in zip(cookies.tolist(), mask, strict=True)}
    assert {cookie for cookie, answer in last.items() if answer} == set(asked.all_flows().tolist())


# Followed


def test_followed_from_the_first_match_on() -> None:
    """Nothing before the first match is given, and all after it, also what matches no longer."""
    followed = Followed(parse("srtt>80ms"))
    for step, (srtt, given_now) in enumerate([(10, 0), (90, 2), (10, 2), (20, 2)]):
        events = probes([NOW + step * SECOND, NOW + step * SECOND + 1], 1, srtt=srtt * 1000)
        looks = samples(NOW + step * SECOND, 1, rtt=20_000)
        now_ns = NOW + step * SECOND + MS
        chosen = followed.choose(Batch(events, [looks], now_ns))
        assert len(chosen.events) == given_now, step
        assert sum(map(len, chosen.samples)) == given_now // 2


def test_followed_to_its_end() -> None:
    """Events that say but their socket's address are given with their connection, to the last."""
    followed = Followed(parse("cwnd>10"))
    followed.choose(Batch(probes([NOW], 1, snd_cwnd=20, skaddr=77), [], NOW))
    followed.choose(Batch(probes([NOW], 2, snd_cwnd=2, skaddr=88), [], NOW))
    ends = together(
        state(NOW + 1, 77, TcpState.CLOSE_WAIT), destroy(NOW + 2, 0, 77), destroy(NOW + 3, 0, 88)
    )
    chosen = followed.choose(Batch(ends, [], NOW + MS))
    assert chosen.events["skaddr"].tolist() == [77, 77]


def test_forgetting() -> None:
    """Those that are long closed are forgotten where that is wanted, and else are not."""
    for forgetting in (True, False):
        followed = Followed(parse("cwnd>10"), forgetting=forgetting)
        followed.choose(Batch(probes([NOW], 1, snd_cwnd=20, skaddr=77), [], NOW))
        followed.choose(Batch(destroy(NOW + 1, 1, 77), [], NOW + 1))
        for second in range(1, 20):
            followed.choose(Batch(NOTHING, [], NOW + second * SECOND))
        assert len(followed.cookies) == (0 if forgetting else 1)


def test_followed_without_an_event() -> None:
    """Samples alone are enough; age goes on by itself: once a second, all are looked at."""
    looks = samples(NOW, [1, 2], cc=[b"cubic", b"bbr"])
    chosen = Followed(parse("cc:bbr")).choose(Batch(NOTHING, [looks], NOW))
    assert [part["sock_cookie"].tolist() for part in chosen.samples] == [[2]]
    followed = Followed(parse("age>5s"))
    assert len(followed.choose(Batch(probes([NOW], 1), [], NOW)).events) == 0
    followed.choose(Batch(NOTHING, [NO_SAMPLES], NOW + 6 * SECOND))
    assert followed.cookies.tolist() == [1]
