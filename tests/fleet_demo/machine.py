"""A host on this machine: namespaces of network, names, processes and mounts, with its programs.

This module as a program is the first process of them, so that its end is the end of all: it ends
with its standard input, on which each line is a `Work` in JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tests.fleet_demo import traffic
from tests.kernel.delay_line import tun
from tests.kernel.network import run

CHECKOUT = Path(__file__).parents[2]
DEVICE = "tun0"

_APART = ("--net", "--uts", "--pid", "--mount", "--cgroup")
_ALONE = (*_APART, "--fork", "--kill-child", "--mount-proc")


class Work(NamedTuple):
    """Work for a host: programs by name, which take the place of those that had it.

    `roles` are functions of `traffic.ROLES` with their arguments, `commands` words with a file for
    what they print. `congestion` is the algorithm of the roles' sockets.
    """

    roles: Mapping[str, Sequence[Any]] = {}
    commands: Mapping[str, tuple[Sequence[str], str]] = {}
    congestion: str = "cubic"


class Machine:
    """A host with its addresses, until the end of a `with`; `tun` is the end of its link."""

    def __init__(self, name: str, *addresses: str) -> None:
        self.name, self.addresses = name, addresses
        self.tun = -1

    def __enter__(self) -> Machine:
        command = [sys.executable, "-m", __name__, self.name, *self.addresses]
        self._process = subprocess.Popen(
            ["unshare", *_ALONE, *command],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for whoever started all of them
        )
        try:
            self._told("began")
            # Made from here, as the descriptor is for the process that carries the packets.
            self.tun = tun(f"/proc/{self._process.pid}/ns/net", DEVICE)
            self._tell("{}")
            self._told("joined")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()  # and with it the first process, and all others
        with suppress(BrokenPipeError):
            self._process.communicate()
        if self.tun >= 0:
            os.close(self.tun)

    def work(self, work: Work) -> None:
        """Start programs."""
        self._tell(json.dumps(work._asdict()))

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _told(self, word: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line != word:
            raise RuntimeError(f"{self.name} did not start: {line or 'it ended'}")

    @property
    def pid(self) -> int:
        """Number of the first process, as this machine counts."""
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def inside(self, *command: str) -> list[str]:
        """Command that runs another in this host's namespaces."""
        return ["nsenter", "-t", str(self.pid), "-n", "-u", "-m", "-p", "-C", "--", *command]


def _live(name: str, addresses: Sequence[str]) -> None:
    """Live as a host, until standard input ends."""
    socket.sethostname(name)
    # Other namespaces are other hosts' own.
    if Path("/run/netns").is_dir():
        run("mount", "-t", "tmpfs", "none", "/run/netns")
    run("mount", "-t", "tmpfs", "none", "/var/lib")  # where agents keep what waits
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what ends here
    print("began", flush=True)
    sys.stdin.readline()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _join(addresses)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("joined", flush=True)
    running: dict[str, int] = {}
    for line in sys.stdin:
        work = Work(**json.loads(line))
        for program in (*work.roles, *work.commands):
            if program in running:
                with suppress(ProcessLookupError):
                    os.kill(running[program], signal.SIGKILL)
            running[program] = _started(program, work)


def _join(addresses: Sequence[str]) -> None:
    run("ip", "link", "set", "lo", "up")
    for address in addresses:
        length = "128" if ":" in address else "32"
        more = ("nodad",) if ":" in address else ()
        run("ip", "address", "add", f"{address}/{length}", "dev", DEVICE, *more)
    run("ip", "link", "set", DEVICE, "up")
    for family in ("-4", "-6"):
        run("ip", family, "route", "add", "default", "dev", DEVICE)


def _started(name: str, work: Work) -> int:
    """Start a program; gives its number."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        if name in work.commands:
            words, log = work.commands[name]
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.execvp(words[0], [*words])
        os.dup2(nothing, 1)
        Path("/proc/self/comm").write_text(name)
        role, *arguments = work.roles[name]
        traffic.congestion = work.congestion
        traffic.ROLES[role](*arguments)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    _live(sys.argv[1], sys.argv[2:])
