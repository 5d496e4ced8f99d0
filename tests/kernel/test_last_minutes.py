"""A host's last minutes: kept by its agent, read by `record --last`, shown over a stand-in ssh."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tcctui.wire.events import EventKind
from tests.kernel.command import TCCTUI, Command, says
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.recordings import acks_of, events_of
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, Connection, chatter, connections

pytestmark = pytest.mark.kernel

SSH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
[ "$2" = gone ] && {{ echo "ssh: Could not resolve hostname gone" >&2; exit 255; }}
STATE_DIRECTORY={directory}/$2 PATH={directory}:{bin}:$PATH \
exec ip netns exec $(cat {directory}/$2/namespace) sh -c "$3"
"""
"""In place of ssh: enters the namespace that is a host's."""

SUDO = """#!/bin/sh
shift
exec "$@"
"""

APP = """
import sys, time
from pathlib import Path

import tcctui.ui.app
from tcctui.demo import RECORDING
from tcctui.fleet.visit import Wanted, visit
from tcctui.recording.file import Recording
from tcctui.ui.app.app import ReplayApp

local, remote = sys.argv[1:]
HERE, THERE = f"src:{local} dst:{remote}", f"src:{remote} dst:{local}"

class Fleet(ReplayApp):
    CSS_PATH = Path(tcctui.ui.app.__file__).with_name("tcctui.tcss")
    BINDINGS = [("f7", "past", ""), ("f8", "both('server')", ""), ("f9", "both('gone')", "")]

    def action_past(self):
        visit(self, Wanted("client", HERE, time.time_ns() - 2_000_000_000), ["./ssh"])

    def action_both(self, other):
        visit(self, Wanted("client", HERE, both=True, other=(other, THERE)), ["./ssh"])

Fleet(Recording(RECORDING)).run()
"""


@contextmanager
def agent(state: Path, connection: Connection) -> Iterator[Command]:
    """Run an agent that keeps the last minutes, until some of a connection are there."""
    with tcctui(state, "agent", "--rewind", "1m", "--port", str(PORT)) as command:
        until("some ACKs are kept", lambda: acks_of(connection.cookies[0], *kept(state)) > 5)
        yield command


def tcctui(state: Path, *arguments: str) -> Command:
    """Make a command that keeps its state in a directory."""
    return Command("env", f"STATE_DIRECTORY={state}", TCCTUI, *arguments)


def kept(state: Path) -> list[Path]:
    """Give the files of the last minutes."""
    return list((state / "rewind").glob("*.arrows"))


@contextmanager
def recording(path: Path, *arguments: str) -> Iterator[Command]:
    """Record with the last minutes before, until the context ends."""
    with tcctui(path.parent, "record", "--last", "1m", *arguments, str(path)) as command:
        until("it is at work", lambda: says(command, "Ctrl-C ends it"))
        yield command
        assert command.end(signal.SIGINT) == 0, command.stderr


def times(path: Path) -> npt.NDArray[np.int64]:
    """Times of the events that a recording has so far."""
    return events_of(path)["ts_ns"].astype("i8")


@pytest.fixture
def busy() -> Iterator[tuple[Network, Connection]]:
    """Let a connection talk all the time."""
    with Network() as network, connections(network, "ipv4") as made, chatter(*made):
        yield network, made[0]


def test_the_last_minutes_come_before_what_is_live(
    busy: tuple[Network, Connection], tmp_path: Path
) -> None:
    """While the agent goes on, and after it was killed; of the connections asked for alone."""
    _, connection = busy
    with agent(tmp_path, connection) as command:
        asked = time.monotonic_ns()
        path = tmp_path / "all.arrows"
        with recording(path, "--port", str(PORT)):
            live = time.monotonic_ns()
            until("what is live is recorded", lambda: (times(path) > live).sum() > 2)
        assert set(connection.cookies) <= set(events_of(path)["sock_cookie"].tolist())
        assert (times(path) < asked).sum() > 2, "before it was asked for"
        assert command.process.poll() is None
        command.process.kill()
        command.wait()
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "rewind").iterdir()} == {0o600}
        sender = connection.client
        address, port = sender.getsockname()
        path = tmp_path / "one.arrows"
        with recording(path, "--filter", f"src:{address}:{port}"):
            until("the past is recorded", lambda: min(times(path), default=asked) < asked)
    one = events_of(path)
    # Ends of sockets are told of all.
    assert set(one["sport"][one["kind"] == EventKind.PROBE].tolist()) == {port}


def test_where_no_agent_keeps_anything(tmp_path: Path) -> None:
    """A remark says so, and what would; the recording begins now."""
    with recording(tmp_path / "it.arrows", "--port", str(PORT)) as command:
        missing = f"No agent has kept the last minutes in {tmp_path}/rewind"
        until("it is said", lambda: says(command, missing))


def test_hosts_are_visited_with_their_past(
    busy: tuple[Network, Connection], tmp_path: Path
) -> None:
    """A moment of the past is gone to; both hosts' ends are on one axis; one may not be there."""
    network, connection = busy
    for name, text in (("ssh", SSH), ("sudo", SUDO)):
        (tmp_path / name).write_text(text.format(directory=tmp_path, bin=Path(TCCTUI).parent))
        (tmp_path / name).chmod(0o755)
    (tmp_path / "fleet.py").write_text(APP)
    for host, namespace in (("client", network.client), ("server", network.server)):
        (tmp_path / host).mkdir()
        (tmp_path / host / "namespace").write_text(namespace)
    ends = " ".join(
        "{}:{}".format(*name)
        for name in (connection.client.getsockname(), connection.client.getpeername())
    )
    with (
        agent(tmp_path / "client", connection),
        agent(tmp_path / "server", connection),
        Terminal(tmp_path) as terminal,
    ):
        terminal.start(f"{sys.executable} fleet.py {ends}")
        terminal.shows("of 1:14")
        terminal.press("F7")
        terminal.shows(r"❚❚ \d\d:\d\d:\d\d.*−")
        terminal.press("Escape")
        terminal.shows("of 1:14")
        terminal.press("F8")
        terminal.shows("clocks aligned to ±")
        screen = terminal.shows(r"(?s) sends     \S+ .* receives  \S+ .*")[0]
        assert Network.CLIENT in screen
        assert re.search(r"sender's bytes.*receiver's bytes", screen)
        assert "∞" not in screen
        terminal.press("Escape")
        terminal.hides("Both ends")
        terminal.press("Escape")
        terminal.shows("of 1:14")
        terminal.press("F9")
        terminal.shows("The other end is not there")
        terminal.shows("gone: ssh: Could not resolve hostname gone")
        terminal.press("q")
        assert terminal.ended() == 0
