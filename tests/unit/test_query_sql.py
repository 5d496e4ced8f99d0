"""Queries in SQL choose the rows that the evaluator chooses, on the same data in a real engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcctui.flows.labels import both_endpoints
from tcctui.query import Query, QueryError, parse
from tcctui.query.query_fields import FIELDS
from tcctui.query.reference import FIELD_HELP
from tcctui.query.sql import NotInSqlError, SqlColumn, Statement, endpoint
from tcctui.wire.events import NO_SSTHRESH
from tests.unit import query_model as model
from tests.unit.fleet_engine import Engine
from tests.unit.flows_in_sql import FlowsInSql
from tests.unit.query_model import Flows, Row, table
from tests.unit.test_query import HITS

FEW = settings(
    max_examples=int(os.environ.get("TCCTUI_SQL_QUERIES", "60")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
"""Some random queries; for many, set TCCTUI_SQL_QUERIES=1000."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all of the module."""
    made = Engine(tmp_path_factory.mktemp("engine"))
    yield made
    made.close()


def locally(query: Query, flows: Flows) -> list[bool]:
    """Rows that the evaluator chooses."""
    mask = query.mask({name: flows[name] for name in query.fields | {"cookie"}})
    return [bool(hit) for hit in mask]


class Both:
    """Rows in the engine and here."""

    def __init__(self, engine: Engine, rows: list[Row], directory: Path) -> None:
        self.flows = table(*rows)
        self._stored = FlowsInSql(engine, self.flows, directory)

    def agree(self, text: str) -> None:
        """Compare what a query and its opposite choose."""
        for asked in (text, f"not ({text})"):
            query = parse(asked)
            assert self._stored.matches(query) == locally(query, self.flows), asked


@pytest.fixture(scope="module")
def many(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Rows with all kinds of values, at their limits and unknown."""
    random = Random(7)
    directory = tmp_path_factory.mktemp("rows")

    def one_of(*values: object) -> object:
        return random.choice(values)

    def number(most: int) -> int:
        return random.choice([*range(0, 60, 7), 1000, most, most - 1, random.randrange(most)])

    rows: list[Row] = []
    for _ in range(60):
        row: Row = {name: one_of(*model.HOSTS) for name in ("src", "dst")}
        row |= {name: one_of(*model.PORTS) for name in ("sport", "dport")}
        row |= {name: number(2**64 - 1) for name in ("cookie", "bytes_acked")}
        row["bytes_acked"] = one_of(row["bytes_acked"], 2**53, 2**53 + 1)
        names = ("mark", "snd_cwnd", "srtt_us", "snd_wnd", "rcv_wnd", "in_flight", "mss")
        row |= {name: number(2**32 - 1) for name in names}
        row |= {"state": number(12) % 12, "text": one_of(*model._texts)}
        row |= {
            "ssthresh": one_of(number(2**32 - 1), NO_SSTHRESH),
            "slow_start": one_of(True, False),
        }
        row |= {"rate": one_of(0.0, 7.0, random.random() * 1e12, np.nan)}
        row |= {"age_ns": one_of(number(10**16), random.randrange(60) * 10**9)}
        floats = ("total_retrans", "min_rtt", "notsent_bytes")
        row |= {
            name: one_of(0.0, 500.0, 1448.0, float(random.randrange(10**6)), np.nan)
            for name in floats
        }
        row |= {
            "comm": one_of(b"nginx", b"", b"web worker", "wörker".encode()),
            "cc": one_of(b"bbr", b"cubic", b""),
        }
        row |= {"limit": random.randrange(16), "health": one_of(0, 3, 16, 20, 31, 255)}
        row |= {"host": one_of(b"web1", b"db1")}
        rows.append(row)
    return Both(engine, rows, directory)


@FEW
@given(model.TREES)
def test_any_query_chooses_the_same_rows(many: Both, said: model.Said) -> None:
    """Any conditions joined in any way choose the same rows in SQL and here."""
    many.agree(said.text)


@FEW
@given(model.SUMS, model.SUMS, st.sampled_from(sorted(model.COMPARISONS)))
def test_any_calculation_has_the_same_result(
    many: Both, left: model.Sum, right: model.Sum, symbol: str
) -> None:
    """Calculations agree to the last bit, also with unknown values and divisions by 0."""
    text = f"{left.text} {symbol} {right.text}"
    try:
        parse(text)
    except QueryError:
        return  # dimensions that differ
    many.agree(text)


CASES = [
    (rows, [line.rsplit(maxsplit=1)[0].strip() for line in lines.splitlines() if line.strip()])
    for rows, lines in HITS
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_each_kind_of_condition(number: int, engine: Engine, tmp_path: Path) -> None:
    """All conditions that the evaluator is tested with choose the same rows, or are refused."""
    rows, texts = CASES[number]
    both = Both(engine, rows, tmp_path)
    for text in texts:
        if "(?" not in text:
            both.agree(text)
            continue
        with pytest.raises(NotInSqlError):
            both.agree(text)


def test_every_field_can_be_asked(many: Both) -> None:
    """Each name of the language has SQL, with a typical value, and its opposite."""
    for one in FIELD_HELP:
        sample = one.values[0] if one.values else one.sample
        many.agree(f"{one.name}:{sample}")
        if FIELDS[one.name].ordered:
            many.agree(f"{one.name}<{sample}")
        many.agree(f"{one.name}!={sample}")


HEALTHS = "health:loss health:ok health:bad health:rto+loss health>=loss health<queue health>ok"
TEXTS = (
    *("state:syn-recv", "state:new_syn_recv", "state!=syn-recv"),
    *("NGINX", '"web w"', "~r$", "~^10", "proc~^n", "proc!~^n", "proc!=nginx", "proc~."),
    *("wörk", 'proc:"\\"', "~\\d+:443", "limit:unknown", "limit!=rwnd", "proc:'", "'; DROP"),
    *("ca:loss", "family:ipv6", "fe80::1%3", "src:fe80::1%3", "src:fe80::/10", "src:[::1]:443"),
)


@pytest.mark.parametrize("text", [*HEALTHS.split(), *TEXTS])
def test_words_and_patterns(text: str, many: Both) -> None:
    """Words, patterns and signs are found in the same rows; what is typed stays a value."""
    many.agree(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("~(?<=a)b", "look-around"),
        (r"proc~(a)\1", "look-around"),
        ("src:fe80::1%eth0", "another interface on each host"),
        ("acks>3", "acks is not stored"),
    ],
)
def test_what_a_database_can_not_decide_is_refused(text: str, why: str) -> None:
    """The refusal has the reason, whatever stands beside the condition."""
    columns = {name: SqlColumn(name, "S") for name in ("text", "comm", "cc", "saddr")}
    with pytest.raises(NotInSqlError, match=why):
        parse(f"cc:bbr and not ({text})").in_sql(Statement(columns))


def test_what_is_typed_is_no_part_of_the_statement() -> None:
    """Texts, patterns and numbers of a user are parameters, whatever they are."""
    columns = {name: SqlColumn(name, "S") for name in ("text", "comm", "cc")}
    columns["snd_cwnd"] = SqlColumn("snd_cwnd", "u4")
    statement = Statement(columns)
    sql = parse('"x\' OR 1" ~"\'x" proc:"{p1:String}" cwnd>12345').in_sql(statement)
    assert not any(part in sql for part in ("OR 1", "'x", "12345"))
    assert "x' or 1" in statement.parameters.values()


ADDRESSES = (
    *(
        "0.0.0.0",
        "255.255.255.255",
        "10.0.3.7",
        "::",
        "::1",
        "::2:0",
        "::a00:7",
        "1::",
        "::ffff:0:1",
    ),
    *("fe80::1", "fe80::7:0:0:1", "2001:db8::1", "2001:db8:0:1::1", "1:0:0:2:0:0:0:3", "ff02::fb"),
    *("1:2:3:4:5:6:7:8", "1:0:3:4:5:6:7:8", "a:b:c:d:e:f:0:0", "64:ff9b::1.2.3.4"),
)


def test_endpoints_are_written_as_on_the_screen(engine: Engine, tmp_path: Path) -> None:
    """The text of an endpoint in SQL is that of the screen, with an interface's number."""
    rows: list[Row] = [{"src": one, "dst": "::1", "sport": 443} for one in ADDRESSES]
    flows = table(*rows)
    flows["saddr_hi"] = flows["saddr_hi"].copy()
    flows["saddr_hi"][ADDRESSES.index("fe80::7:0:0:1")] |= np.uint64(7)
    stored = FlowsInSql(engine, flows, tmp_path)
    sql = f"SELECT {endpoint('saddr', 'sport')} AS text FROM {stored.name} ORDER BY row"
    written = [line.split()[0].decode() for line in both_endpoints(flows).tolist()]
    assert engine.query(sql, {}, 10).column("text").to_pylist() == written
