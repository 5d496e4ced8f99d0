"""The language as a whole: what belongs together, calculation, patterns, and what is refused."""

from __future__ import annotations

import math
import operator
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import SAMPLED
from tcctui.query import QueryError, address_formula, parse, render_error
from tcctui.query.reference import BY_NAME, FIELD_HELP, SYNTAX
from tcctui.wire.addresses import parse_prefix
from tcctui.wire.events import NO_SSTHRESH
from tests.unit.test_imports import loaded
from tests.unit.test_query import (
    MISSING,
    ROWS,
    TERMS,
    Asked,
    Row,
    address_terms,
    error,
    matches,
    ordered_port_terms,
    port_terms,
    table,
)

PATIENT = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Another evaluator: a tree for each query, and a row at a time.


@dataclass(frozen=True)
class Said:
    """A query's text, how tightly it holds together, and what it should say of a row."""

    text: str
    rank: int
    holds: Callable[[Row], bool]


OR, AND, NOT = range(3)


def bracketed(said: Said, rank: int) -> str:
    """Write something where at least this rank is needed."""
    return said.text if said.rank >= rank else f"({said.text})"


def simple(asked: Asked) -> Said:
    """A single condition."""
    return Said(asked.text, NOT, asked.holds)


@st.composite
def joined(draw: st.DrawFn, parts: st.SearchStrategy[Said]) -> Said:
    """Several conditions joined, or one turned around, with brackets only where they matter."""
    how = draw(st.sampled_from(["and", "or", "not"]))
    if how == "not":
        one = draw(parts)
        text = bracketed(one, NOT)
        sign = draw(st.sampled_from(["not ", "NOT ", "!", "-"]))
        if text[0] in "-!":
            sign = "not "
        return Said(f"{sign}{text}", NOT, lambda row: not one.holds(row))
    several = draw(st.lists(parts, min_size=2, max_size=3))
    if how == "or":
        sign = draw(st.sampled_from([" or ", " OR ", " || "]))
        text = sign.join(bracketed(one, OR + 1) for one in several)
        return Said(text, OR, lambda row: any(one.holds(row) for one in several))
    sign = draw(st.sampled_from([" and ", " ", "  ", " AND ", " && "]))
    text = sign.join(bracketed(one, AND) for one in several)
    return Said(text, AND, lambda row: all(one.holds(row) for one in several))


TREES = st.recursive(TERMS.map(simple), joined, max_leaves=8)


@PATIENT
@given(TREES, st.lists(ROWS, max_size=4))
def test_and_or_not_and_brackets(said: Said, rows: list[Row]) -> None:
    """Any conditions joined in any way say of each row what a plain evaluator of a tree says."""
    assert matches(said.text, *rows) == [said.holds(row) for row in rows]


ENDS = st.one_of(port_terms(), ordered_port_terms(), address_terms()).map(simple)
OF_ENDS = st.recursive(ENDS, joined, max_leaves=6)


def reached(formula: address_formula.Reach, row: Row) -> bool:
    """Evaluate a formula of the kernel's on one row."""
    if isinstance(formula, address_formula.All):
        return all(reached(part, row) for part in formula.parts)
    if isinstance(formula, address_formula.AnyOf):
        return any(reached(part, row) for part in formula.parts)
    if isinstance(formula, address_formula.Not):
        return not reached(formula.atom, row)
    if isinstance(formula, address_formula.PortRange):
        return bool(formula.low <= row[f"{formula.end}port"] <= formula.high)
    address = parse_prefix(row["src" if formula.end == "s" else "dst"]).address
    return bool(address & formula.prefix.mask == formula.prefix.address)


@PATIENT
@given(OF_ENDS, st.lists(ROWS, max_size=4))
def test_the_kernel_can_decide_all_of_addresses_and_ports(said: Said, rows: list[Row]) -> None:
    """Of ports and addresses, however they are joined, the kernel's formula says the same."""
    bounds = parse(said.text).bounds
    assert [reached(bounds.holds, row) for row in rows] == matches(said.text, *rows)
    assert [not reached(bounds.fails, row) for row in rows] == matches(said.text, *rows)


@PATIENT
@given(TREES, st.lists(ROWS, max_size=4))
def test_the_kernel_never_lets_too_few_through(said: Said, rows: list[Row]) -> None:
    """Whatever matches passes the kernel's formula, and what does not, that of the opposite."""
    bounds = parse(said.text).bounds
    for row, hit in zip(rows, matches(said.text, *rows), strict=True):
        assert reached(bounds.holds if hit else bounds.fails, row)


def test_families() -> None:
    """A family is that of the addresses that are shown, and the kernel can tell it."""
    rows: list[Row] = [{"src": "10.0.0.1"}, {"src": "::1"}, {"src": "::ffff:10.0.0.1"}]
    assert matches("family:ipv4", *rows) == [True, False, True]
    assert matches("family:ipv6", *rows) == matches("family!=inet", *rows) == [False, True, False]
    assert matches("family:ipv4|ipv6", *rows) == [True] * 3
    assert [reached(parse("family:ipv6").bounds.holds, row) for row in rows] == [False, True, False]


# Calculation


@dataclass(frozen=True)
class Sum:
    """A calculation's text, rank, dimension (bytes, seconds), and its value of a row."""

    text: str
    rank: int
    dimension: tuple[int, int]
    value: Callable[[Row], float]


TOTAL, PRODUCT, ATOM = range(3)
COLUMNS = {
    "cwnd": ("snd_cwnd", (0, 0), 1.0),
    "srtt": ("srtt_us", (0, 1), 1e-6),
    "min_rtt": ("min_rtt", (0, 1), 1e-6),
    "age": ("age_ns", (0, 1), 1e-9),
    "inflight": ("in_flight", (1, 0), 1.0),
    "mss": ("mss", (1, 0), 1.0),
    "unsent": ("notsent_bytes", (1, 0), 1.0),
    "rate": ("rate", (1, -1), 1.0),
    "retrans": ("total_retrans", (0, 0), 1.0),
}
LITERALS = {
    "3": ((0, 0), 3.0),
    "0.5": ((0, 0), 0.5),
    "2k": ((0, 0), 2000.0),
    "1Ki": ((0, 0), 1024.0),
    "20ms": ((0, 1), 0.02),
    "7us": ((0, 1), 7e-6),
    "2m": ((0, 1), 120.0),
    "1.5h": ((0, 1), 5400.0),
    "64kB": ((1, 0), 64e3),
    "8Mbit": ((1, -1), 1e6),
    "8Mbit/s": ((1, -1), 1e6),
    "5kB/s": ((1, -1), 5e3),
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
    same = left.dimension == right.dimension
    sign = draw(st.sampled_from("+-*/" if same else "*/"))
    gap = draw(st.sampled_from(["", " "]))

    def written(part: Sum, rank: int) -> str:
        return part.text if part.rank >= rank else f"({part.text})"

    if sign in "+-":
        text = f"{written(left, TOTAL)}{gap}{sign}{gap}{written(right, PRODUCT)}"
        work_out = operator.add if sign == "+" else operator.sub
        return Sum(
            text, TOTAL, left.dimension, lambda row: work_out(left.value(row), right.value(row))
        )
    text = f"{written(left, PRODUCT)}{gap}{sign}{gap}{written(right, ATOM)}"
    factor = 1 if sign == "*" else -1
    pairs = zip(left.dimension, right.dimension, strict=True)
    size, span = (one + factor * other for one, other in pairs)
    join = operator.mul if sign == "*" else _divided
    return Sum(text, PRODUCT, (size, span), lambda row: join(left.value(row), right.value(row)))


SUMS = st.recursive(atoms(), calculated, max_leaves=5)
some = st.integers(0, 50)
NUMBERS = st.fixed_dictionaries(
    {
        "snd_cwnd": some,
        "srtt_us": some.map(lambda n: n * 1000),
        "min_rtt": st.one_of(some.map(lambda n: n * 500.0), st.just(math.nan)),
        "age_ns": st.integers(0, 10**13),
        "in_flight": st.integers(0, 10**6),
        "mss": st.sampled_from([0, 500, 1448]),
        "notsent_bytes": st.one_of(st.integers(0, 10**6).map(float), st.just(math.nan)),
        "rate": st.one_of(st.floats(0, 1e9), st.just(math.nan)),
        "total_retrans": st.one_of(some.map(float), st.just(math.nan)),
    }
)
SIGNS = {"<": operator.lt, ">=": operator.ge, ">": operator.gt, "<=": operator.le}


@PATIENT
@given(SUMS, SUMS, st.sampled_from(sorted(SIGNS)), st.lists(NUMBERS, min_size=1, max_size=4))
def test_calculation(left: Sum, right: Sum, sign: str, rows: list[Row]) -> None:
    """Calculations with columns and units say what Python says, and nothing of what is unknown."""
    text = f"{left.text} {sign} {right.text}"
    plain = {(0, 0), (1, 0), (1, -1)}  # beside these a number without unit may stand
    if left.dimension != right.dimension:
        nothing = 0 in (left.value(rows[0]), right.value(rows[0]))  # 3-3 is nothing of anything
        alone = left.text in COLUMNS and right.rank == ATOM  # srtt<3 is in ms
        if not (nothing or alone) and not {left.dimension, right.dimension} <= plain:
            with pytest.raises(QueryError):
                parse(text)
        return
    try:
        hits = matches(text, *rows)
    except QueryError as refused:
        assert refused.reason == "nothing can be divided by 0"  # noqa: PT017 - such as 3/(3-3)
        return
    for row, hit in zip(rows, hits, strict=True):
        one, other = left.value(row), right.value(row)
        if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12):
            assert hit == SIGNS[sign](one, other)


@pytest.mark.parametrize(
    ("text", "row", "hit"),
    [
        ("srtt=3*min_rtt", {"srtt_us": 300_003, "min_rtt": 100_001.0}, True),
        ("srtt>min_rtt+20ms", {"srtt_us": 39_000, "min_rtt": 19_000.0}, False),
        ("srtt>=min_rtt+20ms", {"srtt_us": 39_000, "min_rtt": 19_000.0}, True),
        ("srtt-min_rtt>0", {"srtt_us": 39_000, "min_rtt": 19_000.0}, True),
        ("inflight>unsent+1k", {"in_flight": 1001}, True),
        ("rate>delivery_rate+8k", {"rate": 1_001_001.0, "delivery_rate": 1e6}, True),
        ("rate>delivery_rate+8k", {"rate": 1_000_999.0, "delivery_rate": 1e6}, False),
        ("srtt != min_rtt", {"min_rtt": math.nan}, False),
        ("srtt = min_rtt", {"min_rtt": math.nan}, False),
        ("not srtt = min_rtt", {"min_rtt": math.nan}, True),
        ("cwnd<ssthresh/1000", {"ssthresh": NO_SSTHRESH, "snd_cwnd": 2**32 - 1}, True),
        ("cwnd/retrans>1", {"total_retrans": 0.0}, False),
        ("20ms<=srtt", {"srtt_us": 20_000}, True),
        ("srtt > 2 * ( min_rtt - 9ms )", {"srtt_us": 20_001}, True),
        ("bbr_pacing_gain>1.2", {"bbr_pacing_gain": 320.0}, True),
        ("lastsnd<1s", {"last_data_sent": 999.0}, True),
        ("lastsnd-1s<0", {"last_data_sent": 999.0}, True),
    ],
)
def test_calculated_by_hand(text: str, row: Row, hit: bool) -> None:
    """Edges: equal values, what is unknown, thresholds that were never set, units of columns."""
    flows = table({key: value for key, value in row.items() if key in table({})})
    for key, value in row.items():
        flows[key] = np.array([value], flows[key].dtype)
    assert parse(text).mask(flows).tolist() == [hit]


def test_minus_and_negation() -> None:
    """A minus subtracts inside a comparison; before a term, behind a space, it turns it around."""
    rows: list[Row] = [{"srtt_us": 50_000, "sport": 22}, {"srtt_us": 50_000, "sport": 443}]
    assert matches("srtt>20ms -port:443", *rows) == [True, False]
    assert matches("srtt-min_rtt>20ms", *rows) == matches("srtt - min_rtt>20ms", *rows)
    assert parse("srtt -min_rtt>20ms").fields == {"text", "comm", "cc", "min_rtt"}
    assert matches("state:close-wait", {"state": 8}) == [True]


# Patterns

PATTERNS = [
    *(
        r"^10\.",
        r":443 ",
        r"estab$",
        r"[^:]+:51514",
        r"(\d+)\.\1",
        r"\d{5}",
        r"a|b",
        r"x*",
        "ESTAB",
    ),
    *(r"x$$|t$", r"(4|:){3}", r"e.{3}$", r"1{0}0", r"[^a-z]{9,}?\s", r"\.0?(?:\.|3)", r"^1|^.2"),
    *(r"close.wait", r"^\[", r"\]:22\b", r"(?:10|203)\.", r"\s\[", r"\D{6}", r"\W\W", r"(?=e)est"),
    *(
        r"(?!z)wait$",
        r"\Aq",
        r"t\Z",
        r"[[:digit:]]+x",
        r"(?s)7.*e",
        r"[\D]{8}",
        r"\n",
        r"(?<name>4)",
    ),
    *(
        r"(?<=:)22",
        r"(?<!:)22",
        r"t$",
        r"\S+ \S+ \S+$",
        r"[a-f]+d",
        r"^$",
        r"[^0-9]{3}$",
        r"\bwait",
    ),
    # RE2 would read these without a complaint, but otherwise: as literals, and as an octal number.
    *(r"4{,2}3", r"1{,}x", r"(4)(4)(3)()()()()()()()()()(?:)\12"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(st.lists(ROWS, max_size=5))
@settings(max_examples=20, deadline=None)
def test_patterns_say_what_they_say_of_each_row(pattern: str, rows: list[Row]) -> None:
    """Whatever library searches the rows, it finds what `re` finds in each of them."""
    alone = re.compile(
        pattern.replace("[[:digit:]]", "[0-9]").replace("(?<name>", "(?P<name>"), re.IGNORECASE
    )
    expected = [any(alone.search(text) for text in (row["text"], "nginx", "cubic")) for row in rows]
    assert matches(f'~"{pattern}"', *rows) == expected


def test_patterns_of_names() -> None:
    """A name has its own patterns, and an unknown name fits none and none of the opposites."""
    rows: list[Row] = [{"cc": b"bbr"}, {"cc": b"cubic"}, {"cc": b""}]
    assert matches("cc~^b", *rows) == [True, False, False]
    assert matches("cc!~^b", *rows) == [False, True, False]
    assert matches('proc~"^NG.NX$"', *rows) == [True] * 3
    assert matches("(cc~^(b|c) and ~nginx)", *rows) == [True, True, False]
    assert matches("proc~ö", {"comm": "wörker".encode()}) == [True]


def test_a_pattern_remembers_only_what_still_holds() -> None:
    """Asked of a later snapshot, in which rows came, went and changed, it is right again."""
    query = parse("~(?=c)close|7:4")
    seconds: list[Row] = [{"cookie": 1}, {"cookie": 3, "text": "1 close"}, {"cookie": 7}]
    thirds: list[Row] = [
        {"cookie": 3},
        {"cookie": 5, "text": "2 close"},
        {"cookie": 7, "text": "x"},
    ]
    for rows in ([], seconds, seconds, thirds, seconds, [], thirds):
        expected = [bool(re.search("close|7:4", row.get("text", "10.0.3.7:443"))) for row in rows]
        assert query.mask(table(*rows)).tolist() == expected


@pytest.mark.parametrize("pattern", [r"(a+)+$|(.*)*x", r"(\w*\.*)*\1z", r"([0-9.: ]+)+z"])
def test_no_pattern_can_freeze(pattern: str) -> None:
    """What would take for ever is given up, with a sentence, or ends soon enough."""
    line = "10.0.3.7:443 203.0.113.9:51514 " + "a" * 40 + " estab"
    flows = table(*({"cookie": n, "text": line} for n in range(50)))
    began = time.perf_counter()
    try:
        parse(f'~"{pattern}"').mask(flows)
    except QueryError as slow:
        assert "too long" in slow.reason  # noqa: PT017 - to be quick enough is fine, too
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize("pattern", [r"(a+)+c$", r"([0-9.: ]+)+z", r"(\w*\.*)*z", r"(.*a){9}z"])
def test_what_is_regular_takes_linear_time(pattern: str) -> None:
    """Without look-around and references, there is an answer, over as many rows as there may be."""
    line = "10.0.3.7:443 203.0.113.9:51514 " + "a" * 40 + " estab"
    flows = table(*({"cookie": n, "text": line} for n in range(5000)))
    began = time.thread_time()
    assert not parse(f'~"{pattern}"').mask(flows).any()
    assert time.thread_time() - began < 1


def test_many_words_are_found_as_one_is() -> None:
    """Searching for many words finds the same as searching for each."""
    rows: list[Row] = [{"text": "10.0.3.7:443 [::1]:22 estab"}, {"text": "1.1.1.1:1 close-wait"}]
    words = ["1.1", "0.3.7:4", ":22", "sta", "estab", "close-w", "wait", "x", ".1.1.", "7:443 "]
    words += [f"{n}{n}" for n in range(60)]
    every = " or ".join(f'"{word}"' for word in words)
    for word in words:
        text = f'"{word}" and ({every})'
        assert matches(text, *rows) == [word in f"{row['text']}|nginx|cubic" for row in rows], word


# Mistakes

MISTAKES = [
    ("a or", "or", "'or' needs a condition on both sides; to search for the word, quote it"),
    ("or a", "or", "'or' needs a condition on both sides; to search for the word, quote it"),
    (
        "a and and b",
        "and",
        "'and' needs a condition on both sides; to search for the word, quote it",
    ),
    ("a not", "not", "'not' needs a condition behind it"),
    ("(a", "(", "the bracket that begins here has no end"),
    ("(a or (b)", "(", "the bracket that begins here has no end"),
    ("a)", ")", "this bracket closes none"),
    ("()", "(", "there is no condition between the brackets"),
    ("a | b", "|", "write 'or' between conditions; '|' is for values, such as cc:bbr|cubic"),
    ("cc:bbr|", "|", "cc: '|' needs an algorithm on both sides"),
    ("srtt>mss", "srtt>mss", "srtt is a duration and mss is bytes"),
    ("srtt>2*mss", "srtt>2*mss", "srtt is a duration and 2*mss is bytes"),
    (
        "srtt>min_rtt+20",
        "min_rtt+20",
        "min_rtt is a duration and 20 is a plain number; write 20ms or another unit",
    ),
    ("srtt>min_rtt*", "*", "'*' needs a number or a field behind it"),
    ("srtt>2*(min_rtt", "(", "the bracket that begins here has no end"),
    ("srtt>minrt", "minrt", "unknown field 'minrt': did you mean 'min_rtt'?"),
    ("srtt>2*stats", "stats", "unknown field 'stats': did you mean 'state'?"),
    ("srtt>2*state", "state", "state is a state: it can't be calculated with"),
    ("pid>2*uid", "pid", "pid is not a quantity: it can only be compared with one number"),
    ("srtt/0>1", "0", "nothing can be divided by 0"),
    ("srtt>1+2q", "2q", "'q' in '2q' is not a unit; there is us, ms, s, m, h, k, M, G, B"),
    ("family:ipv5", "ipv5", "family: unknown family 'ipv5': did you mean 'ipv4'?"),
    ("~", "~", "'~' needs a regular expression, such as ~^10\\.0\\. or proc~^ng"),
    ("port~4", "port~", "port is no text; patterns can be asked of "),
    ("a ~b(", "b(", "not a regular expression: missing )"),
]


@pytest.mark.parametrize(("text", "part", "reason"), MISTAKES, ids=[text for text, *_ in MISTAKES])
def test_mistakes(text: str, part: str, reason: str) -> None:
    """A mistake is blamed on what is wrong, in a sentence that says what would do."""
    blamed, said = error(text)
    assert part.endswith(blamed)
    assert said.startswith(reason)


def test_a_mistake_says_what_could_stand_there() -> None:
    """Beside the reason there are words for what was expected."""
    with pytest.raises(QueryError) as caught:
        parse("port:443 and")
    assert caught.value.expected == ("a condition", "not", "(")
    with pytest.raises(QueryError) as caught:
        parse("state:estb")
    assert "estab" in caught.value.expected


def test_a_mistake_as_three_lines() -> None:
    """The text, a caret below the mistake, and the reason; of a long text, what is around it."""
    for text in ("prot:443 and x", "x " * 90 + "and prot:443"):
        with pytest.raises(QueryError) as caught:
            parse(text)
        line, caret, reason = render_error(text, caught.value).splitlines()
        assert line[caret.index("^") : caret.rindex("^") + 1] == "prot"
        assert len(line) < 80
        assert reason == "unknown field 'prot': did you mean 'port'?"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "(" * 2000,
            "(" * 1000 + "a" + ")" * 999,
            "(" * 1000 + "cwnd>1",
            "not " * 500,
            "-(" * 900,
        ),
        *("a or " * 400, "cwnd>" + "1+" * 900 + "1", "cwnd>" + "(" * 900, "cwnd+" * 399 + ">1"),
        *(
            "a|" * 999,
            "cc:" + "b|" * 900,
            "~" + "(" * 1900,
            "~" + "a?" * 90,
            "!" * 2000,
            "&& " * 600,
        ),
        *("(cwnd+" * 300, "srtt>" * 400, "a*" * 999, "(a*" * 600, "- " * 900, "x~" * 900),
        " ".join(f"word{n}" for n in range(220)),
        " or ".join(f"cwnd>{n}*mss" for n in range(130)),
        "((" * 20 + "a" + ") or b)" * 20,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_nonsense_is_a_sentence(text: str) -> None:
    """However deep or long, a text is a query that works or is refused soon, in a sentence."""
    parse("x")  # the grammar is read once
    began = time.perf_counter()
    try:
        query = parse(text[:2000])
    except QueryError as wrong:
        assert wrong.reason  # noqa: PT017 - either is fine
    else:
        assert len(matches(query.text, {}, {})) == 2
    assert time.perf_counter() - began < 2


# What is said of the language


def test_every_number_has_a_field() -> None:
    """All that samples tell can be asked for, under a name that is described."""
    asked = {name for one in FIELD_HELP for name in parse(f"{one.name}:{one.sample}").fields}
    assert SAMPLED - asked == {"rtt", "snd_ssthresh"}  # srtt and ssthresh are these, or newer


def test_names_are_described_once() -> None:
    """No name stands for two fields, and each has a meaning and a source."""
    names = [name for one in FIELD_HELP for name in (one.name, *one.synonyms)]
    assert len(names) == len(set(names)) == len(BY_NAME)
    assert all(one.meaning and one.source and one.kind for one in FIELD_HELP)


@pytest.mark.parametrize("text", [text for text, _ in SYNTAX])
def test_examples_are_queries(text: str) -> None:
    """What help shows can be typed."""
    assert parse(text).fields


ISSUE = [
    *("port:443 and (srtt>80ms or retrans>0) and cc:bbr", "not proc:nginx", "age<5s"),
    *("dst:10.0.0.0/8|192.168.0.0/16", "state:close_wait", "limit:rwnd", "rate>=10Mbit"),
    *("inflight>0.8*cwnd*mss", "retrans>5 and srtt>200ms", "rate > cwnd*mss/srtt"),
    *(
        "snd_cwnd>1 cwnd>1 srtt>1 rtt>1",
        "process:x local:::1 remote:::1 limited:app retr%>1",
    ),
    *("lastsnd>1s lastrcv>1s lastack>1s notsent>1k busy>1m rwnd_limited>1ms backoff>0",),
]


@pytest.mark.parametrize("text", ISSUE)
def test_what_was_promised(text: str) -> None:
    """Each query that the language was made for is one."""
    assert parse(text).fields


def test_nothing_is_loaded_for_no_query() -> None:
    """Who only says that all flows are wanted waits for neither the grammar nor patterns."""
    assert not {"lark", "regex", "re2"} & loaded("from tcctui.query import parse; parse(' ')")
    modules = loaded("from tcctui.query import parse; parse('port:443')")
    assert "lark" in modules


def test_columns_of_both() -> None:
    """Two queries joined ask for the columns of both, and match what both match."""
    both = parse("port:443 or port:80") & parse("cwnd>5")
    rows: list[Row] = [{"snd_cwnd": 9}, {"snd_cwnd": 1}, {"snd_cwnd": 9, "sport": 22}]
    assert both.mask(table(*rows)).tolist() == [True, False, False]
    assert both.fields == {"sport", "dport", "snd_cwnd"}
    assert parse(both.text).mask(table(*rows)).tolist() == [True, False, False]
