"""Kafka between a relay and ClickHouse: what is produced there, and what reads it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tcctui.fleet.client import Address, Unreachable, connect
from tcctui.fleet.schema import kafka, migrations
from tcctui.fleet.schema.ddl import literal
from tcctui.fleet.tables.every_table import MARK, TABLES
from tests.unit.collector_process import Collector, Relay, public_directory, rows, zstd
from tests.unit.fleet_engine import Engine


class Proxy:
    """Stands in for Kafka's REST proxy, version 2; keeps records by topic."""

    def __init__(self) -> None:
        self.records: dict[str, list[tuple[bytes, bytes]]] = {}
        self.authorizations: set[str | None] = set()
        self.away = False
        self.broken = False
        """True where Kafka itself refuses records, which the proxy says in an answer with 200."""

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve in a thread; gives the URL."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = proxy.produce(self.path, dict(self.headers), body)
                told = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def produce(
        self, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, object]]:
        """Keep the records of a request."""
        assert headers["Content-Type"] == "application/vnd.kafka.binary.v2+json"
        self.authorizations.add(headers.get("Authorization"))
        if self.away:
            return 503, {"error_code": 50301, "message": "no broker"}
        records = json.loads(body)["records"]
        if self.broken:
            failed = {"partition": None, "error_code": 1, "error": "NOT_ENOUGH_REPLICAS"}
            return 200, {"offsets": [failed for _ in records]}
        kept = self.records.setdefault(path.removeprefix("/topics/"), [])
        kept += [
            (base64.b64decode(one.get("key", "")), base64.b64decode(one["value"]))
            for one in records
        ]
        return 200, {"offsets": [{"partition": 0, "offset": 1, "error": None} for _ in records]}


def test_rows_of_agents_are_records() -> None:
    """An agent's client inserts into each table; the record is its stream, the key its token.

    Nothing is acknowledged while the proxy or Kafka refuses it.
    """
    proxy = Proxy()
    with proxy.served() as url, public_directory() as directory:
        secret = directory / "secret"
        secret.write_text("a secret")
        known = ("--user", "relay", "--password-file", str(secret))
        with Relay(directory / "spool", url, *known, to="--kafka") as relay:
            client = connect(Address(relay.url))
            for table in TABLES:
                body = rows(table, 3)
                client.insert(table.name, zstd(body), f"of {table.name}")
                assert proxy.records[f"tcctui.{table.name}"] == [
                    (f"of {table.name}".encode(), body)
                ]
            proxy.away = True
            with pytest.raises(Unreachable, match="fails for now"):
                client.insert("mark", zstd(rows(MARK, 1, "away")), "away")
            proxy.away, proxy.broken = False, True
            with pytest.raises(Unreachable, match="NOT_ENOUGH_REPLICAS"):
                client.insert("mark", zstd(rows(MARK, 1, "away")), "away")
            proxy.broken = False
            client.insert("mark", zstd(rows(MARK, 1, "away")), "away")
            client.close()
    assert [key for key, _ in proxy.records["tcctui.mark"]] == [b"of mark", b"away"]
    pair = base64.b64encode(b"relay:a secret").decode()
    assert proxy.authorizations == {f"Basic {pair}"}


def test_statements_are_ones(tmp_path: Path) -> None:
    """ClickHouse's parser accepts each, with a cluster or without."""
    statements = [
        *kafka.statements("kafka1:9092,kafka2:9092"),
        *kafka.statements("kafka1:9092", "a cluster"),
    ]
    engine = Engine(tmp_path)
    try:
        for statement in statements:
            found = engine.query(f"SELECT formatQuery({literal(statement)}) AS made", {}, 60)
            assert str(found["made"][0]).split()[0] == "CREATE"
    finally:
        engine.close()
    assert len(statements) == 4 * len(TABLES)


def test_rows_that_are_read_arrive_in_the_tables() -> None:
    """With another engine in Kafka's place each view moves all columns of a message's rows on."""
    with public_directory() as directory, Collector(directory / "store") as collector:
        for statement in kafka.statements("kafka1:9092"):
            memory = statement.partition("\nENGINE = Kafka")[0]
            if memory != statement:
                memory = memory.replace("(\n", "(\n    `_error` String,\n", 1) + "\nENGINE = Memory"
            assert collector.ask("", memory.encode()).status == 200
        for table in TABLES:
            into = f"INSERT INTO {table.name}_kafka FORMAT ArrowStream"
            assert collector.ask(into, rows(table, 3)).status == 200
            names = ", ".join(f"`{column.name}`" for column in table.columns)
            sent = collector.ask(f"SELECT {names} FROM {table.name}_kafka ORDER BY ALL").text
            assert sent.count("\n") == 3
            assert collector.ask(f"SELECT {names} FROM {table.name} ORDER BY ALL").text == sent


def test_the_schema_is_printed_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    """`tcctui fleet schema --print --kafka` prints the tables, and then what reads the topics."""
    from tcctui.cli import main  # noqa: PLC0415

    assert main(["fleet", "schema", "--print", "--kafka", "kafka1:9092"]) == 0
    printed = capsys.readouterr().out
    expected = [*migrations.statements(), *kafka.statements("kafka1:9092")]
    assert printed == "".join(f"{statement};\n\n" for statement in expected)
