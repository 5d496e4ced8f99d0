"""A host's live dashboard over ssh, here by a program in its place that runs the command itself."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.command import TCCTUI
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, Connection, chatter, connections

pytestmark = pytest.mark.kernel

ROW = re.compile(rf"{re.escape(Network.CLIENT)}:\d+ +{re.escape(Network.SERVER)}:{PORT}\b")

SSH = """#!/bin/sh
echo $$ > {directory}/pid
while [ "$1" != -- ]; do shift; done
[ "$2" = gone ] && {{ echo "ssh: Could not resolve hostname gone" >&2; exit 255; }}
shift 2
PATH={directory}:{bin}:$PATH exec sh -c "$1"
"""

SUDO = """#!/bin/sh
shift
exec "$@"
"""

APP = f"""
from pathlib import Path

import tcctui.ui.app
from tcctui.demo import RECORDING
from tcctui.fleet.visit import Wanted, visit
from tcctui.recording.file import Recording
from tcctui.ui.app.app import ReplayApp

class Fleet(ReplayApp):
    CSS_PATH = Path(tcctui.ui.app.__file__).with_name("tcctui.tcss")
    BINDINGS = [("f7", "visit('there')", "Host"), ("f8", "visit('gone')", "Gone")]

    def action_visit(self, host):
        visit(self, Wanted(host, "port:{PORT}"), ["./ssh", "-o", "BatchMode=yes"])

Fleet(Recording(RECORDING)).run()
"""


@pytest.fixture
def busy() -> Iterator[Connection]:
    """Let a connection talk all the time."""
    with Network() as network, connections(network, "ipv4") as made, chatter(*made):
        yield made[0]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Open a terminal in a directory with a program in place of ssh, and one of sudo."""
    for name, text in (("ssh", SSH), ("sudo", SUDO)):
        program = tmp_path / name
        program.write_text(text.format(directory=tmp_path, bin=Path(TCCTUI).parent))
        program.chmod(0o755)
    (tmp_path / "fleet.py").write_text(APP)
    with Terminal(tmp_path) as opened:
        yield opened


def test_a_host_is_visited_and_left(busy: Connection, terminal: Terminal, tmp_path: Path) -> None:
    """Its connections are on the screen, live; Esc goes back, and ends all that was started."""
    terminal.start(f"{sys.executable} fleet.py")
    terminal.shows("of 1:14")
    terminal.press("F7")
    terminal.until("the connection", ROW.search)
    terminal.until("events", lambda text: re.search(r"[1-9][\d.]*k? ev/s", text))
    terminal.press("Escape")
    terminal.shows("of 1:14")
    pid = int((tmp_path / "pid").read_text())
    until("ssh has ended", lambda: not Path(f"/proc/{pid}").exists())
    terminal.press("q")
    assert terminal.ended() == 0


def test_a_host_that_is_not_there(terminal: Terminal) -> None:
    """What ssh says is one line on the screen that was there, and keys go on working."""
    terminal.start(f"{sys.executable} fleet.py")
    terminal.shows("of 1:14")
    terminal.press("F8")
    terminal.shows("gone: ssh: Could not resolve hostname gone.")
    terminal.press("q")
    assert terminal.ended() == 0


def test_quitting_from_a_host(busy: Connection, terminal: Terminal, tmp_path: Path) -> None:
    """Q ends the whole program, and with it what runs on the host."""
    terminal.start(f"{sys.executable} fleet.py")
    terminal.shows("of 1:14")
    terminal.press("F7")
    terminal.until("the connection", ROW.search)
    terminal.press("q")
    assert terminal.ended() == 0
    pid = int((tmp_path / "pid").read_text())
    until("ssh has ended", lambda: not os.path.exists(f"/proc/{pid}"))
