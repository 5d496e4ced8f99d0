"""What each part of tcctui loads: commands start fast, and parts know nothing of each other."""

from __future__ import annotations

import subprocess
import sys


def loaded(code: str) -> set[str]:
    """Run code in a fresh Python, and give the names of the modules it has loaded by then."""
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n' + ' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.splitlines()[-1].split())


def started(*commands: list[str]) -> set[str]:
    """Run commands that print and end, and give the modules they have loaded."""
    return loaded(
        "from tcctui.cli import main\n"
        f"for command in {commands!r}:\n"
        "    try: main(command)\n"
        "    except SystemExit as end: assert not end.code\n"
    )


def test_what_is_known_about_flows_needs_no_screen_and_no_kernel() -> None:
    """The store can be used without Textual, bcc, plotext or any source of events."""
    modules = loaded("import tcctui.flows.store, tcctui.query")
    assert "numpy" in modules
    assert not {"textual", "rich", "bcc", "plotext", "tcctui.sources", "tcctui.ui"} & modules


def test_help_is_immediate() -> None:
    """What only prints text loads neither numpy nor Textual nor bcc."""
    options = (
        ["--version"],
        ["--help"],
        ["help"],
        *([name, "--help"] for name in ("record", "replay", "trace")),
    )
    modules = started(*options)
    assert "tcctui.cli" in modules
    assert not {"textual", "rich", "numpy", "bcc", "plotext"} & modules


def test_the_screen_knows_no_source() -> None:
    """The dashboard is there without bcc, and plotext, slow to load, waits for the first chart."""
    modules = loaded("import tcctui.ui.app.app")
    assert "textual" in modules
    assert not {"bcc", "plotext", "tcctui.sources"} & modules


def test_what_needs_no_screen_loads_none() -> None:
    """What runs where there is no terminal loads no Textual, and bcc only when it is used."""
    headless = ", ".join(f"tcctui.headless.{name}" for name in ("trace", "outcome", "record"))
    modules = loaded(f"import {headless}, tcctui.doctor, tcctui.sources.kernel.bpf_source")
    assert not {"textual", "rich", "plotext", "bcc"} & modules


def test_recordings_are_played_without_a_kernel() -> None:
    """The screen and recordings together know neither bcc nor any of what reads a kernel."""
    modules = loaded(
        "import tcctui.ui.app.app, tcctui.recording.file, tcctui.recording.stream,"
        " tcctui.cli.replay"
    )
    assert "bcc" not in modules
    kernel = ("live", "kernel.bpf_source", "kernel.program", "kernel.kernel_filter")
    sockets = ("sampling", "diag_socket", "netlink")
    reading = (*kernel, *(f"sock_diag.{name}" for name in sockets))
    assert not {f"tcctui.sources.{name}" for name in reading} & modules
