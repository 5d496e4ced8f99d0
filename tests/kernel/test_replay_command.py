"""`tcctui replay` in a terminal: recordings of real traffic, and pipes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcctui.recording.file import Recording
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.recordings import acks_of, chunks_of
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, Connection, chatter, connections

pytestmark = pytest.mark.kernel

ROW = re.compile(rf"{re.escape(Network.CLIENT)}:\d+ +{re.escape(Network.SERVER)}:{PORT}\b")

KEYS = """
import threading
from textual.app import App
from textual.widgets import Static
from tcctui.cli import terminal

class Shown(App):
    BINDINGS = [("q", "quit", "Quit")]
    def compose(self):
        yield Static("the pipe said " + said)
        yield Static("no key", id="key")
    def on_key(self, event):
        self.query_one("#key").update("the key " + event.key)

file = terminal.standard_input_apart()
said = file.read().decode().strip()
Shown().run()
"""


@pytest.fixture
def busy() -> Iterator[Connection]:
    """Let a connection talk all the time."""
    with Network() as network, connections(network, "ipv4") as made, chatter(*made):
        yield made[0]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Open a terminal in a directory of its own."""
    with Terminal(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a connection that talks all the time."""
    path = tmp_path_factory.mktemp("recorded") / "it"
    with (
        Network() as network,
        connections(network, "ipv4") as made,
        chatter(*made),
        Command(TCCTUI, "record", "--port", str(PORT), str(path)) as command,
    ):
        ends = made[0].cookies
        until("ACKs are recorded", lambda: all(acks_of(end, path) > 10 for end in ends))
        until("seconds are recorded", lambda: len(chunks_of(path)) > 2)
        assert command.end(signal.SIGINT) == 0, command.stderr
    return path


def test_keys_come_from_the_terminal_while_a_pipe_is_read(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Standard input is the pipe, and Textual has the keys all the same."""
    (tmp_path / "keys.py").write_text(KEYS)
    terminal.start(f"echo hello | {shlex.quote(sys.executable)} keys.py")
    terminal.shows("the pipe said hello")
    terminal.press("x")
    terminal.shows("the key x")
    terminal.press("q")
    assert terminal.ended() == 0


def test_a_pipe_without_a_terminal() -> None:
    """Without a terminal for the keys, there is a sentence and no traceback."""
    with Command("bash", "-c", f"echo hello | {TCCTUI} replay -") as command:
        assert command.wait() == 1
        assert command.stderr.startswith("tcctui: The dashboard needs a terminal")
        assert "Traceback" not in command.stderr


def test_a_recording(recorded: Path, terminal: Terminal, tmp_path: Path, public_path: Path) -> None:
    """A file shows the connections that were there, to anybody, and where there is no bcc."""
    shutil.copy(recorded, tmp_path)
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['bcc'] = None")
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all"
    (tmp_path / "it").chmod(0o644)
    terminal.start(f"{nobody} env PYTHONPATH={public_path} {TCCTUI} replay it --at -1s --loop")
    terminal.until("the connection", ROW.search)
    terminal.press("q")
    assert terminal.ended() == 0


def test_sentences(terminal: Terminal, tmp_path: Path) -> None:
    """What can't be played is told before there is a screen."""
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello\n" * 1000)
    for command in ("replay no-such-file", "replay empty", "replay text", "replay ."):
        terminal.start(f"{TCCTUI} {command}")
        assert terminal.ended() == 1
        assert "tcctui: " in terminal.screen
        assert "Traceback" not in terminal.screen


def test_a_moment_outside(recorded: Path, terminal: Terminal, tmp_path: Path) -> None:
    """A moment that a recording does not have is told with what it has."""
    shutil.copy(recorded, tmp_path)
    terminal.start(f"{TCCTUI} replay it --at +1h")
    assert terminal.ended() == 1
    assert "--at +1h is outside the recording." in terminal.screen


def test_through_a_pipe(busy: Connection, terminal: Terminal) -> None:
    """`tcctui record - | tcctui replay -` is the live dashboard; q ends both."""
    terminal.start(f"{TCCTUI} record - --port {PORT} | {TCCTUI} replay -")
    terminal.until("the connection", ROW.search)
    terminal.until("events", lambda text: re.search(r"[1-9][\d.]*k? ev/s", text))
    before = terminal.screen
    terminal.until("values that go on", lambda text: text != before)
    assert "Recording" not in terminal.screen, "the recorder does not write over the screen"
    terminal.press("q")
    assert terminal.ended() == 0
    terminal.shows("has closed the pipe")


def test_the_past_of_a_pipe(busy: Connection, terminal: Terminal, tmp_path: Path) -> None:
    """One can go back to where the pipe began, and no farther; what S saves begins there, too."""
    terminal.start(f"{TCCTUI} record - --port {PORT} | {TCCTUI} replay -")
    terminal.until("the connection", ROW.search)
    terminal.press("Left")
    assert float(terminal.shows(r"❚❚ \S+ \S+ · −\S+ s of ([\d.]+) s\b")[1]) < 60
    terminal.press("Home")
    assert float(terminal.shows(r"❚❚ \S+ \S+ · −\S+ s of ([\d.]+) s\b")[1]) < 60
    terminal.press("S")
    terminal.until("the file", lambda _: list(tmp_path.glob("*.arrows")))
    terminal.press("q")
    assert terminal.ended() == 0
    (saved,) = tmp_path.glob("*.arrows")
    recording = Recording(saved)
    span = recording.span
    recording.close()
    assert 0 < span.last_ns - span.first_ns < 120e9


def test_the_other_end_goes_away(busy: Connection, terminal: Terminal) -> None:
    """When the recorder is killed, the dashboard stays and says so; q still quits, with 1."""
    pid = terminal.start(f"exec {TCCTUI} record - --port {PORT} | {TCCTUI} replay -")
    terminal.until("the connection", ROW.search)
    assert b"record" in Path(f"/proc/{pid}/cmdline").read_bytes()
    os.kill(pid, signal.SIGKILL)
    terminal.shows("recording ended|broke off|The recording")
    terminal.until("the connection", ROW.search)
    terminal.press("q")
    assert terminal.ended() == 1


def test_through_a_fifo(busy: Connection, terminal: Terminal, tmp_path: Path) -> None:
    """A FIFO is a pipe as well."""
    with Command("bash", "-c", f"mkfifo {tmp_path}/f; {TCCTUI} record -p {PORT} {tmp_path}/f"):
        terminal.start(f"while [ ! -p f ]; do sleep 0.1; done; {TCCTUI} replay f")
        terminal.until("the connection", ROW.search)
        terminal.press("q")
        assert terminal.ended() == 0
