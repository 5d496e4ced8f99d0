"""Kill a relay and its engine amid inserts, in turn: `python -m tests.soak.relay_kills 100`.

Agents send to the relay without a pause, and a batch without an answer again, with its token. In
the end each row is in the engine once, and once in the sums of five minutes.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.soak.collector_kills import AGENTS, MOST_BETWEEN, Agent, Kills, Life, kept, told
from tests.unit.collector_process import Collector, Relay, free_port, public_directory


def kill(directory: Path, times: int, seed: int = 1) -> Kills:
    """Kill them that many times, each time after a few answers; gives what the engine kept."""
    chance = random.Random(seed)
    life = Life()
    engine = Collector(directory / "store", "--listen", f"127.0.0.1:{free_port()}")
    relay: Collector | None = None
    try:
        relay = Relay(directory / "spool", engine.start().url)
        relay.start()
        agents = [Agent(f"agent{number}", life) for number in range(AGENTS)]
        for agent in agents:
            agent.start()
        for number in range(times):
            url = f"{relay.url}#{number}"  # each life is another one for the agents
            life.begins(url)
            for _ in range(chance.randint(1, MOST_BETWEEN)):
                life.answered.acquire()
            killed = ([relay], [engine], [relay, engine])[number % 3]
            for one in killed:
                one.kill()
            life.gone(url)
            for one in reversed(killed):
                one.start()
        life.over = True
        life.begins(f"{relay.url}#{times}")
        return kept(agents, engine)
    finally:
        engine.kill()
        if relay is not None:
            relay.kill()


def main(times: int) -> int:
    """Kill, and print what was kept; gives 0 if it is all, and once."""
    with public_directory() as directory:
        return told(kill(directory, times), times)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
