"""Groups of flows, their lines in a table, and the histogram of srtt."""

from __future__ import annotations

import ipaddress
import math
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcctui.flows.diagnosis.verdicts import WORST_FIRST, Limit
from tcctui.flows.groups.groups import GROUPINGS, IDS_FROM, Groups, grouped
from tcctui.flows.groups.histogram import LEAST_BINS, SHARES, histogram
from tcctui.flows.snapshot import Flows
from tcctui.query import parse
from tcctui.ui.table.grouped import Folds, held, is_header, lines, ranked
from tcctui.ui.table.sorting import SortKey
from tests.unit.events import halves

TYPES = {
    **{"daddr_hi": "u8", "daddr_lo": "u8", "sport": "u2", "limit": "u1", "srtt_us": "u4"},
    **{"comm": "S16", "cc": "S16", "netns_name": "S48"},
    **dict.fromkeys(("rate", "total_retrans", "data_segs_out", "mptcp_token", "netns"), "f8"),
}

Row = dict[str, Any]


def flow(remote: str = "10.0.0.1", **fields: Any) -> Row:
    """A flow about which nothing else is known."""
    high, low = halves(remote)
    unknown = {"rate": math.nan, "srtt_us": 0, "total_retrans": math.nan, "data_segs_out": math.nan}
    unknown |= {"mptcp_token": math.nan, "netns": math.nan}
    names = {"comm": b"", "cc": b"", "netns_name": b"", "sport": 443, "limit": 0}
    return {"daddr_hi": high, "daddr_lo": low, **names, **unknown, **fields}


def columns(rows: list[Row]) -> Flows:
    """Flows as columns."""
    made: dict[str, Any] = {
        name: np.array([row[name] for row in rows], kind) for name, kind in TYPES.items()
    }
    return Flows(0, {"cookie": np.arange(1, len(rows) + 1, dtype="u8"), **made})


def by(rows: list[Row], name: str) -> dict[str, dict[str, Any]]:
    """What `grouped` says, by the labels of the groups."""
    groups = grouped(columns(rows), GROUPINGS[name])
    return {groups.label(group): _told(groups, group) for group in range(len(groups))}


def _told(groups: Groups, group: int) -> dict[str, Any]:
    names = ("count", "rate", "p50", "p95", "retrans_percent", "limit", "limited")
    told = {name: getattr(groups, name)[group].item() for name in names}
    return {**told, "members": np.flatnonzero(groups.number == group).tolist()}


def plain(rows: list[Row], name: str) -> dict[str, dict[str, Any]]:
    """The same, one flow at a time, by ipaddress and statistics that anybody can follow."""
    members: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        members[_plain_label(row, name)].append(place)
    return {label: _summed_up(rows, places) for label, places in members.items()}


def _plain_label(row: Row, name: str) -> str:
    if name == "port":
        return f"port {row['sport']}"
    if name == "mptcp":
        token = row["mptcp_token"]
        return "plain TCP" if math.isnan(token) else f"MPTCP {int(token):#x}"
    if name in ("remote", "net"):
        address: Any = ipaddress.IPv6Address(row["daddr_hi"] << 64 | row["daddr_lo"])
        address = address.ipv4_mapped or address
        if name == "remote":
            return str(address)
        return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), False))
    text: bytes = row[{"process": "comm", "cc": "cc", "netns": "netns_name"}[name]]
    return text.decode() or "–"


def quantile(values: list[int], share: str) -> float:
    """The least of the values that this share of them is not above, in exact numbers."""
    enough = Fraction(share) * len(values)
    return min(value for value in values if sum(one <= value for one in values) >= enough)


def _summed_up(rows: list[Row], places: list[int]) -> dict[str, Any]:
    own = [rows[place] for place in places]
    rates = [row["rate"] for row in own if not math.isnan(row["rate"])]
    srtts = [row["srtt_us"] for row in own if row["srtt_us"]]
    told = [
        row
        for row in own
        if not math.isnan(row["total_retrans"]) and not math.isnan(row["data_segs_out"])
    ]
    sent = sum(row["data_segs_out"] for row in told)
    again = sum(row["total_retrans"] for row in told)
    limits = [row["limit"] for row in own]
    worst = next(limit for limit in WORST_FIRST if limit in limits)
    return {
        "count": len(own),
        "rate": sum(rates) if rates else math.nan,
        "p50": quantile(srtts, "0.5") if srtts else math.nan,
        "p95": quantile(srtts, "0.95") if srtts else math.nan,
        "retrans_percent": min(100, 100 * again / sent) if sent else math.nan,
        "limit": int(worst),
        "limited": limits.count(worst),
        "members": places,
    }


HOSTS = (
    *("10.0.0.1", "10.0.0.2", "10.0.1.1", "192.0.2.255", "0.0.0.0", "255.255.255.255"),
    *("2001:db8::7", "2001:db8:0:1::7", "2001:db8:1::7", "::", "::1", "fe80::1:2"),
)
COUNTED = st.one_of(st.just(math.nan), st.integers(0, 1000).map(float))
NAMES = st.sampled_from([b"", b"nginx", b"nginx: worker", b"a", b"sixteen-letters-"])
FLOWS = st.builds(
    flow,
    st.sampled_from(HOSTS),
    sport=st.sampled_from([1, 80, 443, 65535]),
    comm=NAMES,
    cc=st.sampled_from([b"", b"bbr", b"cubic"]),
    netns_name=st.sampled_from([b"", b"host", b"4026531840", b"blue-of-more-than-sixteen"]),
    rate=COUNTED,
    srtt_us=st.integers(0, 5),
    total_retrans=COUNTED,
    data_segs_out=COUNTED,
    limit=st.sampled_from(list(Limit)),
    mptcp_token=st.sampled_from([math.nan, 1.0, float(0xFFFFFFFF)]),
)


@pytest.mark.parametrize("name", GROUPINGS)
@given(rows=st.lists(FLOWS, max_size=30))
def test_groups_are_what_one_gets_by_hand(name: str, rows: list[Row]) -> None:
    """Every number of every group, and who is in it, is that of a plain loop over the flows."""
    made, wanted = by(rows, name), plain(rows, name)
    assert made.keys() == wanted.keys()
    for label, told in wanted.items():
        assert made[label] == pytest.approx(told, nan_ok=True), label


@pytest.mark.parametrize("name", GROUPINGS)
@given(rows=st.lists(FLOWS, min_size=1, max_size=20), data=st.data())
def test_a_group_has_one_id_for_good(name: str, rows: list[Row], data: st.DataObject) -> None:
    """Ids go by what the flows have in common, whoever else is there, and are no cookies."""
    few = data.draw(st.lists(st.sampled_from(rows), min_size=1))

    def ids(of: list[Row]) -> dict[str, int]:
        groups = grouped(columns(of), GROUPINGS[name])
        return {groups.label(group): groups.ids[group].item() for group in range(len(groups))}

    before, after = ids(rows), ids(few)
    assert after.items() <= before.items()
    assert len(set(before.values())) == len(before)
    assert all(int(IDS_FROM) <= one < 0xC << 60 for one in before.values())


def test_a_group_says_what_lets_its_flows_through() -> None:
    """The query of a group is in the words of the language, quoted where a name needs it."""
    rows = [flow("10.0.0.9", comm=b"nginx", cc=b"bbr"), flow("2001:db8:7::1", comm=b'Web "x')]

    def queries(name: str) -> set[str | None]:
        groups = grouped(columns(rows), GROUPINGS[name])
        return {groups.query(group) for group in range(len(groups))}

    assert queries("process") == {"proc:nginx", 'proc:"Web ""x"'}
    assert queries("cc") == {"cc:bbr", None}
    assert queries("remote") == {"dst:10.0.0.9", "dst:2001:db8:7::1"}
    assert queries("net") == {"dst:10.0.0.0/24", "dst:2001:db8:7::/48"}
    assert queries("port") == {"sport:443"}


_SIGNS = st.characters(codec="ascii", categories=("L", "N", "P", "S", "Z"))


@given(st.text(_SIGNS | st.characters(categories=("L", "N", "P", "S")), min_size=1))
@example("Ä")
def test_a_group_is_found_by_its_query_whatever_its_name(name: str) -> None:
    """The query of a name is one value, with all signs of the name and no other."""
    comm = name.encode()[:16].decode(errors="ignore").encode()
    flows = columns([flow(comm=comm), flow(comm=b"other than that")])
    groups = grouped(flows, GROUPINGS["process"])
    found = [groups.query(groups.number[0]), groups.query(groups.number[1])]
    assert found[0] is not None
    assert parse(found[0]).mask(flows)[0]
    assert found[1] == 'proc:"other than that"'
    assert parse(found[0]).mask(flows)[1] == (comm.lower() in b"other than that")


def test_the_worst_limit_is_that_of_any_flow() -> None:
    """One flow that makes up for losses says more of a group than many that idle."""
    rows = [flow(limit=Limit.APP)] * 5 + [flow(limit=Limit.RECOVERY), flow(limit=Limit.CWND)]
    (told,) = by(rows, "net").values()
    assert (told["limit"], told["limited"]) == (Limit.RECOVERY, 1)
    (told,) = by(rows[:5], "net").values()
    assert (told["limit"], told["limited"]) == (Limit.APP, 5)
    assert set(WORST_FIRST) == set(Limit)


# The histogram of srtt


SRTTS = st.lists(st.one_of(st.integers(0, 50), st.integers(0, (1 << 32) - 1)), max_size=40)


@given(srtts=SRTTS, bins=st.integers(LEAST_BINS, 60))
def test_every_flow_is_in_the_bin_that_its_edges_say(srtts: list[int], bins: int) -> None:
    """The bins together have all flows with an srtt, each those between its edges, and fit."""
    made = histogram(np.array(srtts, "u4"), bins)
    there = [srtt for srtt in srtts if srtt]
    assert (made.known, made.unknown) == (len(there), len(srtts) - len(there))
    assert len(made.counts) <= bins
    wanted = [
        sum(low <= srtt < high for srtt in there)
        for low, high in zip(made.edges[:-1], made.edges[1:], strict=True)
    ]
    assert made.counts.tolist() == wanted
    if there:
        assert made.counts[0]
        assert made.counts[-1]
        assert (made.low, made.high) == (min(there), max(there))
        assert list(made.at) == [quantile(there, str(share)) for share in SHARES]
        assert made.counts[made.bin_of(there[0])]


def test_bins_are_equally_wide_on_a_logarithmic_scale() -> None:
    """From 1 ms to 1 s there are as many bins for a decade as fit, at round numbers."""
    srtts = np.array([1_000, 30_000, 999_000], "u4")
    assert histogram(srtts, 10).edges.tolist() == pytest.approx(
        [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6]
    )
    fine = histogram(srtts, 60).edges
    assert len(fine) == 61
    widths = fine[1:] / fine[:-1]
    assert widths.max() < 1.16
    assert widths.min() > 1.09
    close = histogram(np.array([20_000, 20_600, 21_900], "u4"), 14)
    assert np.count_nonzero(close.counts) == 3, "narrower where all flows are within a tenth"
    nothing = histogram(np.zeros(3, "u4"), 14)
    assert (len(nothing.counts), nothing.known, nothing.unknown) == (0, 0, 3)
    assert math.isnan(nothing.low)
    assert nothing.bin_of(5) == -1


# Lines of a grouped table


def port_groups(rows: list[Row], by: str = "port") -> Groups:
    """Group flows, by their local ports."""
    return grouped(columns(rows), GROUPINGS[by])


def ordered(groups: Groups, text: str) -> list[str]:
    """Labels of groups, sorted as a table of flows is by `text`."""
    (key,) = SortKey.read([text])
    return [groups.label(group) for group in ranked(groups, key).tolist()]


@given(
    st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=20), st.sets(st.integers(1, 5))
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
    groups = port_groups([flow(comm=b""), flow(comm=b"a"), flow(comm=b"b")], "process")
    assert ordered(groups, "process") == ["a", "b", "–"], "what has no name is the last"
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
    assert all(map(is_header, HEADERS))
    assert not any(map(is_header, (1, (1 << 64) - 1, (1 << 32) + 5))), "cookies are none"
