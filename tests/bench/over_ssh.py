"""How many bytes the dashboard writes to its terminal, which may be at the other end of an ssh."""

from __future__ import annotations

import sys
import time

from tests.bench.load import other_processor
from tests.bench.many_flows import ManyFlows
from tests.bench.pseudo_terminal import COLUMNS, LINES, PseudoTerminal
from tests.bench.report import Section, Target, ratio

FLOWS = 1_000
SECONDS = 10.0
_SETTLES = 8.0


def _bytes_per_second(*arguments: str) -> tuple[float, float]:
    """Bytes and frames per second, with all flows changing twice a second."""
    with (
        ManyFlows(FLOWS) as many,
        PseudoTerminal([sys.executable, "-m", "tcctui", *arguments], other_processor()) as terminal,
    ):
        assert terminal.wait(lambda: bool(terminal.frames), 20), terminal.text[-1000:]
        many.start()
        time.sleep(_SETTLES)
        written, frames, started = terminal.written, len(terminal.frames), time.monotonic()
        time.sleep(SECONDS)
        seconds = time.monotonic() - started
        return (terminal.written - written) / seconds, (len(terminal.frames) - frames) / seconds


def measure() -> Section:
    """Measure what is written of many flows that change all the time."""
    found = {
        "as it is": _bytes_per_second(),
        "--ascii": _bytes_per_second("--ascii"),
    }
    base = found["as it is"][0]
    return Section(
        "Over ssh",
        ("ratio", "screen", "bytes/s", "frames/s"),
        [
            (ratio(written / base), name, f"{written:,.0f}", f"{frames:.1f}")
            for name, (written, frames) in found.items()
        ],
        [Target(f"{FLOWS:,} flows changing, kB/s", base / 1000, 60)],
        [
            f"What the dashboard writes to a terminal of {COLUMNS}×{LINES} with {FLOWS:,} flows"
            f" that each change twice a second, over {SECONDS:g} s, before ssh compresses it"
            " (ssh -C) or adds its own."
        ],
    )
