"""The schema of a fleet: its statements, migrations, and labels of hosts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcctui.cli import main
from tcctui.errors import TcctuiError
from tcctui.fleet.client import Address, Client, connect
from tcctui.fleet.schema import ddl, labels, migrations
from tcctui.fleet.tables.every_table import FLOW, GROUP, ROLLED_UP, TABLES
from tcctui.fleet.view import flow_statement
from tcctui.query import ALL
from tests.unit.collector_process import Collector, public_directory

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Give a collector for all."""
    with public_directory() as directory, Collector(directory / "store") as running:
        yield running


@pytest.fixture
def engine(collector: Collector) -> Iterator[Client]:
    """Give its client, with a database of the test's own."""
    operator = connect(Address(collector.url))
    operator.execute("CREATE DATABASE fleet")
    client = connect(Address(f"{collector.url}/fleet"))
    yield client
    client.close()
    operator.execute("DROP DATABASE fleet SYNC")
    operator.close()


def columns(engine: Client, table: str) -> dict[str, str]:
    """Columns of a table, and their types."""
    found = engine.query(
        "SELECT name, type FROM system.columns"
        " WHERE database = currentDatabase() AND table = {table:String} ORDER BY position",
        {"table": table},
        10,
    )
    return dict(zip(*(column.to_pylist() for column in found.columns), strict=True))


def test_a_new_schema_and_again(collector: Collector, engine: Client, capsys: Captured) -> None:
    """The command creates all tables with the columns of `tables`; again it has nothing to do."""
    command = ["fleet", "schema", f"{collector.url}/fleet"]
    assert main(command) == 0
    assert "1: tables of groups" in capsys.readouterr().out
    for table in TABLES:
        assert columns(engine, table.name) == {
            column.name: ddl.column_type(column) for column in table.columns
        }
    assert list(columns(engine, ROLLED_UP.name)) == [one.name for one in ROLLED_UP.columns]
    assert main(command) == 0
    assert capsys.readouterr().out == "Nothing to do: the schema is this one's.\n"


def test_an_older_schema(engine: Client) -> None:
    """Columns that an older tcctui did not have are added, in sums of five minutes as well."""
    migrations.apply(engine)
    for table in ("flow_10s", "group_10s", ROLLED_UP.name):
        before = columns(engine, table)
        engine.execute("DROP TABLE group_5m_view")
        engine.execute(f"ALTER TABLE {table} DROP COLUMN limit_ms")
        migrated = "DELETE FROM schema_migrations WHERE 1"
        engine.execute(migrated)
        assert [one.number for one in migrations.apply(engine)] == [1, 2]
        assert set(columns(engine, table)) == set(before)


@pytest.mark.parametrize("interrupted", [0, 1])
def test_a_schema_in_another_order(engine: Client, interrupted: int) -> None:
    """New tables take the place of those in the old order, whose rows stay; again is nothing.

    One that was interrupted before the tables changed places is finished.
    """
    migrations.apply(engine)
    for table, order in ((GROUP, ("prefix", "host")), (FLOW, ("host", "cookie"))):
        engine.execute(f"DROP TABLE {table.name} SYNC")
        engine.execute(ddl.create(table._replace(order=order)))
        engine.execute(f"INSERT INTO {table.name} (time, host) VALUES (now(), 'before')")
    engine.execute("DELETE FROM schema_migrations WHERE number > 2")
    for statement in ddl.reordered(GROUP, "_until_3").statements[:interrupted]:
        engine.execute(statement)
    assert [one.number for one in migrations.apply(engine)] == [3, 4]
    assert migrations.apply(engine) == []
    engine.execute("INSERT INTO group_10s (time, host, flows) VALUES (now(), 'after', 3)")
    for table, kept in ((GROUP, "group_10s_until_3"), (FLOW, "flow_10s_until_4")):
        assert engine.numbers(f"SELECT count() FROM {kept} WHERE host = 'before'") == [1]
        assert engine.numbers(f"SELECT count() FROM {table.name} WHERE host = 'before'") == [0]
    assert engine.numbers("SELECT sum(flows) FROM group_5m WHERE host = 'after'") == [3]
    engine.execute("DELETE FROM schema_migrations WHERE number > 2")
    assert migrations.apply(engine) == []


def test_a_moment_is_read_without_its_day(engine: Client) -> None:
    """Of connections in the order of time, those of a minute are read, however many there are."""
    migrations.apply(engine)
    begin_s = int(time.time()) // 3600 * 3600 - 7200
    engine.execute(
        f"INSERT INTO flow_10s (time, host, cookie) SELECT {begin_s} + number * 10 % 3600, 'web1',"
        " number FROM numbers(200000) SETTINGS max_block_size = 1000000"
    )
    asked = flow_statement.flows(ALL, begin_s + 1800)
    explained = engine.query(f"EXPLAIN indexes = 1 {asked.sql}", asked.parameters, 10)
    told = "\n".join(explained.column(0).to_pylist())
    granules = [(int(few), int(of)) for few, of in re.findall(r"Granules: (\d+)/(\d+)", told)]
    assert granules[0][1] > 20
    assert granules[-1][0] <= 3


def test_a_newer_schema_is_refused(engine: Client) -> None:
    """What this tcctui does not know it does not change."""
    migrations.apply(engine)
    engine.execute("INSERT INTO schema_migrations (number, meaning, version) VALUES (99, '', '')")
    with pytest.raises(TcctuiError, match="newer tcctui's: migration 99"):
        migrations.apply(engine)


def test_labels_of_hosts(
    collector: Collector, engine: Client, tmp_path: Path, capsys: Captured
) -> None:
    """A file of CSV replaces all labels: a dictionary gives them by host."""
    url = f"{collector.url}/fleet"
    path = tmp_path / "hosts.csv"
    path.write_text('host,rack,it_s\nweb1,r1,a\'b\nweb2,"r,2",\n')
    assert main(["fleet", "schema", url, "--labels", str(path)]) == 0
    query = (
        "SELECT dictGet('host_labels', 'rack', host) AS rack FROM"
        " (SELECT arrayJoin(['web1', 'web2', 'web3']) AS host)"
    )
    assert engine.query(query, {}, 10).column(0).to_pylist() == ["r1", "r,2", ""]
    quoted = engine.query("SELECT dictGet('host_labels', 'it_s', 'web1')", {}, 10)
    assert quoted.column(0).to_pylist() == ["a'b"]
    path.write_text("site,host\nhere,web3\n")
    assert main(["fleet", "schema", url, "--labels", str(path)]) == 0
    replaced = engine.query("SELECT dictGet('host_labels', 'site', 'web3')", {}, 10)
    assert replaced.column(0).to_pylist() == ["here"]
    assert engine.numbers("SELECT count() FROM host_label") == [1]
    capsys.readouterr()


@pytest.mark.parametrize(
    "text", ["", "rack\nr1\n", "host\nweb1\n", "host,a b\n", "host,rack\n,r\n"]
)
def test_labels_that_are_none(tmp_path: Path, text: str) -> None:
    """A file without hosts or labels is refused in one sentence, before anything is changed."""
    path = tmp_path / "hosts.csv"
    path.write_text(text)
    with pytest.raises(TcctuiError, match=r"hosts\.csv"):
        list(labels.replaced(path))


def test_statements_of_a_cluster(capsys: Captured) -> None:
    """With a cluster's name each table is replicated on it, and one that distributes by host."""
    assert main(["fleet", "schema", "--print", "--cluster", "main"]) == 0
    printed = capsys.readouterr().out
    for table in (*TABLES, ROLLED_UP):
        name = table.name
        assert f"CREATE TABLE IF NOT EXISTS `{name}_local` ON CLUSTER `main`" in printed
        assert (
            f"CREATE TABLE IF NOT EXISTS `{name}` ON CLUSTER `main` AS `{name}_local`\n"
            f"ENGINE = Distributed(`main`, currentDatabase(), `{name}_local`, sipHash64(host))"
        ) in printed
    assert "ENGINE = ReplicatedMergeTree\n" in printed
    assert "ENGINE = ReplicatedAggregatingMergeTree\n" in printed
    assert "TO `group_5m_local`" in printed


def test_mistakes_are_one_sentence(capsys: Captured) -> None:
    """A wrong command, URL or engine is said in one sentence."""
    for command, status, said in (
        (["fleet", "schema"], 2, "It takes one URL."),
        (["fleet", "schema", "ftp://a"], 2, "'ftp://a' is no URL of ClickHouse."),
        (["fleet", "schema", "http://a:b@c"], 2, "A user or password in a URL is seen by others."),
        (
            ["fleet", "schema", "http://127.0.0.1:1"],
            1,
            "http://127.0.0.1:1 does not answer: Connection refused.",
        ),
    ):
        assert main(command) == status
        captured = capsys.readouterr()
        assert said in captured.err
        assert len(captured.err.splitlines()) <= 2
