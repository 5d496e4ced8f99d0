"""`tcctui agent` beside the tracing alone: CPU of all its processes, and memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench.load import other_processor
from tests.bench.many_flows import SERVER_PORT, ManyFlows
from tests.bench.report import Section, Target

COUNTS = (400, 10_000)
EVERY = 10
WINDOWS = 3
SETTLED = 2
"""Windows behind which all is loaded, the sending thread's libraries too."""
PATIENCE = 120.0

_LEAST = 0.001
"""Share of a core below which times are too coarse for a ratio: the kernel counts hundredths."""

_NOBODY = "http://127.0.0.1:9"  # discard: no engine is there, all is spooled

_TRACING = """
import sys
from contextlib import closing
from tcctui import memory
memory.start(); memory.return_at_once()
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
only = KernelFilter.on_ports(int(sys.argv[1]))
with closing(BpfSource(only, interval_ms=2000, max_cpu=0.02)) as source:
    while True:
        source.read(2.5)
"""
"""Reads events as the agent does, and drops them."""


def _seconds(pid: int) -> float:
    """CPU time of a process and of those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100 + sum(map(_seconds, map(int, children)))


def _most(pid: int) -> float:
    """Most resident memory of a process so far, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["taskset", "-c", str(other_processor()), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _windows(spool: Path, program: subprocess.Popen[bytes], count: int) -> None:
    """Wait until so many whole windows are in the spool."""
    deadline = time.monotonic() + PATIENCE
    while len([*spool.glob("*.batch")]) < count:
        assert program.poll() is None, program.args
        assert time.monotonic() < deadline, "there is no batch"
        time.sleep(0.1)


def _measured(every: int, windows: int) -> tuple[float, ...]:
    """Shares of a core of the tracing and of the agent, their memory in MB, KiB of a window."""
    with ExitStack() as running, tempfile.TemporaryDirectory() as directory:
        spool = Path(directory)
        agent = [sys.executable, "-m", "tcctui", "agent", "--to", _NOBODY, "--spool", directory]
        agent += ["--every", str(every), "--port", str(SERVER_PORT)]
        tracing = [sys.executable, "-c", _TRACING, str(SERVER_PORT)]
        programs = [_started(command) for command in (tracing, agent)]
        for program in programs:
            running.callback(program.wait)
            running.callback(program.kill)
        _windows(spool, programs[1], SETTLED)
        before, begun = [_seconds(program.pid) for program in programs], time.monotonic()
        _windows(spool, programs[1], SETTLED + windows)
        passed = time.monotonic() - begun
        shares = [
            (_seconds(program.pid) - since) / passed
            for program, since in zip(programs, before, strict=True)
        ]
        assert programs[0].poll() is None, tracing
        sizes = [path.stat().st_size for path in spool.glob("*.batch")]
        memory = [_most(program.pid) for program in programs]
    return (*shares, *memory, sum(sizes) / len(sizes) / 1024)


def measure(counts: Sequence[int] = COUNTS, every: int = EVERY, windows: int = WINDOWS) -> Section:
    """Measure both at once, on connections of which each is busy twice a second."""
    rows, targets = [], []
    for count in counts:
        with ManyFlows(count) as many:
            many.start()
            tracing, share, least, memory, size = _measured(every, windows)
        beside = max(share - tracing, 0.0)
        rows.append(
            (
                f"{share / tracing:.1f}×" if tracing > _LEAST else "–",
                f"{many.count:,}",
                f"{beside:.2%}",
                f"{share:.2%}",
                f"{tracing:.2%}",
                f"{memory:.0f}",
                f"{least:.0f}",
                f"{size:.1f}",
            )
        )
        if count == max(counts):
            targets = [
                Target(f"CPU beside tracing, {count:,} sockets", 100 * beside, 2, " %"),
                Target(f"memory beside tracing, {count:,} sockets", memory - least, 120, " MB"),
            ]
    return Section(
        "The agent of a fleet",
        (
            *("ratio", "sockets", "beside tracing", "agent", "tracing alone"),
            *("MB", "of tracing", "KiB a window"),
        ),
        rows,
        targets,
        [
            "Of a core, and most resident memory: the agent with its processes apart, and, at the"
            " same time on the same processor, a program that reads the same events and drops them."
            f" Each connection has a request every half second. {windows} windows of {every} s,"
            " behind the first two. The engine is away: batches, compressed as they are sent, go to"
            " the spool."
        ],
    )
