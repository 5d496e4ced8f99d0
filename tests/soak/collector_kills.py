"""Kill the collector amid inserts, again and again: `python -m tests.soak.collector_kills 100`.

Agents insert without a pause, and send a batch without an answer again, with its token, once there
is a collector. In the end each row is there once, and once in the sums of five minutes.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError
from tcctui.fleet.client import Address, Client, connect
from tcctui.fleet.tables.every_table import GROUP
from tests.unit.collector_process import Collector, public_directory, rows, zstd

AGENTS = 4
ROWS = 5
MOST_BETWEEN = 20  # answers from a start to a kill, at the most


class Kills(NamedTuple):
    """Batches that were answered, those sent again, and rows and sums as they are in the end."""

    batches: int
    repeated: int
    rows: int
    rolled_up: int

    @property
    def expected(self) -> tuple[int, int]:
        """Rows and sums that there should be."""
        return self.batches * ROWS, self.batches * sum(range(1, ROWS + 1))


class Agent(threading.Thread):
    """Sends batch after batch until it is told to end."""

    def __init__(self, name: str, life: Life) -> None:
        super().__init__(name=name, daemon=True)
        self._life = life
        self.batches = 0
        self.repeated = 0

    def run(self) -> None:
        body = zstd(rows(GROUP, ROWS, self.name))
        client: Client | None = None
        while not self._life.over:
            token = f"{self.name} {self.batches}"
            while True:  # as long as it takes: the last one has an answer, too
                url = self._life.await_url()
                try:
                    client = client or connect(Address(url))
                    client.insert("group_10s", body, token)
                    break
                except TcctuiError:
                    self.repeated += 1
                    client = None
                    self._life.gone(url)
            self.batches += 1
            self._life.answered.release()


class Life:
    """The collector that lives now; none between a kill and the next start."""

    def __init__(self) -> None:
        self.over = False
        self.answered = threading.Semaphore(0)
        self._there = threading.Condition()
        self._url = ""

    def begins(self, url: str) -> None:
        """Let agents send to it."""
        with self._there:
            self._url = url
            self._there.notify_all()

    def gone(self, url: str) -> None:
        """Have agents wait for another."""
        with self._there:
            if self._url == url:
                self._url = ""

    def await_url(self) -> str:
        """Wait until there is one."""
        with self._there:
            self._there.wait_for(lambda: self._url)
            return self._url


def kill(store: Path, times: int, seed: int = 1) -> Kills:
    """Kill a collector that many times, each time after a few answers; gives what it kept."""
    chance = random.Random(seed)
    life = Life()
    agents = [Agent(f"agent{number}", life) for number in range(AGENTS)]
    collector = Collector(store)
    for agent in agents:
        agent.start()
    for _ in range(times):
        with collector:  # it kills it
            life.begins(collector.url)
            for _ in range(chance.randint(1, MOST_BETWEEN)):
                life.answered.acquire()
        life.gone(collector.url)
    with collector:
        life.over = True
        life.begins(collector.url)
        return kept(agents, collector)


def kept(agents: Sequence[Agent], collector: Collector) -> Kills:
    """Wait for the end of the agents, and count what a collector has of theirs."""
    for agent in agents:
        agent.join()
    client = connect(Address(collector.url))
    found = (
        client.numbers("SELECT count() FROM group_10s")[0],
        client.numbers("SELECT sum(flows) FROM group_5m")[0],
    )
    client.close()
    return Kills(sum(a.batches for a in agents), sum(a.repeated for a in agents), *found)


def main(times: int) -> int:
    """Kill, and print what was kept; gives 0 if it is all, and once."""
    with public_directory() as directory:
        kills = kill(directory / "store", times)
    return told(kills, times)


def told(kills: Kills, times: int) -> int:
    """Print what was kept; gives 0 if it is all, and once."""
    right = (kills.rows, kills.rolled_up) == kills.expected
    print(
        f"{times} kills: {kills.batches} batches, {kills.repeated} sent again;"
        f" {kills.rows} rows and {kills.rolled_up} in sums, where {kills.expected} are right:"
        f" {'right' if right else 'WRONG'}"
    )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
