"""What the dashboard takes where nothing happens, and what it repaints."""

from __future__ import annotations

import sys
import time

from tests.bench.load import Load, other_processor
from tests.bench.pseudo_terminal import PseudoTerminal
from tests.bench.report import Section, Target

SECONDS = 6.0
_NOBODY = ["--port", "1"]


def _watch(terminal: PseudoTerminal) -> tuple[float, float, float]:
    """Share of a core, frames per second, and bytes per second."""
    frames, written = len(terminal.frames), terminal.written
    before, started = terminal.cpu, time.monotonic()
    time.sleep(SECONDS)
    seconds = time.monotonic() - started
    return (
        (terminal.cpu - before) / seconds,
        (len(terminal.frames) - frames) / seconds,
        (terminal.written - written) / seconds,
    )


def _dashboard(*arguments: str) -> PseudoTerminal:
    return PseudoTerminal([sys.executable, "-m", "tcctui", *arguments], other_processor())


def measure() -> Section:
    """Watch it with no traffic, and with traffic but paused; as a measure, with traffic too."""
    with _dashboard(*_NOBODY) as terminal:
        assert terminal.wait(lambda: bool(terminal.frames), 20), terminal.text[-1000:]
        time.sleep(3)
        empty = _watch(terminal)
    with Load(), _dashboard() as terminal:
        assert terminal.wait(lambda: len(terminal.frames) > 3, 20), terminal.text[-1000:]
        time.sleep(2)
        busy = _watch(terminal)
        terminal.press("p")
        time.sleep(1)
        paused = _watch(terminal)
    rows = (("no traffic", empty), ("traffic, paused", paused), ("traffic", busy))
    return Section(
        "With nothing to do",
        ("ratio", "what goes on", "of a core", "frames/s", "bytes/s"),
        [
            (
                f"{cpu / busy[0]:.2f}",
                name,
                f"{cpu:.1%}",
                f"{frames:.1f}",
                f"{written:,.0f}",
            )
            for name, (cpu, frames, written) in rows
        ],
        [
            Target("no traffic, share of a core", empty[0] * 100, 2, " %"),
            Target("no traffic, frames painted per second", empty[1], 0),
        ],
        [
            f"{SECONDS:g} s each. *No traffic* is a filter in the kernel that nothing passes, so"
            " that it is also none on a busy machine; traffic is that of 200 connections. Paused,"
            " the status line goes on."
        ],
    )
