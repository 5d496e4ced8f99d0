"""What tests of the command line have in common."""

from __future__ import annotations

import pytest

import tcctui.cli.terminal
import tcctui.headless.trace
import tcctui.sources.kernel.bpf_source
import tcctui.sources.kernel.privileges
import tcctui.sources.kernel.program
import tcctui.sources.live
import tcctui.ui.app.app
from tcctui import cli
from tests.unit.command_line import Calls, Main


@pytest.fixture
def main(capsys: pytest.CaptureFixture[str]) -> Main:
    """Run the command; give its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = cli.main(arguments)
        except SystemExit as end:  # --help and --version end argparse's way
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Let the command call stand-ins, with a terminal at hand."""
    called = Calls()
    monkeypatch.setattr(tcctui.sources.kernel.bpf_source, "BpfSource", called.open)
    monkeypatch.setattr(tcctui.sources.live, "open_live", called.open_live)
    monkeypatch.setattr(tcctui.sources.kernel.program, "Loading", called.load)
    monkeypatch.setattr(tcctui.sources.kernel.privileges, "require", called.require)
    monkeypatch.setattr(tcctui.headless.trace, "trace", called.trace)
    monkeypatch.setattr(tcctui.ui.app.app, "run", called.dashboard)
    monkeypatch.setattr(tcctui.ui.app.app, "play", called.play, raising=False)
    monkeypatch.setattr(tcctui.cli.terminal, "require", lambda *_: None)
    return called
