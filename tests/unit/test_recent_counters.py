"""Growth of counters over the last seconds: what was lost of late, not in a whole life."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tcctui.demo import RECORDING
from tcctui.export.command import export
from tcctui.fields.every_field import every
from tcctui.flows.groups.groups import GROUPINGS, NEEDS, OF_LATE, grouped
from tcctui.flows.intake.recent_counters import STALE_NS, WINDOWS
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.headless.matching import Matching
from tcctui.query import parse
from tcctui.query.completion import complete
from tcctui.ui.table.columns import BY_NAME
from tcctui.wire.events import TcpState
from tests.unit.events import SECOND, state
from tests.unit.samples import destroyed, look, samples
from tests.unit.stores import ELSEWHERE, SOCKET, value

BEGIN = 1000 * SECOND


def sampled(store: Store, at: float, sent: int, again: int, cookie: int = 1) -> None:
    """Let a store take in one sample, seconds after the beginning."""
    when = BEGIN + round(at * SECOND)
    look(store, samples(when, cookie, data_segs_out=sent, total_retrans=again))


def lossy() -> Store:
    """A connection that has sent a million segments, and of late loses a tenth for ten seconds."""
    store = Store()
    for second in range(71):
        again = max(0, second - 60) * 100
        sampled(store, second, 1_000_000 + 1000 * second, again)
    return store


def test_losses_of_late_are_not_hidden_by_a_long_life() -> None:
    """Ten seconds with a tenth retransmitted are 10 % of these, and 0.1 % of the whole life."""
    store = lossy()
    assert value(store, "retrans_percent") < 0.1
    assert value(store, "retrans_percent_1s") == pytest.approx(10)
    assert value(store, "retrans_percent_10s") == pytest.approx(10)
    assert value(store, "retrans_percent_60s") == pytest.approx(100 / 60, rel=0.2)
    assert value(store, "retrans_rate_10s") == pytest.approx(100)
    flows = store.flows(parse("retrans%10s>5 retrans_rate>=99 retrans%>5").fields)
    assert parse("retrans%10s>5 retrans_rate>=99").mask(flows).all()
    assert not parse("retrans%>5").mask(flows).any()


def test_what_is_over_is_over() -> None:
    """Ten seconds after the last loss the share is 0, while that of 60 s still has it."""
    store = lossy()
    for second in range(71, 83):
        sampled(store, second, 1_000_000 + 1000 * second, 1000)
    assert value(store, "retrans_percent_10s") == 0
    assert value(store, "retrans_percent_60s") > 1


def test_rarely_sampled_flows_are_measured_between_samples() -> None:
    """A flow off the screen, sampled each 5 s, has its growth per second over these 5 s."""
    store = Store()
    for second in range(0, 30, 5):
        sampled(store, second, 1000 * second, 10 * second)
    assert value(store, "retrans_rate_1s") == pytest.approx(10)
    assert value(store, "retrans_percent_10s") == pytest.approx(1)


def test_many_samples_of_a_second_are_one_moment() -> None:
    """Ten samples a second give the same as one, to the length of a second."""
    store = Store()
    for tenth in range(300):
        sampled(store, tenth / 10, 100 * tenth, tenth)
    assert value(store, "retrans_rate_10s") == pytest.approx(10)
    assert value(store, "retrans_percent_60s") == pytest.approx(1)


def test_a_young_connection_counts_from_its_opening() -> None:
    """What was retransmitted before the first sample is of late where the opening was seen."""
    store = Store()
    store.ingest(state(BEGIN, SOCKET, TcpState.ESTABLISHED), BEGIN)
    sampled(store, 2, 100, 10)
    assert value(store, "retrans_percent_10s") == pytest.approx(10)
    assert value(store, "retrans_rate_10s") == pytest.approx(5)
    other = samples(BEGIN + 2 * SECOND, 2, remote=ELSEWHERE, data_segs_out=100, total_retrans=10)
    look(store, other)
    assert math.isnan(value(store, "retrans_percent_10s", 2)), "opened before it was known"


def test_nothing_is_known_without_samples() -> None:
    """Nothing sent has no percent; a stale flow has no rate; a closed one keeps its last."""
    store = Store()
    sampled(store, 0, 100, 0)
    sampled(store, 5, 100, 0)
    assert math.isnan(value(store, "retrans_percent_10s"))
    assert value(store, "retrans_rate_10s") == 0
    store.ingest_samples(samples([], []), BEGIN + 5 * SECOND + STALE_NS + 1)
    assert math.isnan(value(store, "retrans_rate_10s"))
    store = lossy()
    store.ingest_samples(
        destroyed(BEGIN + 71 * SECOND, data_segs_out=1_071_000, total_retrans=1100),
        BEGIN + 72 * SECOND,
    )
    assert value(store, "retrans_percent_10s") == pytest.approx(10)
    unknown = samples(BEGIN + SECOND * np.arange(3), info_len=0)
    store = Store()
    look(store, *(unknown[at : at + 1] for at in range(3)))
    assert math.isnan(value(store, "retrans_rate_10s")), "a kernel that tells no counters"


def test_counters_turn_over() -> None:
    """Counters of 32 bits begin anew, and their growth goes on."""
    store = Store()
    for second in range(12):
        again = (0xFFFF_FFFF - 50 + 10 * second) & 0xFFFF_FFFF
        sampled(store, second, 1000 * second, again)
    assert value(store, "retrans_rate_10s") == pytest.approx(10)


def test_a_keyframe_has_them() -> None:
    """A moment of the past knows the seconds before it."""
    store, before = Store(), lossy()
    store.restore(Keyframe.from_bytes(before.keyframe().to_bytes()))
    for name in WINDOWS:
        assert value(store, name) == pytest.approx(value(before, name), nan_ok=True)


def test_a_keyframe_without_them_is_read() -> None:
    """Old recordings have no moments: nothing is known until there are two samples."""
    store, keyframe = Store(), lossy().keyframe()
    kept = {name: part for name, part in keyframe.arrays.items() if not name.startswith("recent.")}
    store.restore(Keyframe(keyframe.now_ns, keyframe.numbers, kept, keyframe.layouts))
    assert math.isnan(value(store, "retrans_rate_10s"))
    for second in (71, 72):
        sampled(store, second, 1_000_000 + 1000 * second, 1000 + 100 * (second - 70))
    assert value(store, "retrans_rate_10s") == pytest.approx(100)


def test_a_group_has_the_percents_of_all_its_flows() -> None:
    """Of two flows, the one that sent nine times as much counts nine times as much."""
    store = Store()
    for second in range(12):
        sampled(store, second, 100 * second, 50 * second)
        other = samples(BEGIN + second * SECOND, 2, data_segs_out=900 * second)
        look(store, other)
    by, names = GROUPINGS["net"], ("retrans_percent_10s", "retrans_rate_10s")
    wanted = {*by.needs, *NEEDS, *OF_LATE[names[0]], *OF_LATE[names[1]]}
    groups = grouped(store.flows(wanted), by)
    assert len(groups) == 1
    assert groups.late[names[0]][0] == pytest.approx(5)
    assert groups.late[names[1]][0] == pytest.approx(50)
    assert not grouped(store.flows({*by.needs, *NEEDS}), by).late, "not unless it is asked for"


def test_the_worst_seconds_are_exported(tmp_path: Path) -> None:
    """The table of flows has each one's worst 10 s; a lossy one's are far above its whole life."""
    export(RECORDING, out := tmp_path / "flows.jsonl", table="flows", progress=False)
    rows = {row["sock_cookie"]: row for row in map(json.loads, out.read_text().splitlines())}
    lossy_one = rows[10]
    assert 100 * lossy_one["total_retrans"] / lossy_one["data_segs_out"] < 3
    assert lossy_one["retrans_percent_10s_max"] > 10
    assert rows[7]["retrans_percent_10s_max"] == rows[7]["retrans_rate_10s_max"] == 0
    for row in rows.values():
        if row["total_retrans"]:
            assert row["retrans_rate_10s_max"] > 0


def test_each_is_a_column_and_a_field() -> None:
    """All of them are columns, are asked for and completed, and need samples."""
    store = lossy()
    assert BY_NAME["retrans_pct_10s"].cells(store.flows(["retrans_percent_10s"])) == ["10 %"]
    assert BY_NAME["retrans_rate_10s"].cells(store.flows(["retrans_rate_10s"])) == ["100"]
    for field in every():
        if field.window is None:
            continue
        assert field.query
        assert field.key in BY_NAME
        assert Matching(parse(f"{field.names[0]}>1"), only_probes=True).wants_samples
    choices = [choice.text for choice in complete("retrans%1", 9, {}).choices]
    assert {"retrans%10s>", "retrans%1s>"} <= {*choices}
