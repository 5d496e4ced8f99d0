"""From exec to the first row on the screen, and to the end of a short trace; and attaching alone.

What an import of Textual alone takes, in the same minute, is what a start is compared with.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from tcctui.sources.kernel.loader import LoadTimes
from tcctui.sources.kernel.program import Loading
from tests.bench.many_flows import ManyFlows
from tests.bench.pseudo_terminal import PATIENCE, Frame, PseudoTerminal
from tests.bench.report import Section, Target

RUNS = 9
FLOWS = 200
_ROW = b"127.0.0.1:"  # an address of the flows
_PROBE, _ATTACHING = b"tcp_probe", b"attaching "
"""Parts of the status line: the first is there from the beginning, the second until it is true."""


def _first_row() -> tuple[float, float, float]:
    """Seconds to the first frame, to the first row in one, and until tcp_probe is attached."""
    command = [sys.executable, "-m", "tcctui"]
    with PseudoTerminal(command, None) as terminal:

        def attached() -> list[Frame]:
            return [
                frame
                for frame in terminal.frames
                if _PROBE in frame.content and _ATTACHING not in frame.content
            ]

        assert terminal.wait(lambda: bool(attached()), PATIENCE), terminal.text[-2000:]
        first = next(frame for frame in terminal.frames if _ROW in frame.content)
        frame, row, probe = (
            one.ended - terminal.started for one in (terminal.frames[0], first, attached()[0])
        )
        return frame, row, probe


BARE = [sys.executable, "-c", "import textual.app, textual.widgets"]
TRACE = [sys.executable, "-m", "tcctui", "trace", "--duration", "0.1"]


def _run(command: list[str]) -> float:
    """Seconds from exec to the end of a command."""
    begun = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - begun


def _attached(runs: int, *, fresh: bool) -> tuple[tuple[float, ...], LoadTimes]:
    """Seconds until the program is attached, of several times, and parts of the fastest one."""
    found = []
    for _ in range(runs):
        program = Loading(fresh=fresh).wait()
        found.append((program.attach_ms / 1e3, program.times))
        program.close()
        time.sleep(0.5)  # the kernel takes apart what was attached before
    return tuple(seconds for seconds, _ in found), min(found)[1]


def measure(runs: int = RUNS, flows: int = FLOWS) -> Section:
    """Start the dashboard again and again, while there is traffic."""
    compiled, _ = _attached(runs, fresh=True)
    cached, parts = _attached(runs, fresh=False)
    found = []
    with ManyFlows(flows) as many:
        many.start()
        for _ in range(runs):
            found.append((_run(BARE), *_first_row(), _run(TRACE)))
            time.sleep(0.2)
    bare, frames, rows, probes, traces = zip(*found, strict=True)
    base = median(bare)
    return Section(
        "Start-up",
        ("ratio", "until", "median", "least", "most"),
        [
            (f"{median(times) / base:.2f}", name, *(f"{one:.3f} s" for one in _spread(times)))
            for name, times in (
                ("Textual alone is imported", bare),
                ("the first frame", frames),
                ("the first row", rows),
                ("events of tcp_probe", probes),
                ("a trace of 0.1 s has ended", traces),
                ("tcp_probe is attached, compiled", compiled),
                ("tcp_probe is attached, from the cache", cached),
            )
        ],
        [
            Target("the first row, beside that import", median(rows) / base, 2.0, " times"),
            Target("`tcctui trace --duration 0.1`", median(traces), 0.5, " s"),
        ],
        [
            f"{runs} starts of `python -m tcctui` on a pseudo-terminal, in turn with `{BARE[-1]}`,"
            f" while {flows} flows have a request every half second. The BPF program is in the"
            " cache, and all modules are compiled (`make run`, `make install`).",
            f"From the cache, the fastest: {parts.maps:.1f} ms for maps, {parts.programs:.1f} for"
            f" verifying and {parts.attaching:.1f} for attaching all programs.",
        ],
    )


def _spread(times: tuple[float, ...]) -> tuple[float, float, float]:
    return median(times), min(times), max(times)
