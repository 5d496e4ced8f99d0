"""How soon a key shows with many flows, and what the dashboard takes meanwhile."""

from __future__ import annotations

import os
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tcctui.flows.columns import DERIVED, FIELDS
from tcctui.flows.store import Store
from tcctui.wire.events import EVENT
from tests.bench import screen_reader
from tests.bench.load import load_processor, other_processor
from tests.bench.many_flows import ManyFlows
from tests.bench.pseudo_terminal import PATIENCE, PseudoTerminal
from tests.bench.report import Section, Target, number, ratio
from tests.unit.events import stand_alone

COUNTS = (400, 10_000, 100_000)
KEYS = 60
LETTERS = 40
CPU_SECONDS = 5.0

_WANTED = {
    400: (None, None, None, None, 90),
    10_000: (15, 25, None, 20, 180),
    100_000: (None, 60, 100, 35, 450),
}
"""Of so many flows: p50 and p95 of a key, and p95 of a letter, in ms; per cent of a core; RSS, in
MB."""

_DOWN, _PAGE_DOWN, _ANSWERS_WITHIN = "\x1b[B", "\x1b[6~", 1.0
_BACKSPACE = "\x7f"


@dataclass
class _Found:
    """What was measured with so many flows; times in seconds, sizes in bytes."""

    count: int
    keys: list[float] = field(default_factory=list)
    letters: list[float] = field(default_factory=list)
    unanswered: int = 0
    cpu: float = 0.0
    rss: int = 0
    pss: int = 0
    snapshot: float = 0.0


class _Screen:
    """Presses keys on a dashboard, and sees when what they do is on the screen."""

    def __init__(self, terminal: PseudoTerminal) -> None:
        self._terminal = terminal
        self._random = random.Random(0)
        self.unanswered = 0
        self._background = b""

    def known(self) -> int:
        """How many flows the status line says."""
        for frame in reversed(self._terminal.frames):
            if (flows := screen_reader.flows(frame.content)) is not None:
                return flows[1]
        return 0

    def learn(self) -> None:
        """Learn the selected row's background."""
        self._terminal.press(_DOWN)
        frames = self._terminal.frames
        seen = self._terminal.wait(
            lambda: any(screen_reader.selected_background(one.content) for one in frames[-5:]),
            PATIENCE,
        )
        assert seen, "no row is selected"
        found = [screen_reader.selected_background(one.content) for one in frames]
        self._background = [background for background in found if background][-1]

    def key(self, key: str) -> float | None:
        """Press a key that selects or sorts; gives the seconds until that shows."""
        if key in "<>":
            return self._until_other(key, screen_reader.sorted_by)
        return self._until_other(key, lambda frame: screen_reader.selected(frame, self._background))

    def letter(self, key: str) -> float | None:
        """Type into the search; gives the seconds until it says how many flows pass."""

        def shown(frame: bytes) -> int | None:
            flows = screen_reader.flows(frame)
            return None if flows is None else flows[0]

        return self._until_other(key, shown)

    def _until_other(self, key: str, look: Callable[[bytes], object]) -> float | None:
        # At any moment between two repaints: a key does not wait for the right one either.
        time.sleep(self._random.uniform(0.03, 0.28))
        frames = self._terminal.frames
        before = next((seen for frame in reversed(frames) if (seen := look(frame.content))), None)
        looked = len(frames)
        pressed = self._terminal.press(key)
        answered: list[float] = []

        def answer() -> bool:
            nonlocal looked
            for frame in frames[looked:]:
                looked += 1
                seen = look(frame.content)
                if seen and seen != before:
                    answered.append(frame.ended)
                    return True
            return False

        if self._terminal.wait(answer, _ANSWERS_WITHIN):
            return answered[0] - pressed
        self.unanswered += 1
        return None


def _with_flows(count: int, keys: int, letters: int, seconds: float) -> _Found:
    command = [sys.executable, "-m", "tcctui"]
    with (
        ManyFlows(count) as many,
        PseudoTerminal(command, other_processor()) as terminal,
    ):
        screen = _Screen(terminal)
        assert terminal.wait(lambda: bool(terminal.frames), PATIENCE), terminal.text[-1000:]
        time.sleep(0.5)
        many.start()
        found = _Found(many.count)
        assert terminal.wait(lambda: screen.known() >= found.count, 2 * PATIENCE), (
            f"only {screen.known()} of {found.count} flows are known"
        )
        time.sleep(min(2.0, seconds))
        before, started = terminal.cpu, time.monotonic()
        time.sleep(seconds)
        found.cpu = (terminal.cpu - before) / (time.monotonic() - started)
        screen.learn()
        pressed = [_DOWN, _DOWN, _PAGE_DOWN, "<", _DOWN, ">"]
        for place in range(keys):
            _note(screen.key(pressed[place % len(pressed)]), found.keys)
        terminal.press("/")
        time.sleep(0.5)
        typed = ["5", "3", _BACKSPACE, _BACKSPACE]
        for place in range(letters):
            _note(screen.letter(typed[place % len(typed)]), found.letters)
        found.unanswered = screen.unanswered
        sizes = Path(f"/proc/{terminal.process.pid}/smaps_rollup").read_text()
        kilobytes = dict(re.findall(r"^(\w+):\s*(\d+) kB", sizes, re.MULTILINE))
        found.rss, found.pss = (int(kilobytes[name]) << 10 for name in ("Rss", "Pss"))
    found.snapshot = _snapshot(found.count)
    return found


def _note(seconds: float | None, into: list[float]) -> None:
    if seconds is not None:
        into.append(seconds)


def _snapshot(count: int) -> float:
    """Seconds that a store of so many flows takes for a copy of all it knows of them."""
    events = np.zeros(count, EVENT)
    events["sock_cookie"] = np.arange(1, count + 1)
    events["ts_ns"] = 10**9
    events["saddr"][:, 1] = 0xFFFF_7F00_0001
    events["daddr"][:, 1] = 0xFFFF_7F00_0001 + events["sock_cookie"] // 20_000
    events["sport"], events["dport"] = 443, 20_000 + events["sock_cookie"] % 20_000
    stand_alone(events)
    store = Store()
    store.ingest(events, 10**9)
    taken = []
    for _ in range(9):
        started = time.perf_counter()
        store.flows([*FIELDS, *DERIVED])
        taken.append(time.perf_counter() - started)
    return sorted(taken)[len(taken) // 2]


def _percentile(seconds: Sequence[float], percent: float) -> float:
    return float(np.percentile(seconds, percent)) * 1e3 if seconds else float("nan")


def measure(
    counts: Sequence[int] = COUNTS,
    keys: int = KEYS,
    letters: int = LETTERS,
    seconds: float = CPU_SECONDS,
) -> Section:
    """Measure with ever more flows, each of them a real socket."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {load_processor()})  # beside the traffic, not beside the dashboard
    try:
        found = [_with_flows(count, keys, letters, seconds) for count in counts]
    finally:
        os.sched_setaffinity(0, allowed)
    base = _percentile(found[0].keys, 50)
    targets = []
    for wanted, one in zip(counts, found, strict=True):
        if wanted not in _WANTED:
            continue
        reached = (
            ("p50", _percentile(one.keys, 50), " ms"),
            ("p95", _percentile(one.keys, 95), " ms"),
            ("p95 of a letter", _percentile(one.letters, 95), " ms"),
            ("share of a core", one.cpu * 100, " %"),
            ("RSS", one.rss / (1 << 20), " MB"),
        )
        targets += [
            Target(f"{one.count:,} flows, {what}", value, most, unit)
            for (what, value, unit), most in zip(reached, _WANTED[wanted], strict=True)
            if most
        ]
    unanswered = sum(one.unanswered for one in found)
    return Section(
        "Key to paint, with many flows",
        (
            *("ratio", "flows", "key p50", "p95", "filter p50", "p95"),
            *("of a core", "RSS", "PSS", "snapshot"),
        ),
        [_row(one, base) for one in found],
        targets,
        [
            f"{keys} keys (down, page down, sort) and {letters} letters of a filter, each from"
            " writing it to a pseudo-terminal of 160×50 to the last byte of the first frame in"
            " which another row is selected, another column sorted by, or another number of flows"
            " let through. They come at any moment, also while the screen is being painted, which"
            " it is up to four times a second. All flows are sockets; of them"
            " up to 10,000 send or answer twice a second, the others every 10 s. *Of a core* is"
            f" the whole process over {seconds:g} s without keys; *snapshot* a copy of all"
            " that is known of all flows, of which the table takes some columns."
            + (f" {unanswered} keys changed nothing that could be seen." if unanswered else ""),
        ],
    )


def _row(one: _Found, base: float) -> tuple[str, ...]:
    milliseconds = [
        f"{_percentile(times, percent):.1f} ms"
        for times in (one.keys, one.letters)
        for percent in (50, 95)
    ]
    return (
        ratio(_percentile(one.keys, 50) / base),
        f"{one.count:,}",
        *milliseconds,
        f"{one.cpu:.1%}",
        f"{number(one.rss / (1 << 20))} MB",
        f"{number(one.pss / (1 << 20))} MB",
        f"{one.snapshot * 1e3:.1f} ms",
    )
