"""Recordings are looked at on any system that has Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ELSEWHERE = """
import asyncio, os, pathlib, select, signal, subprocess, sys

import numpy, plotext, pyarrow.ipc, pyarrow.parquet, textual.app, textual.drivers.headless_driver

sys.platform = "win32"
for module, names in (
    (os, "pread O_CLOEXEC O_NONBLOCK O_NOFOLLOW O_NOCTTY geteuid getuid fchown sysconf uname"),
    (signal, "SIGHUP SIGALRM SIGPIPE alarm"),
):
    for name in names.split():
        delattr(module, name)

from tcctui.cli import main
from tcctui.cli.rewind_options import RewindOptions
from tcctui.cli import parser
from tcctui.demo import RECORDING
from tcctui.recording.file import Recording
from tcctui.ui.app.app import ReplayApp
from tcctui import memory

assert main(["export", "demo", sys.argv[1], "--table", "flows"]) == 0
RewindOptions.of(parser().parse_args(["replay", "it"]))
memory.return_at_once()

async def seen():
    recording = Recording(RECORDING)
    app = ReplayApp(recording, at_ns=recording.span.first_ns + 30 * 10**9)
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(600):
            await pilot.pause(0.1)
            if "192.0.2.80:5201" in app.export_screenshot():
                print("seen")
                return

asyncio.run(seen())
"""


def test_where_there_is_less_than_on_linux(tmp_path: Path) -> None:
    """Without what only Unix has, the demo is exported, and shown in the dashboard."""
    out = tmp_path / "flows.csv"
    command = [sys.executable, "-c", _ELSEWHERE, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "seen" in done.stdout
    assert "5201" in out.read_text()
