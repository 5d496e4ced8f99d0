"""One run: a dashboard that records, a program that counts beside it, and everything at random."""

from __future__ import annotations

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.file import Recording
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind
from tcctui.wire.records import pick
from tests.kernel.bpf_objects import existing, held_by
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import PATIENCE, until
from tests.kernel.traffic import PORT
from tests.soak.counts import Figures
from tests.soak.load import KINDS, Load
from tests.soak.screen import Screen

_OPTIONS = ("--interval", "0", "--max-cpu", "100%", "--no-config")
"""Every ACK is a record of its own, so that one lost is one event lost."""

_COUNTER = (
    'BEGIN {{ printf("counting\\n"); }} tracepoint:tcp:tcp_probe'
    " /args->sport == {port} || args->dport == {port}/ {{ @seen = count(); }}"
)

_KEYS = (" ", "\x1b[D", "\x1b[1;2D", " ", "\x1b[B", "<", ">", "G", "c", "w", "d", "H", "\x1b")
_APART = 0.2  # seconds between two acts
_ESCAPED = 0.3  # seconds after which an escape is a key, and the beginning of no other


def run(
    seconds: float,
    seed: int,
    directory: Path,
    program: Sequence[str] = (TCCTUI,),
    *,
    least: int = 0,
) -> Figures:
    """Run for so long, and on until `least` events are recorded, where the machine is slow.

    `program` is the dashboard's command, in `directory` is what it writes.
    """
    chance, path = random.Random(seed), directory / "soak.arrows"
    memory: list[int] = []
    descriptors: list[int] = []
    with Command("bpftrace", "-e", _COUNTER.format(port=PORT)) as counter:
        until("bpftrace counts", lambda: "counting" in counter.stdout)
        with Screen([*program, *_OPTIONS, "--record", str(path)], directory) as screen:
            assert screen.shows("live", 60), screen.said
            with Load(PORT + 1) as first:
                first.start("beat", chance)
                until("every ACK is recorded", lambda: recorded(path, PORT + 1)[0] > 0)
            acts = _Acts(chance, screen)
            begun = time.monotonic()
            with Load(PORT) as load:
                while (passed := time.monotonic() - begun) < seconds or (
                    passed < seconds + PATIENCE and recorded(path)[0] < least
                ):
                    acts.act(load)
                    if passed > len(memory):
                        memory.append(_resident(screen.pid))
                        descriptors.append(len(list(Path(f"/proc/{screen.pid}/fd").iterdir())))
                    time.sleep(_APART)
            acts.present()
            _settled(path)
            mine = held_by(screen.pid).programs
            screen.press("q")
            status = screen.process.wait(60)
        assert counter.end(signal.SIGINT) == 0, counter.stderr
        found = re.search(r"@seen: (\d+)", counter.stdout)
    kept, lost, skipped = recorded(path)
    left = _left(mine)
    seen = int(found[1]) if found else 0
    return Figures(
        *(time.monotonic() - begun, seen, kept, lost, skipped, status, left),
        *(memory, descriptors, acts.keys, acts.done),
    )


class _Acts:
    """Everything that can happen, one after the other, at random."""

    def __init__(self, chance: random.Random, screen: Screen) -> None:
        self._chance = chance
        self._screen = screen
        self.keys: list[float] = []
        """Seconds that keys took."""
        self.done: Counter[str] = Counter()
        """How often each was done."""

    def act(self, load: Load) -> None:
        """Do one thing."""
        kind = self._chance.choice((*("traffic",) * 3, *("keys",) * 3, "size", "speed", "help"))
        self.done[kind] += 1
        if kind == "traffic":
            load.start(self._chance.choice(KINDS), self._chance)
        elif kind == "keys":
            self._screen.press(self._chance.choice(_KEYS))
        elif kind == "size":
            self._screen.resize(self._chance.randrange(20, 250), self._chance.randrange(5, 70))
        elif kind == "speed":
            self._screen.slow = not self._screen.slow and self._chance.random() < 0.5
        elif not self._screen.slow:
            self._screen.resize(160, 50)
            self._help()

    def _help(self) -> None:
        self._screen.press("\x1b")
        time.sleep(_ESCAPED)
        took = self._screen.answered("?", "Esc", 10)
        if took is not None:
            self.keys.append(took)
        self._screen.press("\x1b")

    def present(self) -> None:
        """Go back to the present, on a terminal that reads."""
        self._screen.slow = False
        self._screen.resize(160, 50)
        self._screen.press("\x1b")


def _left(mine: frozenset[int]) -> int:
    """Number of these programs that stay in the kernel, which removes them a little later."""
    end = time.monotonic() + 10
    while (left := existing().programs & mine) and time.monotonic() < end:
        time.sleep(0.1)
    return len(left)


def _settled(path: Path) -> None:
    """Wait until two more chunks are in the file: what came before is in it."""
    for _ in range(2):
        size = path.stat().st_size
        until("a chunk is written", lambda size=size: path.stat().st_size > size)  # type: ignore[misc]


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def recorded(path: Path, port: int = PORT) -> tuple[int, int, int]:
    """Tcp_probe events of a port's connections in a recording, and events lost and skipped."""
    store = Store(0)
    lost = skipped = 0
    try:
        opened = Recording(path)
    except TcctuiError:  # not begun yet
        return 0, 0, 0
    with closing(opened) as recording:
        for chunk in recording.chunks(0, 1 << 62):
            events = chunk.events
            ours = (events["sport"] == port) | (events["dport"] == port)
            probes = pick(events, ours & (events["kind"] == EventKind.PROBE))
            deliver([Batch(probes, [], chunk.end_ns)], store)
            lost, skipped = chunk.lost, chunk.skipped
    return store.totals().events, lost, skipped
