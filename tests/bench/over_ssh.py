"""How many bytes the dashboard writes to its terminal, which may be at the other end of an ssh."""

from __future__ import annotations

import sys
import time

from tests.bench.load import other_processor
from tests.bench.many_flows import ManyFlows
from tests.bench.pseudo_terminal import COLUMNS, LINES, PATIENCE, PseudoTerminal
from tests.bench.report import Section, Target, ratio

FLOWS = 1_000
SECONDS = 10.0
SETTLES = 8.0


def _bytes_per_second(
    flows: int, seconds: float, settles: float, *arguments: str
) -> tuple[float, float]:
    """Bytes and frames per second, with all flows changing twice a second."""
    with (
        ManyFlows(flows) as many,
        PseudoTerminal([sys.executable, "-m", "tcctui", *arguments], other_processor()) as terminal,
    ):
        assert terminal.wait(lambda: bool(terminal.frames), PATIENCE), terminal.text[-1000:]
        many.start()
        time.sleep(settles)
        written, frames, started = terminal.written, len(terminal.frames), time.monotonic()
        time.sleep(seconds)
        taken = time.monotonic() - started
        return (terminal.written - written) / taken, (len(terminal.frames) - frames) / taken


def measure(flows: int = FLOWS, seconds: float = SECONDS, settles: float = SETTLES) -> Section:
    """Measure what is written of many flows that change all the time."""
    found = {
        "as it is": _bytes_per_second(flows, seconds, settles),
        "--ascii": _bytes_per_second(flows, seconds, settles, "--ascii"),
    }
    base = found["as it is"][0]
    return Section(
        "Over ssh",
        ("ratio", "screen", "bytes/s", "frames/s"),
        [
            (ratio(written / max(base, 1.0)), name, f"{written:,.0f}", f"{frames:.1f}")
            for name, (written, frames) in found.items()
        ],
        [Target(f"{flows:,} flows changing, kB/s", base / 1000, 60)],
        [
            f"What the dashboard writes to a terminal of {COLUMNS}×{LINES} with {flows:,} flows"
            f" that each change twice a second, over {seconds:g} s, before ssh compresses it"
            " (ssh -C) or adds its own."
        ],
    )
