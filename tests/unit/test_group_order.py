"""The lines of a grouped table."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.flows.groups.groups import GROUPINGS, Groups, grouped
from tcctui.ui.table.grouped import Folds, held, is_header, lines, ranked
from tcctui.ui.table.sorting import SortKey
from tests.unit.test_groups import Row, columns, flow


def port_groups(rows: list[Row], by: str = "port") -> Groups:
    """Group flows, by their local ports."""
    return grouped(columns(rows), GROUPINGS[by])


def ordered(groups: Groups, text: str) -> list[str]:
    """Labels of groups, sorted as a table of flows is by `text`."""
    (key,) = SortKey.read([text])
    return [groups.label(group) for group in ranked(groups, key).tolist()]


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.booleans()),
        max_size=20,
    ),
    st.sets(st.integers(1, 5)),
)
def test_each_flow_is_below_the_header_of_its_group(
    flows: list[tuple[int, bool]], folded: set[int]
) -> None:
    """Groups in their order, flows in theirs; none of folded groups, none that is elsewhere."""
    rows = [flow(sport=port) for port, _ in flows]
    groups = port_groups(rows)
    elsewhere = np.array([pinned for _, pinned in flows], bool)
    ports = groups.keys[0].tolist()
    made = lines(
        groups,
        ranked(groups, SortKey("age", False)),
        np.arange(1, len(rows) + 1, dtype="u8"),
        np.array([port in folded for port in ports], bool),
        elsewhere,
    )
    wanted = []
    for port in sorted(set(ports)):
        wanted.append(groups.ids[ports.index(port)])
        wanted += [
            place
            for place, (own, pinned) in enumerate(flows, 1)
            if own == port and not pinned and port not in folded
        ]
    assert made.tolist() == wanted


def test_groups_are_sorted_by_what_sums_them_up() -> None:
    """By rate it is the sum, by srtt the median, by limit the worst, and else the name."""
    rows = [
        flow(sport=1, rate=5.0, srtt_us=900, limit=Limit.APP),
        flow(sport=1, rate=5.0, srtt_us=0, limit=Limit.RECOVERY),
        flow(sport=2, rate=9.0, srtt_us=10, total_retrans=1.0, data_segs_out=10.0),
        flow(sport=30, rate=math.nan, srtt_us=0, limit=Limit.CWND),
    ]
    groups = port_groups(rows)
    one, two, thirty = "port 1", "port 2", "port 30"
    assert ordered(groups, "-rate") == [one, two, thirty]
    assert ordered(groups, "rate") == [two, one, thirty]
    assert ordered(groups, "-srtt") == [one, two, thirty]
    assert ordered(groups, "-retrans_pct")[0] == two
    assert ordered(groups, "limit") == [one, thirty, two]
    assert ordered(groups, "-limit") == [thirty, one, two]
    assert ordered(groups, "-age") == [one, two, thirty]
    assert ordered(groups, "-local") == [thirty, two, one]


def test_flows_without_a_name_come_last() -> None:
    """By name either way round, the group of which no name is known is the last."""
    groups = port_groups([flow(comm=b""), flow(comm=b"a"), flow(comm=b"b")], "process")
    assert ordered(groups, "process") == ["a", "b", "–"]
    assert ordered(groups, "-process") == ["b", "a", "–"]


HEADERS = (1 << 63 | 1, 1 << 63 | 2 << 40, 1 << 63 | 3 << 50)


@st.composite
def tables(draw: st.DrawFn) -> list[int]:
    """Lines of a table: flows above all groups, and groups with flows, in any order."""
    groups = draw(st.permutations(HEADERS))[: draw(st.integers(0, 3))]
    made: list[int] = []
    flows = draw(st.permutations(range(1, 9)))
    for header in (None, *groups):
        made += [] if header is None else [header]
        count = draw(st.integers(0, 3))
        made += flows[:count]
        flows = flows[count:]
    return made


def blocks(table: list[int]) -> dict[int, list[int]]:
    """The flows below each header, those above all under 0, in order."""
    found: dict[int, list[int]] = {0: []}
    at = 0
    for line in table:
        if is_header(line):
            at = line
            found[at] = []
        else:
            found[at].append(line)
    return found


def stays(before: list[int], after: list[int]) -> list[int]:
    """What an order that is held still makes of it: the old in its order, the new behind."""
    kept = [line for line in before if line in after]
    new = [line for line in after if line not in before]
    return [*kept, *new]


@given(tables(), tables())
def test_what_is_held_keeps_its_order(before: list[int], after: list[int]) -> None:
    """No group leaves its place for another, and in none does a flow; what is new comes behind."""
    now = held(np.array(before, "u8"), np.array(after, "u8")).tolist()
    old, new, made = blocks(before), blocks(after), blocks(now)
    assert {header: set(flows) for header, flows in made.items()} == {
        header: set(flows) for header, flows in new.items()
    }
    assert [*made][1:] == stays([*old][1:], [*new][1:])
    for header, flows in made.items():
        assert flows == stays(before, new[header])


def test_a_group_that_comes_back_is_folded_as_it_was() -> None:
    """Folds are kept by group, whether it is there or not; folding all takes in those to come."""
    folds = Folds()
    folds.turn(7)
    assert folds.of(np.array([5], "u8")).tolist() == [False]
    assert folds.of(np.array([5, 7], "u8")).tolist() == [False, True]
    folds.all(folded=True)
    folds.turn(5)
    assert folds.of(np.array([5, 6, 7], "u8")).tolist() == [False, True, True]
    folds.all(folded=False)
    assert not folds.of(np.array([5, 6, 7], "u8")).any()


@pytest.mark.parametrize("cookie", [1, (1 << 64) - 1, (1 << 32) + 5])
def test_cookies_are_no_headers(cookie: int) -> None:
    """Neither those that count up nor those that count down."""
    assert not is_header(cookie)
    assert [key for key, _ in groupby([is_header(one) for one in HEADERS])] == [True]
