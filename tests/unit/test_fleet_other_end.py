"""The host of a connection's other end, as the engine of a fleet knows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tcctui.errors import TcctuiError
from tcctui.fleet.schema import ddl
from tcctui.fleet.view.other_end import Tuple, host_of_other_end
from tests.unit.fleet_engine import Engine
from tests.unit.fleet_story import NOW, flow, insert

A, B, SHARED, GONE = "192.0.2.1", "2001:db8::7", "10.0.0.5", "198.51.100.9"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all of the module."""
    made = Engine(tmp_path_factory.mktemp("engine"))
    for statement in ddl.everything():
        made.execute(statement)

    def row(at_s: int, host: str, cookie: int, *ends: str) -> dict[str, Any]:
        local, remote, ports = ends
        sport, dport = map(int, ports.split())
        return flow(at_s, host, cookie, saddr=local, daddr=remote, sport=sport, dport=dport)

    insert(
        made,
        "flow_10s",
        [
            row(NOW - 20, "web1", 1, f"::ffff:{A}", B, "40001 443"),
            row(NOW - 300, "db1", 2, B, f"::ffff:{GONE}", "443 7"),
            row(NOW - 30, "node1", 3, f"::ffff:{SHARED}", f"::ffff:{A}", "80 7"),
            row(NOW - 20, "node2", 4, f"::ffff:{SHARED}", f"::ffff:{A}", "80 40002"),
            row(NOW - 20, "node3", 5, f"::ffff:{SHARED}", f"::ffff:{GONE}", "80 40002"),
            row(NOW - 7200, "old", 6, f"::ffff:{GONE}", f"::ffff:{A}", "80 40002"),
        ],
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("of", "host"),
    [
        (Tuple(A, 40001, B, 443), "db1"),  # the only one with the address, with other connections
        (Tuple(B, 443, A, 40001), "web1"),
        (Tuple(A, 40002, SHARED, 80), "node2"),  # of three with the address, the one that has it
        (Tuple("127.0.0.1", 40002, "127.0.0.1", 80), "here"),  # over loopback
    ],
)
def test_the_host_is_found(engine: Engine, of: Tuple, host: str) -> None:
    """By the same ends turned around, else by the address alone."""
    assert host_of_other_end(engine, "here", of, NOW) == host


def test_several_hosts_with_the_address(engine: Engine) -> None:
    """None of them has sent the connection: they are named."""
    with pytest.raises(TcctuiError, match="is an address of node2, node3, node1, and none"):
        host_of_other_end(engine, "here", Tuple(A, 50_000, SHARED, 80), NOW)


def test_no_host_with_the_address(engine: Engine) -> None:
    """One that had it two hours ago is none."""
    with pytest.raises(TcctuiError, match=f"No host of the fleet has sent rows of {GONE}"):
        host_of_other_end(engine, "here", Tuple(A, 1, GONE, 80), NOW)
    assert host_of_other_end(engine, "here", Tuple(A, 1, GONE, 80), NOW - 7000) == "old"


def test_an_address_on_a_link_is_no_host_s(engine: Engine) -> None:
    """Each link has its own: it is said, and asked of nobody."""
    with pytest.raises(TcctuiError, match="is an address of one link"):
        host_of_other_end(engine, "here", Tuple("fe80::1%eth0", 1, "fe80::2%eth0", 80), NOW)
