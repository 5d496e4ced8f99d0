"""The whole way: traffic, an agent, a collector, the fleet's dashboard, the live host, and back."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcctui.sources.kernel.compiled_cache import VARIABLE
from tests.fleet_demo.fleet import URL, Fleet, fleet
from tests.fleet_demo.machine import Machine, Work
from tests.fleet_demo.traffic import WEB, Asked
from tests.kernel.command import Command
from tests.kernel.deadlines import until
from tests.kernel.terminal import Terminal

pytestmark = pytest.mark.kernel

SERVER, USER = "10.1.1.1", "198.51.100.21"
ROW = re.compile(rf"\bweb1 .*{re.escape(SERVER)}:{WEB} .*{re.escape(USER)}:\d+ .*\bweb\b")

CLIENT = """\
Host *
    HostName {server}
    User root
    IdentityFile {directory}/user
    IdentitiesOnly yes
    UserKnownHostsFile {directory}/known
    StrictHostKeyChecking yes
"""

SERVED = """\
ListenAddress {server}
HostKey {directory}/host
AuthorizedKeysFile {directory}/user.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
LogLevel VERBOSE
SetEnv PATH={path} {cache}
"""


@pytest.fixture
def running() -> Iterator[Fleet]:
    """Give a fleet of one host, whose windows of a second have begun to arrive."""
    web, user = Machine("web1", SERVER), Machine("user", USER)
    with fleet([web], [user]) as made:
        web.work(Work({"web": ("answers", SERVER, WEB)}))
        user.work(Work({"browser": ("asks", [SERVER], WEB, *Asked(20_000, 2, 1_000_000, 0.1))}))
        made.watch([web], every_s=1)
        until("the agent reads", lambda: made.reads("web1"))
        sql = "SELECT count() FROM flow_10s WHERE comm = 'web' AND host = 'web1'"
        until("connections arrive", lambda: int(made.ask(sql)[0][0]) >= 2)
        yield made


def _goes_to_the_host_and_back(command: list[str], directory: Path) -> None:
    with Terminal(directory) as terminal:
        terminal.start(shlex.join(command))
        terminal.shows(r"198\.51\.100\.0/24")
        terminal.press("Enter")
        terminal.until("the net's connections", ROW.search)
        terminal.press("Enter")
        terminal.until("events of the host", lambda text: re.search(r"[1-9][\d.]*k? ev/s", text))
        terminal.shows(rf"{re.escape(SERVER)}:{WEB}")
        terminal.press("Escape")
        terminal.until("the fleet's connections", ROW.search)
        terminal.press("q")
        assert terminal.ended() == 0


def test_from_the_fleet_to_a_live_connection_and_back(running: Fleet, tmp_path: Path) -> None:
    """Enter opens a net, Enter on a connection its host with every ACK, Esc is the way back."""
    assert f"Rows of web1 go to {URL} every 1 s" in running.log("web1").read_text()
    _goes_to_the_host_and_back(running.dashboard(), tmp_path)


def test_the_host_over_ssh(running: Fleet, tmp_path: Path) -> None:
    """The same over a real sshd on the host, with keys made here, where sshd is installed."""
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if sshd is None:
        return
    for name in ("host", "user"):
        key = str(tmp_path / name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    host_key = (tmp_path / "host.pub").read_text()
    (tmp_path / "known").write_text(f"{SERVER} {host_key}")
    (tmp_path / "client").write_text(CLIENT.format(directory=tmp_path, server=SERVER))
    (tmp_path / "server").write_text(
        SERVED.format(
            directory=tmp_path,
            server=SERVER,
            path=f"{running.programs}:{os.environ['PATH']}",
            cache=f"{VARIABLE}={os.environ[VARIABLE]}",
        )
    )
    # A service manager makes this directory elsewhere; here it is the host's own.
    start = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec {} -D -e -f {}"
    words = ["sh", "-c", start.format(sshd, tmp_path / "server")]
    log = tmp_path / "log"
    running.hosts["web1"].work(Work(commands={"sshd": (words, str(log))}))
    until("sshd listens", lambda: log.exists() and "listening on" in log.read_text())
    ssh = f"ssh -F {tmp_path / 'client'} -o BatchMode=yes"
    _goes_to_the_host_and_back(running.dashboard("--ssh", ssh), tmp_path)
    assert "Accepted publickey for root" in log.read_text()


STARTED = """
import signal

from tests.fleet_demo.fleet import fleet
from tests.fleet_demo.machine import Machine

with fleet([Machine("web1", "10.1.1.1")], [Machine("user", "198.51.100.21")]) as made:
    print(made.directory, *made.processes, flush=True)
    signal.pause()
"""


def test_a_fleet_of_namespaces_is_gone_with_its_process() -> None:
    """Hosts, with all that runs on them, end with the process that started them, killed or not."""
    with Command(sys.executable, "-c", STARTED) as started:
        until("it has started", lambda: started.stdout.endswith("\n"))
        directory, *processes = started.stdout.split()
        assert len(processes) == 4
        started.end(signal.SIGKILL)
    until("all are gone", lambda: not any(Path("/proc", pid).exists() for pid in processes))
    shutil.rmtree(directory, ignore_errors=True)
