"""A second evaluator of queries, a row at a time, and any query with what it says of a row."""

from __future__ import annotations

import ipaddress
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from tcctui.flows.columns import FIELDS, INSIDE, SAMPLED, nothing_read
from tcctui.query import parse
from tcctui.query.reference import FIELD_HELP
from tcctui.wire.addresses import parse_prefix
from tcctui.wire.events import NO_SSTHRESH

Row = dict[str, Any]
Flows = dict[str, npt.NDArray[Any]]
Holds = Callable[[Row], bool]

DEFAULTS: Row = {
    **{"cookie": 1, "src": "10.0.3.7", "dst": "203.0.113.9", "sport": 443, "dport": 51514},
    **{"state": 1, "text": "10.0.3.7:443 203.0.113.9:51514 estab", "mark": 0, "slow_start": True},
    **{"snd_cwnd": 10, "ssthresh": NO_SSTHRESH, "srtt_us": 20_000, "in_flight": 0, "mss": 1448},
    **{"snd_wnd": 65_535, "rcv_wnd": 65_535, "bytes_acked": 0, "rate": 0.0, "age_ns": 10**9},
    **{"limit": 1, "ca_state": 0, "bbr_phase": 0, "cc": b"cubic", "comm": b"nginx"},
    **{"health": 0, "subflow": 0, "host": b""},
    **{"cgroup": b"nginx.service", "netns_name": b"host", "pid": 4021.0, "uid": 33.0},
    **{"total_retrans": 0.0, "retrans_percent": 0.0, "unacked": 0.0, "min_rtt": 19_000.0},
    **{"rttvar": 500.0, "rto": 220_000.0, "queueing_us": 1000.0, "delivery_rate": 1e6},
    **{"pacing_rate": 2e6, "bytes_received": 0.0, "notsent_bytes": 0.0, "pmtu": 1500.0},
}
# Those of late, and whatever number is added: 0 until a row says otherwise.
_CALCULABLE = [one.name for one in FIELD_HELP if one.calculable]
_COLUMNS = frozenset[str]().union(*(parse(f"{name}>0").fields for name in _CALCULABLE))
DEFAULTS |= {
    name: 0 if np.dtype(FIELDS.get(name, "f8")).kind in "iu" else 0.0
    for name in sorted(_COLUMNS - DEFAULTS.keys() - SAMPLED)
}
KINDS: dict[str, Any] = {
    **{"text": "S", "slow_start": np.bool_, "age_ns": np.int64},
    **dict.fromkeys(("limit", "bbr_phase", "health", "subflow"), "u1"),
    **dict.fromkeys(("cc", "comm", "cgroup", "netns_name", "host"), "S40"),
}
MISSING = {
    **dict.fromkeys(("snd_cwnd", "ssthresh", "srtt_us", "mss"), 0),
    **dict.fromkeys(("snd_wnd", "rcv_wnd"), 2**32 - 1),
}
"""Values that stand for unknown: no comparison holds of them."""


def table(*rows: Row) -> Flows:
    """Columns of flows that have the defaults and what the rows say."""
    full = [DEFAULTS | row for row in rows]
    names = {*DEFAULTS, *(name for row in rows for name in row)} - {"src", "dst"}
    flows: Flows = {
        name: np.array(
            [row.get(name, np.nan) for row in full], KINDS.get(name, FIELDS.get(name, "f8"))
        )
        for name in names
    }
    for end, column in (("src", "saddr"), ("dst", "daddr")):
        halves = [parse_prefix(row[end]).halves for row in full]
        flows[f"{column}_hi"] = np.array([high for high, *_ in halves], dtype=np.uint64)
        flows[f"{column}_lo"] = np.array([low for _, low, *_ in halves], dtype=np.uint64)
    for name in SAMPLED - flows.keys():
        flows[name] = np.full(len(rows), np.nan)
    for name in INSIDE - flows.keys():
        flows[name] = nothing_read(name, len(rows))
    for name in FIELDS.keys() - flows.keys():
        flows[name] = np.zeros(len(rows), FIELDS[name])
    for column_array in flows.values():
        column_array.setflags(write=False)  # a query never changes them
    return flows


def matches(text: str, *rows: Row) -> list[bool]:
    """Rows that a query matches, given nothing but the columns it asks for."""
    query = parse(text)
    flows = table(*rows)
    mask = query.mask({name: flows[name] for name in query.fields | {"cookie"}})
    assert mask.dtype == np.bool_
    assert mask.shape == (len(rows),)
    return [bool(hit) for hit in mask]


@dataclass(frozen=True)
class Said:
    """A query's text, its rank (how tightly it holds together), and its verdict on a row."""

    text: str
    rank: int
    holds: Holds


OR, AND, NOT = range(3)


# Conditions, by the standard library's idea of addresses and numbers

ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    **{"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
}
COMPARISONS = ORDERED | {
    **{":": operator.eq, "=": operator.eq, "==": operator.eq, "!=": operator.ne}
}


def _units(said: str) -> dict[str, Fraction]:
    pairs = (one.split("=") for one in said.split())
    return {unit: Fraction(Decimal(scale)) for unit, scale in pairs}


NO_UNIT = _units("=1")
DURATIONS_US = _units("=1000 us=1 µs=1 μs=1 ms=1000 s=1e6")
DURATIONS_NS = _units("=1e9 us=1e3 ms=1e6 s=1e9 m=6e10 h=3.6e12 d=8.64e13")
SIZES = _units(
    "=1 B=1 k=1e3 kB=1e3 K=1e3 M=1e6 MB=1e6 G=1e9 GB=1e9 Ki=1024 KiB=1024 Mi=1048576 MiB=1048576"
    " Gi=1073741824 GiB=1073741824"
)
RATES = _units(
    "=0.125 b/s=0.125 k=125 kbit=125 M=125e3 Mbit=125e3 Mbit/s=125e3 Mb/s=125e3 Mbps=125e3 G=125e6"
    " Gb=125e6 Mibit=131072 B=1 kB=1e3 MB=1e6 MB/s=1e6 MBps=1e6 MiB/s=1048576 GB=1e9"
)
NUMBERS: dict[str, tuple[str, dict[str, Fraction]]] = {
    **dict.fromkeys(("cwnd", "snd_cwnd"), ("snd_cwnd", NO_UNIT)),
    **{name: (name, NO_UNIT) for name in ("ssthresh", "mark", "cookie")},
    **dict.fromkeys(("srtt", "rtt", "srtt_us"), ("srtt_us", DURATIONS_US)),
    **dict.fromkeys(("inflight", "in_flight"), ("in_flight", SIZES)),
    **dict.fromkeys(("snd_wnd", "rwnd"), ("snd_wnd", SIZES)),
    **{"rcv_wnd": ("rcv_wnd", SIZES), "mss": ("mss", SIZES)},
    **dict.fromkeys(("acked", "bytes_acked"), ("bytes_acked", SIZES)),
    **{"rate": ("rate", RATES), "age": ("age_ns", DURATIONS_NS)},
}
BLOCKS = [
    *("10.0.3.7", "10.0.0.0/8", "10.0.3.9/24", "203.0.113.9", "0.0.0.0/0", "::ffff:10.0.3.7"),
    *("::1", "2001:db8::1", "2001:db8::/32", "2001:DB8::7/127", "::/0"),
]
HOSTS = ["10.0.3.7", "10.9.9.9", "203.0.113.9", "::1", "2001:db8::1", "2001:db8::7", "fe80::1"]
PORTS = [0, 1, 22, 443, 8000, 8050, 8443, 51514, 65535]
STATES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("estab", "ESTABLISHED", "tcp_established"), (1,)),
    **dict.fromkeys(("syn-sent", "SYN_SENT"), (2,)),
    **{"syn-recv": (3, 12), "new_syn_recv": (12,), "fin-wait-1": (4,), "FIN_WAIT1": (4,)},
    **{"fin_wait-2": (5,), "time-wait": (6,), "close": (7,), "closed": (7,), "UNCONN": (7,)},
    **{"close-wait": (8,), "last_ack": (9,), "listen": (10,), "closing": (11,)},
}
"""Spellings of states, and the states that they mean."""
WORDS = ["443", "ESTAB", "10.0", "[::1]:443", "::1", "fe80::1", "db8", "close-wait", "nothing"]


def _as_128_bits(text: str) -> ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    mapped = f"::ffff:{address}" if address.version == 4 else text
    return ipaddress.IPv6Address(mapped)


def within(host: str, block: str) -> bool:
    """Whether an address is in a block, v4-mapped addresses being IPv4."""
    network = ipaddress.ip_network(block, strict=False)
    more = 96 if network.version == 4 else 0
    wide = f"{_as_128_bits(str(network.network_address))}/{more + network.prefixlen}"
    return _as_128_bits(host) in ipaddress.IPv6Network(wide)


@st.composite
def number_terms(draw: st.DrawFn) -> tuple[str, Holds]:
    """A comparison of a numeric field, with any unit and any spacing."""
    name = draw(st.sampled_from(sorted(NUMBERS)))
    column, units = NUMBERS[name]
    symbol = draw(st.sampled_from(sorted(COMPARISONS)))
    digits = str(draw(st.one_of(st.integers(0, 60), st.integers(0, 2**70))))
    if column != "rate" and draw(st.booleans()):
        digits += draw(st.sampled_from([".", ".0", ".5", ".125"]))
    unit = draw(st.sampled_from(sorted(units)))
    value = Fraction(Decimal(digits)) * units[unit]
    wanted: Any = float(value) if column == "rate" else value
    gap = "" if symbol == ":" else draw(st.sampled_from(["", " "]))
    compared = COMPARISONS[symbol]
    return (
        f"{name}{gap}{symbol}{gap}{digits}{unit}",
        lambda row: row[column] != MISSING.get(column) and compared(row[column], wanted),
    )


def _ends(name: str, both: str, ends: Iterable[str]) -> list[str]:
    return [end for end in ends if name in {both, end}]


@st.composite
def port_terms(draw: st.DrawFn) -> tuple[str, Holds]:
    """A list of ports and ranges, or a port compared with a number, of either end or of one."""
    name = draw(st.sampled_from(["port", "sport", "dport"]))
    ends = _ends(name, "port", ["sport", "dport"])
    if draw(st.booleans()):
        symbol, port = draw(st.sampled_from(sorted(ORDERED))), draw(st.sampled_from(PORTS))
        compared = ORDERED[symbol]
        return f"{name}{symbol}{port}", lambda row: any(compared(row[end], port) for end in ends)
    one = st.sampled_from(PORTS)
    ranges = draw(st.lists(st.tuples(one, one).map(sorted), min_size=1, max_size=3))
    value = ",".join(f"{low}-{high}" if low != high else f"{low}" for low, high in ranges)
    symbol = draw(st.sampled_from([":", "=", "!="]))

    def holds(row: Row) -> bool:
        hit = any(low <= row[end] <= high for end in ends for low, high in ranges)
        return hit != (symbol == "!=")

    return f"{name}{symbol}{value}", holds


@st.composite
def address_terms(draw: st.DrawFn) -> tuple[str, Holds]:
    """A list of addresses and blocks, with and without ports."""
    name = draw(st.sampled_from(["ip", "src", "dst"]))
    ends = [(end, f"{end[0]}port") for end in _ends(name, "ip", ["src", "dst"])]
    item = st.tuples(st.sampled_from([*BLOCKS, ""]), st.sampled_from([None, *PORTS]))
    items = draw(
        st.lists(item, min_size=1, max_size=3).filter(lambda pairs: ("", None) not in pairs)
    )
    texts = [
        block if port is None else f"[{block}]:{port}" if ":" in block else f"{block}:{port}"
        for block, port in items
    ]

    def holds(row: Row) -> bool:
        return any(
            (not block or within(row[host], block)) and (port is None or row[its_port] == port)
            for host, its_port in ends
            for block, port in items
        )

    return f"{name}:{','.join(texts)}", holds


@st.composite
def named_terms(draw: st.DrawFn) -> tuple[str, Holds]:
    """A state, a phase or a word."""
    kind = draw(st.sampled_from(["state", "phase", "word"]))
    if kind == "state":
        typed = draw(st.lists(st.sampled_from(sorted(STATES)), min_size=1, max_size=3))
        wanted = {state for name in typed for state in STATES[name]}
        return f"state:{','.join(typed)}", lambda row: row["state"] in wanted
    if kind == "phase":
        slow = draw(st.booleans())
        spelling = draw(st.sampled_from(["slow-start", "Slow_Start"] if slow else ["avoidance"]))
        return f"phase:{spelling}", lambda row: row["slow_start"] is slow
    word = draw(st.sampled_from([*WORDS, "443 203"]))
    quoted = f'"{word}"' if " " in word or draw(st.booleans()) else word
    return quoted, lambda row: word.lower() in row["text"]


@st.composite
def joined(draw: st.DrawFn, parts: st.SearchStrategy[Said]) -> Said:
    """Several conditions joined, or one negated, with brackets only where they matter."""
    how = draw(st.sampled_from(["and", "or", "not"]))
    if how == "not":
        one = draw(parts)
        text = _bracketed(one, NOT)
        sign = draw(st.sampled_from(["not ", "NOT ", "!", "-"]))
        if text[0] in "-!":
            sign = "not "
        return Said(f"{sign}{text}", NOT, lambda row: not one.holds(row))
    several = draw(st.lists(parts, min_size=2, max_size=3))
    if how == "or":
        sign = draw(st.sampled_from([" or ", " OR ", " || "]))
        text = sign.join(_bracketed(one, OR + 1) for one in several)
        return Said(text, OR, lambda row: any(one.holds(row) for one in several))
    sign = draw(st.sampled_from([" and ", " ", "  ", "\t", " AND ", " && "]))
    text = sign.join(_bracketed(one, AND) for one in several)
    return Said(text, AND, lambda row: all(one.holds(row) for one in several))


def _bracketed(said: Said, rank: int) -> str:
    return said.text if said.rank >= rank else f"({said.text})"


def _trees(terms: st.SearchStrategy[tuple[str, Holds]], most: int) -> st.SearchStrategy[Said]:
    simple = terms.map(lambda term: Said(term[0], NOT, term[1]))
    return st.recursive(simple, joined, max_leaves=most)


TREES = _trees(number_terms() | port_terms() | address_terms() | named_terms(), 8)
"""Any conditions, joined in any way."""

OF_ENDS = _trees(port_terms() | address_terms(), 6)
"""Conditions that the kernel can decide, joined in any way."""

_u32 = st.one_of(st.integers(0, 60), st.integers(0, 2**32 - 1), st.sampled_from([1000, 2**32 - 1]))
_u64 = st.one_of(st.integers(0, 60), st.sampled_from([10**9, 2**53 + 1, 2**63, 2**64 - 1]))
_texts = [
    "10.0.3.7:443 203.0.113.9:51514 estab",
    "[::1]:443 [fe80::1]:22 close-wait",
    "[2001:db8::1]:22 10.9.9.9:8000 time-wait",
]
ROWS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("src", "dst"), st.sampled_from(HOSTS)),
        **dict.fromkeys(("sport", "dport"), st.sampled_from(PORTS)),
        **dict.fromkeys(("cookie", "bytes_acked"), _u64),
        **dict.fromkeys(("mark", "snd_cwnd", "srtt_us", "snd_wnd", "rcv_wnd"), _u32),
        **dict.fromkeys(("in_flight", "mss"), _u32),
        **{"state": st.integers(1, 12), "text": st.sampled_from(_texts)},
        **{"ssthresh": _u32 | st.just(NO_SSTHRESH), "slow_start": st.booleans()},
        "rate": st.integers(0, 60).map(float) | st.floats(0, 1e12),
        "age_ns": st.integers(0, 10**16) | st.integers(0, 60).map(lambda s: s * 10**9),
    }
)


# Calculation


@dataclass(frozen=True)
class Sum:
    """A calculation's text, rank, dimension (bytes, seconds), and its value of a row."""

    text: str
    rank: int
    dimension: tuple[int, int]
    value: Callable[[Row], float]


TOTAL, PRODUCT, ATOM = range(3)
PLAIN, TIME, BYTES, RATE = (0, 0), (0, 1), (1, 0), (1, -1)
COLUMNS = {
    **{"cwnd": ("snd_cwnd", PLAIN, 1.0), "retrans": ("total_retrans", PLAIN, 1.0)},
    **{"srtt": ("srtt_us", TIME, 1e-6), "min_rtt": ("min_rtt", TIME, 1e-6)},
    **{"age": ("age_ns", TIME, 1e-9), "inflight": ("in_flight", BYTES, 1.0)},
    **{"mss": ("mss", BYTES, 1.0), "unsent": ("notsent_bytes", BYTES, 1.0)},
    "rate": ("rate", RATE, 1.0),
}
LITERALS = {
    **{"3": (PLAIN, 3.0), "0.5": (PLAIN, 0.5), "2k": (PLAIN, 2000.0), "1Ki": (PLAIN, 1024.0)},
    **{"20ms": (TIME, 0.02), "7us": (TIME, 7e-6), "2m": (TIME, 120.0), "1.5h": (TIME, 5400.0)},
    **{"64kB": (BYTES, 64e3), "8Mbit": (RATE, 1e6), "8Mbit/s": (RATE, 1e6), "5kB/s": (RATE, 5e3)},
}


@st.composite
def atoms(draw: st.DrawFn) -> Sum:
    """A column or a number with a unit."""
    if draw(st.booleans()):
        text = draw(st.sampled_from(sorted(LITERALS)))
        dimension, number = LITERALS[text]
        return Sum(text, ATOM, dimension, lambda _: number)
    text = draw(st.sampled_from(sorted(COLUMNS)))
    column, dimension, scale = COLUMNS[text]

    def value(row: Row) -> float:
        return math.nan if row[column] == MISSING.get(column) else float(row[column]) * scale

    return Sum(text, ATOM, dimension, value)


def _divided(one: float, other: float) -> float:
    return one / other if other else math.nan


@st.composite
def calculated(draw: st.DrawFn, parts: st.SearchStrategy[Sum]) -> Sum:
    """Two parts with a sign between them that their dimensions allow."""
    left, right = draw(parts), draw(parts)
    sign = draw(st.sampled_from("+-*/" if left.dimension == right.dimension else "*/"))
    gap = draw(st.sampled_from(["", " "]))
    rank = TOTAL if sign in "+-" else PRODUCT
    factor = {"*": 1, "/": -1}.get(sign, 0)
    join = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided}[sign]

    def written(part: Sum, least: int) -> str:
        return part.text if part.rank >= least else f"({part.text})"

    pairs = zip(left.dimension, right.dimension, strict=True)
    size, span = (one + factor * other for one, other in pairs)
    return Sum(
        f"{written(left, rank)}{gap}{sign}{gap}{written(right, rank + 1)}",
        *(rank, (size, span)),
        lambda row: join(left.value(row), right.value(row)),
    )


SUMS = st.recursive(atoms(), calculated, max_leaves=5)
"""Any calculation."""

_some = st.integers(0, 50)
_unknown = st.just(math.nan)
CALCULABLE = st.fixed_dictionaries(
    {
        **{"snd_cwnd": _some, "srtt_us": _some.map(lambda n: n * 1000)},
        **{"age_ns": st.integers(0, 10**13), "in_flight": st.integers(0, 10**6)},
        **{"mss": st.sampled_from([0, 500, 1448]), "rate": st.floats(0, 1e9) | _unknown},
        **{"min_rtt": _some.map(lambda n: n * 500.0) | _unknown},
        **{"notsent_bytes": st.integers(0, 10**6).map(float) | _unknown},
        **{"total_retrans": _some.map(float) | _unknown},
    }
)
"""Rows with small numbers and unknown ones."""
