"""Algorithms' own state as values with units: cubic's curve, BBR's model, and all others."""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tcctui.config import validation
from tcctui.export.command import export
from tcctui.fields.algorithm_state import STATES
from tcctui.flows.algorithms.bbr import bbr
from tcctui.flows.algorithms.cubic import ahead, cubic
from tcctui.flows.algorithms.members import Known
from tcctui.flows.diagnosis.bbr import BbrPhase
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.query import QueryError, parse
from tcctui.query.completion import complete
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.file import Recording
from tcctui.rewind.moment import Moment
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.ui.app.setting_names import choices
from tcctui.ui.details.facts import NEEDS, facts
from tcctui.ui.table.columns import BY_NAME
from tcctui.wire import private_layout
from tcctui.wire.batch import Batch
from tcctui.wire.inside import NO_INSIDES, Asked, Insides
from tcctui.wire.private_layout import PrivateLayout, PrivateMember
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.private_state import BBR, BBR3, CUBIC, HZ, laid_out, record
from tests.unit.recordings import ORIGIN, written
from tests.unit.samples import samples

C = 0.4
"""RFC 9438, section 5."""


def known(
    layout: PrivateLayout, *values: dict[str, int], jiffies: int = 0, mss: float = 1448
) -> Known:
    """Records of these values."""
    made = joined([record(layout, one, jiffies=jiffies) for one in values])
    return Known(layout, made, np.full(len(values), mss))


def test_cubic_follows_the_rfc() -> None:
    """The curve is that of RFC 9438: C (t - K)³ + W_max, by the kernel's integers."""
    w_max, cwnd = 1000, 700
    k = ((w_max - cwnd) / C) ** (1 / 3)
    state = cubic(
        known(
            CUBIC,
            {
                **{"last_max_cwnd": w_max, "bic_origin_point": w_max, "last_cwnd": cwnd},
                **{"bic_K": round(k * 1024), "epoch_start": 5000, "tcp_cwnd": 690},
                **{"delay_min": 20_000, "last_time": 5250},
            },
            jiffies=5000 + 2 * HZ,
        )
    )
    assert state is not None
    assert (state.w_max[0], state.k[0]) == (w_max, pytest.approx(k, abs=0.001))
    assert state.since[0] == pytest.approx(2.02)  # the minimum RTT later than now
    seconds = np.linspace(0, 12, 25)
    rfc = C * (2.02 + seconds - k) ** 3 + w_max
    assert ahead(state, 0, seconds, math.nan) == pytest.approx(rfc, rel=0.003)
    assert state.target[0] == pytest.approx(rfc[0], rel=0.003)
    assert not state.reno[0]


def test_cubic_in_the_reno_region() -> None:
    """Where W_est is above the curve, the flow is in the reno region, and goes on as reno would."""
    values = {"bic_origin_point": 20, "last_max_cwnd": 20, "bic_K": 3000, "epoch_start": 1}
    state = cubic(known(CUBIC, {**values, "last_cwnd": 16, "tcp_cwnd": 19}, jiffies=1 + HZ))
    assert state is not None
    assert state.reno[0]
    windows = ahead(state, 0, np.array([0.0, 0.1, 1.0]), 0.01)
    assert windows[:2] == pytest.approx([19, 19 + 10 * 3 * 307 / 1741])
    assert (np.diff(windows) > 0).all()


def test_cubic_without_an_epoch() -> None:
    """In slow start and in recovery there is no curve; unknown is not zero."""
    state = cubic(known(CUBIC, {"last_cwnd": 10}, {"last_max_cwnd": 30}))
    assert state is not None
    assert np.isnan(state.since).all()
    assert np.isnan(state.target).all()
    assert np.isnan(ahead(state, 1, np.array([0.0, 1.0]), 0.01)).all()
    assert np.isnan(state.w_max).tolist() == [True, False]
    assert not state.reno.any()


def test_times_in_jiffies_across_the_wrap() -> None:
    """Times are since a moment, or until it, whatever bits of the time a record has."""
    for now in (5, 0x1000005, 0xFFFFFFFF):
        begun = (now - 3 * HZ) & 0xFFFFFFFF
        one = known(CUBIC, {"epoch_start": begun}, {"epoch_start": now + 3}, jiffies=now)
        assert one.value("epoch_start").tolist() == [3e6, -3e6 / HZ]


def test_the_newer_of_bbrs_mode_and_its_gains_counts() -> None:
    """The kernel's mode is the phase until a sample is newer, whose gains it is inferred from."""
    store = Store()

    def shown() -> tuple[int, int]:
        flows = store.flows(["bbr_phase", "bbr_mode"])
        return int(flows["bbr_phase"][0]), int(flows["bbr_mode"][0])

    def sampled(second: int) -> None:
        made = samples(second * SECOND, cc=b"bbr", bbr_pacing_gain=256, bbr_cwnd_gain=512)
        store.take(Batch(NOTHING, [made], second * SECOND))

    def read(second: int, mode: int, layout: PrivateLayout = BBR) -> None:
        key = private_layout.keep(7, layout)
        state = record(layout, {"mode": mode}, ts_ns=second * SECOND, key=key)
        insides = Insides(NO_INSIDES.sockets, state)
        store.take(Batch(probes(second * SECOND), [], second * SECOND, insides))

    sampled(10)
    assert shown() == (BbrPhase.PROBE_BW, 0)
    read(11, mode=3)
    assert shown() == (BbrPhase.PROBE_RTT, BbrPhase.PROBE_RTT)
    sampled(12)
    assert shown() == (BbrPhase.PROBE_BW, 0)
    read(13, mode=0, layout=CUBIC)
    assert shown() == (BbrPhase.PROBE_BW, 0)


def test_bbr_version_1() -> None:
    """Mode, gains and bandwidth are the kernel's; bandwidth is packets per µs times 2^24."""
    bytes_per_second = 12_500_000
    rate = round(bytes_per_second / 1448 / 1e6 * (1 << 24))
    values = {"mode": 2, "pacing_gain": 320, "cwnd_gain": 512, "bw.s[0].v": rate, "rtt_cnt": 9}
    values |= {"min_rtt_us": 20_100, "min_rtt_stamp": 100, "full_bw_reached": 1}
    found = bbr(known(BBR, values, {"mode": 7, "min_rtt_us": 0xFFFFFFFF}, jiffies=100 + 3 * HZ))
    assert found is not None
    assert found.phase.tolist() == [BbrPhase.PROBE_BW, BbrPhase.UNKNOWN]
    assert (found.pacing_gain[0], found.cwnd_gain[0]) == (320, 512)
    assert found.bandwidth[0] == pytest.approx(bytes_per_second, rel=1e-4)
    assert np.isnan(found.bandwidth[1])
    assert found.min_rtt.tolist() == pytest.approx([20_100, math.nan], nan_ok=True)
    assert (found.min_rtt_age[0], found.rounds[0], found.full[0]) == (3e6, 9, 1)


def test_bbr_version_3() -> None:
    """Version 3 has the maximum of two cycles, and bounds that may be unset."""
    one = known(BBR3, {"mode": 0, "bw_hi[0]": 1 << 20, "bw_hi[1]": 3 << 20, "bw_lo": 0xFFFFFFFF})
    found = bbr(one)
    assert found is not None
    assert found.phase.tolist() == [BbrPhase.STARTUP]
    assert found.bandwidth[0] == pytest.approx(3 * 1448e6 / 16)
    assert np.isnan(found.rounds[0])
    assert np.isnan(one.value("bw_lo")[0])


def test_other_structs_are_not_taken_for_these() -> None:
    """Bic's struct has cubic's name, and no curve."""
    bic = known(laid_out("bic", "bictcp", "last_max_cwnd", "delayed_ack"), {})
    for none in (cubic(bic), bbr(bic), cubic(known(BBR, {})), bbr(known(CUBIC, {}))):
        assert none is None


def test_fixed_point_numbers() -> None:
    """Numbers are in their units: jiffies, 128ths, and bytes per jiffy."""
    illinois = known(
        laid_out("illinois", "illinois", "alpha", "beta", "base_rtt"), {"alpha": 1280, "beta": 32}
    )
    assert (illinois.value("alpha")[0], illinois.value("beta")[0]) == (10, 50)
    west = known(
        laid_out("westwood", "westwood", "bw_est", "rtt_min"), {"bw_est": 4000, "rtt_min": 5}
    )
    assert (west.value("bw_est")[0], west.value("rtt_min")[0]) == (1e6, 20_000)
    unheard = known(laid_out("toy", "toy", "calls"), {"calls": 41})
    assert (unheard.value("CALLS")[0], np.isnan(unheard.value("nothing")[0])) == (41, True)


def test_each_state_is_described_once() -> None:
    """A struct's members have one description each, with a sentence."""
    for states in STATES.values():
        names = [state.name for state in states]
        assert len(names) == len(set(names))
        assert all(state.meaning for state in states)


@pytest.fixture(autouse=True)
def no_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test know of another one's layouts."""
    monkeypatch.setattr(private_layout, "_kept", {})


AT = 100 * SECOND
STATES_AT = {"last_max_cwnd": 120, "bic_origin_point": 120, "bic_K": 1536, "epoch_start": 1000}
STATES_AT |= {"last_cwnd": 100, "tcp_cwnd": 90, "delay_min": 20_000}


def told(ts_ns: int = AT) -> Insides:
    """State of three flows: one of cubic, one of BBR, and one of an unheard algorithm."""
    toy = laid_out("toy", "toy", "calls", "acked")
    parts = []
    for cookie, layout, values in (
        (1, CUBIC, STATES_AT),
        (2, BBR, {"mode": 2, "pacing_gain": 320, "bw.s[0].v": 1 << 20, "rtt_cnt": 12}),
        (3, toy, {"calls": 41}),
    ):
        key = private_layout.keep(100 + cookie, layout)
        made = {"cookie": cookie, "ts_ns": ts_ns, "key": key, "jiffies": 1000 + HZ}
        parts.append(record(layout, values, **made))
    return Insides(NO_INSIDES.sockets, joined(parts))


def taken(insides: Insides) -> Store:
    """A store with an ACK of each of four flows, and what was read of them."""
    store = Store()
    acks = joined([probes(AT, cookie, snd_cwnd=100) for cookie in (1, 2, 3, 4)])
    looks = joined([samples(AT - 1, cookie, snd_mss=1448) for cookie in (1, 2, 3, 4)])
    store.take(Batch(NOTHING, [looks], AT - 1))
    store.take(Batch(acks, [], AT, insides))
    return store


@pytest.mark.parametrize(
    ("query", "cookies"),
    [
        ("ca.last_max_cwnd>100", [1]),
        ("ca.LAST_MAX_CWND<100", []),
        ("ca.bic_K>1.4s", [1]),
        ("ca.bic_K>1.6s", []),
        ("ca.epoch_start=1s", [1]),
        ("ca.mode:probe_bw", [2]),
        ("ca.mode:startup,drain", []),
        ("ca.pacing_gain=1.25", [2]),
        ("ca.bw.s[0].v>10Mbit", [2]),
        ("ca.calls:41", [3]),
        ("ca.calls>40 or ca.rtt_cnt>10", [2, 3]),
        ("ca.last_max_cwnd>1.1*cwnd", [1]),
        ("ca.no_such_member>0", []),
        ("not ca.calls=41", [1, 2, 4]),
    ],
)
def test_members_in_the_language(query: str, cookies: list[int]) -> None:
    """A search finds flows by any member of their algorithm's state, in its unit."""
    store = taken(told())
    asked = parse(query)
    flows = store.flows({*asked.fields, "cookie"})
    assert flows["cookie"][asked.mask(flows)].tolist() == cookies
    assert KernelFilter().naming(query).inside == Asked.ALGORITHM_OF_ALL
    assert KernelFilter().naming("ca:recovery and cwnd>3").inside == Asked.NOTHING


def test_unknown_members_and_words() -> None:
    """A word that a member does not have is a mistake; suggestions are members and words."""
    with pytest.raises(QueryError, match="there is startup, drain, probe_bw, probe_rtt"):
        parse("ca.mode:cruise")
    offered = [one.text for one in complete("ca.bic_", 7, {}).choices]
    assert offered == ["ca.bic_k>", "ca.bic_origin_point>"]
    assert [one.text for one in complete("ca.mode:pro", 11, {}).choices] == [
        "probe_bw",
        "probe_rtt",
    ]


def test_members_of_what_was_seen_are_offered_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before those of algorithms that no connection has; an unheard one's are offered, too."""
    monkeypatch.setattr(private_layout, "_kept", {})

    def offered() -> list[str]:
        return [one.text for one in complete("ca.", 3, {}).choices]

    others = offered()
    members = tuple(PrivateMember(name, 0, 32) for name in ("bic_K", "calls"))
    private_layout.keep(7, PrivateLayout("toy", "toy_ca", members, 250))
    assert offered()[:2] == ["ca.bic_k>", "ca.calls>"]
    assert offered()[2:] == [one for one in others if one != "ca.bic_k>"][: len(others) - 2]


def test_columns_of_the_table() -> None:
    """Any member has a column, in its unit, and a dash for flows whose algorithm has none."""
    store = taken(told())
    texts = {}
    for name in ("ca.bic_K", "ca.mode", "ca.bw.s[0].v", "ca.calls", "ca.epoch_start"):
        column = BY_NAME[name]
        texts[name] = column.cells(store.flows({*column.needs, *column.sort, "cookie"}))
    assert texts == {
        "ca.bic_K": ["1500 ms", "–", "–", "–"],
        "ca.mode": ["–", "probe_bw", "–", "–"],
        "ca.bw.s[0].v": ["–", "724 Mb/s", "–", "–"],
        "ca.calls": ["–", "–", "41", "–"],
        "ca.epoch_start": ["1000 ms", "–", "–", "–"],
    }
    assert "ca.calls" not in list(BY_NAME)
    assert "ca." not in BY_NAME
    faults = validation.take("columns", ["local", "ca.bic_K", "ca.calls", "ca"], choices(), {})
    assert [fault.path for fault in faults] == [("columns", 3)]


def details(insides: Insides, cookie: int) -> dict[str, tuple[str, ...]]:
    """Facts about a flow, by their labels."""
    flows = taken(insides).some_flows(np.array([cookie], "u8"), NEEDS)
    return {fact.label: fact.pieces for fact in facts(flows)}


def test_details() -> None:
    """The details say where cubic is on its curve, and BBR's mode; of others, all members."""
    shown = details(told(), 1)
    assert shown["cubic"] == ("W_max 120", "K 1500 ms", "on the curve since 1020 ms")
    assert shown["curve"] == ("curve at 120", "W_max in 480 ms")
    shown = details(told(), 2)
    assert shown["bbr"] == ("probe_bw", "gain 1.25 × 0.00", "pipe not full yet")
    assert shown["bbr model"][0] == "bw 724 Mb/s"
    assert shown["bbr model"][2] == "round 12"
    assert details(told(), 3)["toy"] == ("calls 41", "acked 0")
    assert not {"cubic", "bbr", "toy"} & details(told(), 4).keys()
    assert not {"cubic", "curve"} & details(NO_INSIDES, 1).keys()


def test_details_without_types() -> None:
    """Of an algorithm whose struct nobody knows, the bytes are shown as they are."""
    nobody = PrivateLayout("", "", (), HZ)
    made = record(
        CUBIC, {"cnt": 0xABC, "last_cwnd": 1}, ts_ns=AT, key=private_layout.keep(9, nobody)
    )
    shown = details(Insides(NO_INSIDES.sockets, made), 1)
    assert shown["algorithm"][1:] == ("0000000000000abc", "0000000000000001")


def test_a_moment_elsewhere_has_the_layouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment that starts from a recording's keyframe reads states by that recording's layouts.

    Of some of its flows, too, and though the keys stand for something else where it is read.
    """
    names = ("ca.last_max_cwnd", "ca.bic_K", "ca.calls", "ca.mode")
    store = taken(told())
    before = store.flows(names)
    first = Chunk(AT, AT + 1, joined([probes(AT, 1)]), NO_SAMPLES, insides=NO_INSIDES)
    first = replace(first, keyframe=store.keyframe().to_bytes())
    later = Chunk(AT + 1, AT + SECOND, joined([probes(AT + MS, 1)]), NO_SAMPLES)
    path = written(tmp_path / "with", first, later, origin=replace(ORIGIN, inside=1))
    monkeypatch.setattr(private_layout, "_kept", {101: laid_out("cubic", "bictcp", "bic_K")})
    with closing(Recording(path)) as recording:
        moment = Moment(recording)
        moment.go(AT + 2 * MS)
        for name in names:
            np.testing.assert_array_equal(before[name], moment.flows([name])[name])
    part = Keyframe.from_bytes(first.keyframe).of_flows(np.array([1], "u8"))
    some = Store()
    some.restore(Keyframe.from_bytes(part.to_bytes()))
    assert some.flows(["ca.bic_K"])["ca.bic_K"].tolist() == [1_500_000]


def test_exported(tmp_path: Path) -> None:
    """A table has a row for each reading, and a column for each member of every algorithm there."""
    events = joined([probes(AT, cookie, snd_cwnd=100) for cookie in (1, 2, 3)])
    sampled = samples(AT, [1, 2, 3], snd_mss=1000)
    chunk = Chunk(AT, AT + SECOND, events, by_flow(sampled), insides=told())
    path = written(tmp_path / "it", chunk, origin=replace(ORIGIN, inside=1))
    for ending in ("jsonl", "csv", "parquet"):
        export(path, tmp_path / f"all.{ending}", table="algorithms", progress=False)
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    cubic, bbr, toy = sorted(rows, key=lambda row: row["sock_cookie"])
    assert (cubic["cc"], cubic["struct"], cubic["ca.last_max_cwnd"]) == ("cubic", "bictcp", 120)
    assert (cubic["ca.bic_K_us"], cubic["ca.epoch_start_us"]) == (1_500_000, 1_000_000)
    assert cubic["ca.mode"] is cubic["ca.calls"] is bbr["ca.bic_K_us"] is None
    assert (bbr["ca.mode"], bbr["ca.pacing_gain"], bbr["ca.rtt_cnt"]) == ("probe_bw", 320, 12)
    assert bbr["ca.bw.s[0].v"] == pytest.approx(1000 / 1448 * 724e6 / 8, rel=0.001)
    assert toy["ca.calls"] == 41
    assert (tmp_path / "all.csv").read_text().splitlines()[0].split(",") == list(cubic)


def test_recordings_have_the_layouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is decoded where it was not made: beside another kernel's, each by its own."""
    names = ("ca.last_max_cwnd", "ca.bic_K", "ca.calls", "ca.mode")
    before = taken(told()).flows(names)
    events = joined([probes(AT, cookie, snd_cwnd=100) for cookie in (1, 2, 3)])
    chunk = Chunk(AT, AT + SECOND, events, NO_SAMPLES, insides=told())
    path = written(tmp_path / "with", chunk, origin=replace(ORIGIN, inside=1))
    elsewhere = laid_out("cubic", "bictcp", "last_max_cwnd", "bic_K")
    monkeypatch.setattr(private_layout, "_kept", {101: elsewhere})
    (back,) = Recording(path).chunks(0, 1 << 60)
    assert private_layout.kept(101) == elsewhere
    replayed = Store()
    replayed.take(Batch(back.events, [], AT, back.insides))
    for name in names:
        np.testing.assert_array_equal(before[name][:3], replayed.flows([name])[name])
    # And once more, of what was read back.
    again = written(tmp_path / "again", back, origin=replace(ORIGIN, inside=1))
    monkeypatch.setattr(private_layout, "_kept", {})
    (back,) = Recording(again).chunks(0, 1 << 60)
    layouts = [private_layout.kept(key) for key in back.insides.algorithms["key"].tolist()]
    assert layouts[:2] == [CUBIC, BBR]
