"""The relay: fewer and larger inserts, each row once, and agents that keep what is not stored."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pytest

from tcctui.fleet.client import Address, Refused, Unreachable, connect
from tcctui.fleet.collector.engine_error import NETWORK, EngineError
from tcctui.fleet.collector.gathering import Gathering
from tcctui.fleet.collector.journal import Journal
from tcctui.fleet.relay.inserting import Inserting
from tcctui.fleet.relay.upstream import Upstream
from tcctui.fleet.tables.every_table import GROUP, MARK, TABLES
from tests.soak.relay_kills import kill
from tests.unit.collector_process import Collector, Relay, public_directory, rows, users_file, zstd
from tests.unit.engine import Engine


class Relayed:
    """The relay's parts in this process, before an engine that stands in for ClickHouse."""

    def __init__(self, directory: Path) -> None:
        self.engine = Engine()
        self.remarks = io.StringIO()
        self.journal = Journal(directory / "journal")
        upstream = Upstream(lambda: Inserting(self.engine.connect()), self.remarks)
        turns = asyncio.Semaphore(2)
        self.gathering = Gathering(
            upstream, self.journal, turns, left=self.journal.left(), pace_s=0.0
        )

    async def send(self, *batches: tuple[str, bytes]) -> list[EngineError | None]:
        """Send batches of marks at once, each a token and a stream; gives the errors."""
        sent = (
            self.gathering.insert("mark", "", token, memoryview(data)) for token, data in batches
        )
        found: list[Any] = await asyncio.gather(*sent, return_exceptions=True)
        return found

    def hosts(self) -> list[str]:
        """Hosts of all rows that are stored, sorted."""
        tables = [
            pa.ipc.open_stream(pa.CompressedInputStream(pa.BufferReader(body), "zstd")).read_all()
            for body in self.engine.stored.values()
        ]
        return sorted(host for table in tables for host in table["host"].to_pylist())


def marks(*hosts: int) -> list[tuple[str, bytes]]:
    """Batches of these hosts, a row each."""
    return [(f"token {host}", rows(MARK, 1, f"host{host:02}")) for host in hosts]


def names(*hosts: int) -> list[str]:
    """Names of these hosts."""
    return [f"host{host:02}" for host in hosts]


@pytest.fixture
def relayed(tmp_path: Path) -> Relayed:
    """Give the parts of a relay."""
    return Relayed(tmp_path)


async def test_many_batches_are_few_inserts(relayed: Relayed) -> None:
    """Batches of fifty agents that come at once are two inserts at the most, with all rows."""
    assert await relayed.send(*marks(*range(50))) == [None] * 50
    assert relayed.engine.calls <= 2
    assert relayed.hosts() == names(*range(50))
    assert relayed.journal.left() == []


async def test_a_batch_that_comes_again_is_acknowledged_once_stored(relayed: Relayed) -> None:
    """The same batch, sent twice at once and again later, is one row and three answers."""
    assert await relayed.send(*marks(1, 1)) == [None, None]
    assert await relayed.send(*marks(1, 2)) == [None, None]
    assert relayed.hosts() == names(1, 2)


async def test_agents_keep_their_batches_while_the_engine_is_away(relayed: Relayed) -> None:
    """Nobody has an answer that says stored until it is; then each row is there once."""
    relayed.engine.away = True
    for _ in range(3):
        refused = await relayed.send(*marks(1, 2))
        assert [error and error.code for error in refused] == [NETWORK] * 2
    assert relayed.remarks.getvalue().count("Agents keep their batches.") == 1
    relayed.engine.away = False
    assert await relayed.send(*marks(3)) == [None]
    assert await relayed.send(*marks(1, 2)) == [None, None]
    assert relayed.hosts() == names(1, 2, 3)
    assert relayed.remarks.getvalue().endswith("The engine takes rows again.\n")


async def test_an_answer_that_got_lost_doubles_nothing(tmp_path: Path) -> None:
    """What the engine stored without saying so comes again as the same insert, after a kill too."""
    first = Relayed(tmp_path)
    first.engine.loses_answers = 2
    assert None not in await first.send(*marks(1, 2))
    assert None not in await first.send(*marks(3))
    second = Relayed(tmp_path)
    second.engine.stored = first.engine.stored
    assert await second.send(*marks(3, 2, 1)) == [None] * 3
    assert second.hosts() == names(1, 2, 3)
    assert second.journal.left() == []


async def test_the_relays_own_rights_are_not_the_agents_fault(relayed: Relayed) -> None:
    """Where the engine refuses the relay's user, agents are told to come back."""
    relayed.engine.refuses, relayed.engine.code = {"mark"}, 516
    (error,) = await relayed.send(*marks(1))
    assert error is not None
    assert error.code == NETWORK
    assert "The relay has no engine" in error.message
    relayed.engine.refuses = set()
    assert await relayed.send(*marks(1)) == [None]


async def test_a_batch_that_is_wrong_has_the_error_alone(relayed: Relayed) -> None:
    """What is no Arrow stream is refused; those among which it came are stored."""
    first, second, third = await relayed.send(*marks(1), ("wrong", b"no stream"), *marks(2))
    assert (first, third) == (None, None)
    assert second is not None
    assert second.code == 117
    relayed.engine.refuses, relayed.engine.code = {"mark"}, 349
    (refused,) = await relayed.send(*marks(3))
    assert refused is not None
    assert refused.code == 349
    assert relayed.remarks.getvalue() == "", "it is not the relay's trouble"
    assert relayed.hosts() == names(1, 2)


async def test_older_agents_send_fewer_columns(relayed: Relayed) -> None:
    """Streams of other columns are an insert of their own, with another token."""
    older = ("older", rows(MARK, 1, "host09", without=("text",)))
    assert await relayed.send(*marks(1), older, *marks(2)) == [None] * 3
    assert relayed.hosts() == names(1, 2, 9)


def test_agents_cannot_tell_it_from_the_engine() -> None:
    """A client connects to it with a user of its own, and rows of each table arrive."""
    with public_directory() as directory:
        users = users_file(directory)
        with (
            Collector(directory / "store") as engine,
            Relay(directory / "spool", engine.url, "--users", str(users)) as relay,
        ):
            secret = directory / "secret"
            secret.write_text("a secret")
            with pytest.raises(Refused, match="does not accept the user default"):
                connect(Address(relay.url))
            client = connect(Address(relay.url, "agents", secret))
            for table in TABLES:
                client.insert(table.name, zstd(rows(table, 3)), "once")
                client.insert(table.name, zstd(rows(table, 3)), "once")
                assert engine.ask(f"SELECT count() FROM {table.name}").text == "3\n"
            words = engine.ask("SELECT DISTINCT cc, srtt_histogram FROM group_10s").text
            assert words == "cubic\t{100:2,105:1}\n"
            assert relay.ask("SELECT * FROM host", user="people").code == 497
            assert relay.ask(path="/replicas_status").status == 200
            engine.kill()
            with pytest.raises(Unreachable, match="fails for now: The relay has no engine"):
                client.insert("group_10s", zstd(rows(GROUP, 3)), "waits")
            assert relay.ask(path="/replicas_status").status == 503
            assert relay.ask(path="/ping").status == 200
            client.close()


def test_kills_of_a_relay_and_its_engine() -> None:
    """After kills of the one, the other and both, each batch is in the engine once."""
    with public_directory() as directory:
        kills = kill(directory, times=3)
    assert (kills.rows, kills.rolled_up) == kills.expected
    assert kills.repeated > 0
