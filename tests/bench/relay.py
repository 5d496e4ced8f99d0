"""Batches a second through `tcctui relay`, beside those that agents insert themselves."""

from __future__ import annotations

from typing import NamedTuple

from tests.bench.collector import Batch, Rate, batches_of, hold
from tests.bench.report import Section, number, ratio
from tests.unit.collector_process import Collector, Relay, public_directory

HOSTS = 200
SECONDS = 20.0
CONNECTIONS = 200


class Held(NamedTuple):
    """Rate at the door, and seconds of CPU time of the engine for each batch."""

    rate: Rate
    engine_s: float


def measure(
    hosts: int = HOSTS, seconds: float = SECONDS, connections: int = CONNECTIONS
) -> Section:
    """Measure."""
    batches = batches_of(hosts)
    found = {
        "by the agents": _direct(batches, seconds, connections),
        "by a relay": _relayed(batches, seconds, connections),
    }
    direct = found["by the agents"]
    return Section(
        "Inserts of a relay beside those of its agents",
        ["of the agents' own", "inserts", "batches/s", "engine's CPU a batch", "slowest answer"],
        [
            [
                ratio(held.rate.batches / direct.rate.batches),
                how,
                number(held.rate.batches),
                f"{number(1e3 * held.engine_s)} ms",
                f"{number(held.rate.slowest_ms)} ms",
            ]
            for how, held in found.items()
        ],
        remarks=[
            f"{hosts} hosts on {connections} connections, as fast as answers come; agents, relay"
            " and engine, a collector, share the machine. A collector gathers the agents' own"
            " inserts, too; a server gathers them by async_insert.",
        ],
    )


def _direct(batches: list[Batch], seconds: float, connections: int) -> Held:
    with public_directory() as directory, Collector(directory / "store") as engine:
        return _held(engine, engine, batches, seconds, connections)


def _relayed(batches: list[Batch], seconds: float, connections: int) -> Held:
    with (
        public_directory() as directory,
        Collector(directory / "store") as engine,
        Relay(directory / "spool", engine.url) as relay,
    ):
        return _held(relay, engine, batches, seconds, connections)


def _held(
    door: Collector, engine: Collector, batches: list[Batch], seconds: float, connections: int
) -> Held:
    before = engine.cpu_seconds()
    rate = hold(door, batches, seconds, connections)
    used = engine.cpu_seconds() - before
    return Held(rate, used / max(rate.sent, 1))
