"""The collector: rows once and whole, rights of users, limits, restarts."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tcctui.fleet.client import Address, Client, Refused, Unreachable, connect
from tcctui.fleet.collector.limits import Limits
from tcctui.fleet.tables.every_table import FLOW, GROUP, HOST, MARK, TABLES
from tcctui.fleet.tables.table import Table
from tests.conftest import need
from tests.soak.collector_kills import kill
from tests.unit.collector_process import (
    PASSWORDS,
    PATIENCE,
    TOKEN,
    Collector,
    certificate_file,
    public_directory,
    rows,
    users_file,
    zstd,
)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Give a collector with users."""
    with public_directory() as directory:
        users = str(users_file(directory))
        with Collector(directory / "store", "--users", users) as running:
            yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Give the file with the agents' password."""
    path = tmp_path / "password"
    path.write_text(f"{PASSWORDS['agents']}\n")
    return path


@pytest.fixture
def agent(collector: Collector, secret: Path) -> Iterator[Client]:
    """Give the client of an agent."""
    client = connect(Address(collector.url, "agents", secret))
    yield client
    client.close()


@pytest.fixture
def store() -> Iterator[Path]:
    """Give the directory of a new store."""
    with public_directory() as directory:
        yield directory / "store"


@pytest.fixture
def restarted(store: Path) -> Iterator[Collector]:
    """Give a collector that a test starts and ends itself; it ends with the test at the latest."""
    collector = Collector(store)
    yield collector
    collector.kill()


def count(collector: Collector, table: str, host: str = "") -> int:
    """Rows of a table, of one host."""
    where = f" WHERE host = '{host}'" if host else ""
    return int(collector.ask(f"SELECT count() FROM {table}{where}", user="operator").text)


# Rows


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_takes_its_rows(collector: Collector, agent: Client, table: Table) -> None:
    """Rows of each table arrive as they were sent, with what is unknown as NULL."""
    agent.insert(table.name, zstd(rows(table, 3, "arrives")), f"arrives {table.name}")
    assert count(collector, table.name, "arrives") == 3
    unknown = [one.name for one in table.columns if one.nullable]
    query = f"SELECT {', '.join(f'`{name}`' for name in unknown)} FROM {table.name} LIMIT 1"
    if unknown:
        found = collector.ask(query, user="people").text.rstrip("\n").split("\t")
        assert found == ["\\N"] * len(unknown)


def test_a_batch_sent_twice_is_there_once(collector: Collector, agent: Client) -> None:
    """A token that came before is not inserted again, nor rolled up again; another one is."""
    body = zstd(rows(GROUP, 4, "twice"))
    for token in ("first", "first", "second"):
        agent.insert("group_10s", body, token)
    assert count(collector, "group_10s", "twice") == 8
    rolled_up = "SELECT sum(flows) FROM group_5m WHERE host = 'twice'"
    assert collector.ask(rolled_up, user="people").text == f"{2 * (1 + 2 + 3 + 4)}\n"


def test_rows_of_agents_are_gathered(collector: Collector, agent: Client) -> None:
    """An agent's own client inserts through the journal, among others, and not one by one."""
    tokens = collector.store / "journal" / "tokens"
    before = tokens.stat().st_size
    agent.insert("mark", zstd(rows(MARK, 1, "gathered")), "gathered")
    assert tokens.stat().st_size > before


def test_older_agents_send_fewer_columns(collector: Collector, agent: Client) -> None:
    """A column that an agent does not know has its default: NULL, or nothing."""
    without = ("rcvbuf", "comm", "limit_ms")
    agent.insert("flow_10s", zstd(rows(FLOW, 2, "older", without)), "older")
    query = "SELECT rcvbuf, comm, limit_ms FROM flow_10s WHERE host = 'older' LIMIT 1"
    assert collector.ask(query, user="people").text == "\\N\t\t{}\n"


def test_groups_are_rolled_up(collector: Collector, agent: Client) -> None:
    """Five minutes of groups are one row, of sums, and merged histograms."""
    agent.insert("group_10s", zstd(rows(GROUP, 3, "rolled")), "rolled")
    query = (
        "SELECT time, sum(flows), sumMap(srtt_histogram), sumMap(limit_ms) FROM group_5m"
        " WHERE host = 'rolled' GROUP BY time"
    )
    found = collector.ask(query, user="people").text
    assert found == "2026-11-30 14:00:00\t6\t{100:6,105:3}\t{'app':21,'queue':15}\n"


def test_the_process_keeps_its_name(collector: Collector, agent: Client) -> None:
    """`ps` shows the program's name: the engine renames threads that work for it, and no other."""
    agent.insert("mark", zstd(rows(MARK, 1, "named")), "named")
    assert count(collector, "mark", "named") == 1
    shown = [sys.executable, "-c", "print(open('/proc/self/comm').read(), end='')"]
    usual = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    assert Path(f"/proc/{collector.pid}/comm").read_text() == usual


# clickhouse-connect


def test_clickhouse_connect(collector: Collector) -> None:
    """ClickHouse's own client connects, inserts, and reads with parameters."""
    host, _, port = collector.url.rpartition("/")[2].partition(":")
    options: dict[str, Any] = {"host": host, "port": int(port), "autogenerate_session_id": False}
    operator = clickhouse_connect.get_client(
        username="operator", password=PASSWORDS["operator"], **options
    )
    operator.command("CREATE TABLE own (name String, number UInt32) ENGINE = MergeTree ORDER BY ()")
    operator.insert("own", [["a", 1], ["b", 2]], column_names=["name", "number"])
    people = clickhouse_connect.get_client(
        username="people", password=PASSWORDS["people"], **options
    )
    assert people.ping()
    found = people.query("SELECT name FROM own WHERE number > {least:UInt32}", {"least": 1})
    assert found.result_rows == [("b",)]
    table = people.query_arrow("SELECT * FROM own ORDER BY number")
    assert table.to_pylist() == [{"name": "a", "number": 1}, {"name": "b", "number": 2}]
    with pytest.raises(DatabaseError) as refused:
        people.insert("own", [["c", 3]], column_names=["name", "number"])
    assert refused.value.code == 497
    with pytest.raises(DatabaseError) as refused:
        people.command("DROP TABLE own")
    assert refused.value.code == 164
    operator.command("DROP TABLE own")
    with pytest.raises(DatabaseError) as refused:
        clickhouse_connect.get_client(username="people", password="wrong", **options)
    assert refused.value.code == 516


# Rights


FORBIDDEN_TO_READERS = (
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
    "SELECT * FROM /* */ file /* */ ('/etc/passwd', 'LineAsString')",
    "SELECT * FROM (SELECT * FROM executable('id', 'CSV', 'a String'))",
    "SELECT 1 INTO OUTFILE '/tmp/tcctui-out'",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_memory_usage = 0",
    "SELECT 1 SETTINGS max_block_size = 1, max_memory_usage = 0",
    "SET readonly = 0",
    "DROP TABLE flow_10s",
    "TRUNCATE TABLE flow_10s",
    "CREATE TABLE other (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE other (a UInt8)",
    "ALTER TABLE flow_10s DELETE WHERE 1",
    "INSERT INTO mark (host) VALUES ('a')",
    "INSERT INTO mark (host) SELECT 'a'",
    "INSERT INTO FUNCTION file('/tmp/tcctui-out', 'CSV', 'a String') VALUES ('a')",
    "WITH 1 AS a INSERT INTO mark (host) SELECT 'a'",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "SELECT '\x00",
    "SELECT 1 /*",
)


@pytest.mark.parametrize("statement", FORBIDDEN_TO_READERS)
def test_readers_read_only(collector: Collector, statement: str) -> None:
    """No statement of a reader changes rows, tables or settings, or reaches files or machines."""
    answer = collector.ask("", statement.encode(), user="people")
    assert answer.status >= 400
    assert answer.code in {62, 164, 497}
    assert not Path("/tmp/tcctui-out").exists()


def test_a_reader_may_change_no_limit(collector: Collector) -> None:
    """Settings in the URL are those that a reader may change."""
    for name in ("max_memory_usage", "readonly", "output_format_schema", "output_format_a = 1, b"):
        assert (
            collector.ask("SELECT 1", path=f"/?{urlencode({name: 0})}", user="people").code == 164
        )
    assert collector.ask("SELECT 1", user="people", max_execution_time="5").text == "1\n"


AGENTS_MAY_NOT = (
    "SELECT * FROM flow_10s",
    "SELECT name FROM system.tables",
    "DROP TABLE flow_10s",
    "INSERT INTO schema_migrations FORMAT Values",
    "INSERT INTO mark (host) SELECT 'a'",
    "INSERT INTO mark SELECT * FROM file('/etc/passwd')",
)


@pytest.mark.parametrize("statement", AGENTS_MAY_NOT)
def test_agents_insert_only(collector: Collector, statement: str) -> None:
    """An agent reads nothing, and inserts into the fleet's tables alone."""
    answer = collector.ask("", f"{statement}\n".encode(), user="agents")
    assert (answer.status, answer.code) == (403, 497)


def test_the_operator_stays_within(collector: Collector) -> None:
    """Not even an admin reaches files, programs or other machines through the engine."""
    for statement in FORBIDDEN_TO_READERS[:8]:
        answer = collector.ask("", statement.encode(), user="operator")
        assert answer.code == 497


def test_errors_of_the_client(collector: Collector, secret: Path, agent: Client) -> None:
    """A request that is never accepted is Refused, no answer Unreachable; one sentence each."""
    with pytest.raises(Refused) as refused:
        agent.insert("nothing_like_it", zstd(rows(HOST, 1)), "a")
    assert "INSERT ON nothing_like_it" in refused.value.reason
    with pytest.raises(Refused):
        agent.insert("host", zstd(b"no rows"), "b")
    with pytest.raises(Refused, match="does not accept the user people"):
        connect(Address(collector.url, "people", secret))
    with pytest.raises(Unreachable, match="does not answer"):
        connect(Address("http://127.0.0.1:1"))
    token = secret.with_name("token")
    token.write_text(TOKEN)
    client = connect(Address(collector.url, token_file=token))
    client.insert("host", zstd(rows(HOST, 1, "token")), "of a token")
    assert count(collector, "host", "token") == 1


# Limits


def test_bombs(collector: Collector) -> None:
    """Bodies that are too large, packed or unpacked, are refused, and nothing else suffers."""
    bomb = zstd(bytes(1 << 28))
    assert len(bomb) < 1 << 16
    headers = {"Content-Encoding": "zstd"}
    query = "INSERT INTO mark FORMAT ArrowStream"
    unpacked = collector.ask(query, bomb, user="agents", headers=headers)
    assert (unpacked.status, unpacked.code) == (413, 307)
    packed = collector.ask(query, bytes(1 << 25), user="agents")
    assert (packed.status, packed.code) == (413, 307)
    broken = collector.ask(query, b"nothing", user="agents", headers=headers)
    assert broken.code == 271
    assert collector.ask("SELECT 1", user="people").text == "1\n"


def test_a_query_has_limits(collector: Collector) -> None:
    """Time, memory and the size of the result are limited."""
    slow = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
    assert collector.ask(slow, user="people", max_execution_time="0.2").code == 159
    large = "SELECT groupArray(number) FROM numbers(1000000000)"
    assert collector.ask(large, user="people").code == 241
    much = "SELECT number FROM numbers(1000000000)"
    assert collector.ask(much, user="people").code == 396


def test_slow_readers_hold_nothing_up(collector: Collector, agent: Client) -> None:
    """Who asks for much and reads nothing of it takes nobody's turn."""
    place = urlsplit(collector.url)
    assert place.port
    asked = urlencode({"query": "SELECT number FROM numbers(1000000)", "user": "people"})
    password = quote(PASSWORDS["people"])
    with ExitStack() as stack:
        for _ in range(2 * Limits().reading):
            reader = stack.enter_context(
                socket.create_connection((place.hostname, place.port), PATIENCE)
            )
            reader.sendall(
                f"GET /?{asked}&password={password} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            )
            assert reader.recv(8) == b"HTTP/1.1"  # its answer is there, and far from over
        agent.insert("mark", zstd(rows(MARK, 1, "slow")), "slow readers")
        assert count(collector, "mark", "slow") == 1


# Restarts


def test_the_end_waits_for_what_is_under_way(restarted: Collector) -> None:
    """SIGTERM lets a statement that has begun have its answer, and then ends the process."""
    collector = restarted.start()
    under_way = "SELECT count() FROM system.processes WHERE query LIKE '%sleep%' AND query NOT LIKE"
    with ThreadPoolExecutor() as threads:
        asking = threads.submit(collector.ask, "SELECT sleep(2)")
        while collector.ask(f"{under_way} '%processes%'").text == "0\n":
            assert not asking.done()
        assert collector.end() == 0
        assert asking.result().text == "0\n"


def test_a_restart_forgets_nothing(restarted: Collector) -> None:
    """Rows are there after a restart, and a token from before it is known."""
    collector = restarted.start()
    body = zstd(rows(GROUP, 2, "restart"))
    client = connect(Address(collector.url))
    client.insert("group_10s", body, "token")
    client.close()
    assert collector.end(signal.SIGHUP) == 0, "a terminal that is closed ends it in order, too"
    with collector:
        client = connect(Address(collector.url))
        client.insert("group_10s", body, "token")
        assert client.numbers("SELECT count() FROM group_10s") == [2]
        assert client.numbers("SELECT sum(flows) FROM group_5m") == [3]
        client.close()


def test_a_token_without_its_part(restarted: Collector) -> None:
    """A token that was written before a kill, and its part not, is not taken for stored."""
    collector = restarted.start()
    now = datetime.now(timezone.utc)
    row = f"('{now:%Y-%m-%d %H:%M:%S}', 'a')".encode()
    query = "INSERT INTO mark (time, host) FORMAT Values"
    for _ in range(2):
        assert collector.ask(query, row, insert_deduplication_token="token").status == 200
    assert collector.ask("SELECT count() FROM mark").text == "1\n"
    part = "SELECT path FROM system.parts WHERE table = 'mark'"
    path = collector.ask(part).text.strip()
    collector.end()
    shutil.rmtree(path)
    with collector:
        assert collector.ask("SELECT count() FROM mark").text == "0\n"
        for _ in range(2):
            assert collector.ask(query, row, insert_deduplication_token="token").status == 200
        assert collector.ask("SELECT count() FROM mark").text == "1\n"


def test_kills_amid_inserts(store: Path) -> None:
    """After kill -9 amid inserts each batch is there once, and once in the sums of five minutes."""
    kills = kill(store, times=2)
    assert (kills.rows, kills.rolled_up) == kills.expected
    assert kills.repeated > 0


def test_one_process_has_a_store(collector: Collector) -> None:
    """A second collector of the same store says so in one sentence, and ends."""
    command = [sys.executable, "-m", "tcctui", "collector", "--listen", "127.0.0.1:0"]
    second = subprocess.run(
        [*command, "--store", str(collector.store)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stderr == (
        f"tcctui: Another process has {collector.store}.\n"
        "        End that one, or choose another directory.\n"
    )


# Encryption


@pytest.fixture(scope="module")
def certificate() -> Iterator[Path]:
    """Give a certificate of 127.0.0.1 with its key, signed by itself."""
    if shutil.which("openssl") is None:
        need("needs openssl: not installed")
    with public_directory() as directory:
        yield certificate_file(directory)


def test_https(store: Path, certificate: Path) -> None:
    """With a certificate it speaks TLS; clients check it against authorities that they trust."""
    with Collector(store, "--certificate", str(certificate)) as collector:
        assert collector.url.startswith("https://")
        client = connect(Address(collector.url, authorities=certificate))
        client.insert("host", zstd(rows(HOST, 1)), "encrypted")
        assert client.numbers("SELECT count() FROM host") == [1]
        client.close()
        with pytest.raises(Unreachable, match="does not answer: self-signed certificate"):
            connect(Address(collector.url))


WITHOUT = """
import sys
from tcctui.cli import main
for missing in {missing!r}: sys.modules[missing] = None
sys.exit(main({command!r}))
"""


@pytest.mark.parametrize(
    ("missing", "command", "needed"),
    [
        ("chdb", ["collector", "--listen", "127.0.0.1:0", "--store"], "The collector needs chDB"),
        ("uvicorn", ["collector", "--listen", "127.0.0.1:0", "--store"], "The collector needs"),
        ("clickhouse_connect", ["fleet", "schema", "http://a"], "A fleet needs clickhouse-connect"),
    ],
)
def test_missing_libraries(store: Path, missing: str, command: list[str], needed: str) -> None:
    """What the extra brings is missing in one sentence, with the command that installs it."""
    command = [*command, str(store)] if command[-1] == "--store" else command
    code = WITHOUT.format(missing=[missing], command=command)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    reason, mend = done.stderr.splitlines()
    assert needed in reason
    assert mend == "        Install it: pip install 'tcctui[fleet]'".replace(
        "it:", "them:" if missing == "uvicorn" else "it:"
    )
