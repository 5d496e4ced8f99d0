"""The dashboard beside htop and btop, which people keep open all day: all at once, on one load."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from tests.bench.load import other_processor
from tests.bench.many_flows import ManyFlows
from tests.bench.pseudo_terminal import PATIENCE, PseudoTerminal
from tests.bench.report import Section, Target

FLOWS = 400
SECONDS, ROUNDS = 10.0, 3
SETTLE = 6.0
_PAINTED = 2000
"""Bytes that no screen is painted with less than."""

SCREENS: Mapping[str, Sequence[str]] = {
    "btop": ["btop"],
    "htop": ["htop"],
    "tcctui": [sys.executable, "-m", "tcctui"],
}


def _resident(pid: int) -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _is_painted(screen: PseudoTerminal) -> bool:
    return screen.written > _PAINTED


def measure(
    flows: int = FLOWS,
    seconds: float = SECONDS,
    rounds: int = ROUNDS,
    settle: float = SETTLE,
    screens: Mapping[str, Sequence[str]] = SCREENS,
) -> Section:
    """Watch screens of one machine at the same time; the first is what others are compared with."""
    with ManyFlows(flows) as many, ExitStack() as running:
        many.start()
        shown = {
            name: running.enter_context(PseudoTerminal(command, other_processor()))
            for name, command in screens.items()
        }
        for name, screen in shown.items():
            assert screen.wait(partial(_is_painted, screen), PATIENCE), name
        time.sleep(settle)
        shares: dict[str, list[float]] = {name: [] for name in screens}
        for _ in range(rounds):
            before = {name: screen.cpu for name, screen in shown.items()}
            started = time.monotonic()
            time.sleep(seconds)
            taken = time.monotonic() - started
            for name, screen in shown.items():
                shares[name].append((screen.cpu - before[name]) / taken)
        memory = {name: _resident(screen.process.pid) for name, screen in shown.items()}
        written = {name: screen.written for name, screen in shown.items()}
    share = {name: max(median(one), 1e-4) for name, one in shares.items()}
    base, ours = share[next(iter(screens))], share["tcctui"]
    return Section(
        "The weight of a screen",
        ("ratio", "screen", "of a core", "rounds", "MB resident", "kB written"),
        [
            (
                f"{share[name] / base:.2f}×",
                name,
                f"{share[name]:.2%}",
                " ".join(f"{one:.2%}" for one in shares[name]),
                f"{memory[name]:.0f}",
                f"{written[name] / 1e3:,.0f}",
            )
            for name in screens
        ],
        [
            Target("CPU of the dashboard, of btop's", ours / base, 5, "×"),
            Target("its resident memory", memory["tcctui"], 90, " MB"),
        ],
        [
            f"All at once on one processor, each on a terminal of 160×50 with its own usual pace,"
            f" beside {flows} sockets with about {flows * 2.5:,.0f} events/s in all; medians of"
            f" {rounds} rounds of {seconds:g} s. Where a processor is taken away by other machines,"
            " it is so from all."
        ],
    )
