"""Samples in the store: what they change, and the past of flows that are sampled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import BBR_MODE, DERIVED, FIELDS, INSIDE, READ, SAMPLED, UNKNOWN
from tcctui.flows.derived import complete
from tcctui.flows.frame import Sparkline
from tcctui.flows.history.pages import PAGE_BYTES
from tcctui.flows.snapshot import Totals
from tcctui.flows.store import OF_TIME, Store
from tcctui.wire.events import NO_SSTHRESH, CaState, EventKind, TcpState
from tcctui.wire.records import joined
from tcctui.wire.samples import SOCKET as ASKED
from tcctui.wire.samples import TCP_INFO, TEXT_FIELDS, Samples
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, state, together
from tests.unit.samples import NO_SAMPLES, destroyed, gone, look, samples
from tests.unit.stores import ELSEWHERE, MEMORY, SOCKET, charted, filled, ingest, known, value


def sampled(*batches: Any) -> Store:
    """Give a store that knows these samples and no event."""
    store = Store(MEMORY)
    look(store, *batches)
    return store


def values(store: Store, *names: str) -> dict[str, Any]:
    """Some columns of the flow with the cookie 1."""
    return {name: value(store, name) for name in names}


# Flows that are only sampled


def test_a_socket_that_is_sampled_is_a_flow() -> None:
    """Without any event, a socket has its addresses, state, window, round trip and algorithm."""
    store = sampled(
        samples(
            5 * SECOND,
            snd_cwnd=33,
            snd_ssthresh=30,
            rtt=61_000,
            snd_wnd=5000,
            rcv_wnd=6000,
            snd_mss=1400,
            state=TcpState.CLOSE_WAIT,
            wqueue=9000,
            notsent_bytes=2000,
            cc=b"bbr",
            comm=b"nginx",
            pid=77,
            bytes_acked=12345,
        )
    )
    expected = {"snd_cwnd": 33, "ssthresh": 30, "srtt_us": 61_000, "snd_wnd": 5000}
    expected |= {"rcv_wnd": 6000, "mss": 1400, "state": TcpState.CLOSE_WAIT, "in_flight": 7000}
    expected |= {"bytes_acked": 12345, "events": 0, "first_ns": 5 * SECOND, "last_ns": 0}
    expected |= {"sampled_ns": 5 * SECOND, "from_sample": True, "ca_state": CaState.OPEN}
    assert values(store, *expected) == expected
    assert values(store, "cc", "comm", "pid") == {"cc": b"bbr", "comm": b"nginx", "pid": 77.0}
    assert value(store, "text") == "10.0.0.1:443 192.0.2.7:50000 close-wait"
    store.ingest(NOTHING, 9 * SECOND)
    assert value(store, "age_ns") == 4 * SECOND


@pytest.mark.parametrize("length", sorted({place for _, place in TCP_INFO.values()} | {240}))
def test_what_a_kernel_does_not_tell_is_unknown(length: int) -> None:
    """Of a shorter TCP_INFO, what lies beyond its end is shown as unknown, never as zero."""
    fields: dict[str, Any] = dict.fromkeys(TCP_INFO, 7)
    store = sampled(samples(SECOND, info_len=length, **fields))
    for name, (kind, place) in TCP_INFO.items():
        if name in SAMPLED:
            there = length >= place + np.dtype(kind).itemsize
            assert math.isnan(value(store, name)) != there
    assert (value(store, "snd_wnd") == UNKNOWN["snd_wnd"]) == (length < 232)
    assert (value(store, "rcv_wnd") == UNKNOWN["rcv_wnd"]) == (length < 236)
    assert (value(store, "snd_cwnd") == 0) == (length < 84)


def test_a_flow_that_was_never_sampled() -> None:
    """Nothing that only samples tell is made up for it."""
    store = filled(probes(SECOND, snd_cwnd=10))
    for name in (*SAMPLED, "retrans_percent", "queueing_us"):
        found = value(store, name)
        assert found == b"" if name in TEXT_FIELDS else math.isnan(found)
    expected = {"ca_state": UNKNOWN["ca_state"], "from_sample": False, "sampled_ns": 0}
    assert values(store, *expected) == expected


def test_a_frozen_snapshot_has_every_column() -> None:
    """From the few columns that are copied to stand still, all others follow, as the store's."""
    store = filled(probes([SECOND, SECOND], [1, 2], snd_cwnd=10, srtt=500))
    look(store, samples([2 * SECOND] * 2, [2, 3], cc=b"cubic", min_rtt=[100, 200]))
    names = [*FIELDS, *SAMPLED, *INSIDE, *DERIVED]
    frozen, direct = (
        complete(
            store.flows([*FIELDS, *INSIDE, *READ, BBR_MODE, "sample", *OF_TIME, "acked_sampled"]),
            names,
        ),
        store.flows(names),
    )
    assert set(frozen) == set(direct) == set(names)
    for name in names:
        np.testing.assert_array_equal(frozen[name], direct[name])


@pytest.mark.parametrize(
    ("ca_state", "cwnd", "plain", "shown"),
    [
        (CaState.OPEN, 100, 10, 75),
        (CaState.DISORDER, 101, 10, 75),
        (CaState.OPEN, 100, 90, 90),
        (CaState.CWR, 100, 10, 10),
        (CaState.RECOVERY, 100, 10, 10),
        (CaState.LOSS, 100, 10, 75),
        (CaState.OPEN, 10, NO_SSTHRESH, NO_SSTHRESH),
    ],
)
def test_the_threshold_means_what_tcp_probe_means(
    ca_state: CaState, cwnd: int, plain: int, shown: int
) -> None:
    """A sample's ssthresh becomes tcp_current_ssthresh(), so that the curve does not flip."""
    store = sampled(samples(SECOND, ca_state=ca_state, snd_cwnd=cwnd, snd_ssthresh=plain))
    assert value(store, "ssthresh") == shown
    assert value(store, "snd_ssthresh") == plain


@pytest.mark.parametrize(
    ("wqueue", "fields", "in_flight"),
    [
        (0, {}, 0),
        (5000, {"notsent_bytes": 2000}, 3000),
        (100, {"notsent_bytes": 2000}, 0),
        (90_000, {"info_len": 144, "unacked": 10, "notsent_bytes": 1}, 14_480),
        (900, {"info_len": 144, "unacked": 10}, 900),
    ],
)
def test_bytes_in_flight_of_a_sample(wqueue: int, fields: dict[str, Any], in_flight: int) -> None:
    """What is queued less what is not sent yet; from segments where the kernel tells no more."""
    store = sampled(samples(SECOND, wqueue=wqueue, **fields))
    assert value(store, "in_flight") == in_flight


# The newest wins


Told = tuple[bool, int, int]
"""Whether it is a sample, when it happened, and which batch delivers it."""


@settings(max_examples=150)
@given(
    told=st.lists(
        st.tuples(st.booleans(), st.integers(1, 40), st.integers(0, 6)), min_size=1, max_size=25
    )
)
def test_the_newest_wins(told: list[Told]) -> None:
    """Samples in any order between events: each flow has the values of whatever is the newest."""
    store = Store(MEMORY)
    events = sorted(when for is_sample, when, _ in told if not is_sample)
    looks = [(batch, when) for is_sample, when, batch in told if is_sample]
    for batch in range(7):
        times = [when for at, when in looks if at == batch]
        if times:
            when = np.array(times)
            look(
                store,
                samples(
                    SECOND + when * MS,
                    snd_cwnd=100 + when,
                    rtt=1000 + when,
                    snd_wnd=10_000 + when,
                    wqueue=when,
                ),
            )
        part = events[batch * 4 : batch * 4 + 4]
        if part:
            when = np.array(part)
            cwnd, srtt = 500 + when, 5000 + when
            ingest(store, probes(SECOND + when * MS, snd_cwnd=cwnd, srtt=srtt, snd_wnd=50_000))
    newest_event = max(events[:28], default=0)
    newest_look = max((when for _, when in looks), default=0)
    from_sample = newest_look > newest_event
    assert value(store, "from_sample") == from_sample
    assert value(store, "snd_cwnd") == (100 + newest_look if from_sample else 500 + newest_event)
    assert value(store, "srtt_us") == (1000 + newest_look if from_sample else 5000 + newest_event)
    assert value(store, "snd_wnd") == (10_000 + newest_look if from_sample else 50_000)
    assert value(store, "in_flight") == (newest_look if from_sample else 0)


def test_what_one_of_them_lacks_is_as_the_other_said() -> None:
    """On a kernel that samples no windows, tcp_probe's stay.

    The CA state and mss are a sample's even where an event is newer than that.
    """
    names = ("snd_wnd", "rcv_wnd", "snd_cwnd")
    store = filled(probes(SECOND, snd_wnd=111, rcv_wnd=222, snd_cwnd=3))
    look(store, samples(2 * SECOND, info_len=200, snd_cwnd=4))
    assert [*values(store, *names).values()] == [111, 222, 4]
    ingest(store, probes(SECOND + 5, snd_wnd=112, rcv_wnd=223, snd_cwnd=9))
    assert [*values(store, *names).values()] == [112, 223, 4]
    store = filled(probes([SECOND, 3 * SECOND], snd_cwnd=5))
    look(store, samples(2 * SECOND, ca_state=CaState.RECOVERY, snd_mss=536, snd_cwnd=9))
    expected = {"ca_state": CaState.RECOVERY, "mss": 536, "snd_cwnd": 5, "from_sample": False}
    assert values(store, *expected) == expected


@pytest.mark.parametrize("sample_first", [True, False])
@pytest.mark.parametrize("later", [1, -1])
def test_the_newest_state_is_shown(sample_first: bool, later: int) -> None:
    """A state is a sample's or an event's, whichever is newer, in whatever order they come."""
    store = filled(probes(SECOND, skaddr=SOCKET))
    sample = samples(2 * SECOND + later * MS, state=TcpState.CLOSE_WAIT, ca_state=CaState.LOSS)
    fin = state(2 * SECOND, SOCKET, TcpState.FIN_WAIT1)
    events = together(fin, ca_state(2 * SECOND, CaState.RECOVERY))
    for is_sample in (sample_first, not sample_first):
        if is_sample:
            look(store, sample)
        else:
            ingest(store, events)
    newest = (TcpState.CLOSE_WAIT, CaState.LOSS), (TcpState.FIN_WAIT1, CaState.RECOVERY)
    assert (value(store, "state"), value(store, "ca_state")) == newest[later < 0]


def ca_state(ts_ns: int, newstate: CaState, skaddr: int = SOCKET) -> Any:
    """Make a tcp_cong_state_set event."""
    event = state(ts_ns, skaddr, TcpState.ESTABLISHED)
    event["kind"], event["newstate"] = EventKind.CA_STATE, newstate
    return event


def test_a_tiny_window_makes_no_other_segments() -> None:
    """Where the kernel's mss shrinks to half of a window, what is in flight stays as it was."""
    store = Store(MEMORY)
    events = probes(np.arange(1, 4) * SECOND, snd_una=0, snd_nxt=14_480)
    ingest(store, events)
    look(store, samples(2 * SECOND, snd_mss=1448), samples(3 * SECOND, snd_mss=36))
    assert value(store, "mss") == 1448
    past = charted(store, 1, 60, 60)
    assert past.mss == 1448
    look(store, samples(4 * SECOND, snd_mss=8948))
    assert value(store, "mss") == 8948
    # Another connection with this cookie has its own.
    look(store, samples(9 * SECOND, snd_mss=536, remote=ELSEWHERE))
    assert value(store, "mss") == 536


def test_a_socket_that_was_sampled_first_is_found_by_its_kernel_address() -> None:
    """Lifecycle events join a sampled flow by its addresses, then by what tcp_probe tells of it."""
    store = sampled(samples(SECOND))
    ingest(store, state(2 * SECOND, SOCKET, TcpState.CLOSE_WAIT))
    assert value(store, "state") == TcpState.CLOSE_WAIT
    ingest(store, probes(3 * SECOND, skaddr=SOCKET))
    assert known(store) == [1]
    ingest(store, state(4 * SECOND, SOCKET, TcpState.LAST_ACK, remote=ELSEWHERE))
    assert value(store, "state") == TcpState.LAST_ACK


# The end


@pytest.mark.parametrize("event_first", [True, False])
def test_a_socket_that_is_destroyed(event_first: bool) -> None:
    """Its last totals are kept, and the first word of its end, be it an event or a sample."""
    store = filled(probes([SECOND, SECOND + 1], snd_una=[0, 10], skaddr=SOCKET))
    for is_event in (event_first, not event_first):
        if is_event:
            ingest(store, destroy(3 * SECOND, 1, SOCKET))
        else:
            look(store, destroyed(3 * SECOND + MS, bytes_acked=500, segs_in=9))
    expected = {"bytes_acked": 500, "segs_in": 9, "state": TcpState.CLOSE}
    expected["closed_ns"] = 3 * SECOND + (0 if event_first else MS)
    assert values(store, *expected) == expected
    store.ingest(NOTHING, 30 * SECOND)
    assert known(store) == []


BEGUN = samples(SECOND, snd_cwnd=55, total_retrans=3)
KNOWN = samples(SECOND, cc=b"bbr", comm=b"nginx", pid=7, bbr_bw=1000, sndbuf=9)


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        # It is closed when it is missed, with the values it had; an older sample changes nothing.
        (
            [BEGUN, gone(3 * SECOND), samples(2 * SECOND, snd_cwnd=66)],
            {"closed_ns": 3 * SECOND, "snd_cwnd": 55, "state": TcpState.CLOSE},
        ),
        # One that was missed while its namespace was out of sight goes on where it is found again.
        (
            [BEGUN, gone(3 * SECOND), samples(4 * SECOND, snd_cwnd=77)],
            {"closed_ns": 0, "snd_cwnd": 77, "state": TcpState.ESTABLISHED, "first_ns": SECOND},
        ),
        # A sample that comes behind the end of a socket, whatever its time, does not revive it.
        ([BEGUN, destroyed(3 * SECOND), samples(4 * SECOND)], {"closed_ns": 3 * SECOND}),
        # Its last totals count, though the question for it was answered later; so does its end.
        (
            [BEGUN, joined([gone(3 * SECOND), destroyed(2 * SECOND, segs_in=9)])],
            {"segs_in": 9, "closed_ns": 2 * SECOND},
        ),
        # The end of a socket that has no addresses any more is the end of its flow.
        (
            [BEGUN, destroyed(2 * SECOND, remote=("0.0.0.0", 0))],
            {"snd_cwnd": 55, "closed_ns": 2 * SECOND},
        ),
        # One that is disconnected before it is destroyed has lost its totals: the former stay.
        ([BEGUN, destroyed(2 * SECOND, info_len=0)], {"total_retrans": 3, "closed_ns": 2 * SECOND}),
        # The last sample of a destroyed socket has its totals, and the algorithm of those before.
        (
            [KNOWN, destroyed(2 * SECOND, total_retrans=5)],
            {
                **{"cc": b"bbr", "comm": b"nginx", "pid": 7, "bbr_bw": 1000, "sndbuf": 9},
                "total_retrans": 5,
            },
        ),
    ],
)
def test_ends(looks: list[Samples], expected: dict[str, Any]) -> None:
    """A socket that is missed, destroyed or both has the values that it had last."""
    assert values(sampled(*looks), *expected) == expected


def test_ends_that_are_none() -> None:
    """A question that was answered late does not close a flow that has an event after it.

    The end of a socket that nobody has seen makes no flow; an empty batch lets time go on.
    """
    store = filled(probes(3 * SECOND, snd_cwnd=5))
    look(store, gone(2 * SECOND))
    assert values(store, "closed_ns", "state") == {"closed_ns": 0, "state": TcpState.ESTABLISHED}
    assert known(sampled(joined([gone(SECOND, 1), destroyed(SECOND, 2)]))) == []
    store = filled(probes(SECOND, skaddr=SOCKET), destroy(2 * SECOND, 1, SOCKET))
    store.ingest_samples(NO_SAMPLES, 60 * SECOND)
    assert known(store) == []


@pytest.mark.parametrize("event_first", [True, False])
def test_a_sample_that_comes_after_the_end(event_first: bool) -> None:
    """What was sampled of a socket that was destroyed then is known, whichever came first."""
    told = samples(2 * SECOND, cc=b"cubic", comm=b"nginx", snd_cwnd=33, rtt=7000)
    end = destroy(2 * SECOND + MS, 1, SOCKET)
    store = filled(probes(SECOND, [1]), *([end] if event_first else []))
    look(store, told)
    ingest(store, *([] if event_first else [end]))
    look(store, samples(2 * SECOND + 2 * MS, cc=b"bbr"))  # of after the end: it can't be
    expected = {"cc": b"cubic", "comm": b"nginx", "snd_cwnd": 33}
    expected |= {"closed_ns": 2 * SECOND + MS, "state": TcpState.CLOSE}
    assert values(store, *expected) == expected


def test_a_socket_that_is_connected_anew() -> None:
    """The same cookie with other addresses is another connection, closed in between or not."""
    store = sampled(samples(SECOND, bytes_acked=900, snd_cwnd=50))
    look(store, samples(2 * SECOND, bytes_acked=100, snd_cwnd=10, remote=ELSEWHERE))
    expected = {"bytes_acked": 100, "first_ns": 2 * SECOND, "closed_ns": 0, "snd_cwnd": 10}
    assert values(store, *expected) == expected
    look(store, destroyed(3 * SECOND, remote=ELSEWHERE), samples(4 * SECOND, bytes_acked=7))
    expected = {"bytes_acked": 7, "first_ns": 4 * SECOND, "closed_ns": 0}
    assert values(store, *expected) == expected
    assert value(store, "text").endswith("192.0.2.7:50000 estab")
    ingest(store, probes(5 * SECOND, snd_una=5, remote=ELSEWHERE))
    assert math.isnan(value(store, "inode")), "what is known of another connection"


# What to ask for


def test_sockets_to_ask_for() -> None:
    """Those that are known and live, in the order given, with what sock_diag needs to find them."""
    store = filled(probes([SECOND, SECOND], [7, 8], local=("2001:db8::7", 8443), remote=("::1", 9)))
    look(store, samples(SECOND, [3, 4]), gone(2 * SECOND, 4))
    found = store.sockets(np.array([3, 99, 4, 7], "u8"))
    assert found.dtype == ASKED
    assert found["sock_cookie"].tolist() == [3, 7]
    assert found["family"].tolist() == [2, 10]
    assert found["sport"].tolist() == [443, 8443]
    assert found["daddr"].tolist() == [[0, 0xFFFF_C000_0207], [0, 1]]
    assert len(store.sockets(np.empty(0, "u8"))) == 0


# The past of flows that are sampled


def curve(values: np.ndarray) -> list[float]:
    """The values that are there, in their order."""
    found: list[float] = values[~np.isnan(values)].tolist()
    return found


def test_idle_flows_take_no_history() -> None:
    """However often idle sockets are sampled, only how they are is kept, and shown."""
    store = Store(100 * PAGE_BYTES)
    for number in range(20):
        look(
            store, samples(np.full(3000, (5 + 5 * number) * SECOND), np.arange(1, 3001), snd_cwnd=7)
        )
    assert store.totals() == Totals(0, 3000, 0), "no page is taken, no detail is shed"
    assert curve(charted(store, 1, None, 101).series["snd_cwnd"].last) == [7]
    assert curve(charted(store, 1, 10, 101).series["snd_cwnd"].last) == [7], (
        "as it was before the window"
    )
    assert (charted(store, 1, 10, 101).series["acked_rate"].last == 0).all()


def test_what_changes_is_charted() -> None:
    """A sample with a change has its bucket, and the flow begins with what it was before."""
    store = Store(MEMORY)
    for number, cwnd in enumerate([10, 10, 10, 20, 20, 30]):
        look(store, samples((10 + number) * SECOND, snd_cwnd=cwnd))
    assert curve(charted(store, 1, 10, 101).series["snd_cwnd"].last) == [10, 20, 30]
    assert curve(charted(store, 1, None, 101).series["snd_cwnd"].last) == [10, 20, 30]
    lines = store.sparklines(np.array([1], "u8"), [Sparkline("snd_cwnd", "max", 30, 30)])[0]
    assert curve(lines[0]) == [10, 20, 30]


def test_the_past_of_idle_flows_that_wake_up() -> None:
    """Flows that were idle for long begin their past in as few buckets as any other."""
    store = Store(300 * PAGE_BYTES)
    cookies = np.arange(1, 301)
    for second in (10, 200, 300):
        look(store, samples(np.full(300, second * SECOND), cookies, snd_cwnd=second))
    assert store.totals() == Totals(0, 300, 0), "a page each is enough"


@pytest.mark.parametrize("every", [100, 250, 500])
def test_the_rate_of_a_watched_flow_is_even(every: int) -> None:
    """Bytes that only samples tell of are spread over the time since the sample before."""
    store = Store(MEMORY)
    for ms in range(0, 20_001, every):
        look(store, samples(10 * SECOND + ms * MS, bytes_acked=ms * 1000))
    rate = charted(store, 1, 10, 51).series["acked_rate"]
    assert rate.last[2:-4] == pytest.approx(1e6, rel=0.01)


def test_the_rate_of_a_flow_with_events() -> None:
    """The chart of the rate is what was acknowledged a second; 0 in a pause, nothing before."""
    store = filled(probes(10 * SECOND, snd_una=0))
    for ms in range(0, 8_001, 50):
        now = 10 * SECOND + ms * MS
        if not 4000 < ms <= 6000:
            ingest(store, probes(now, snd_una=ms * 1000))
        store.ingest(NOTHING, now)
    rate = charted(store, 1, 16, 17).series["acked_rate"].last
    assert np.isnan(rate[:8]).all()
    assert rate[-9:-5] == pytest.approx(1e6, rel=0.06)
    assert (rate[-4:-3] == 0).all()


def test_rates_that_are_sampled() -> None:
    """Of watched flows, delivery rate, pacing rate and BBR's estimate are charted."""
    store = Store(MEMORY)
    for ms in range(0, 8001, 250):
        fields: dict[str, Any] = {"bbr_bw": 300 + ms} if ms >= 4000 else {}
        batch = samples(10 * SECOND + ms * MS, delivery_rate=100 + ms, pacing_rate=200, **fields)
        look(store, batch, samples(10 * SECOND + ms * MS, 2, delivery_rate=9))
    series = charted(store, 1, 10, 11).series
    assert curve(series["delivery_rate"].high) == [*range(850, 8101, 1000), 8100]
    assert curve(series["delivery_rate"].low) == [350, *range(1100, 8101, 1000)]
    assert set(curve(series["pacing_rate"].last)) == {200}
    assert len(curve(series["bbr_bw"].last)) == 5


def test_rates_of_flows_that_nobody_looks_at() -> None:
    """Samples of dumps, seconds apart, don't push those of watched flows out of the log."""
    store = Store(MEMORY)
    cookies = np.arange(1, 5001)
    for second in range(10, 70):
        now = second * SECOND
        look(store, samples(now, delivery_rate=5))
        if second % 5 == 0:
            look(store, samples(np.full(len(cookies), now + MS), cookies + 10, delivery_rate=7))
    assert len(curve(charted(store, 1, 60, 61).series["delivery_rate"].last)) == 59
    other = charted(store, 20, 60, 61)
    assert curve(other.series["delivery_rate"].last) == []


def test_a_paused_chart_has_nothing_of_later() -> None:
    """Looking back at a moment, marks, limits and rates end there."""
    store = Store(MEMORY)
    for ms in range(0, 10_001, 250):
        look(
            store, samples(10 * SECOND + ms * MS, delivery_rate=100 + ms, total_retrans=ms // 1000)
        )
    then = 15 * SECOND
    past = store.history(1, 4, 41, then)
    assert past is not None
    assert max(curve(past.series["delivery_rate"].last)) == 5100
    assert past.marks.count.sum() == 5
    assert past.marks.column.max() == 40
    assert value(store, "total_retrans") == 10
