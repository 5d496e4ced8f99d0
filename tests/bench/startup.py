"""From exec to the first row on the screen."""

from __future__ import annotations

import sys
import time
from statistics import median

from tests.bench.many_flows import ManyFlows
from tests.bench.pseudo_terminal import PATIENCE, PseudoTerminal
from tests.bench.report import Section, Target

RUNS = 9
FLOWS = 200
_ROW = b"127.0.0.1:"  # an address of the flows


def _first_row() -> tuple[float, float]:
    """Seconds to the first frame, and to the first row in one."""
    command = [sys.executable, "-m", "tcctui"]
    with PseudoTerminal(command, None) as terminal:

        def rows() -> bool:
            return any(_ROW in frame.content for frame in terminal.frames)

        assert terminal.wait(rows, PATIENCE), f"no row: {terminal.text[-2000:]!r}"
        first = next(frame for frame in terminal.frames if _ROW in frame.content)
        return terminal.frames[0].ended - terminal.started, first.ended - terminal.started


def measure(runs: int = RUNS, flows: int = FLOWS) -> Section:
    """Start the dashboard again and again, while there is traffic."""
    found = []
    with ManyFlows(flows) as many:
        many.start()
        for _ in range(runs):
            found.append(_first_row())
            time.sleep(0.2)
    frames, rows = zip(*found, strict=True)
    base = median(rows)
    return Section(
        "Start-up",
        ("ratio", "until", "median", "least", "most"),
        [
            (f"{median(times) / base:.2f}", name, *(f"{one:.2f} s" for one in _spread(times)))
            for name, times in (("the first frame", frames), ("the first row", rows))
        ],
        [Target("the first row, after exec", base, 1.0, " s")],
        [
            f"{runs} starts of `python -m tcctui` on a pseudo-terminal, while {flows} flows have a"
            " request every half second. The BPF program is compiled each time."
        ],
    )


def _spread(times: tuple[float, ...]) -> tuple[float, float, float]:
    return median(times), min(times), max(times)
