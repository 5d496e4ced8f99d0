"""The table's columns: which fit a screen, what a cell becomes, and the order of the rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tcctui.fields.connection import LONGEST_ENDPOINT
from tcctui.flows.columns import DERIVED, FIELDS, INSIDE, SAMPLED, missing
from tcctui.flows.diagnosis.health import Sign
from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.flows.snapshot import Flows
from tcctui.ui.style.legible import legible
from tcctui.ui.table import cells
from tcctui.ui.table.columns import (
    BY_NAME,
    COLUMNS,
    GROUPS,
    SPARKLINES,
    USUAL,
    TableColumn,
)
from tcctui.ui.table.layout import GAP, fit, fit_ends, layout, narrowest
from tcctui.ui.table.sorting import order
from tcctui.wire.events import TcpState
from tcctui.wire.samples import SAMPLE, TEXT_FIELDS
from tests.unit.events import halves

EVERY = (*COLUMNS, *SPARKLINES)
ALL = tuple(BY_NAME.values())
SORTABLE = [column for column in ALL if column.sort]


def test_columns_are_told_apart() -> None:
    """No two columns have a name, title or meaning in common, and no two usual ones a rank.

    A person finds each in just one group.
    """
    assert len({column.title for column in ALL}) == len(ALL)
    assert len({column.meaning for column in ALL}) == len(ALL)
    assert all(name == column.name for name, column in BY_NAME.items())
    assert len({column.rank for column in EVERY}) == len(EVERY)
    assert {column.name for column in EVERY} == {*USUAL}
    assert sorted(name for _, names in GROUPS for name in names) == sorted(BY_NAME)


@pytest.mark.parametrize("column", ALL, ids=lambda column: column.name)
def test_a_column_is_described(column: TableColumn) -> None:
    """It has a meaning, says where it is from, and shows or sorts by what the store can give.

    Its title has room beside the arrow of the column that is sorted by.
    """
    assert column.meaning
    assert column.source
    assert len(column.title) + bool(column.sort) <= min(column.width, 9 + bool(column.sort))
    assert re.fullmatch(r"[^a-z]+(/s)?( \d+[sm])?", column.title)
    assert 0 < column.least <= column.width <= column.greatest
    assert {*column.needs, *column.sort} <= {*FIELDS, *DERIVED, *SAMPLED, *INSIDE}


@given(width=st.integers(80, 1000))
@example(width=80)
@example(width=1000)
def test_a_layout_fits_its_screen(width: int) -> None:
    """The columns lie side by side with gaps, none narrower than it needs, all within the width."""
    placed = layout(width)
    assert placed
    start = 0
    for place in placed:
        assert place.start == start
        assert place.width >= (place.column.tight or place.column.width)
        assert place.width <= max(place.column.width, place.column.most)
        start += place.width + GAP
    assert start - GAP <= width
    names = [place.column.name for place in placed]
    assert names == [column.name for column in EVERY if column.name in names]


@given(width=st.integers(80, 400))
def test_a_layout_uses_its_screen(width: int) -> None:
    """The columns that are left out are the least important ones, and have no room."""
    placed = layout(width)
    shown = {place.column.rank for place in placed}
    assert shown == set(range(len(shown)))
    if len(placed) < len(EVERY):
        rest = width - sum(place.column.width + GAP for place in placed)
        missing = min((c for c in EVERY if c.rank not in shown), key=lambda c: c.rank)
        assert missing.width > rest
    growing = [place for place in placed if place.width < place.column.most]
    if growing:
        assert width == placed[-1].start + placed[-1].width
    for place in growing:
        for other in placed:
            if other.width > other.column.width:  # it has got some, so that it lacked more
                part = (other.width - 1) / other.column.most
                assert place.width / place.column.most >= part


@given(
    width=st.integers(79, 300),
    names=st.lists(st.sampled_from([*BY_NAME, "nobody's"]), min_size=1, max_size=12),
    widths=st.dictionaries(st.sampled_from([*BY_NAME]), st.integers(-5, 100), max_size=4),
)
def test_chosen_columns_stand_in_their_order(
    width: int, names: list[str], widths: dict[str, int]
) -> None:
    """As many as fit are there from the left, each once, as wide as set within what it can be."""
    placed = layout(width, names, widths)
    known = [name for name in dict.fromkeys(names) if name in BY_NAME]
    if not known:
        assert placed == layout(width, (), widths)
        return
    shown = [place.column.name for place in placed]
    assert shown == known[: len(shown)]
    assert shown
    start = 0
    for place in placed:
        assert place.start == start
        column = place.column
        if column.name in widths:
            assert place.width == max(column.least, min(widths[column.name], column.greatest))
        else:
            assert place.width >= (column.tight or column.width)
        start += place.width + GAP
    assert start - GAP <= width
    if len(shown) < len(known):
        assert start + narrowest(BY_NAME[known[len(shown)]], widths) > width - sum(
            place.width - narrowest(place.column, widths) for place in placed
        )


def test_what_was_sized_stays_so() -> None:
    """Room that is left goes to columns that nobody made as wide as they are."""
    placed = {place.column.name: place.width for place in layout(120, ["local", "remote", "cc"])}
    assert sum(placed.values()) == 2 * LONGEST_ENDPOINT + 8
    sized = layout(120, ["local", "remote", "cc"], {"local": 20})
    assert [place.width for place in sized] == [20, LONGEST_ENDPOINT, 8]
    usual = {place.column.name: place.width for place in layout(120, (), {"cc": 8})}
    assert usual["cc"] == 8
    narrow = layout(80, ["srtt", "process"], {"srtt": 1, "process": 1})
    assert [place.width for place in narrow] == [8, 8], "a name can be cut, a number can't"


def test_a_wider_screen_never_shows_less() -> None:
    """A column that is there on a narrow screen is there on every wider one."""
    before: set[str] = set()
    for width in range(80, 400):
        names = {place.column.name for place in layout(width)}
        assert before <= names
        before = names
    assert before == {column.name for column in EVERY}


def test_the_smallest_screen_has_what_matters() -> None:
    """In 80 columns there is who talks to whom, and how its congestion control does."""
    names = [place.column.name for place in layout(80)]
    assert names == [place.column.name for place in layout(78)]  # beside mark and scroll bar
    assert names == ["local", "remote", "process", "cwnd", "srtt", "rate", "limit"]


@pytest.mark.parametrize("width", range(58, 80))
def test_no_blanks_before_the_process(width: int) -> None:
    """On a small screen, what no address needs goes to the process where that has room."""
    placed = {place.column.name: place.width for place in layout(width)}
    assert {"remote", "cwnd", "srtt", "rate", "limit"} <= {*placed}
    if "process" not in placed:
        process = BY_NAME["process"].tight
        assert sum(placed.values()) + GAP * len(placed) - placed["remote"] + 19 + process > width


def test_the_longest_endpoint() -> None:
    """Where there is room, the longest possible endpoint is whole."""
    longest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
    assert len(longest) == LONGEST_ENDPOINT
    widest = {place.column.name: place.width for place in layout(1000)}
    assert widest["local"] == widest["remote"] == LONGEST_ENDPOINT


@given(text=st.text(max_size=60), width=st.integers(2, 50), left=st.booleans())
@example(text="日本語", width=4, left=True)
@example(text="a日本語", width=3, left=False)
@example(text="00000 ", width=5, left=False)
def test_fit_is_as_wide_as_its_column(text: str, width: int, left: bool) -> None:
    """A cell becomes exactly as wide as its column, and is only cut where it has to be."""
    text = legible(text.encode("utf-8", "replace"))
    fitted = fit(text, width, left)
    assert cell_len(fitted) == width
    if cell_len(text) <= width:
        assert fitted.startswith(text) if left else fitted.endswith(text)
        assert fitted.strip() == text.strip()
    else:
        head, _, tail = fitted.partition("…")
        assert text.startswith(head.rstrip()) or "…" in text
        assert text.rstrip().endswith(tail.rstrip()) or "…" in text


@given(name=st.binary(max_size=40))
@example(name="e\u0301\u200d\u202e\ufe0f".encode())
@example(name=b"\x1b[31m[red]\x00\x9b")
def test_a_name_is_legible_whatever_its_bytes_are(name: bytes) -> None:
    """A process' name is shown without control characters, and each character has its own cells."""
    shown = legible(name)
    assert shown.isprintable()
    assert all(cell_len(character) > 0 for character in shown)
    assert legible("wörker".encode()) == "wörker"


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("10.0.0.1:443", 21, "10.0.0.1:443         "),
        ("203.0.113.129:51514", 19, "203.0.113.129:51514"),
        ("203.0.113.129:51514", 15, "203.0.1…9:51514"),
        ("[2001:db8:0:1:2:3:4:5]:65535", 21, "[…:0:1:2:3:4:5]:65535"),
        ("[2001:db8:aaaa:bbbb:cccc:dddd:1a2b:3c4d]:443", 21, "[…:1a2b:3c4d]:443    "),
        ("[2001:db8:aaaa:bbbb:cccc:dddd:1a2b:3c4d]:443", 12, "[…:3c4d]:443"),
        ("[2001:db8:aaaa:bbbb:cccc:dddd:1a2b:3c4d]:443", 9, "[200…:443"),
        ("[fe80::1a2b:3c4d]:65535", 21, "[…::1a2b:3c4d]:65535 "),
        ("2001:db8:aaaa::1a2b:3c4d", 14, "…::1a2b:3c4d  "),
        ("2001:db8:aaaa:bbbb::/64", 14, "…:bbbb::/64   "),
        ("a-long-name: of:a:process", 12, "a-long…ocess"),
    ],
)
def test_an_endpoint_that_is_cut_keeps_its_port(text: str, width: int, fitted: str) -> None:
    """The middle of an address is what is least missed; of IPv6, the prefix that many share."""
    assert fit(text, width, left=True) == fitted


@given(
    local=st.sampled_from(["10.0.0.1:443", "[2001:db8:aaaa:bbbb:cccc:dddd:1a2b:3c4d]:443"]),
    remote=st.sampled_from(["203.0.113.129:51514", "[2001:db8:a:b:c:d:5e6f:7081]:51514"]),
    width=st.integers(30, 120),
)
def test_both_ends_share_a_line(local: str, remote: str, width: int) -> None:
    """Neither is cut while there is room, and a short one leaves to a long one what it can."""
    shown = fit_ends(local, remote, width)
    assert len(shown) <= width
    one, other = shown.split(" → ")
    assert (one, other) == (local, remote) or len(local) + len(remote) + 3 > width
    assert one.endswith(":443")
    assert other.endswith(":51514")
    if len(local) <= (width - 3) // 2:
        assert one == local


def flows_of(seed: int, count: int) -> Flows:
    """Flows with few different values, so that many are equal, in the order of their cookies."""
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for name, kind in FIELDS.items():
        most = 2**40 if kind.kind == "f" else 2 ** (8 * kind.itemsize - (kind.kind == "i")) - 1
        columns[name] = random.choice(np.array([0, 1, 2, most - 1, most], kind), count)
    columns["cookie"] = np.arange(1, count + 1, dtype="u8")
    columns["cookie"][-3:] += np.uint64(2**64 - 64)
    columns["age_ns"] = random.choice([0, 1, 2**40], count)
    columns["limit"] = random.choice(np.array([*Limit], "u1"), count)
    for name in {name for column in SORTABLE for name in column.sort} - {*columns}:
        if name in TEXT_FIELDS:
            words = np.array(["", "a", "ab", "b", "日本", "bbr", "cubic", "z" * 40])
            texts = np.array([word.encode() for word in words], SAMPLE[name])
            columns[name] = random.choice(texts, count)
        else:
            columns[name] = random.choice([0, 0.5, 1, 2.0**60, np.nan], count)
    return Flows(0, columns)


@pytest.mark.parametrize("column", SORTABLE, ids=lambda column: column.name)
@pytest.mark.parametrize("descending", [False, True])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), count=st.sampled_from([60, 60, 3, 0]))
def test_order(column: TableColumn, descending: bool, seed: int, count: int) -> None:
    """Rows are in the column's order, missing values last, and equals by cookie: both ways."""
    flows = flows_of(seed, count)
    values = [flows[name] for name in column.sort]
    unknown = missing(column.sort[0], values[0])
    known = np.flatnonzero(~unknown).tolist()
    keys = {row: tuple(value[row].item() for value in values) for row in known}
    expected = sorted(known, key=lambda row: int(flows["cookie"][row]))
    expected.sort(key=keys.__getitem__, reverse=descending)  # equals keep their order
    expected += np.flatnonzero(unknown).tolist()
    assert order(values, descending, unknown).tolist() == expected


def test_cells() -> None:
    """Each column shows what its name says, in the units of its heading."""
    saddr, daddr = halves("10.0.3.7"), halves("2001:db8::7")
    values = {
        **{"cookie": 1, "saddr_hi": saddr[0], "saddr_lo": saddr[1], "sport": 443},
        **{"daddr_hi": daddr[0], "daddr_lo": daddr[1], "dport": 40980, "netns_name": b"blue"},
        **{"state": TcpState.CLOSE_WAIT, "snd_cwnd": 84, "ssthresh": 0x7FFFFFFF},
        **{"srtt_us": 38_100, "in_flight": 121_632, "rate": 11_512_500, "rcv_wnd": 65_536},
        **{"snd_wnd": 3 << 20, "age_ns": 185 * 10**9, "opened_ns": 5, "pid": 4021.0},
        **{"comm": "wörker".encode(), "cc": b"cubic", "min_rtt": 31_000.0, "limit": Limit.RWND},
        **{"delivery_rate": 2_250_000.0, "total_retrans": 41_234.0, "retrans_percent": 1.234},
        "cgroup": b"docker 3f2a9c1b7d4e",
        "health": Sign.ZERO | Sign.LOSS,
    }
    flows = Flows(0, {name: np.array([value], FIELDS.get(name)) for name, value in values.items()})
    assert {column.name: column.cells(flows) for column in COLUMNS} == {
        name: [text]
        for name, text in {
            **{"local": "10.0.3.7:443", "remote": "[2001:db8::7]:40980", "state": "CLOSE-WAIT"},
            **{"cwnd": "84", "ssthresh": "∞", "srtt": "38.1 ms", "in_flight": "119 Ki"},
            **{"rate": "92.1 Mb/s", "rcv_wnd": "64.0 Ki", "snd_wnd": "3.00 Mi", "age": "3m05s"},
            **{"process": "wörker", "pid": "4021", "netns": "blue", "cc": "cubic"},
            **{"min_rtt": "31.0 ms", "delivery_rate": "18.0 Mb/s", "retrans": "41.2k"},
            **{"retrans_pct": "1.2 %", "limit": "rwnd", "cgroup": "docker 3f2a9c1b7d4e"},
            **{"health": "zero+loss"},
        }.items()
    }


@pytest.mark.parametrize(
    ("column", "unknown"),
    [
        *(("cwnd", 0), ("srtt", 0), ("snd_wnd", 0xFFFFFFFF), ("rcv_wnd", 0xFFFFFFFF)),
        *(("limit", Limit.UNKNOWN), ("min_rtt", np.nan), ("retrans", np.nan), ("process", b"")),
    ],
)
def test_what_is_unknown_is_missing(column: str, unknown: Any) -> None:
    """A value that was not told is a dash, and never a zero; a zero that was told is a zero."""
    (name,) = BY_NAME[column].needs
    kind = FIELDS.get(name) or (SAMPLE[name] if name in TEXT_FIELDS else None)
    values = np.array([unknown], kind)
    assert missing(name, values).all()
    assert BY_NAME[column].cells(Flows(0, {name: values})) == ["–"]
    assert cells.number("total_retrans", str)(Flows(0, {"total_retrans": np.zeros(1)})) == ["0.0"]
