"""The query language: matches of each term, positions of mistakes, limits of time and length."""

from __future__ import annotations

import contextlib
import math
import re
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import DERIVED, FIELDS, INSIDE, SAMPLED
from tcctui.query import ALL, MAX_LENGTH, QueryError, is_unfinished, parse, quantities
from tcctui.query import render_error as rendered
from tcctui.query.quantities import Quantity
from tcctui.query.query_fields import FIELDS as QUERY_FIELDS
from tcctui.query.reference import BY_NAME, FIELD_HELP, SYNTAX
from tcctui.query.value_text import said
from tcctui.wire.events import NO_SSTHRESH, TcpState
from tcctui.wire.tcp_states import STATE_NAMES
from tests.unit import query_model as model
from tests.unit.query_model import Row, matches, table
from tests.unit.test_package import loaded
from tests.unit.work import calls

MANY = settings(max_examples=250)


def error(text: str) -> QueryError:
    """Refusal of a text."""
    with pytest.raises(QueryError) as caught:
        parse(text)
    return caught.value


@MANY
@given(model.TREES, st.lists(model.ROWS, max_size=4))
def test_and_or_not_and_brackets(said: model.Said, rows: list[Row]) -> None:
    """Any conditions joined in any way say of each row what a plain evaluator of a tree says."""
    assert matches(said.text, *rows) == [said.holds(row) for row in rows]


GRAMMAR = st.lists(
    st.one_of(
        st.sampled_from([*QUERY_FIELDS, *model.BLOCKS, *model.STATES]),
        st.sampled_from(
            [*model.COMPARISONS, "-", ",", '"', " ", "[", "]", "/", ".", "∞", "0x", "inf"]
        ),
        st.sampled_from(["nan", "1e9", "٣", "²", "%eth0", "_", "(", ")", "~", "|", "*", " or "]),
        st.integers(0, 10**30).map(str),
        st.text(max_size=4),
    ),
    max_size=12,
).map("".join)


@settings(max_examples=1000)
@given(st.one_of(st.text(), GRAMMAR))
@example("port:٤٤٣")
@example("srtt:²")
@example("ip:1.2.3.4/" + "9" * 1900)
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    """Any text gives a query that works, or a QueryError about a part of the text."""
    try:
        query = parse(text)
    except QueryError as wrong:
        assert 0 <= wrong.start < wrong.end <= len(text)  # noqa: PT017 - the other outcome is fine
        assert str(wrong) == wrong.reason != ""  # noqa: PT017
    else:
        assert query.text == text
        assert query.fields <= FIELDS.keys() | DERIVED | SAMPLED
        assert len(matches(text, {}, {"src": "::1"})) == 2


# Tables: a query on each line, and behind it the rows that it matches

BBR: Row = {
    **{"cc": b"bbr", "comm": b"web worker 1", "cgroup": b"docker 3f2a", "pid": 7.0},
    **{"netns_name": b"blue", "limit": 2, "ca_state": 3, "bbr_phase": 3, "total_retrans": 5.0},
    **{"retrans_percent": 1.5, "min_rtt": 30_000.0, "queueing_us": 9000.0},
    **{"delivery_rate": 1.1e6, "pacing_rate": 3e6},
}
UNKNOWN: Row = {
    name: math.nan if isinstance(value, float) else b""
    for name, value in model.DEFAULTS.items()
    if isinstance(value, float | bytes)
} | {**model.MISSING, "limit": 0, "ca_state": 255}

HITS: tuple[tuple[list[Row], str], ...] = (
    (
        [{}, BBR, UNKNOWN],
        """
        Worker                  .x.
        bbr                     .x.
        ~(b)br                  .x.
        cc:bbr                  .x.
        cc:BB                   .x.
        cc:bbr,cubic            xx.
        cc!=bbr                 x..
        -cc:bbr                 x.x
        cc~^b                   .x.
        cc!~^b                  x..
        (cc~^(b|c) and ~nginx)  x..
        proc~"^NG.NX$"          x..
        proc:NGINX              x..
        proc:"web worker"       .x.
        cgroup:docker           .x.
        netns:host              x..
        pid:4021                x..
        pid!=4021               .x.
        pid>0                   xx.
        limit:rwnd              .x.
        limit:rwnd,cwnd         xx.
        limit:unknown           ..x
        limit!=rwnd             x.x
        ca:recovery,loss        .x.
        bbr:probe-bw            .x.
        retrans>0               .x.
        retrans:0               x..
        retrans!=0              .x.
        cwnd/retrans>1          .x.
        retrans%>1              .x.
        retrans%:1.5            .x.
        retrans_pct>=1.5%       .x.
        minrtt<20ms             x..
        minrtt>=20ms            .x.
        queueing>5              .x.
        delivery_rate>8M        .x.
        pacing>=16M             xx.
        cwnd<100                xx.
        snd_wnd>1               xx.
        mss!=1                  xx.
        """,
    ),
    (
        [{}, {"text": "listen"}, {"text": 'a -b c>d port:443 "'}],
        r"""
        ESTAB       x..
        "Estab"     x..
        "-b c>d"    ..x
        -"-b c>d"   xx.
        "port:443"  ..x
        estÄb       ...
        é           ...
        -é          xxx
        10.0.3.7    x..
        7:443       x..
        ~"^(?!l)"   xxx
        ~b$         x..
        """,
    ),
    (
        [{"sport": 22}, {"sport": 51514}, {"srtt_us": 50_000, "sport": 22, "dport": 1}],
        """
        sport = :22             x.x
        ip:10.0.3.7:51514       .x.
        cwnd>"5"                xxx
        srtt>20ms -port:22      ...
        srtt>20ms -port:443     ..x
        srtt-min_rtt>20ms       ..x
        srtt - min_rtt>20ms     ..x
        srtt>20ms -min_rtt>20ms ..x
        """,
    ),
    (
        [{"src": "10.0.0.1"}, {"src": "::1"}, {"src": "::ffff:10.0.0.1"}],
        """
        family:ipv4       x.x
        family:ipv6       .x.
        family!=inet      .x.
        family:ipv4|ipv6  xxx
        """,
    ),
    (
        [{"comm": "wörker\x1b[31m".encode()}, {"comm": b"w\xffrker"}, {}],
        """
        proc:ö          x..
        proc~ö          x..
        proc:rker       xx.
        proc:"\x1b["    x..
        """,
    ),
    (  # numbers beyond a column are above all of it, and integers beyond 2⁵³ are exact
        [{"snd_cwnd": 1, "bytes_acked": 2**53}, {"snd_cwnd": 2**32 - 1, "bytes_acked": 2**53 + 1}],
        f"""
        acked>{2**53}       .x
        acked={2**53}.5     ..
        cwnd<ssthresh/1000  xx
        """
        + "".join(
            f"{name}{sign}{huge} {hits}\n"
            for name in ("cwnd", "cookie", "age", "rate", "acked")
            for huge in (2**64, "9" * 39)
            for sign, hits in (("<", "xx"), ("!=", "xx"), (">=", ".."), (":", ".."))
        ),
    ),
    (
        [{"rate": math.nan, "min_rtt": math.nan}],
        """
        rate<1              .
        rate>=1             .
        rate=1              .
        rate!=1             .
        srtt != min_rtt     .
        srtt = min_rtt      .
        not srtt = min_rtt  x
        """,
    ),
    (
        [{"srtt_us": 39_000, "in_flight": 1001}, {"srtt_us": 300_003, "min_rtt": 100_001.0}],
        """
        srtt>min_rtt+20ms             .x
        srtt>=min_rtt+20ms            xx
        srtt=3*min_rtt                .x
        srtt-min_rtt>0                xx
        39ms<=srtt                    xx
        srtt > 2 * ( min_rtt - 1ms )  xx
        inflight>unsent+1k            x.
        """,
    ),
    (
        [{"rate": 1_001_001.0, "bbr_pacing_gain": 320.0}, {"rate": 1e6, "last_data_sent": 999.0}],
        """
        rate>delivery_rate+8k  x.
        bbr_pacing_gain>1.2    x.
        lastsnd<1s             .x
        lastsnd-1s<0           .x
        """,
    ),
)
CASES = [
    pytest.param(rows, *line.rsplit(maxsplit=1), id=" ".join(line.split()))
    for rows, lines in HITS
    for line in lines.splitlines()
    if line.strip()
]


@pytest.mark.parametrize(("rows", "text", "hits"), CASES)
def test_hits(rows: list[Row], text: str, hits: str) -> None:
    """Each query matches the rows that stand behind it, and its opposite the others."""
    expected = [hit == "x" for hit in hits]
    assert matches(text.strip(), *rows) == expected
    assert matches(f"not ({text.strip()})", *rows) == [not hit for hit in expected]


UNITS = [
    ("srtt", "srtt_us", "1.5ms 1500, 20 20000, .5s 500000"),
    ("age", "age_ns", "90 90e9, 2m 120e9, 1.5h 5400e9, 1d 86400e9, 5ms 5e6"),
    ("rwnd", "snd_wnd", "64Ki 65536"),
    ("snd_wnd", "snd_wnd", "64kB 64000"),
    ("acked", "bytes_acked", f"1.5GiB {3 * 2**29}"),
    ("rate", "rate", "8 1, 1M 125e3, 1Mbit 125e3, 1Mb/s 125e3, 1Mbps 125e3, 1T 125e9"),
    ("rate", "rate", "1MB 1e6, 1MB/s 1e6, 1MiB/s 1048576"),
    ("mark", "mark", "0x1F 31, 31 31"),
    ("ssthresh", "ssthresh", f"inf {NO_SSTHRESH}, INF {NO_SSTHRESH}, ∞ {NO_SSTHRESH}"),
    ("cookie", "cookie", f"0xffffffffffffffff {2**64 - 1}, {2**64 - 1} {2**64 - 1}"),
]
"""Fields, their columns, and values as typed, each with its value in the column."""


@pytest.mark.parametrize(("name", "column", "values"), UNITS)
def test_units(name: str, column: str, values: str) -> None:
    """A number means what its unit says, and a bare one what the table shows."""
    off = {"cookie": 77, "ssthresh": 7, "srtt_us": 7, "age_ns": 7, "mark": 7, "rate": 7.0}
    for typed, value in map(str.split, values.split(", ")):
        meant = int(value) if value.isdigit() else float(value)
        assert matches(f"{name}={typed}", {column: meant}, off) == [True, False]


ENDPOINTS = """
2001:db8::1             xx..
[2001:db8::1]           xx..
[2001:db8::1]:443       x...
[2001:db8::]/32:443     x...
[2001:db8::/32]:443     x...
10.0.3.7                ..xx
10.0.3.7:443            ..x.
10.0.0.0/8:443          ..x.
10.0.3.7:400-500        ..x.
:443                    x.x.
*:443                   x.x.
:443,2001:db8::1        xxx.
2001:db8::1:443         ....
::ffff:10.0.3.7         ..xx
"""


@pytest.mark.parametrize("line", ENDPOINTS.strip().splitlines())
def test_endpoints_of_one_end(line: str) -> None:
    """`src:` and `dst:` read addresses, prefixes and endpoints as ss and Wireshark write them."""
    value, hits = line.split()
    expected = [hit == "x" for hit in hits]
    ends = [("2001:db8::1", 443), ("2001:db8::1", 22), ("10.0.3.7", 443), ("10.0.3.7", 22)]
    here = [{"src": host, "sport": port, "dst": "192.0.2.1", "dport": 9} for host, port in ends]
    there = [{"dst": host, "dport": port, "src": "192.0.2.1", "sport": 9} for host, port in ends]
    assert matches(f"src:{value}", *here) == matches(f"dst:{value}", *there) == expected
    assert matches(f"src:{value}", *there) == matches(f"dst:{value}", *here) == [False] * 4
    assert matches(f"ip:{value}", *here) == matches(f"ip:{value}", *there) == expected
    assert matches(f"ip!={value}", *here) == [not hit for hit in expected]


@pytest.mark.parametrize("typed", sorted(model.STATES))
def test_states(typed: str) -> None:
    """Each spelling of a state means the states it should; what is shown can be searched for."""
    rows = [{"state": int(one)} for one in TcpState]
    assert matches(f"state:{typed}", *rows) == [state in model.STATES[typed] for state in TcpState]
    for row, state in zip(rows, TcpState, strict=True):
        assert matches(f"state:{STATE_NAMES[state]}", row) == [True]


@pytest.mark.parametrize(
    "word",
    [
        *("10.0.3.7:443", "[::1]:80", "::1", "fe80::1", "fe::1", "dead:beef::1", "2001:db8::1"),
        *(":443", "nginx", "fin-wait", "a!b"),
    ],
)
def test_addresses_are_words(word: str) -> None:
    """An endpoint or address without a field is searched for as text, not taken for a field."""
    assert parse(word).fields == {"text", "comm", "cc"}
    rows = ({"text": f"some {word} more"}, {"text": "other", "comm": b""})
    assert matches(word, *rows) == [True, False]
    for nowhere in (f"{word}\0", "\0", f"\0{word}", "\udcff"):  # what no row's text has
        assert matches(nowhere, *rows) == [False, False]
        assert matches(f"-{nowhere}", *rows) == [True, True]


# Columns that a query needs


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("  ", ""),
        ("nginx", "text comm cc"),
        ("port:443", "sport dport"),
        ("dport:443", "dport"),
        ("ip:::1", "saddr_hi saddr_lo daddr_hi daddr_lo"),
        ("src:10.0.0.0/8", "saddr_hi saddr_lo"),
        ("src::443", "sport"),
        ("dst:10.0.0.1:443", "daddr_hi daddr_lo dport"),
        ("state:estab -phase:avoidance", "state slow_start"),
        ("cwnd>1 srtt>1 rate>1 age>1", "snd_cwnd srtt_us rate age_ns"),
        ("cookie:1", "cookie"),
        ("srtt -min_rtt>20ms", "text comm cc min_rtt"),
    ],
)
def test_names_the_columns_it_needs(text: str, fields: str) -> None:
    """A query asks for the columns of its terms and for no others."""
    assert parse(text).fields == {*fields.split()}


PROMISED = """
port:443 and (srtt>80ms or retrans>0) and cc:bbr
not proc:nginx
age<5s
dst:10.0.0.0/8|192.168.0.0/16
state:close_wait
limit:rwnd
rate>=10Mbit
inflight>0.8*cwnd*mss
retrans>5 and srtt>200ms
rate > cwnd*mss/srtt
snd_cwnd>1 cwnd>1 srtt>1 rtt>1
process:x local:::1 remote:::1 limited:app retr%>1
lastsnd>1s lastrcv>1s lastack>1s notsent>1k busy>1m rwnd_limited>1ms backoff>0
""".strip().splitlines()


@pytest.mark.parametrize("text", [*PROMISED, *(text for text, _ in SYNTAX)])
def test_what_was_promised(text: str) -> None:
    """Each query that the language was made for, and each that help shows, is one."""
    assert parse(text).fields


def test_every_column_has_a_field_and_every_field_a_column() -> None:
    """All that is known of a flow can be asked for, under one name, in capitals too.

    No name stands for two fields, and each has a meaning and a source.
    """
    asked = {
        name
        for typed in (*BY_NAME, *map(str.upper, BY_NAME))
        for name in parse(f"{typed}:{BY_NAME[typed.lower()].sample}").fields
    }
    assert SAMPLED - asked == {"rtt", "snd_ssthresh"}  # srtt and ssthresh are these, or newer
    assert INSIDE - asked == {"inside_ns"}
    assert asked <= FIELDS.keys() | DERIVED | SAMPLED | INSIDE
    assert {*BY_NAME} == {*QUERY_FIELDS}
    names = [name for one in FIELD_HELP for name in (one.name, *one.synonyms)]
    assert len(names) == len(set(names)) == len(BY_NAME)
    assert all(one.meaning and one.source and one.kind for one in FIELD_HELP)


def test_a_query_is_a_value() -> None:
    """Queries are compared by their text and can be keys; blank ones match every flow."""
    assert parse("cwnd>1") == parse("cwnd>1") != parse("cwnd>2")
    assert len({parse("cwnd>1"), parse("cwnd>1")}) == 1
    assert parse("") == ALL
    for count in (0, 3):
        assert ALL.mask({"cookie": np.zeros(count, dtype=np.uint64)}).tolist() == [True] * count


def test_two_queries_joined() -> None:
    """They ask for the columns of both, match what both match, and their text says the same."""
    both = parse("port:443 or port:80") & parse("cwnd>5")
    flows = table({"snd_cwnd": 9}, {"snd_cwnd": 1}, {"snd_cwnd": 9, "sport": 22})
    assert both.mask(flows).tolist() == [True, False, False]
    assert both.fields == {"sport", "dport", "snd_cwnd"}
    assert parse(both.text).mask(flows).tolist() == [True, False, False]


# Calculation


@MANY
@given(
    model.SUMS,
    model.SUMS,
    st.sampled_from(["<", ">=", ">", "<="]),
    st.lists(model.CALCULABLE, min_size=1, max_size=4),
)
def test_calculation(left: model.Sum, right: model.Sum, sign: str, rows: list[Row]) -> None:
    """Calculations with columns and units say what Python says, and nothing of what is unknown."""
    text = f"{left.text} {sign} {right.text}"
    if left.dimension != right.dimension:
        nothing = 0 in (left.value(rows[0]), right.value(rows[0]))  # 3-3 is nothing of anything
        alone = left.text in model.COLUMNS and right.rank == model.ATOM  # srtt<3 is in ms
        without_unit = {model.PLAIN, model.BYTES, model.RATE}
        bare = {left.dimension, right.dimension} <= without_unit
        if not (nothing or alone or bare):
            error(text)
        return
    try:
        hits = matches(text, *rows)
    except QueryError:
        counts = left.text in model.COLUMNS and right.rank == model.ATOM  # a count has no unit
        assert "/" in text or counts  # such as 3/(3-3), or cwnd<1Ki
        return
    for row, hit in zip(rows, hits, strict=True):
        one, other = left.value(row), right.value(row)
        if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12):
            assert hit == model.COMPARISONS[sign](one, other)


# Patterns

PATTERNS = r"""
^10\.  :443 2  estab$  [^:]+:51514  (\d+)\.\1  \d{5}  a|b  x*  ESTAB  x$$|t$  (4|:){3}  e.{3}$
1{0}0  [^a-z]{9,}?\s  \.0?(?:\.|3)  ^1|^.2  close.wait  ^\[  \]:22\b  (?:10|203)\.  \s\[  \D{6}
\W\W  (?=e)est  (?!z)wait$  \Aq  t\Z  [[:digit:]]+x  (?s)7.*e  [\D]{8}  \n  (?<name>4)  (?<=:)22
(?<!:)22  t$  \S+ \S+ \S+$  [a-f]+d  ^$  [^0-9]{3}$  \bwait
4{,2}3  1{,}x  (4)(4)(3)()()()()()()()()()(?:)\12
"""
"""The last three RE2 would read without a complaint, but otherwise: as literals, and as octal."""


@pytest.mark.parametrize("pattern", re.split(r"\n|  ", PATTERNS.strip()))
@given(st.lists(model.ROWS, max_size=5))
@settings(max_examples=20)
def test_patterns_say_what_they_say_of_each_row(pattern: str, rows: list[Row]) -> None:
    """Whatever library searches the rows, it finds what `re` finds in each of them."""
    alone = re.compile(
        pattern.replace("[[:digit:]]", "[0-9]").replace("(?<name>", "(?P<name>"), re.IGNORECASE
    )
    expected = [any(alone.search(text) for text in (row["text"], "nginx", "cubic")) for row in rows]
    assert matches(f'~"{pattern}"', *rows) == expected


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


@pytest.mark.parametrize(
    ("pattern", "rows"),
    [
        *((pattern, 50) for pattern in (r"(a+)+$|(.*)*x", r"(\w*\.*)*\1z")),
        *((pattern, 5000) for pattern in (r"(a+)+c$", r"([0-9.: ]+)+z", r"(\w*\.*)*z")),
        (r"(.*a){9}z", 5000),
    ],
)
def test_no_pattern_can_freeze(pattern: str, rows: int) -> None:
    """A pattern that would take for ever is given up, or ends soon enough.

    Without look-around and references, there is an answer, over as many rows as there may be.
    """
    line = "10.0.3.7:443 203.0.113.9:51514 " + "a" * 40 + " estab"
    flows = table(*({"cookie": n, "text": line} for n in range(rows)))
    began = time.thread_time()
    with contextlib.suppress(QueryError) if rows == 50 else contextlib.nullcontext():
        found = parse(f'~"{pattern}"').mask(flows)
        assert rows == 50 or not found.any()
    assert time.thread_time() - began < _FOR_EVER


_FOR_EVER = 60
"""Seconds: a pattern that is not given up takes years."""


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

MISTAKES = re.split(
    r"\n|  ",
    """
«prot»:443  nginx -«Cwmd» > 10  port:80 «x»:80 port:80  «localhost»:80  «dead»:beef
«10.0.0.1»=5  «port:»  a «port:» b  «cwnd >»  «src:»  «state:»  port:«70000»  port:«http» x
port:80,«x»,443  443 port:443,443,«x443»  port:80-«http»  port:«80-»  port:«9-8»  port:80«,»
port:«,»80  dst:«10.0.0»  src:::1,«[::1]:»  src:10.0.0.1:«x»  ip«>»::1  state «<» estab
state:«estb»  state:listen,«FIN_WIAT1»  phase:«xyz»  cwnd>«x»  cwnd>«-5»  cwnd:«inf»  srtt>«nan»
cwnd>«5k»  srtt>«5MS»  srtt>«1e»  mss>«1b»  cookie:«zz»
cwnd>«99999999999999999999999999999999999999999»  a «"b c»  a «""»  a «-» b  «-»  «-»-a
a 10.0.0.1:443 «>=» 5  a «or»  «or» a  a and «and» b  a «not»  «(»a  «(»a or (b)  a«)»  «(»)
a «|» b  cc:bbr«|»  «srtt>mss»  «srtt>2*mss»  srtt>«min_rtt+20»  srtt>min_rtt«*»
srtt>2*«(»min_rtt  srtt>«minrt»  srtt>2*«stats»  srtt>2*«state»  «pid»>2*uid  srtt/«0»>1
srtt>1+«2q»  family:«ipv5»  «~»  «port~»4  a ~b«(»
""".strip("\n"),
)
"""Texts, each with marks around the part that is blamed."""


@pytest.mark.parametrize("marked", MISTAKES)
def test_mistakes(marked: str) -> None:
    """A mistake is blamed on exactly the part that is wrong; test_messages.py has the reasons."""
    before, blamed, behind = re.split("[«»]", marked)
    wrong = error(before + blamed + behind)
    assert (wrong.start, wrong.end) == (len(before), len(before + blamed))


@pytest.mark.parametrize("text", ["prot:443 and x", "x " * 90 + "and prot:443"])
def test_a_mistake_as_three_lines(text: str) -> None:
    """The text, a caret below the mistake, and the reason; of a long text, what is around it."""
    wrong = error(text)
    line, caret, reason = rendered(text, wrong).splitlines()
    assert line[caret.index("^") : caret.rindex("^") + 1] == "prot"
    assert len(line) < 80
    assert reason == wrong.reason
    wrong = error(" " * MAX_LENGTH + "ab")  # what is beyond the longest text is blamed
    assert (wrong.start, wrong.end) == (MAX_LENGTH, MAX_LENGTH + 2)
    assert error("port:443 and").expected == ("a condition", "not", "(")
    assert "estab" in error("state:estb").expected


# What is typed, and promised


@pytest.mark.parametrize(
    ("unfinished", "texts"),
    [
        (True, ["p", "port", "estab po", "-SRT", "cwnd>1 in_fl", "port:443 s"]),
        (False, ["", "port ", "port:", "est", "443", "10.0.0.1 ports", '"port"']),
        (False, ["state:in", "src:a", "[port", "x-port", "a" * 3000]),
    ],
)
def test_the_beginning_of_a_field(unfinished: bool, texts: list[str]) -> None:
    """A last word that a field's name begins with may yet become one; nothing else may."""
    assert [is_unfinished(text) for text in texts] == [unfinished] * len(texts)


def test_nothing_is_loaded_for_no_query() -> None:
    """Who only says that all flows are wanted waits for neither the grammar nor patterns."""
    assert not {"lark", "regex", "re2"} & loaded("from tcctui.query import parse; parse(' ')")


# Limits


@pytest.mark.parametrize(
    "text",
    [
        *("cwnd>10", "cookie!=7", "rate>1M", "port:443,8000-8100", "ip:10.0.0.0/8", "state:estab"),
        *("nginx", "nothing like this " * 100),
    ],
)
def test_no_flow_is_worked_on_by_itself(text: str) -> None:
    """A term over 100,000 flows calls no more functions than over 100: numpy does the rest."""
    few = {name: np.repeat(column, 50) for name, column in table({}, {"sport": 1}).items()}
    many = {name: np.repeat(column, 1000) for name, column in few.items()}
    query = parse(text)
    query.mask(few)  # what it is worked out with is made with the first one
    assert calls(lambda: query.mask(many)) == calls(lambda: query.mask(few)) < 200


LONG = [
    *("a" * MAX_LENGTH, " " * MAX_LENGTH, "a " * 1000, "a" * 1999 + ":", "cwnd>" + "9" * 1995),
    *("port:" + "1," * 900 + "1", "ip:" + ":" * 1900, "-" * MAX_LENGTH, '"' * MAX_LENGTH),
    *("cwnd" + " " * 1900 + ">", "port:" * 300, "x" * 10_000_000, "(" * 2000, "not " * 500),
    *("(" * 1000 + "a" + ")" * 999, "(" * 1000 + "cwnd>1", "-(" * 900, "a or " * 400),
    *("cwnd>" + "1+" * 900 + "1", "cwnd>" + "(" * 900, "cwnd+" * 399 + ">1", "a|" * 999),
    *("cc:" + "b|" * 900, "~" + "(" * 1900, "~" + "a?" * 90, "!" * 2000, "&& " * 600),
    *("(cwnd+" * 300, "srtt>" * 400, "a*" * 999, "(a*" * 600, "- " * 900, "x~" * 900),
    " ".join(f"word{n}" for n in range(220)),
    " or ".join(f"cwnd>{n}*mss" for n in range(130)),
    "((" * 20 + "a" + ") or b)" * 20,
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: repr(text[:12]))
def test_long_text_is_quick(text: str) -> None:
    """However deep or long, a text is a query that works or is refused soon, in a sentence."""
    parse("x")  # the grammar is read once

    def read() -> None:
        try:
            query = parse(text)
        except QueryError as wrong:
            assert 0 < len(wrong.reason) < 300  # noqa: PT017 - either is fine
        else:
            assert len(matches(query.text, {}, {})) == 2

    assert calls(read) < 300 * MAX_LENGTH


# Values as they are told


_QUANTITIES = [one for one in vars(quantities).values() if isinstance(one, Quantity)]


@given(st.sampled_from(_QUANTITIES), st.integers(0, 2**62))
@example(quantities.AGE, 1)
def test_what_is_written_is_read_again(quantity: Quantity, value: int) -> None:
    """A search takes each value as it is told, to four digits."""
    assert float(quantity.read(quantity.write(value))) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("srtt_us", 58149, "srtt 58.15ms"),
        ("rate", 290206.46, "rate 2.322Mbit/s"),
        ("in_flight", 62000, "inflight 60.55KiB"),
        ("ssthresh", 2147483647, "ssthresh inf"),
        ("retrans_percent", 1.25, "retrans_pct 1.25%"),
        ("cc", "bbr", "cc bbr"),
        ("limit", "rwnd", "limit rwnd"),
        ("srtt_us", None, "srtt unknown"),
    ],
)
def test_the_unit_is_told(column: str, value: float | str | None, text: str) -> None:
    """Nobody has to know the unit in which a value is kept."""
    assert said(column, value) == text
