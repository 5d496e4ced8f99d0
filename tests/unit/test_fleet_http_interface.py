"""The collector's HTTP interface, beside what ClickHouse's documentation shows of a server's.

The requests and answers are those of https://clickhouse.com/docs/interfaces/http, in its order.
"""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.unit.collector_process import PASSWORDS, TOKEN, Collector, public_directory, users_file


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[Collector]:
    """Give a collector without a file of users, as a server is after its installation."""
    with public_directory() as directory, Collector(directory / "store") as collector:
        yield collector


@pytest.fixture(scope="module")
def closed() -> Iterator[Collector]:
    """Give a collector with users."""
    with public_directory() as directory:
        users = str(users_file(directory))
        with Collector(directory / "store", "--users", users) as collector:
            yield collector


def test_health_checks(open_to_all: Collector) -> None:
    """`GET /`, `/ping` and `/replicas_status` answer `Ok.` with a line feed."""
    for path in ("/", "/ping", "/replicas_status"):
        answer = open_to_all.ask(path=path)
        assert (answer.status, answer.text) == (200, "Ok.\n")


def test_a_query_in_the_url(open_to_all: Collector) -> None:
    """The result is TabSeparated; id, time zone and summary are in headers."""
    answer = open_to_all.ask("SELECT 1")
    assert (answer.status, answer.text) == (200, "1\n")
    assert answer.headers["content-type"] == "text/tab-separated-values; charset=UTF-8"
    assert answer.headers["x-clickhouse-format"] == "TabSeparated"
    uuid.UUID(answer.headers["x-clickhouse-query-id"])
    assert answer.headers["x-clickhouse-timezone"]
    assert answer.headers["x-clickhouse-server-display-name"]
    summary = json.loads(answer.headers["x-clickhouse-summary"])
    documented = ("read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read")
    assert {*documented, "elapsed_ns"} <= set(summary)
    assert all(isinstance(number, str) and number.isdigit() for number in summary.values())


@pytest.mark.parametrize(
    ("query", "body"), [("", b"SELECT 1\n"), ("SELECT", b"1\n"), ("SELECT 1", b"")]
)
def test_a_query_in_the_body(open_to_all: Collector, query: str, body: bytes) -> None:
    """The query is the URL's, the body's, or begins in the one and goes on in the other."""
    assert open_to_all.ask(query, body).text == "1\n"


def test_a_line_feed_between_url_and_body(open_to_all: Collector) -> None:
    """No word can begin in the URL and end in the body."""
    answer = open_to_all.ask("SEL", b"ECT 1\n")
    assert (answer.status, answer.code) == (400, 62)
    assert answer.text.startswith("Code: 62. DB::Exception: Syntax error")
    assert "(SYNTAX_ERROR)" in answer.text


def test_formats(open_to_all: Collector) -> None:
    """A FORMAT clause chooses the format, else `default_format` or the header."""
    told = open_to_all.ask("SELECT 1, 2, 3 FORMAT JSON")
    answer = json.loads(told.body)
    assert answer["meta"] == [{"name": name, "type": "UInt8"} for name in "123"]
    assert (answer["data"], answer["rows"]) == ([{"1": 1, "2": 2, "3": 3}], 1)
    assert {"elapsed", "rows_read", "bytes_read"} <= set(answer["statistics"])
    assert told.headers["x-clickhouse-format"] == "JSON"
    assert told.headers["content-type"].startswith("application/json")
    assert "┃ 1 ┃" in open_to_all.ask("", b"SELECT 1 FORMAT Pretty").text
    assert open_to_all.ask("SELECT 1", default_format="JSONCompactEachRow").text == "[1]\n"
    header = {"X-ClickHouse-Format": "CSVWithNames"}
    assert open_to_all.ask("SELECT 1 AS a", headers=header).text == '"a"\n1\n'


def test_inserts(open_to_all: Collector) -> None:
    """Rows are in the query, in the body behind it, or in the body alone, in any format."""
    create = open_to_all.ask("", b"CREATE TABLE t (a UInt8) ENGINE = Memory")
    assert (create.status, create.body) == (200, b"")
    assert "x-clickhouse-format" not in create.headers
    for query, body in (
        ("", b"INSERT INTO t VALUES (1),(2),(3)"),
        ("INSERT INTO t VALUES", b"(4),(5),(6)"),
        ("INSERT INTO t FORMAT Values", b"(7),(8),(9)"),
        ("INSERT INTO t FORMAT TabSeparated", b"10\n11\n12\n"),
    ):
        answer = open_to_all.ask(query, body)
        assert (answer.status, answer.body) == (200, b"")
        assert json.loads(answer.headers["x-clickhouse-summary"])["written_rows"] == "3"
    found = open_to_all.ask("SELECT a FROM t").text.split()
    assert sorted(map(int, found)) == list(range(1, 13))
    assert open_to_all.ask("", b"DROP TABLE t").body == b""
    gone = open_to_all.ask("SELECT a FROM t")
    assert (gone.status, gone.code) == (404, 60)


def test_a_get_changes_nothing(open_to_all: Collector) -> None:
    """GET implies readonly."""
    answer = open_to_all.ask("CREATE TABLE t (a UInt8) ENGINE = Memory")
    assert (answer.status, answer.code) == (500, 164)
    assert "method GET implies readonly" in answer.text


def test_compression(open_to_all: Collector) -> None:
    """Bodies of requests are compressed as they say, answers if asked for."""
    sent = open_to_all.ask("", gzip.compress(b"SELECT 1"), headers={"Content-Encoding": "gzip"})
    assert sent.text == "1\n"
    accepted = {"Accept-Encoding": "gzip"}
    query = b"SELECT number FROM system.numbers LIMIT 3"
    answer = open_to_all.ask("", query, headers=accepted, enable_http_compression="1")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"0\n1\n2\n"
    plain = open_to_all.ask("", query, headers=accepted)
    assert "content-encoding" not in plain.headers


def test_the_default_database(open_to_all: Collector) -> None:
    """`database` or the header is where tables without one are."""
    query = b"SELECT number FROM numbers LIMIT 3"
    assert open_to_all.ask("", query, database="system").text == "0\n1\n2\n"
    header = {"X-ClickHouse-Database": "system"}
    assert open_to_all.ask("", query, headers=header).text == "0\n1\n2\n"


def test_a_user_in_three_ways(closed: Collector) -> None:
    """Name and password are in Authorization, in the URL or in ClickHouse's own headers.

    They are not in two of these at once; without any it is `default`, whom the file does not have.
    """
    password = PASSWORDS["people"]
    basic = base64.b64encode(f"people:{password}".encode()).decode()
    in_header = {"Authorization": f"Basic {basic}"}
    assert closed.ask("SELECT 1", headers=in_header).text == "1\n"
    in_url = closed.ask("SELECT 1", path=f"/?user=people&password={quote(password)}")
    assert in_url.text == "1\n"
    assert closed.ask("SELECT 1", user="people").text == "1\n"
    for wrong in (
        closed.ask("SELECT 1"),
        closed.ask("SELECT 1", user="people", password="wrong"),
        closed.ask("SELECT 1", user="people", headers=in_header),
        closed.ask("SELECT 1", headers={"Authorization": "Bearer wrong"}),
    ):
        assert (wrong.status, wrong.code) == (403, 516)
        assert "Authentication failed" in wrong.text or "Invalid authentication" in wrong.text
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert closed.ask("SELECT 1", headers=token).text == "1\n"


def test_an_id_of_the_query(open_to_all: Collector) -> None:
    """`query_id` comes back."""
    answer = open_to_all.ask("SELECT 1", query_id="of-mine")
    assert answer.headers["x-clickhouse-query-id"] == "of-mine"


def test_buffering_tells_the_truth(open_to_all: Collector) -> None:
    """An error after the first rows has the status of an error, as with wait_end_of_query=1."""
    answer = open_to_all.ask(
        "select sleepEachRow(0.001), throwIf(number = 2) from numbers(5)",
        max_block_size="1",
        wait_end_of_query="1",
    )
    assert (answer.status, answer.code) == (500, 395)


def test_one_statement_at_a_time(open_to_all: Collector) -> None:
    """Several statements are refused; one may end in a semicolon."""
    answer = open_to_all.ask("", b"SELECT 1; SELECT 2")
    assert (answer.status, answer.code) == (400, 62)
    assert "Multi-statements are not allowed" in answer.text
    assert open_to_all.ask("", b"SELECT 1;\n").text == "1\n"


def test_parameters(open_to_all: Collector) -> None:
    """`param_NAME` is the value of `{NAME:Type}`, escaped as TabSeparated is, and never SQL."""
    query = "SELECT {id:UInt8}, {phrase:String}"
    assert open_to_all.ask(query, param_id="2", param_phrase="test").text == "2\ttest\n"
    told = open_to_all.ask("SELECT {phrase:String}", param_phrase="x'; DROP TABLE t --")
    assert told.text == "x\\'; DROP TABLE t --\n"
    split = b"SELECT splitByChar('\\t', {arg1:String})"
    assert open_to_all.ask("", split, param_arg1="abc\\\t123").text == "['abc','123']\n"
    wrong = open_to_all.ask("", split, param_arg1="abc\t123")
    assert wrong.code == 457
    missing = open_to_all.ask(query, param_id="2")
    assert missing.code == 456


def test_what_is_not_there_is_said(open_to_all: Collector) -> None:
    """Sessions, roles and ClickHouse's own compression are refused, not left out in silence."""
    for parameter in ("session_id=a", "role=a", "compress=1", "decompress=1"):
        answer = open_to_all.ask("SELECT 1", path=f"/?{parameter}")
        assert (answer.status, answer.code) == (501, 48)
