"""Hosts with agents, the paths between them, and the machine with the collector."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tcctui.fleet.collector.users import password_hash
from tests.fleet_demo.machine import CHECKOUT, Machine, Work
from tests.fleet_demo.paths import Condition
from tests.kernel.command import TCCTUI
from tests.kernel.deadlines import until
from tests.kernel.network import inside

COLLECTOR = "10.1.0.1"
_PORT = 8123
URL = f"http://{COLLECTOR}:{_PORT}"

_ROLES = {"agents": "agent", "people": "reader", "operator": "admin"}

_SSH = """\
#!/bin/sh
# In place of ssh: runs what is asked for in the namespaces of a host of this machine.
while [ "$1" != -- ]; do shift; done
pid=$(cat {directory}/hosts/"$2" 2>/dev/null) ||
    {{ echo "ssh: Could not resolve hostname $2" >&2; exit 255; }}
PATH={directory}:{programs}:$PATH
exec nsenter -t "$pid" -n -u -m -p -C -- sh -c "$3"
"""

_SUDO = """\
#!/bin/sh
# In place of sudo, for root: -n COMMAND ...
shift
exec "$@"
"""


class Fleet:
    """Hosts of a fleet, which are all there; see `fleet`."""

    def __init__(
        self, directory: Path, machines: Sequence[Machine], hosts: Sequence[Machine], paths: Paths
    ) -> None:
        self.directory = directory
        self._machines = machines  # the collector's first
        self._collector = machines[0]
        self.hosts = {host.name: host for host in hosts}
        self._paths = paths

    @property
    def processes(self) -> list[int]:
        """First processes of all namespaces, and the one that carries packets."""
        return [*(one.pid for one in self._machines), self._paths.pid]

    @property
    def programs(self) -> str:
        """Directories of programs that hosts have, as in PATH."""
        return f"{self.directory}:{Path(TCCTUI).parent}"

    def condition(self, conditions: Mapping[str, Condition]) -> None:
        """Replace the conditions of paths, by address."""
        self._paths.condition(conditions)

    def watch(self, hosts: Iterable[Machine], every_s: int = 10) -> None:
        """Start agents, each of which sends its host's connections but those to the collector."""
        for host in hosts:
            own = f"src:{','.join(host.addresses)} -port:{_PORT}"
            command = [TCCTUI, "agent", "--to", URL, "--every", str(every_s), "--filter", own]
            command += ["--rewind", "10m", *self._as("agents")]
            host.work(Work(commands={"agent": (command, str(self.log(host.name)))}))

    def reads(self, host: str) -> bool:
        """True if the agent of a host reads.

        Raises:
            RuntimeError: it ended with an error.

        """
        log = self.log(host)
        said = log.read_text() if log.exists() else ""
        if "tcctui: " in said:
            raise RuntimeError(f"The agent of {host}: {said}")
        return "Reading" in said

    def log(self, host: str) -> Path:
        """File of what a host's agent says."""
        return self.directory / f"{host}.log"

    def dashboard(self, *arguments: str) -> list[str]:
        """Command of the fleet's dashboard, which goes to the hosts by a stand-in for ssh."""
        command = [TCCTUI, "fleet", URL, *self._as("people"), "--ssh", self._ssh, *arguments]
        return ["nsenter", f"--net={self._net}", "--", *command]

    def pictures(self) -> list[str]:
        """Command that takes the README's pictures."""
        password = str(self.directory / "people.password")
        command = [sys.executable, "-m", "tests.fleet_demo.pictures", URL, password, self._ssh]
        return ["nsenter", f"--net={self._net}", "--", *command]

    @property
    def _ssh(self) -> str:
        return str(self.directory / "ssh")

    def ask(self, sql: str) -> list[list[str]]:
        """Answer of the engine, as texts; statements that change something have none.

        Raises:
            RuntimeError: it is refused.

        """
        password = (self.directory / "operator.password").read_text()
        given = {"X-ClickHouse-User": "operator", "X-ClickHouse-Key": password}
        try:
            with inside(self._net), urlopen(Request(URL, sql.encode(), given)) as answer:
                return [line.split("\t") for line in answer.read().decode().splitlines()]
        except HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    @property
    def _net(self) -> str:
        return f"/proc/{self._collector.pid}/ns/net"

    def _as(self, user: str) -> list[str]:
        return ["--user", user, "--password-file", str(self.directory / f"{user}.password")]


class Paths:
    """The process of `paths`, for machines that have begun."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        places = [f"{one.tun}={','.join(one.addresses)}" for one in machines]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet_demo.paths", *places],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            text=True,
            pass_fds=[one.tun for one in machines],
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def condition(self, conditions: Mapping[str, Condition]) -> None:
        """Replace the conditions by address."""
        assert self._process.stdin is not None
        told = {address: one._asdict() for address, one in conditions.items()}
        self._process.stdin.write(f"{json.dumps(told)}\n")
        self._process.stdin.flush()

    def __enter__(self) -> Paths:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


@contextmanager
def fleet(hosts: Sequence[Machine], others: Sequence[Machine] = ()) -> Iterator[Fleet]:
    """Start hosts, `others` that no agent will be on, and the collector; give them as they run.

    All of it is gone at the end of the context, also where this process is killed, but for files.
    """
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tcctui-fleet-")))
        directory.chmod(0o755)  # what root starts becomes nobody
        collector = stack.enter_context(Machine("collector", COLLECTOR))
        machines = [collector, *(stack.enter_context(one) for one in (*hosts, *others))]
        paths = stack.enter_context(Paths(machines))
        _write(directory, hosts)
        store = directory / "store"
        store.mkdir()
        words = [TCCTUI, "collector", "--listen", f"{COLLECTOR}:{_PORT}", "--store", str(store)]
        words += ["--users", str(directory / "users.toml")]
        # In memory, and gone with the namespace: its thousands of files take long to be removed.
        mount = f"mount -t tmpfs -o size=1g,mode=755 none {store}"
        words = ["sh", "-c", f"{mount} && exec {shlex.join(words)}"]
        log = directory / "collector.log"
        collector.work(Work(commands={"collector": (words, str(log))}))
        until("the collector listens", lambda: log.exists() and "Listening" in log.read_text())
        yield Fleet(directory, machines, hosts, paths)


def _write(directory: Path, hosts: Sequence[Machine]) -> None:
    """Write users, passwords, programs in place of ssh and sudo, and numbers of hosts."""
    users = []
    for name, role in _ROLES.items():
        password = os.urandom(12).hex()
        path = directory / f"{name}.password"
        path.touch(0o600)
        path.write_text(password)
        users.append(f'[{name}]\nrole = "{role}"\npassword = "{password_hash(password)}"\n')
    (directory / "users.toml").write_text("\n".join(users))
    for name, text in (("ssh", _SSH), ("sudo", _SUDO)):
        program = directory / name
        program.write_text(text.format(directory=directory, programs=Path(TCCTUI).parent))
        program.chmod(0o755)
    (directory / "hosts").mkdir()
    for host in hosts:
        (directory / "hosts" / host.name).write_text(str(host.pid))
