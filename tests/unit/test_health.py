"""Health: the signs that a flow suffers, its search, its order, and the worst of a group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.derived import needs
from tcctui.flows.diagnosis.health import ALL, NAMES, NEEDS, UNKNOWN, Sign
from tcctui.flows.diagnosis.health_sentences import suffers
from tcctui.flows.groups.groups import GROUPINGS, grouped
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.query import QueryError, parse
from tcctui.ui.table.columns import BY_NAME, USUAL
from tcctui.ui.table.grouped import Grouped, ranked
from tcctui.ui.table.layout import layout
from tcctui.ui.table.sorting import SortKey
from tcctui.wire.events import CaState, EventKind
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.samples import look, samples
from tests.unit.stores import MEMORY, SOCKET, filled, ingest, value
from tests.unit.test_groups import columns, flow
from tests.unit.test_marks import happens

ONE = np.array([1], "u8")
NAMED = (*NEEDS, "closed_ns")


def sampled(**growth: Any) -> Store:
    """A flow that was sampled each second for 20 s; counters grow by so much in each."""
    store = Store(MEMORY)
    counters = ("total_retrans", "data_segs_out", "reord_seen")
    for second in range(20):
        fields = {
            name: number * second if name in counters else number for name, number in growth.items()
        }
        look(store, samples((10 + second) * SECOND, **fields))
    return store


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "ok"),
        ({"total_retrans": 5, "data_segs_out": 100}, "loss"),
        ({"total_retrans": 1, "data_segs_out": 100}, "ok"),
        ({"rtt": 31_000, "min_rtt": 10_000}, "queue"),
        ({"rtt": 29_000, "min_rtt": 10_000}, "ok"),
        ({"rtt": 1_900, "min_rtt": 100}, "ok"),
        ({"snd_wnd": 0}, "zero"),
        ({"snd_wnd": 0, "state": 2}, "ok"),
        ({"rcv_wnd": 0, "rqueue": 9}, "zero"),
        ({"rcv_wnd": 0}, "ok"),
        ({"reord_seen": 1}, "reorder"),
        ({"ca_state": 4, "snd_wnd": 0, "total_retrans": 9, "data_segs_out": 10}, "rto+zero+loss"),
        ({"info_len": 0}, "ok"),
    ],
)
def test_each_sign_is_told_by_its_values(fields: dict[str, Any], word: str) -> None:
    """Of late and beyond its threshold, each value marks the flow, whatever limits it."""
    assert NAMES[value(sampled(**fields), "health")] == word


def test_health_is_of_late() -> None:
    """A timeout and losses are no signs any more 10 s later; without a sample nothing is known."""
    store = filled(probes(SECOND, skaddr=SOCKET))
    assert value(store, "health") == UNKNOWN
    ingest(store, happens(EventKind.CA_STATE, 5 * SECOND, CaState.LOSS))
    look(store, samples(5 * SECOND, total_retrans=9, data_segs_out=10))
    ingest(store, happens(EventKind.CA_STATE, 6 * SECOND, CaState.OPEN))
    look(store, samples(7 * SECOND, total_retrans=9, data_segs_out=20))
    assert Sign(value(store, "health")) & Sign.RTO
    assert value(store, "timeouts_10s") == 1
    for second in range(8, 19):
        look(store, samples(second * SECOND, total_retrans=9, data_segs_out=10 * second))
    store.ingest(NOTHING, 18 * SECOND)
    assert value(store, "health") == 0


PAST: dict[str, tuple[dict[str, Any], str]] = {
    "zero": ({"snd_wnd": 0}, "zero window 3.0 s ago"),
    "queue": ({"rtt": 31_000, "min_rtt": 10_000}, "queue 3.0 s ago"),
}


@pytest.mark.parametrize("word", PAST)
def test_a_sign_that_is_over_lasts_10_s(word: str) -> None:
    """What a sample shows no more is a sign for another 10 s, and is said to be over."""
    suffers_then, said = PAST[word]
    store = Store(MEMORY)
    look(store, samples(10 * SECOND, min_rtt=10_000))
    look(store, samples(11 * SECOND, **suffers_then))
    (now,) = suffers(store.some_flows(ONE, NAMED))
    assert now.startswith("now: ")
    for second in range(12, 21):
        look(store, samples(second * SECOND, min_rtt=10_000))
        assert NAMES[value(store, "health")] == word
        if second == 14:
            assert suffers(store.some_flows(ONE, NAMED)) == (f"last 10 s: {said}",)
    look(store, samples(21 * SECOND, min_rtt=10_000))
    assert value(store, "health") == 0
    assert suffers(store.some_flows(ONE, NAMED)) == ()


def test_a_window_that_closed_between_samples_is_a_sign() -> None:
    """An event tells of it: the newest value is another one by the next sample."""
    store = Store(MEMORY)
    look(store, samples(10 * SECOND, min_rtt=10_000))
    ingest(store, probes(10 * SECOND + MS * np.arange(1, 4), snd_wnd=[9000, 0, 9000]))
    look(store, samples(11 * SECOND, min_rtt=10_000))
    assert NAMES[value(store, "health")] == "zero"
    assert value(store, "zero_window_ns") == 10 * SECOND + 2 * MS


def test_present_and_past_are_said_apart() -> None:
    """A timeout that is being repaired, and those that were; a queue that there is; losses."""
    store = filled(probes(SECOND, skaddr=SOCKET, snd_wnd=9000))
    look(store, samples(SECOND, total_retrans=0, data_segs_out=0))
    ingest(store, happens(EventKind.CA_STATE, 2 * SECOND, CaState.LOSS))
    store.ingest(NOTHING, 5 * SECOND)
    fields: dict[str, Any] = {"rtt": 50_000, "min_rtt": 10_000, "ca_state": CaState.LOSS}
    look(store, samples(5 * SECOND, total_retrans=5, data_segs_out=100, **fields))
    assert suffers(store.some_flows(ONE, NAMED)) == (
        *("now: repairs a timeout", "srtt 5 × its minimum"),
        *("last 10 s: 1 timeout", "5.0 % retransmitted"),
    )


def test_a_keyframe_knows_signs_that_last() -> None:
    """A moment of the past that begins with one shows timeouts and windows from before it."""
    store = Store(MEMORY)
    look(store, samples(5 * SECOND, snd_wnd=0), samples(5 * SECOND, 2, local=("10.0.0.2", 5)))
    ingest(store, happens(EventKind.CA_STATE, 6 * SECOND, CaState.LOSS))
    ingest(store, happens(EventKind.CA_STATE, 7 * SECOND, CaState.OPEN))
    look(store, samples(8 * SECOND))
    whole = Keyframe.from_bytes(store.keyframe().to_bytes())
    for keyframe in (whole, whole.of_flows(ONE)):
        again = Store(MEMORY)
        again.restore(keyframe)
        assert value(again, "timeouts_10s") == 1
        assert NAMES[value(again, "health")] == NAMES[value(store, "health")] == "rto+zero"
    others = whole.of_flows(np.array([2], "u8"))
    assert not len(others.arrays["marks.cookie"])


@given(st.lists(st.sampled_from([*range(ALL + 1), UNKNOWN]), min_size=1, max_size=40))
def test_health_is_searched_by_sign_and_by_rank(healths: list[int]) -> None:
    """A word finds all that have this sign; a comparison goes by the worst sign."""
    flows = Flows(0, {"cookie": np.arange(len(healths)), "health": np.array(healths, "u1")})

    def found(text: str) -> list[bool]:
        return [bool(one) for one in parse(text).mask(flows)]

    assert found("health:ok") == [one == 0 for one in healths]
    assert found("health:bad") == [one not in (0, UNKNOWN) for one in healths]
    for sign in Sign:
        word = str(sign.name).lower()
        signed = [one != UNKNOWN and bool(one & sign) for one in healths]
        assert found(f"health:{word}") == signed
        assert found(f"health>={word}") == [UNKNOWN > one >= sign for one in healths]
        assert found(f"health<{word}") == [one < sign for one in healths]
    ask = BY_NAME["health"].query
    assert ask is not None
    for row, one in enumerate(healths):
        text = ask(flows, row)
        assert (text is None) == (one == UNKNOWN)
        assert text is None or found(text)[row]


def test_a_sign_that_is_none_is_explained() -> None:
    """The message names those that there are."""
    with pytest.raises(QueryError, match="rto"):
        parse("health:ill")
    with pytest.raises(QueryError, match="rto, zero, loss, queue, reorder, ok"):
        parse("health>bad")


def test_what_is_not_shown_is_not_worked_out() -> None:
    """Neither the usual columns nor groups ask for health, nor read the log of timeouts.

    It has a column where there is room for all of the others.
    """
    every = {placed.column.name for placed in layout(1000)}
    assert every == {*USUAL}
    wide = next(width for width in range(160, 1000) if len(layout(width)) == len(every))
    usual = [placed.column for placed in layout(wide - 1)]
    assert {column.name for column in usual} == every - {"health"}
    asked = frozenset(name for column in usual for name in column.needs)
    assert not {"health", "timeouts_10s", "reorder_rate_10s"} & needs(asked)
    of_process = Grouped()
    of_process.group_by("process")
    assert "health" not in of_process.needs
    of_process.with_health = True
    assert "health" in of_process.needs


_MEMBERS = st.tuples(st.sampled_from([80, 443]), st.sampled_from([*range(ALL + 1), UNKNOWN]))


@given(st.lists(_MEMBERS, min_size=1, max_size=30))
def test_a_group_is_as_healthy_as_its_worst(members: list[tuple[int, int]]) -> None:
    """Its health is its worst flow's, its number that of all with that sign, its order by it."""
    flows = columns([flow(sport=port) for port, _ in members])
    asked = {**flows.columns, "health": np.array([one for _, one in members], "u1")}
    groups = grouped(Flows(0, asked), GROUPINGS["port"])
    assert groups.health is not None
    assert groups.suffering is not None
    for group in range(len(groups)):
        port = int(groups.keys[0][group])
        own = [one if one != UNKNOWN else -1 for where, one in members if where == port]
        assert groups.health[group] == (max(own) if max(own) >= 0 else UNKNOWN)
        rank = max(*own, 0).bit_length()
        assert groups.suffering[group] == sum(max(one, 0).bit_length() == rank for one in own)
    order = ranked(groups, SortKey("health", descending=True))
    sorted_ = [int(groups.health[place]) for place in order]
    known = [one for one in sorted_ if one != UNKNOWN]
    assert known == sorted(known, reverse=True)
    assert sorted_[: len(known)] == known
