"""`python -m tests.fleet_demo`: a fleet of 20 hosts on this machine, in `tcctui fleet`.

Web servers stream to users in four nets, ask databases, and ship to ingesting hosts. For the first
windows all is well; they become the day before, repeated. Then one net loses segments, the service
of ingesting hosts gets a small receive buffer, and one host takes bbr. At the end all is removed.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.fleet_demo import yesterday
from tests.fleet_demo.fleet import Fleet, fleet
from tests.fleet_demo.machine import Machine, Work
from tests.fleet_demo.paths import DELAY, Condition
from tests.fleet_demo.traffic import DATABASE, INGEST, WEB, Asked
from tests.kernel.deadlines import until

HOSTS = 20
_NETS = {
    "198.51.100": ("198.51.100.21", "198.51.100.22"),
    "203.0.113": ("203.0.113.5", "203.0.113.9"),
    "192.0.2": ("192.0.2.40",),
    "2001:db8:7": ("2001:db8:7::40",),
}
_LOSSY, _LOSS = "203.0.113", 0.12
_FAR_S = 0.03
"""Seconds one way to the ingesting hosts."""

_ORDINARY, _FAULTY = 3, 2
"""Windows before the faults, and with them before the dashboard is shown."""

_PICTURED = 6
"""Windows more before pictures are taken."""

_START_S = 600.0
"""Seconds that agents may take to start, on the slowest machine."""

_CALM_S = 60.0
"""Seconds that packets may be late before the demo goes on nevertheless."""

_AT_ONCE = 4
"""Agents that start at once."""


class Site:
    """Hosts by what they do, and those of users, which no agent is on."""

    def __init__(self, count: int) -> None:
        ingests = databases = max(1, count // 5)
        webs = count - ingests - databases
        self.webs = [_web(number) for number in range(1, webs + 1)]
        self.other = self.webs[webs // 2]
        self.databases = [Machine(f"db{n}", f"10.1.2.{n}") for n in range(1, databases + 1)]
        self.ingests = [Machine(f"ingest{n}", f"10.1.3.{n}") for n in range(1, ingests + 1)]
        self.users = [Machine(f"users-{n}", *_NETS[net]) for n, net in enumerate(_NETS)]

    @property
    def hosts(self) -> list[Machine]:
        """Hosts of the fleet."""
        return [*self.webs, *self.databases, *self.ingests]

    def start(self) -> None:
        """Start all programs, and nothing is wrong."""
        for host in self.databases:
            host.work(Work({"database": ("answers", host.addresses[0], DATABASE)}))
        for host in self.ingests:
            host.work(Work({"ingest": ("ingests", host.addresses[0], INGEST)}))
        for number, host in enumerate(self.webs):
            databases, ingests = _first(self.databases, number), _first(self.ingests, number)
            asks = ("asks", databases, DATABASE, *Asked(2000, 2, 20, 0.5))
            ships = ("ships", ingests[:2], INGEST, 40_000, 10, 1.0)
            host.work(Work({**_servers(host), "app": asks, "shipper": ships}))
        for net in self.users:
            six = ":" in net.addresses[0]
            webs = [host.addresses[1 if six else 0] for host in self.webs]
            clips, films = Asked(1_000_000, 4, 1, 0.2), Asked(20_000_000, 2, 1, 0.2)
            net.work(
                Work({"clips": ("asks", webs, WEB, *clips), "films": ("asks", webs, WEB, *films)})
            )

    def ordinary(self) -> dict[str, Condition]:
        """Conditions of the first windows."""
        return {host.addresses[0]: Condition(_FAR_S) for host in self.ingests}

    def spoil(self, running: Fleet) -> None:
        """Begin what is to be found."""
        lossy = {address: Condition(DELAY, _LOSS) for address in _NETS[_LOSSY]}
        running.condition({**self.ordinary(), **lossy})
        for host in self.ingests:
            host.work(Work({"ingest": ("ingests_slowly", host.addresses[0], INGEST)}))
        self.other.work(Work(_servers(self.other), congestion="bbr"))


def _web(number: int) -> Machine:
    return Machine(f"web{number}", f"10.1.1.{number}", f"2001:db8:1::{number:x}")


def _servers(host: Machine) -> dict[str, tuple[str, str, int]]:
    """Programs of a web server, one for IPv4 and one for IPv6."""
    four, six = host.addresses
    return {"web": ("streams", four, WEB), "web6": ("streams", six, WEB)}


def _first(hosts: list[Machine], number: int) -> list[str]:
    number %= len(hosts)
    return [host.addresses[0] for host in (*hosts[number:], *hosts[:number])]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def demo(count: int = HOSTS) -> Iterator[Fleet]:
    """Give the fleet once there is something to be found."""
    site = Site(count)
    _say(f"Starting {count} hosts and a collector, in namespaces of this machine …")
    with fleet(site.hosts, site.users) as running:
        running.condition(site.ordinary())
        site.start()
        hosts = site.hosts
        # The first one compiles the program, where it was not compiled before.
        for begin, end in ((0, 1), *((n, n + _AT_ONCE) for n in range(1, count, _AT_ONCE))):
            _watch(running, hosts[begin:end])
        _say(f"{count} agents read.")
        _calm(running)
        first_s = int(time.time()) // 10 * 10 + 10
        _say(f"An ordinary time: {_ORDINARY} windows of 10 s, which become yesterday …")
        _windows(running, count, first_s, _ORDINARY)
        yesterday.move(running, first_s, _ORDINARY)
        site.spoil(running)
        _say(
            f"From now on {_LOSSY}.0/24 loses {_LOSS:.0%}, the service on port {INGEST} has a small"
            f" receive buffer, and {site.other.name} takes bbr. {_FAULTY} windows more …"
        )
        _windows(running, count, int(time.time()) // 10 * 10 + 10, _FAULTY)
        yield running


def _watch(running: Fleet, hosts: Sequence[Machine]) -> None:
    running.watch(hosts)
    _wait("agents read", lambda: all(running.reads(host.name) for host in hosts))


def _calm(running: Fleet) -> None:
    """Wait until packets come in time, which the start of all that hinders."""
    few = f"countIf(srtt_us > {4e6 * DELAY:.0f}) * 10 < count()"
    sql = f"SELECT count() > 0, {few} FROM flow_10s WHERE time > now() - 30 AND sport = {WEB}"
    try:
        _wait("packets come in time", lambda: running.ask(sql) == [["1", "1"]], _CALM_S)
    except AssertionError:
        _say("This machine is too busy for so many hosts: what is shown is its own delay, too.")


def _windows(running: Fleet, hosts: int, first_s: int, windows: int) -> None:
    """Wait until all hosts have sent so many windows, from one on."""
    last = first_s + 10 * (windows - 1)
    sql = f"SELECT uniqExact(host) FROM host WHERE time >= toDateTime({last})"
    _wait("windows arrive", lambda: int(running.ask(sql)[0][0]) >= hosts)


def _wait(what: str, look: Callable[[], bool], seconds: float = _START_S) -> None:
    until(what, look, seconds=seconds, pause=0.5)


def main() -> int:
    """Run the program."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--hosts", type=int, default=HOSTS, help=f"{HOSTS} by default")
    arguments.add_argument("--pictures", action="store_true", help="take the README's, and end")
    asked = arguments.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with contextlib.suppress(KeyboardInterrupt), demo(asked.hosts) as running:
        if asked.pictures:
            _windows(running, asked.hosts, int(time.time()) // 10 * 10, _PICTURED)
            return _run(running.pictures())
        return _run(running.dashboard())
    return 130


def _run(command: Sequence[str]) -> int:
    """Run a command in this terminal, and have it end, as it puts that in order, before this."""
    process = subprocess.Popen(command)
    try:
        return process.wait()
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
