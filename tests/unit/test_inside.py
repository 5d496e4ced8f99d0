"""What is read of sockets at their ACKs, from the batch to flows, recordings and moments."""

from __future__ import annotations

import csv
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.export.command import export
from tcctui.fields.every_field import BY_NAME
from tcctui.fields.field import Unit
from tcctui.flows.columns import INSIDE as READ
from tcctui.flows.columns import missing
from tcctui.flows.inside.recent import MOST
from tcctui.flows.inside.values import ALONE, NEWER
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.headless.matching import Followed
from tcctui.query import parse
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.file import Recording
from tcctui.recording.pacing import Pace
from tcctui.rewind.downsample import condensed
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.reconnections import Reconnections
from tcctui.wire.batch import Batch
from tcctui.wire.events import RECOVERY, CaState, EventKind, Events
from tcctui.wire.inside import INSIDE, NO_INSIDES, Asked, Insides, parted, together
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.events import MS, NOTHING, SECOND, probes, state
from tests.unit.insides import acks, algorithms, sockets
from tests.unit.recordings import ORIGIN, written
from tests.unit.samples import samples

AT = 100 * SECOND
ANY = {**dict.fromkeys(INSIDE.names or (), 0), "ts_ns": AT, "sock_cookie": 1}


def ack(ts_ns: int = AT, cookie: int = 1) -> Events:
    """An ACK with 3000 bytes in flight."""
    return probes(ts_ns, cookie, snd_una=1000, snd_nxt=4000, snd_cwnd=10, srtt=20_000)


def looked(store: Store, ts_ns: int = AT, cookie: int = 1, **members: Any) -> None:
    """Let a store take in an ACK, and what was read of its socket."""
    insides = Insides(sockets(ts_ns, cookie, **members), algorithms(ts_ns, cookie, b"abc"))
    store.take(Batch(ack(ts_ns, cookie), [], ts_ns + MS, insides))


def shown(store: Store, name: str) -> float:
    """Value of the first flow."""
    values = store.flows([name])[name]
    return float("nan") if missing(name, values)[0] else float(values[0])


MEMBERS: dict[str, tuple[dict[str, int], float]] = {
    "unacked": ({"packets_out": 12}, 12),
    "sacked": ({"sacked_out": 3}, 3),
    "lost": ({"lost_out": 2}, 2),
    "retrans": ({"retrans_out": 1}, 1),
    "in_flight_packets": (
        {"packets_out": 12, "sacked_out": 3, "lost_out": 2, "retrans_out": 1},
        8,
    ),
    "snd_mss": ({"mss_cache": 1448}, 1448),
    "delivered": ({"delivered": 99}, 99),
    "delivery_rate": (
        {"rate_delivered": 10, "rate_interval_us": 20_000, "mss_cache": 1000},
        500_000,
    ),
    "reordering": ({"reordering": 5}, 5),
    "rttvar": ({"mdev_us": 4001}, 1000),
    "min_rtt": ({"min_rtt_us": 777}, 777),
    "rto": ({"icsk_rto": 204_000}, 204_000),
    "retransmits": ({"retransmits": 2}, 2),
    "backoff": ({"backoff": 3}, 3),
    "rqueue": ({"rcv_nxt": 5, "copied_seq": 2**32 - 5}, 10),
    "wqueue": ({"write_seq": 9000}, 8000),
    "notsent_bytes": ({"write_seq": 9000}, 5000),
    "in_flight_packets_min": ({"in_flight_min": 4}, 4),
    "in_flight_packets_max": ({"in_flight_max": 9}, 9),
    "tlp_out": ({"tlp_high_seq": 1}, 1),
    "undo_possible": ({"undo_marker": 1}, 1),
    "undo_retrans": ({"undo_marker": 1, "undo_retrans": 6}, 6),
    "prior_ssthresh": ({"prior_ssthresh": 41}, 41),
    "recovery_left": ({"ca_state": CaState.RECOVERY, "high_seq": 3500}, 2500),
    "app_limited": ({"app_limited": 77}, 1),
    "rate_delivered": ({"rate_delivered": 10}, 10),
    "rate_interval": ({"rate_interval_us": 20_000}, 20_000),
    "rto_rttvar": ({"rttvar_us": 50_000}, 50_000),
    "lost_total": ({"lost": 8}, 8),
}
"""Of each value, members and what they make, by the kernel's own formulas."""


def test_each_value_is_here() -> None:
    """No value is left out below."""
    assert {*ALONE, *NEWER, "in_flight_packets"} == {*MEMBERS}
    assert {*ALONE, "inside_ns"} == READ


@pytest.mark.parametrize("name", MEMBERS)
def test_values_of_members(name: str) -> None:
    """A value is what the kernel makes of the members; nothing is known where nothing was read."""
    members, value = MEMBERS[name]
    store = Store()
    store.take(Batch(ack(), [], AT))
    assert np.isnan(shown(store, name))
    looked(store, AT + MS, **members)
    assert shown(store, name) == value
    assert store.some_flows(np.array([1], "u8"), [name])[name].tolist() == [value]
    field = BY_NAME[name]
    unit = "us" if field.unit is Unit.MICROSECONDS else ""
    assert parse(f"{field.names[0]}>={value:.0f}{unit}").mask(store.flows([name, "cookie"])).all()


@pytest.mark.parametrize("name", NEWER)
def test_the_newer_of_both_is_shown(name: str) -> None:
    """Of what samples have as well, what was read of the socket counts until the next sample."""
    members, value = MEMBERS[name]
    sampled: dict[str, Any] = dict.fromkeys(NEWER, 1)
    store = Store()
    store.take(Batch(NOTHING, [samples(AT, **sampled)], AT))
    before = shown(store, name)
    assert before == 1
    looked(store, AT + MS, **members)
    assert shown(store, name) == value
    store.take(Batch(NOTHING, [samples(AT + 2 * MS, **sampled)], AT + 2 * MS))
    assert shown(store, name) == before
    looked(store, AT + MS, **members)
    assert shown(store, name) == before, "it is older"


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("undo_retrans", {"undo_retrans": 3}),
        ("undo_retrans", {"undo_marker": 1, "undo_retrans": 2**32 - 1}),
        ("prior_ssthresh", {}),
        ("recovery_left", {"high_seq": 3500}),
        ("min_rtt", {"min_rtt_us": 2**32 - 1}),
        ("delivery_rate", {"rate_delivered": 10}),
    ],
)
def test_members_that_say_nothing(name: str, members: dict[str, int]) -> None:
    """A member that means nothing at that time gives no value."""
    store = Store()
    looked(store, **members)
    assert np.isnan(shown(store, name))


def test_nothing_is_kept_unless_something_comes() -> None:
    """A store that is told nothing of sockets has no room for it, and a keyframe none of it."""
    store = Store()
    store.take(Batch(ack(), [], AT))
    assert store._known.inside is None
    assert not any(name.startswith("inside") for name in store.keyframe().arrays)
    assert store.insides(1) is NO_INSIDES
    looked(store, AT + MS)
    assert store._known.inside is not None


def test_it_is_unknown_once_nobody_asks() -> None:
    """A second of ACKs after the last look, it says nothing any more of how the socket is."""
    store = Store()
    looked(store, tlp_high_seq=1)
    assert shown(store, "tlp_out") == 1
    store.take(Batch(ack(AT + SECOND + 1), [], AT + 2 * SECOND))
    assert np.isnan(shown(store, "tlp_out"))
    assert shown(store, "inside_ns") == AT


def test_the_recovery_state_is_the_newest() -> None:
    """A state read at an ACK counts until the kernel tells another one, or a sample does."""
    store = Store()
    looked(store, ca_state=CaState.DISORDER)
    assert shown(store, "ca_state") == CaState.DISORDER
    told = state(AT + 2 * MS, 0, 0)  # type: ignore[arg-type]
    told["kind"], told["newstate"], told["sock_cookie"] = EventKind.CA_STATE, CaState.RECOVERY, 1
    store.take(Batch(told, [], AT + 2 * MS))
    looked(store, AT + MS, ca_state=CaState.OPEN)
    assert shown(store, "ca_state") == CaState.RECOVERY
    store.take(Batch(NOTHING, [samples(AT + MS, ca_state=CaState.LOSS)], AT + 3 * MS))
    assert shown(store, "ca_state") == CaState.RECOVERY
    looked(store, AT + 4 * MS, ca_state=CaState.OPEN)
    assert shown(store, "ca_state") == CaState.OPEN


def test_the_newest_records_of_held_flows_are_kept() -> None:
    """Of flows that are held, a limited number of records is kept in order, of others none."""
    store = Store()
    store.hold([1])
    for number in range(300):
        when = AT + number * 100 * MS + np.arange(20) * MS
        insides = Insides(sockets(np.repeat(when, 2), [1, 2] * 20), algorithms(when, 1))
        store.take(Batch(NOTHING, [], int(when[-1]), insides))
    kept = store.insides(1)
    assert [len(part) for part in kept] == [MOST, MOST, 0]
    assert kept.sockets["ts_ns"][-1] == AT + 299 * 100 * MS + 19 * MS
    assert (np.diff(kept.sockets["ts_ns"].astype("i8")) > 0).all()
    assert store.insides(2) is NO_INSIDES
    inside = store._known.inside
    assert inside is not None
    assert inside.nbytes < 3 * MOST * (INSIDE.itemsize + 136)
    store.hold([])
    looked(store, AT + 40 * SECOND)
    assert store.insides(1) is NO_INSIDES


def test_it_leaves_with_its_flow() -> None:
    """A row that is another flow's later has nothing of the one before."""
    store = Store()
    looked(store, packets_out=5)
    known = store._known
    known.drop(known.cookies.rows)
    store.take(Batch(ack(AT + MS, 2), [], AT + MS))
    assert np.isnan(shown(store, "unacked"))
    assert shown(store, "in_flight") == 3000


def test_a_keyframe_has_it() -> None:
    """A store that goes on from a keyframe shows what the first one did."""
    store, other = Store(), Store()
    looked(store, packets_out=5, tlp_high_seq=1)
    other.restore(Keyframe.from_bytes(store.keyframe().to_bytes()))
    names = [*MEMBERS, "inside_ns", "socket", "algorithm"]
    one, two = store.flows(names), other.flows(names)
    for name in names:
        np.testing.assert_array_equal(one[name], two[name])
    assert bytes(two["algorithm"]["private"][0][:3]) == b"abc"


def chunk(begin_ns: int = AT) -> Chunk:
    """A second of two flows, whose sockets were read at some of their ACKs."""
    when = begin_ns + np.arange(0, 900, 100) * MS
    events = joined([ack(int(at), cookie) for cookie in (1, 2) for at in when])
    read = sockets(np.tile(when, 2), np.repeat([1, 2], 9), packets_out=np.arange(18))
    own = algorithms(when, 2, b"xyz")
    each = acks(when, 1, snd_una=np.arange(9), sacked_out=1, sacks=np.arange(8))
    return Chunk(begin_ns, begin_ns + SECOND, events, NO_SAMPLES, insides=Insides(read, own, each))


def same(one: Insides, two: Insides) -> None:
    """Both have the same records."""
    for part, other in zip(one, two, strict=True):
        assert part.tobytes() == other.tobytes()


def test_recorded_and_played_again(tmp_path: Path) -> None:
    """A recording that is to have it has it to the last bit, of one flow, too; others have none."""
    told = chunk()
    path = written(tmp_path / "with", told, origin=replace(ORIGIN, inside=1))
    (back,) = Recording(path).chunks(0, 1 << 60)
    same(back.insides, told.insides)
    assert Recording(path).origin.inside == 1
    (one,) = Recording(path).chunks(0, 1 << 60, np.array([2], "u8"))
    assert one.insides.sockets["sock_cookie"].tolist() == [2] * 9
    without = written(tmp_path / "without", told)
    (back,) = Recording(without).chunks(0, 1 << 60)
    assert back.insides is NO_INSIDES
    assert without.stat().st_size < path.stat().st_size


def test_piped_and_played() -> None:
    """From a pipe, all of it is played, and each with the events of its time."""
    told = chunk()
    pace = Pace(0)
    assert pace.add(told, 0, 0)
    events, insides = [], []
    for step in range(20):
        part = pace.step(step * 100 * MS)
        events.append(part[0])
        insides.append(part[2])
        newest = [int(records["ts_ns"].max()) for records in (part[0], *part[2]) if len(records)]
        assert len(set(newest)) < 2
    both = together(insides).each(by_flow)
    same(both, told.insides)
    assert len(joined(events)) == len(told.events)


@pytest.mark.parametrize("query", ["", "cookie=2"])
def test_exported(query: str, tmp_path: Path) -> None:
    """A table has a row for each reading of a socket, a trimmed recording all of a flow."""
    path = written(tmp_path / "it", chunk(), origin=replace(ORIGIN, inside=1))
    options: dict[str, Any] = {"progress": False, "query": parse(query) if query else None}
    export(path, tmp_path / "sockets.csv", table="sockets", **options)
    rows = list(csv.DictReader((tmp_path / "sockets.csv").read_text().splitlines()))
    told = [(row["sock_cookie"], row["in_flight_packets"], row["ca_state"]) for row in rows]
    own = [("2", str(number), "Open") for number in range(9, 18)]
    assert sorted(told) == sorted(own if query else [*own, *_of_one()])
    export(path, tmp_path / "part.arrows", **options)
    with closing(Recording(tmp_path / "part.arrows")) as part:
        read = joined([one.insides.sockets for one in part.chunks(0, 1 << 60)])
    assert read["packets_out"].tolist() == list(range(9 if query else 0, 18))


def test_flows_have_extremes_of_what_was_read(tmp_path: Path) -> None:
    """The table of flows has extremes over the readings of each socket, none where there are none.

    Causes of retransmissions are counted where any event of the recording tells one.
    """
    read = chunk().insides.sockets.copy()
    for more, name in enumerate(("in_flight_min", "in_flight_max", "reordering"), 1):
        read[name] = read["packets_out"] + more
    insides = Insides(read, NO_INSIDES.algorithms)
    origin = replace(ORIGIN, inside=1)
    path = written(tmp_path / "it", replace(chunk(), insides=insides), origin=origin)
    bare = written(tmp_path / "bare", replace(chunk(), insides=NO_INSIDES))
    sent = probes(AT + 700 * MS, 1)
    sent["kind"] = EventKind.RETRANSMIT
    at = sent.view(RECOVERY)
    at["known"], at["ca_state"], at["pending"] = 1, CaState.RECOVERY, 1
    with_cause = by_flow(joined([chunk().events, sent]))
    told = written(tmp_path / "told", replace(chunk(), events=with_cause, insides=NO_INSIDES))

    def of(recording: Path, *names: str) -> list[tuple[str, ...]]:
        out = tmp_path / "flows.csv"
        export(recording, out, table="flows", progress=False, force=True)
        rows = csv.DictReader(out.read_text().splitlines())
        return [tuple(row[name] for name in names) for row in rows]

    extremes = ("in_flight_packets_min", "in_flight_packets_max", "reordering_max")
    assert of(path, *extremes) == [("1", "10", "11"), ("10", "19", "20")]
    assert of(bare, *extremes) == [("", "", "")] * 2
    assert of(bare, "retrans_fast", "undone") == [("", "")] * 2
    assert of(told, "retrans_fast", "retrans_rto") == [("1", "0"), ("0", "0")]


def _of_one() -> list[tuple[str, str, str]]:
    return [("1", str(number), "Open") for number in range(9)]


def test_a_moment_of_it() -> None:
    """At a moment of the past, that of the last ACK before it is shown."""
    log = RewindLog(1 << 20, ORIGIN)
    for number in range(12):  # so that some are packed
        log.keep(chunk(AT + number * SECOND))
    moment = Moment(log)
    moment.go(AT + 3 * SECOND + 450 * MS)
    assert moment.flows(["unacked"])["unacked"].tolist() == [4, 13]
    (kept, *_) = log.chunks(0, AT + SECOND // 2)
    same(kept.insides, chunk().insides)


def test_condensed_to_the_last_of_an_interval() -> None:
    """A condensed chunk keeps the last record of each 50 ms of a flow."""
    told = chunk()
    assert len(condensed(told).insides.sockets) == 18
    read = sockets(AT + np.arange(10) * MS + 1, packets_out=np.arange(10))
    dense = replace(told, insides=Insides(read, algorithms([], [])))
    assert condensed(dense).insides.sockets["packets_out"].tolist() == [9]


def test_only_followed_flows_are_recorded() -> None:
    """With a filter, what was read of other flows' sockets is not recorded."""
    followed = Followed(parse("in_flight_packets>10"))
    told = chunk()
    chosen = followed.choose(Batch(told.events, [], AT + SECOND, told.insides))
    assert set(chosen.insides.sockets["sock_cookie"].tolist()) == {2}
    assert set(chosen.events["sock_cookie"].tolist()) == {2}


def test_a_socket_connected_again_has_another_flow() -> None:
    """What is read of a socket's second connection is that flow's, as its events are."""
    connections = Reconnections()
    connections._begin(1, AT, AT)
    insides = connections.of_insides(Insides(sockets([AT - 1, AT + 1]), algorithms(AT + 1)))
    first, second = insides.sockets["sock_cookie"].tolist()
    assert first == 1 != second
    assert insides.algorithms["sock_cookie"].tolist() == [second]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("cwnd>3 and rto>1s", Asked.NOTHING),
        ("in_flight_packets>10", Asked.SOCKET_OF_ALL),
        ("cc:bbr and not tlp_out=0", Asked.SOCKET_OF_ALL),
    ],
)
def test_what_a_query_names_is_asked_for(query: str, asked: Asked) -> None:
    """Sockets are read where a query names a value that only they have, however it is joined."""
    assert KernelFilter.of(parse(query)).inside == asked
    assert (KernelFilter() & KernelFilter.of(parse(query))).inside == asked


def test_parted_from_events() -> None:
    """Records of these kinds are taken out from among events, which stay in order."""
    read = sockets([1, 2])
    ring = joined([ack(5), read.view(ack().dtype), ack(6)])
    events, insides = parted(ring)
    assert events["ts_ns"].tolist() == [5, 6]
    assert insides.sockets["ts_ns"].tolist() == [1, 2]
    assert not len(insides.algorithms)
