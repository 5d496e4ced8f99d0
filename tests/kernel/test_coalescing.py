"""What is told of a flow with an interval, held against every one of its ACKs.

Two sources see the same events: one tells each, the other as few as it may.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest

from tcctui.flows.columns import FIELDS
from tcctui.flows.history.buckets import SERIES
from tcctui.flows.store import Store
from tcctui.sources.kernel import slots
from tcctui.sources.kernel.bpf_maps import delete_keys
from tcctui.sources.kernel.bpf_source import FOCUS_NS, BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.wire.events import EVENT, OWNED, EventKind, Events
from tcctui.wire.records import joined
from tests.kernel.coalescing import Twice, ends_last, known, places, spare, timed, too_early, wrong
from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside
from tests.kernel.recorder import Recorder, drain, probes_of
from tests.kernel.traffic import (
    KINDS,
    PORT,
    Connection,
    chatter,
    connect,
    connections,
    disconnect,
    exchange,
    quiet,
    settle,
    talk,
)
from tests.unit.events import stand_alone

pytestmark = pytest.mark.kernel

MS = 1_000_000


@pytest.fixture(scope="module")
def plain() -> Iterator[BpfSource]:
    """Open a source that tells each ACK; it is the first to be attached."""
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source:
        yield source


def coalescing(interval_ms: float, loading: Loading | None = None) -> closing[BpfSource]:
    """Open a source for the tests' own port that tells a flow once in an interval."""
    return closing(BpfSource(KernelFilter.on_ports(PORT), loading=loading, interval_ms=interval_ms))


Recording = Callable[..., contextlib.AbstractContextManager[Twice]]


@pytest.fixture(scope="module")
def fewest(plain: BpfSource) -> Iterator[BpfSource]:
    """Open a source that tells as little as it may, for all tests that need nothing special."""
    with coalescing(1000) as source:
        yield source


@pytest.fixture
def twice(plain: BpfSource, fewest: BpfSource) -> Recording:
    """Give what records both sources, of which the second has an interval in milliseconds.

    With `loading` the second one is loaded for this alone.
    """

    @contextlib.contextmanager
    def record(interval_ms: float, loading: Loading | None = None) -> Iterator[Twice]:
        opened = coalescing(interval_ms, loading) if loading else contextlib.nullcontext(fewest)
        with opened as coalesced:
            # Those of the test before may not have ended yet.
            until("no flow is left", lambda: known(coalesced) == 0)
            coalesced.set_interval(round(interval_ms * MS))
            drain(plain)
            drain(coalesced)
            with Twice(plain, coalesced) as both:
                yield both
            assert plain.lost() == coalesced.lost() == 0

    return record


def all_right(both: Twice, cookies: list[int]) -> None:
    """Judge the records of some flows, each of which must have had ACKs."""
    for cookie in cookies:
        records, acks = both.flow(cookie)
        assert len(acks) > 1
        assert not wrong(records, acks)


def cookies_of(made: list[Connection]) -> list[int]:
    """List the sockets of connections."""
    return [cookie for connection in made for cookie in connection.cookies]


@pytest.mark.parametrize("interval_ms", [10, 100])
def test_records_tell_all_that_charts_show(twice: Recording, interval_ms: int) -> None:
    """Each record is an ACK with the exact extremes since the one before, and none comes too early.

    The first ACK, each change of ssthresh and each fall of cwnd has a record of its own, and the
    last ACK is told, too. Flows of every kind grow, lose, pause, answer and burst.
    """
    with (
        Network(rate="40mbit", queue="60kb", loss=0.01) as network,
        twice(interval_ms) as both,
        connections(network, *KINDS, *KINDS) as made,
    ):
        exchange(made, up=300_000, down=100_000)
        for _ in range(3):
            for connection in made:
                talk(connection, 15)
            time.sleep(0.03)
        for connection in made[::2]:
            talk(connection, 1)
            time.sleep(interval_ms / 2000)
        exchange(made[:3], up=200_000)
        quiet(made)
        both.wait()
        cookies = cookies_of(made)
        all_right(both, cookies)
        for cookie in cookies:
            records, acks = both.flow(cookie)
            assert not too_early(records, acks, interval_ms * MS)
        told, acks = (probes_of(events, cookies) for events in (both.records, both.plain))
    assert len(acks) > 2 * len(told)
    assert len(np.unique(acks["ssthresh"][acks["sock_cookie"] == cookies[0]])) > 2


def test_many_flows_are_told_right(twice: Recording) -> None:
    """Sixty connections that talk in turns are told as right as one."""
    with (
        Network() as network,
        twice(10) as both,
        connections(network, *["ipv4", "ipv6"] * 30) as made,
    ):
        for rounds in range(1, 12):
            for connection in made[::-1] if rounds % 2 else made:
                talk(connection, rounds % 4 + 1)
        quiet(made)
        both.wait()
        all_right(both, cookies_of(made))


def test_the_last_state_arrives_soon(plain: BpfSource) -> None:
    """What a flow that went quiet has left comes with the first reading after the interval."""
    with Network() as network, coalescing(100) as source, connections(network, "ipv4") as made:
        talk(made[0], 20)
        quiet(made)
        cookie = made[0].cookies[0]
        first = probes_of(drain(source), [cookie])
        assert len(first)
        time.sleep(0.1)
        # On a slow machine the interval may have been over before the first reading was.
        then = joined([first, probes_of(source.read(0), [cookie])])
        expected = probes_of(drain(plain), [cookie])
        assert int(then[-1]["acks"]) == len(expected)
        assert source.read(0).size == 0
        time.sleep(0.1)
        assert source.read(0).size == 0


COMPARED = [
    name for name in FIELDS if name not in ("acks", "rate", "first_ns", "last_ns", "opened_ns")
]


def test_a_store_knows_the_same(twice: Recording) -> None:
    """A store has the same counts and last values from records as from all events.

    A history is the same, down to the extremes of each of its buckets.
    """
    stores = Store(), Store()
    with Network(rate="40mbit", queue="60kb", loss=0.01) as network, twice(10) as both:
        with connections(network, "ipv4", "ipv6", "mapped") as made:
            exchange(made, up=800_000, down=200_000)
            talk(made[0], 10)
            quiet(made)
            both.wait()
            cookies = cookies_of(made)
        streams = both.ended(cookies)
    now = int(max(events["ts_ns"].max() for events in streams))
    for store, events in zip(stores, streams, strict=True):
        for batch in np.array_split(events, 7):
            store.ingest(batch, now)
    exact, ours = (store.some_flows(np.array(cookies, "u8"), COMPARED) for store in stores)
    for name in COMPARED:
        if name == "closed_ns":
            assert (ours[name] > 0).all()
            assert (exact[name] > 0).all()
        else:
            assert ours[name].tolist() == exact[name].tolist(), name
    assert stores[0].totals().events == stores[1].totals().events
    for cookie in cookies:
        acks, records = (probes_of(events, [cookie]) for events in streams)
        same_history(cookie, timed(places(records), acks), records)


def test_a_focused_flow_is_told_as_finely_as_its_chart_shows(twice: Recording) -> None:
    """In focus, a flow's history is that of its every ACK, from far fewer records.

    From the moment it is in focus until it is not, no record is of more than `FOCUS_NS`.
    """
    with Network() as network, twice(1000) as both, connections(network, "ipv4", "ipv4") as made:
        source = both.sources[1]
        cookie, other = made[0].cookies[0], made[1].cookies[0]

        def some_since(moment_ns: int) -> bool:
            when = both.flow(cookie)[1]["ts_ns"]
            return bool(np.count_nonzero(when > moment_ns) > 100) and int(when[-1]) > (
                moment_ns + 20 * FOCUS_NS
            )

        def some_in_focus() -> bool:
            source.focus([cookie])
            return some_since(begun)

        with chatter(*made):
            until("there are ACKs before", lambda: some_since(0))
            source.focus([cookie])
            begun = source.now_ns()
            until("there are ACKs in focus", some_in_focus)
            ended = source.now_ns()
            source.focus([])
            off = source.now_ns()
            until("there are ACKs after", lambda: some_since(off))
        quiet(made)
        both.wait()
        all_right(both, cookies_of(made))
        records, acks = both.flow(cookie)
        # The first one may be of ACKs from before, too.
        before, *told = [record for record in places(records) if begun < record.ts_ns < ended]
        for record in told:
            assert record.ts_ns - int(acks["ts_ns"][record.first]) < FOCUS_NS
        fine = slice(before.end - 1, told[-1].end)
        assert len(told) < len(acks[fine]) / 3
        few = np.array([record.event for record in (before, *told)], EVENT)
        stand_alone(few[:1])
        same_history(cookie, timed(told, acks)[fine], few)
        # One may have been on its way when the focus went; then there is one each second again.
        seconds = (int(acks["ts_ns"].max()) - off) / 1e9
        assert np.count_nonzero(records["ts_ns"] > off) <= 4 + seconds
        few, every = both.flow(other)
        assert not too_early(few, every, 1000 * MS)
        assert len(few) < len(every) / 10


def same_history(cookie: int, acks: Events, records: Events) -> None:
    """Judge a flow's histories by two streams of events: all extremes and last values are one."""
    now = int(max(acks["ts_ns"][-1], records["ts_ns"][-1]))
    histories = []
    for events in (acks, records):
        store = Store()
        for batch in np.array_split(events, 7):
            store.ingest(batch, now)
        history = store.history(cookie, 20, 200)
        assert history is not None
        histories.append(history.series)
    exact, ours = histories
    assert exact.keys() == ours.keys()
    assert np.isfinite(exact["snd_cwnd"].last).any()
    for name, series in exact.items():
        for part in ("low", "high", "last"):
            one, other = (getattr(values, part) for values in (series, ours[name]))
            if name == "ssthresh" and part != "last":
                # It has no extremes, but each change its record: a column may begin with the
                # value that the last one before ended with.
                told = np.where(np.isfinite(series.last), np.arange(len(one)), 0)
                before = np.roll(series.last[np.maximum.accumulate(told)], 1)
                begun = np.where(one == before, one, other)
                assert np.array_equal(one, begun, equal_nan=True), part
            elif name in SERIES:
                assert np.array_equal(one, other, equal_nan=True), (name, part)
            else:  # a rate's first column begins with the first event, by its own clock
                assert np.allclose(one, other, rtol=1e-3, equal_nan=True), (name, part)


def test_the_interval_changes_while_running(twice: Recording) -> None:
    """From each ACK to 10 ms, to 1 s and back again: each ACK is told once, in order."""
    with (
        Network() as network,
        twice(0, Loading()) as both,
        connections(network, *KINDS) as made,
    ):
        source = both.sources[1]
        with chatter(*made, pause=0.0005):
            for _ in range(2):
                for interval_ms in (10, 1000, 0):
                    talked(both)
                    source.set_interval(interval_ms * MS)
                    assert source.interval_ns == interval_ms * MS
            talked(both)
            begun = source.now_ns()
            talked(both)
        quiet(made)
        both.wait()
        cookies = cookies_of(made)
        all_right(both, cookies)
        stores = Store(), Store()
        for store, events in zip(stores, (both.plain, both.records), strict=True):
            for batch in np.array_split(events, 5):
                store.ingest(batch, source.now_ns())
        names = ("bytes_acked", "events", "snd_una", "snd_nxt")
        exact, ours = (store.some_flows(np.array(cookies, "u8"), names) for store in stores)
        for name in names:
            assert ours[name].tolist() == exact[name].tolist()
        late = [events["ts_ns"] > begun for events in (both.plain, both.records)]
        assert abs(np.count_nonzero(late[0]) - np.count_nonzero(late[1])) <= len(cookies)
        assert len(both.records) < len(both.plain)


def talked(both: Twice) -> None:
    """Wait until a few hundred more ACKs have been seen."""
    wanted = len(both.plain) + 400
    until("there are more ACKs", lambda: len(both.plain) > wanted)


def test_what_is_pending_comes_before_the_end(twice: Recording) -> None:
    """Of sockets that are closed in the middle of an interval each ACK is told, and then the end.

    The kernel and the lists have all slots again.
    """
    with Network() as network, twice(1000) as both:
        source = both.sources[1]
        with connections(network, *KINDS * 3) as made:
            for connection in made:
                talk(connection, 7)
            cookies = cookies_of(made)
            assert known(source) == len(cookies)
        both.ended(cookies)
        all_right(both, cookies)
        until("slots are given back", lambda: spare(source) == source._program.slots)
        assert known(source) == 0


def is_of_owner(name: str) -> bool:
    """Tell whether the owner of a STATE or DESTROY event has a field's place."""
    assert EVENT.fields is not None
    assert OWNED.fields is not None
    taken = [(place, place + kind.itemsize) for kind, place, *_ in OWNED.fields.values()]
    place = EVENT.fields[name][1]
    return any(begin <= place < end for begin, end in taken)


def test_ends_without_room_are_told_all_the_same(plain: BpfSource) -> None:
    """Where the ring has no room for pending ACKs and ends, both are taken out of the slots."""
    with Network() as network, coalescing(1000, Loading(ring_bytes=mmap.PAGESIZE)) as source:
        drain(plain)
        first = [drain(source)]
        with connections(network, *KINDS * 4) as made:
            cookies = cookies_of(made)
            first += [drain(source)]
            for rounds in (1, 5):
                for connection in made:
                    talk(connection, rounds)
                    # What a store does not know of a flow's beginning, it can't count.
                    first += [drain(source)] if rounds == 1 else []
            quiet(made)
        settle(network)
        assert source.lost() > 0
        until("no flow has a slot", lambda: known(source) == 0)
        # The listening sockets have no slots.
        assert source.lost_by_kind()[EventKind.DESTROY] <= len(made)
        events, acks = joined([*first, drain(source)]), drain(plain)
        assert ends_last(events, cookies)
        for cookie in cookies:
            told = list(places(probes_of(events, [cookie])))
            assert told[-1].end == len(probes_of(acks, [cookie]))
        stores = Store(), Store()
        for store, batch in zip(stores, (acks, events), strict=True):
            store.ingest(batch, source.now_ns())
        exact, ours = (store.some_flows(np.array(cookies, "u8"), COMPARED) for store in stores)
        for name in ("bytes_acked", "events", "snd_una", "state"):
            assert ours[name].tolist() == exact[name].tolist()
        ends = [batch[batch["kind"] == EventKind.DESTROY] for batch in (acks, events)]
        for cookie in cookies:
            one, other = (batch[batch["sock_cookie"] == cookie] for batch in ends)
            for name in EVENT.names or ():
                # Of an end that was taken out of its slot nobody says whose it is.
                if name != "ts_ns" and not is_of_owner(name):
                    assert np.array_equal(one[name], other[name]), name
            assert abs(int(one["ts_ns"][0]) - int(other["ts_ns"][0])) < 100 * MS
        source.read(0)
        assert spare(source) == source._program.slots


def test_flows_without_a_slot_are_told_ack_by_ack(twice: Recording) -> None:
    """Where slots have run out, each ACK of the other flows has a record that stands for itself."""
    with Network() as network, twice(1000, Loading(slots=4)) as both:
        with connections(network, *KINDS) as made:
            for connection in made:
                talk(connection, 10)
            quiet(made)
            both.wait()
            cookies = cookies_of(made)
            all_right(both, cookies)
            alone = [int(both.flow(cookie)[0]["acks"].max()) == 0 for cookie in cookies]
        assert len(cookies) - 4 <= sum(alone) < len(cookies)


def test_slots_of_idle_flows_go_to_others(
    twice: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flow whose slot was taken from it goes on with another one, and each ACK is told once."""
    monkeypatch.setattr(slots, "IDLE_NS", 100 * MS)
    monkeypatch.setattr(slots, "_LEAVE_NS", 100 * MS)
    with Network() as network, twice(10, Loading(slots=64)) as both:
        with connections(network, *["ipv4", "ipv6"] * 24) as made:
            cookies = cookies_of(made)

            def slots_have_gone_round() -> bool:
                for connection in made:
                    talk(connection, 3)
                    time.sleep(0.01)
                begun = [int(both.flow(cookie)[0]["begun"].sum()) for cookie in cookies]
                return sum(number > 1 for number in begun) > 4

            until("some flows had two slots", slots_have_gone_round)
            quiet(made)
            both.wait()
            all_right(both, cookies)
        both.ended(cookies)
        source = both.sources[1]
        until("slots are given back", lambda: spare(source) == 64)
        assert known(source) == 0


def test_a_socket_that_is_connected_anew(twice: Recording) -> None:
    """A socket that was disconnected keeps its cookie: no record is of both its connections."""
    with Network() as network, twice(1000) as both:
        for source in both.sources:
            source.set_filter(KernelFilter.on_ports(PORT, PORT + 1))
        with (
            inside(network.server),
            closing(socket.create_server(("", PORT + 1))) as other,
            closing(connect(network, "ipv4")) as connection,
        ):
            talk(connection, 10)
            cookie, _ = connection.cookies
            disconnect(connection.client)
            connection.client.connect((Network.SERVER, PORT + 1))
            server, _ = other.accept()
            with closing(server):
                again = Connection(connection.client, server)
                talk(again, 10)
                quiet([again])
                assert again.cookies[0] == cookie
                both.wait()
                records, acks = both.flow(cookie)
    for source in both.sources:
        source.set_filter(KernelFilter.on_ports(PORT))
    assert not wrong(records, acks)
    moved = int(np.flatnonzero(np.diff(acks["dport"].astype("i4")))[0]) + 1
    assert {moved, moved + 1} <= {record.end for record in places(records)}
    stores = Store(), Store()
    for store, batch in zip(stores, (acks, records), strict=True):
        store.ingest(batch, both.sources[0].now_ns())
    exact, ours = (
        store.some_flows(np.array([cookie], "u8"), ("bytes_acked", "events")) for store in stores
    )
    assert ours["events"][0] == exact["events"][0] == len(acks)
    assert ours["bytes_acked"][0] == exact["bytes_acked"][0]


@pytest.mark.parametrize("interval_ms", [0, 1000])
def test_the_end_of_an_aborted_connection_is_told(interval_ms: int) -> None:
    """The end of a socket that was closed with RST passes the filter, though its port is gone."""
    with Network() as network, coalescing(interval_ms) as source, Recorder(source) as recorder:
        with closing(connect(network, "ipv4")) as connection:
            talk(connection, 5)
            cookies = cookies_of([connection])
            connection.client.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0)
            )
        until("both ends are told", lambda: ends_last(recorder.events, cookies))


def test_keys_are_taken_out_of_a_map(twice: Recording) -> None:
    """All that is asked for goes, wherever among it is something that is not there."""
    with (
        Network() as network,
        twice(1000, Loading()) as both,
        connections(network, *KINDS * 2) as made,
    ):
        source = both.sources[1]
        for connection in made:
            talk(connection, 2)
        cookies = cookies_of(made)
        kept = cookies[7]
        absent = [2**63 + number for number in range(3)]
        asked = [absent[0], *cookies[:7], absent[1], *cookies[8:], *cookies[:2], absent[2]]
        descriptor = source._program.maps["slots"]
        delete_keys(descriptor, np.array(asked, "u8"))
        assert known(source) == 1
        delete_keys(descriptor, np.empty(0, "u8"))
        assert known(source) == 1
        delete_keys(descriptor, np.array([kept], "u8"))
        assert known(source) == 0
        with pytest.raises(OSError, match="Bad file"):
            delete_keys(-1, np.array([kept], "u8"))
