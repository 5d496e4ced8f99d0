"""`tcctui agent` as a command, with a collector: all that was spooled arrives, and arrives once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tcctui.fleet.client import Address, connect
from tcctui.fleet.schema.ddl import everything
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.traffic import PORT, chatter, connections
from tests.unit.collector_process import (
    PASSWORDS,
    Collector,
    certificate_file,
    free_port,
    public_directory,
    users_file,
)

pytestmark = pytest.mark.kernel


@contextmanager
def fleet() -> Iterator[tuple[Collector, Path]]:
    """Give a collector with tables, on a port that stays its own, and a directory for files."""
    listened = f"127.0.0.1:{free_port()}"
    with public_directory() as directory:
        store = directory / "store"
        pair = certificate_file(directory)
        options = ("--users", str(users_file(directory)), "--certificate", str(pair))
        with Collector(store, *options, "--listen", listened) as collector:
            password = directory / "operator"
            password.write_text(PASSWORDS["operator"])
            operator = connect(Address(collector.url, "operator", password, authorities=pair))
            for statement in everything():
                operator.execute(statement)
            operator.close()
            yield collector, directory


def agent(collector: Collector, directory: Path) -> Command:
    """Make the command, with windows of a second."""
    password = directory / "agent"
    password.write_text(f"{PASSWORDS['agents']}\n")
    password.chmod(0o600)
    authorities = str(directory / "pair.pem")  # root alone may read it
    return Command(
        *(TCCTUI, "agent", "--to", collector.url, "--user", "agents", "--port", str(PORT)),
        *("--password-file", str(password), "--ca-file", authorities),
        *("--spool", str(directory / "spool"), "--every", "1"),
    )


def told(collector: Collector, sql: str) -> list[list[str]]:
    """Answer of the engine, as texts."""
    answer = collector.ask(sql, user="people")
    assert answer.status == 200, answer.text
    return [line.split("\t") for line in answer.text.splitlines()]


def windows(collector: Collector) -> int:
    """Number of windows that have arrived."""
    return int(told(collector, "SELECT count() FROM host")[0][0])


def test_all_arrives_once_whatever_is_killed() -> None:
    """The agent is killed, then the engine, and each comes back: no window is there twice."""
    with fleet() as (collector, directory), Network() as network:
        spool = directory / "spool"
        with connections(network, "ipv4") as made, chatter(*made):
            with agent(collector, directory) as first:
                until("windows arrive", lambda: windows(collector) >= 3)
                collector.end(signal.SIGKILL)
                until("windows wait", lambda: len([*spool.glob("*.batch")]) >= 3)
                first.end(signal.SIGKILL)
                remarks = first.stderr
            waiting = len([*spool.glob("*.batch")])
            with agent(collector, directory) as second:
                until("the second agent reads", lambda: "Reading" in second.stderr)
                collector.start()
                until("windows go on", lambda: not [*spool.glob("*.batch")])
                before = windows(collector)
                until("new windows arrive", lambda: windows(collector) >= before + 2)
                assert second.end(signal.SIGTERM) == 0
            # A last one may wait for its moment of the next second.
        assert "Batches wait in the spool." in remarks
        assert waiting >= 3
        ((count, distinct),) = told(collector, "SELECT count(), uniqExact(time) FROM host")
        assert count == distinct, "a window came twice"
        ((lost, flows),) = told(
            collector, "SELECT sum(mapValues(dropped)[1]), max(flows) FROM host"
        )
        assert (lost, flows) == ("0", "2")
        ((acked, names),) = told(
            collector,
            "SELECT sum(bytes_acked_growth), uniqExact(netns_name) FROM group_10s",
        )
        assert int(acked) > 0
        assert names == "2", "both ends of each connection are on this machine"
        least = "SELECT min(memory) > 50e6 AND max(memory) < 400e6 FROM host"
        assert told(collector, least) == [["1"]]
        offset = "SELECT max(abs(clock_offset_ms)) < 60000 FROM host"
        assert told(collector, offset) == [["1"]], "both are on this machine"
        assert told(collector, "SELECT count() > 0 FROM flow_10s WHERE weight = 1") == [["1"]]
