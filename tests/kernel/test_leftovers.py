"""However tcctui ends, the kernel is as before: no program, no map, no process is left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcctui.sources.kernel import tracepoint_formats
from tcctui.sources.kernel.bpf_source import BpfSource
from tests.kernel.bpf_objects import Objects, existing, held_by
from tests.kernel.command import TCCTUI, Command, attached, trace
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.processes import in_session
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, chatter, connections

pytestmark = pytest.mark.kernel

DASHBOARD = f"{TCCTUI} --port {PORT}"

CRASHING_TRACE = f"""
import tcctui.headless.trace
from tcctui.cli import main

def crash(*_, **__):
    raise RuntimeError("made to crash")

tcctui.headless.trace.format_events = crash
raise SystemExit(main(["trace", "--port", "{PORT}"]))
"""

CRASHING_DASHBOARD = """
import sys
from tcctui.cli import main
from tcctui.ui.dashboard.dashboard import Dashboard

def crash(*_, **__):
    raise RuntimeError("made to crash")

Dashboard.action_help = crash
raise SystemExit(main(sys.argv[1:]))
"""


def programs() -> int:
    """Count the tracepoints that this kernel has, each of which gets a program.

    With them is the one of packets that leave queues, which runs only while it is asked for.
    """
    formats = tracepoint_formats.read_formats(tracepoint_formats.mount_tracefs())
    return len(set(formats) - {row.name for row in tracepoint_formats.lacking(formats)}) + 1


def objects_of(pid: int) -> Objects:
    """Find what tcctui has loaded once that is all, so that there is something to leave behind."""
    until("all programs are loaded", lambda: len(held_by(pid).programs) == programs())
    held = held_by(pid)
    assert len(held.maps) >= 4
    assert held & existing() == held
    return held


def gone(held: Objects) -> None:
    """Wait until the kernel has given them up, which it does a little later."""
    until("programs and maps are unloaded", lambda: not held & existing())


def ended(pid: int) -> None:
    """Wait until a process is gone."""
    until("the process is gone", lambda: not Path(f"/proc/{pid}").exists())


@pytest.fixture
def busy() -> Iterator[None]:
    """Let a connection talk all the time."""
    with Network() as network, connections(network, "ipv4") as made, chatter(*made):
        yield


def test_closed_source_leaves_nothing(busy: None) -> None:
    """close() unloads all in a process that goes on: no file, mapping or thread is left either."""

    def threads() -> set[str]:
        return set(os.listdir("/proc/self/task"))

    before, threads_before = held_by(os.getpid()), threads()
    source = BpfSource()
    held = held_by(os.getpid())
    assert len(held.programs - before.programs) == programs()
    assert "bpf-map" in Path("/proc/self/maps").read_text()
    source.close()
    source.close()
    assert held_by(os.getpid()) == before
    assert "bpf-map" not in Path("/proc/self/maps").read_text()
    # Python is done with a thread a moment before the kernel is.
    until("its threads are gone", lambda: threads() <= threads_before)
    gone(Objects(held.programs - before.programs, held.maps - before.maps))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_trace_leaves_nothing(busy: None, number: signal.Signals) -> None:
    """`tcctui trace` that is stopped or killed takes everything along."""
    with trace("--port", str(PORT)) as command:
        attached(command)
        held = objects_of(command.process.pid)
        assert command.end(number) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        gone(held)
        until("no process is left", lambda: not in_session(command.process.pid))


def test_crashed_trace_leaves_nothing() -> None:
    """An error in `tcctui trace` ends it with a traceback, and nothing of it stays."""
    with Command(sys.executable, "-c", CRASHING_TRACE) as command:
        attached(command)
        held = objects_of(command.process.pid)
        with Network() as network, connections(network, "ipv4") as made, chatter(*made):
            assert command.wait() == 1
        assert "made to crash" in command.stderr
        gone(held)
        until("no process is left", lambda: not in_session(command.process.pid))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_dashboard_leaves_nothing(busy: None, tmp_path: Path, number: signal.Signals) -> None:
    """A dashboard that is stopped or killed takes everything along."""
    with Terminal(tmp_path) as terminal:
        pid = terminal.start(DASHBOARD)
        terminal.shows(f":{PORT}")
        held = objects_of(pid)
        os.kill(pid, number)
        gone(held)
        ended(pid)


@pytest.mark.parametrize("_", range(3))
def test_closed_terminal_leaves_nothing(busy: None, tmp_path: Path, _: int) -> None:
    """A dashboard ends with the window that it is in, whatever it was about to draw."""
    with Terminal(tmp_path) as terminal:
        pid = terminal.start(DASHBOARD)
        terminal.shows(f":{PORT}")
        held = objects_of(pid)
        terminal.close()
        ended(pid)
        gone(held)


def test_crashed_dashboard_leaves_nothing(busy: None, tmp_path: Path) -> None:
    """An error in the dashboard gives the terminal back as it was, and nothing of it stays."""
    script = tmp_path / "crashing.py"
    script.write_text(CRASHING_DASHBOARD)
    with Terminal(tmp_path) as terminal:
        settings = terminal.run("stty -a")
        pid = terminal.start(f"{sys.executable} {script} --port {PORT}")
        terminal.shows(f":{PORT}")
        held = objects_of(pid)
        terminal.press("?")
        terminal.shows("made to crash")
        assert terminal.ended() == 1
        gone(held)
        ended(pid)
        assert terminal.run("stty -a") == settings
