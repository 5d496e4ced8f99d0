"""The whole dashboard where few connections never pause, beside a compiled line for each event."""

from __future__ import annotations

import os
import sys
import time
from statistics import median
from typing import NamedTuple

import numpy as np

from tests.bench.compiled_peer import compiled_peer
from tests.bench.load import Load, other_processor
from tests.bench.pseudo_terminal import PATIENCE, PseudoTerminal, process_cpu
from tests.bench.report import Section, Target, number
from tests.bench.side_by_side import EVENTS_PER_REQUEST

FLOWS = 20
"""Connections, each with a request under way: they leave a processor no pause."""

SECONDS, ROUNDS, SETTLE = 4.0, 3, 4.0


class _Round(NamedTuple):
    """CPU seconds and events of one round, and its seconds."""

    cpu: float
    events: float
    seconds: float


def _dashboard(load: Load | None, rounds: int, seconds: float, settle: float) -> list[_Round]:
    """Watch the dashboard: beside a load, or with a filter in the kernel that nothing passes."""
    command = [sys.executable, "-m", "tcctui", *(() if load else ("--port", "1"))]
    found = []
    with PseudoTerminal(command, other_processor()) as terminal:
        assert terminal.wait(lambda: bool(terminal.frames), PATIENCE), terminal.text[-1000:]
        time.sleep(settle)
        for _ in range(rounds):
            cpu, requests = terminal.cpu, load.requests if load else 0.0
            started = time.monotonic()
            time.sleep(seconds)
            events = (load.requests - requests) * EVENTS_PER_REQUEST if load else 0.0
            found.append(_Round(terminal.cpu - cpu, events, time.monotonic() - started))
    return found


def _peer(rounds: int, seconds: float, settle: float) -> list[_Round]:
    """Watch the compiled program, whose events are the lines that it has written."""
    found = []
    with compiled_peer() as (process, lines):
        time.sleep(settle)
        for _ in range(rounds):
            os.ftruncate(lines, 0)
            os.lseek(lines, 0, os.SEEK_SET)  # the program writes on from there
            cpu, started = process_cpu(process.pid), time.monotonic()
            time.sleep(seconds)
            cpu, taken = process_cpu(process.pid) - cpu, time.monotonic() - started
            text = np.frombuffer(os.pread(lines, os.fstat(lines).st_size, 0), "u1")
            found.append(_Round(cpu, float(np.count_nonzero(text == ord("\n"))), taken))
    return found


def measure(
    flows: int = FLOWS,
    seconds: float = SECONDS,
    rounds: int = ROUNDS,
    settle: float = SETTLE,
    pause: float = 0.0,
    *,
    peer: bool = True,
) -> Section:
    """Compare CPU time per event; of the dashboard what it takes above a screen at rest."""
    rest = median(one.cpu / one.seconds for one in _dashboard(None, rounds, seconds, settle))
    with Load(flows, pause=pause) as load:
        ours = _dashboard(load, rounds, seconds, settle)
        theirs = _peer(rounds, seconds, settle) if peer else []
    costs = {
        "tcctui, all of it above rest": [
            (one.cpu - rest * one.seconds) / max(1.0, one.events) for one in ours
        ],
        "compiled, a line each": [one.cpu / max(1.0, one.events) for one in theirs],
    }
    base = max(median(costs["tcctui, all of it above rest"]), 1e-12)
    events = {"tcctui, all of it above rest": ours, "compiled, a line each": theirs}
    return Section(
        "A flood",
        ("ratio", "program", "per event", "rounds, µs", "events/s"),
        [
            (
                f"{median(cost) / base:.2f}×",
                name,
                f"{number(median(cost) * 1e6)} µs",
                " ".join(f"{one * 1e6:.2f}" for one in cost),
                number(median(one.events / one.seconds for one in events[name])),
            )
            for name, cost in costs.items()
            if cost
        ],
        [
            Target(
                "the compiled program's cost, of the dashboard's",
                median(costs["compiled, a line each"]) / base,
                10,
                "×",
                at_least=True,
            )
        ]
        if peer
        else [],
        [
            f"{flows} connections on loopback, each with a request under way, on one processor; the"
            f" programs run on the other, one after the other: medians of {rounds} rounds of"
            f" {seconds:g} s. The compiled program (compiled_peer.c) has a ring buffer of its own,"
            " which wakes it as libbpf's does, and prints what `tcctui trace` prints into a file in"
            f" memory. The dashboard at rest takes {rest:.2%} of a core."
        ],
    )
