"""What the dashboard takes where nothing happens, and what it repaints."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

from tests.bench import screen_reader
from tests.bench.load import Load, other_processor
from tests.bench.pseudo_terminal import PATIENCE, PseudoTerminal
from tests.bench.report import Section, Target

SECONDS = 6.0
SETTLE = 3.0
_NOBODY = ["--port", "1"]


class _Watched(NamedTuple):
    """Share of a core; frames, those that changed nothing, and bytes, each per second."""

    cpu: float
    frames: float
    needless: float
    written: float


def _watch(terminal: PseudoTerminal, seconds: float) -> _Watched:
    frames, written = len(terminal.frames), terminal.written
    before, started = terminal.cpu, time.monotonic()
    time.sleep(seconds)
    taken = time.monotonic() - started
    cpu, written = terminal.cpu - before, terminal.written - written
    contents = [frame.content for frame in terminal.frames]
    needless = screen_reader.needless(contents[:frames], contents[frames:])
    return _Watched(*(value / taken for value in (cpu, len(contents) - frames, needless, written)))


def _dashboard(*arguments: str) -> PseudoTerminal:
    return PseudoTerminal([sys.executable, "-m", "tcctui", *arguments], other_processor())


def measure(seconds: float = SECONDS, settle: float = SETTLE, pause: float = 0.0) -> Section:
    """Watch it with no traffic, and with traffic but paused; as a measure, with traffic too."""
    with _dashboard(*_NOBODY) as terminal:
        assert terminal.wait(lambda: bool(terminal.frames), PATIENCE), terminal.text[-1000:]
        time.sleep(settle)
        empty = _watch(terminal, seconds)
    with Load(pause=pause), _dashboard() as terminal:
        assert terminal.wait(lambda: len(terminal.frames) > 3, PATIENCE), terminal.text[-1000:]
        time.sleep(settle)
        busy = _watch(terminal, seconds)
        terminal.press("p")
        time.sleep(settle)
        paused = _watch(terminal, seconds)
    rows = (("no traffic", empty), ("traffic, paused", paused), ("traffic", busy))
    return Section(
        "With nothing to do",
        ("ratio", "what goes on", "of a core", "frames/s", "needless", "bytes/s"),
        [
            (
                f"{one.cpu / busy.cpu:.2f}",
                name,
                f"{one.cpu:.1%}",
                f"{one.frames:.1f}",
                f"{one.needless:.1f}",
                f"{one.written:,.0f}",
            )
            for name, one in rows
        ],
        [
            Target("no traffic, share of a core", empty.cpu * 100, 2, " %"),
            Target("no traffic, frames per second that change nothing", empty.needless, 0),
        ],
        [
            f"{seconds:g} s each. *No traffic* is a filter in the kernel that nothing passes, so"
            " that it is also none on a busy machine; traffic is that of 200 connections. Paused,"
            " the status line goes on: it says what the dashboard takes. *Needless* are frames per"
            " second that paint nothing but what is there already."
        ],
    )
