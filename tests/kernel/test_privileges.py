"""Views with less than root: each of doctor's commands gives its own, and no other does."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tcctui.sources.kernel.privileges import VIEWS
from tcctui.sources.kernel.tracepoint_formats import TRACEFS
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import PATIENCE
from tests.kernel.network import Network
from tests.kernel.traffic import PORT, chatter, connections

pytestmark = pytest.mark.kernel

EVERY_ACK, PROCESSES, NAMESPACES, NOTICES = (view.name for view in VIEWS)

ROOM = """
import socket
from tcctui.sources.sock_diag.destroy_notices import DestroyNotices
from tcctui.sources.sock_diag.namespaces import diag_socket
opened = diag_socket()
DestroyNotices(opened, 0)
print(opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 16 << 20)  # doubled by the kernel
"""


@pytest.fixture(scope="module")
def commands() -> Iterator[dict[str, list[str]]]:
    """Give doctor's commands by the name of their view, without sudo, where tracefs usually is."""
    mounted = os.path.ismount(TRACEFS[0])
    if not mounted:
        subprocess.run(["mount", "-t", "tracefs", "nodev", TRACEFS[0]], check=True)
    try:
        said = subprocess.run([TCCTUI, "doctor"], capture_output=True, text=True, check=False)
        lines = [line.partition("  # ") for line in said.stdout.splitlines() if "setpriv" in line]
        yield {name: shlex.split(line)[1:] for line, _, name in lines}
    finally:
        if not mounted:
            subprocess.run(["umount", TRACEFS[0]], check=True)


def every_ack(command: list[str], seconds: float) -> bool:
    """Look for events of traffic."""
    with Network() as network, connections(network, "ipv4") as made, chatter(*made):
        arguments = ("trace", "--port", str(PORT), "--count", "1", "--format", "jsonl")
        with Command(*command, *arguments) as run:
            if run.wait() == 0:
                return bool(json.loads(run.stdout)["dport"])
            assert "needs root" in run.stderr
            return False


def sampled(command: list[str], port: int, query: str, seconds: float) -> bool:
    """Look for a connection of a port that matches a query, for so long at most."""
    arguments = ("--port", str(port), "--until", query, "--duration", str(seconds))
    with Command(*command, "trace", "--source", "sock_diag", *arguments) as run:
        status = run.wait(2 * PATIENCE)
        assert status in {0, 3}, run.stderr
        return status == 0


def processes(command: list[str], seconds: float) -> bool:
    """Look for root's process in connections that it has."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        port = server.getsockname()[1]
        assert sampled(command, port, f"port:{port}", PATIENCE)
        return sampled(command, port, f"pid:{os.getpid()}", seconds)


def namespaces(command: list[str], seconds: float) -> bool:
    """Look for connections of another namespace."""
    with Network() as network, connections(network, "ipv4"):
        return sampled(command, PORT, f"port:{PORT}", seconds)


def notices(command: list[str], seconds: float) -> bool:
    """Look for room for many notices."""
    said = subprocess.run(
        [*command[:-1], sys.executable, "-c", ROOM], capture_output=True, text=True, check=True
    )
    return said.stdout == "True\n"


LOOKS: dict[str, Callable[[list[str], float], bool]] = {
    EVERY_ACK: every_ack,
    PROCESSES: processes,
    NAMESPACES: namespaces,
    NOTICES: notices,
}


@pytest.mark.parametrize("view", LOOKS)
def test_a_command_gives_its_view(view: str, commands: dict[str, list[str]]) -> None:
    """As nobody with these capabilities the view is there, and with another view's it is not."""
    assert set(commands) == set(LOOKS)
    assert "--reuid=nobody" in commands[view]
    assert LOOKS[view](commands[view], PATIENCE)
    assert not LOOKS[view](commands[NOTICES if view != NOTICES else PROCESSES], 2)
