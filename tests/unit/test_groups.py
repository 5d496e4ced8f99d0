"""Groups of flows, against groups made one flow at a time."""

from __future__ import annotations

import ipaddress
import math
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.diagnosis.verdicts import WORST_FIRST, Limit
from tcctui.flows.groups.groups import GROUPINGS, IDS_FROM, Groups, grouped
from tcctui.flows.snapshot import Flows
from tcctui.query import parse
from tcctui.wire.addresses import V4_MAPPED

TYPES = {
    "daddr_hi": "u8",
    "daddr_lo": "u8",
    "sport": "u2",
    "comm": "S16",
    "cc": "S16",
    "netns_name": "S48",
    "rate": "f8",
    "srtt_us": "u4",
    "total_retrans": "f8",
    "data_segs_out": "f8",
    "limit": "u1",
}

Row = dict[str, Any]


def halves(text: str) -> tuple[int, int]:
    """An address as two 64-bit numbers, of IPv4 as IPv6 has it."""
    address = ipaddress.ip_address(text)
    if address.version == 4:
        return 0, V4_MAPPED | int(address)
    return int(address) >> 64, int(address) & (1 << 64) - 1


def flow(remote: str = "10.0.0.1", **fields: Any) -> Row:
    """A flow about which nothing else is known."""
    high, low = halves(remote)
    unknown = {"rate": math.nan, "srtt_us": 0, "total_retrans": math.nan, "data_segs_out": math.nan}
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


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Z")), min_size=1))
def test_a_group_is_found_by_its_query_whatever_its_name(name: str) -> None:
    """The query of a name is one value, with all signs of the name and no other."""
    name = name[:16]
    flows = columns([flow(comm=name.encode()), flow(comm=b"other than that")])
    groups = grouped(flows, GROUPINGS["process"])
    found = [groups.query(groups.number[0]), groups.query(groups.number[1])]
    assert found[0] is not None
    assert parse(found[0]).mask(flows)[0]
    assert found[1] == 'proc:"other than that"'
    assert parse(found[0]).mask(flows)[1] == (name.lower() in "other than that")


def test_the_worst_limit_is_that_of_any_flow() -> None:
    """One flow that makes up for losses says more of a group than many that idle."""
    rows = [flow(limit=Limit.APP)] * 5 + [flow(limit=Limit.RECOVERY), flow(limit=Limit.CWND)]
    (told,) = by(rows, "net").values()
    assert (told["limit"], told["limited"]) == (Limit.RECOVERY, 1)
    (told,) = by(rows[:5], "net").values()
    assert (told["limit"], told["limited"]) == (Limit.APP, 5)
    assert set(WORST_FIRST) == set(Limit)
