"""A made-up fleet in the engine: what its tables add up to is what each row was made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from tcctui.arrays import Array
from tcctui.fleet.tables.estimates import enough, total
from tcctui.fleet.tables.estimates import error as error_of
from tcctui.fleet.view.group_statement import estimated
from tcctui.fleet.view.groupings import GROUPINGS
from tcctui.query import parse
from tests.fleet_simulation.connections import ALGORITHMS, SERVICES, Connections
from tests.fleet_simulation.engine import Engine
from tests.fleet_simulation.groups import Fleet, acked, flows, prefix, prefixes

NOW_S = int(time.time()) // 300 * 300
"""Rows of long ago would be dropped, as they expire."""

DRAWS = 20
"""Draws of samples."""

FLEET = Fleet(hosts=6, groups=21, windows=60, begin_s=NOW_S - 600)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Make the tables, and all rows."""
    with Engine(str(tmp_path_factory.mktemp("fleet"))) as engine:
        engine.run(*FLEET.inserts("group_10s", at_once=2000))
        yield engine


Sampled = tuple[Engine, Connections]


@pytest.fixture(scope="module")
def sampled(engine: Engine) -> Sampled:
    """Give all connections of some hosts, and have the engine hold what agents chose, in draws."""
    made = Connections.made(40)
    names = ", ".join(f"{name} Float64" for name in made.columns if name != "cookie")
    engine.run(
        f"CREATE TABLE sample (draw UInt32, weight Float32, {names}) ENGINE = Memory",
        f"INSERT INTO sample VALUES {', '.join(made.rows(DRAWS))}",
    )
    return engine, made


@pytest.mark.parametrize("table", ["group_10s", "group_5m"])
def test_sums_of_groups_are_exact(engine: Engine, table: str) -> None:
    """Of any hosts, prefixes and times, in hosts' rows and in what they are rolled up into."""
    random = np.random.default_rng(1)
    h, g, w = FLEET.all()
    net = prefixes(h, g)
    for _ in range(30):
        hosts = random.choice(FLEET.hosts, random.integers(1, 6), replace=False)
        first = int(random.integers(0, 2)) * 30  # windows of five minutes
        mine = np.isin(h, hosts) & (w >= first)
        p = int(random.choice(net[mine & (g < FLEET.groups - 1)]))
        of_prefix = mine & (net == p) & (g < FLEET.groups - 1)
        names = ", ".join(f"'host-{host:05d}'" for host in hosts)
        (found,) = engine.rows(
            "SELECT sum(flows), sum(bytes_acked_growth), arraySum(mapValues(sumMap(limit_ms))),"
            " arraySum(mapValues(sumMap(srtt_histogram))),"
            f" sumIf(flows, prefix = toIPv6('{prefix(p)}')) FROM {table} WHERE host IN ({names})"
            f" AND time >= toDateTime({FLEET.begin_s + first * FLEET.step_s}, 'UTC')",
        )
        count = int(flows(h, g, w)[mine].sum())
        expected = [count, int(acked(h, g, w)[mine].sum()), 10_000 * count, count]
        expected.append(int(flows(h, g, w)[of_prefix].sum()))
        assert [int(number) for number in found] == expected


KEYS: Mapping[str, Callable[[Mapping[str, Array]], Array]] = {
    "port": lambda of: of["port"],
    "port * 2 + cc": lambda of: of["port"] * 2 + of["cc"],
    "prefix % 10": lambda of: of["prefix"] % 10,
    "intDiv(host, 5)": lambda of: of["host"] // 5,
    "prefix": lambda of: of["prefix"],
    "host": lambda of: of["host"],
}
"""Groups of connections, in SQL and here."""

VALUES: Mapping[str, Callable[[Mapping[str, Array]], Array]] = {
    "1": lambda of: np.ones(len(of["host"])),
    "acked": lambda of: of["acked"],
    "srtt > 40000": lambda of: of["srtt"] > 40_000,
}


@pytest.mark.parametrize("value", VALUES)
def test_estimates_are_within_their_error(sampled: Sampled, value: str) -> None:
    """In 95 of 100 cases or more; a case is a group in a draw, with enough rows to show it."""
    engine, made = sampled
    truth = VALUES[value](made.columns)
    within = []
    for key, of in KEYS.items():
        sums = np.bincount(of(made.columns), truth)
        for group, estimate, error in engine.rows(
            f"SELECT {key} AS key, {total(value)}, {error_of(value)} FROM sample GROUP BY draw, key"
            f" HAVING {enough(value)}"
        ):
            true = float(sums[int(group)])
            within.append(abs(float(estimate) - true) <= float(error))
    assert len(within) > 1000
    assert np.mean(within) >= 0.95


ASKED: Mapping[str, Callable[[Mapping[str, Array]], Array]] = {
    **{
        f"srtt>{ms}ms": lambda of, ms=ms: of["srtt"].astype("u4") > 1000 * ms  # type: ignore[misc]
        for ms in (5, 15, 25, 40)
    },
    "cc:bbr srtt>=10ms": lambda of: (of["cc"] == 1) & (of["srtt"] >= 10_000),
    "port:443 srtt<30ms": lambda of: (of["port"] == 0) & (of["srtt"] < 30_000),
}
"""Queries on values of single connections, and the connections that match."""

BY: Mapping[str, tuple[Callable[[Mapping[str, Array]], Array], Callable[[str], int]]] = {
    "net": (lambda of: of["prefix"], lambda key: int(key.rsplit(".", 2)[1])),
    "port": (lambda of: of["port"], lambda key: SERVICES.index(int(key))),
    "host": (lambda of: of["host"], lambda key: int(key.removeprefix("host-"))),
    "cc": (lambda of: of["cc"], ALGORITHMS.index),
}
"""Groupings: numbers of connections' groups, and of the keys of rows."""


@pytest.mark.parametrize("skewed", [False, True])
def test_the_dashboard_s_estimates_are_within_their_error(engine: Engine, skewed: bool) -> None:
    """In 95 of 100 cases, of hosts with very different numbers of connections as well.

    A case is a group of a question whose error is known.
    """
    within = []
    for draw in range(5):
        at_s, made = NOW_S - 50 * draw, Connections.made(40, draw, skewed=skewed)
        ended = np.random.default_rng(draw).random(len(made.columns["host"])) < 0.05
        for window in range(2):
            engine.run(made.busy_anew(window).flows(draw, at_s + 10 * window, ended))
        for text, matches in ASKED.items():
            matching = matches(made.columns) & ~ended
            for by, (numbers, number) in BY.items():
                truth = np.bincount(numbers(made.columns), matching, 256)
                asked = estimated(GROUPINGS[by], parse(text), at_s + 10)
                for row in engine.rows(
                    f"SELECT key, flows, flows_error FROM ({asked.sql})", asked.parameters
                ):
                    key, count, error = row
                    true = truth[number(key)]
                    if error is not None:
                        within.append(abs(count - true) <= count * error / 100)
        engine.run("TRUNCATE TABLE flow_10s")
    assert len(within) > 1000
    assert np.mean(within) >= 0.95
