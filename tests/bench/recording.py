"""What it costs to record every ACK: CPU per event, bytes per event, and what is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.load import other_processor
from tests.bench.report import Section, Target, number, ratio
from tests.bench.segments import Segments
from tests.kernel.processes import in_session

RATE = 200_000.0  # events a second
SECONDS = 5.0
ROUNDS = 3
SETTLE = 2.0  # in which a program opens its buffers and comes into step
_BUFFER_KB = 16_384  # of the kernel's memory for each processor


@dataclass(frozen=True)
class Told:
    """What a tool says of its file: events in it, and events that are not."""

    events: float
    lost: float


@dataclass(frozen=True)
class Recorder:
    """A program that records to a file. `told` reads what it printed, and the file."""

    name: str
    command: Callable[[Path], Sequence[str]]
    told: Callable[[str, Path], Told]
    begins: str = ""
    """What it prints when it records; empty where it prints nothing."""


@dataclass(frozen=True)
class Round:
    """CPU seconds per event in the window, bytes per event of the whole file, share lost."""

    cpu: float
    nbytes: float
    rate: float
    lost: float


def _tcctui(text: str, path: Path) -> Told:
    from tcctui.recording.file import Recording  # noqa: PLC0415 - only this one's

    recording = Recording(path)
    totals = recording.totals()
    recording.close()
    return Told(totals.events, totals.lost + totals.skipped)


def _trace_cmd(text: str, path: Path) -> Told:
    report = ["trace-cmd", "report", "-i", str(path)]
    with subprocess.Popen(report, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout
        events = sum(block.count(b"tcp_probe:") for block in running.stdout)
    lost = re.findall(r"(?:overrun|dropped events): (\d+)", text)
    return Told(events, sum(map(int, lost)))


def _raw(text: str, path: Path) -> Told:
    lost = re.findall(r"(?:overrun|dropped events): (\d+)", text)
    events = re.findall(r"read events: (\d+)", text)
    return Told(sum(map(int, events)), sum(map(int, lost)))


def _perf(text: str, path: Path) -> Told:
    stats = subprocess.run(
        ["perf", "report", "--stats", "-i", str(path)], capture_output=True, text=True, check=True
    ).stdout
    events, lost = (
        sum(int(count) for count in re.findall(rf"^\s*{kind} events:\s+(\d+)", stats, re.MULTILINE))
        for kind in ("SAMPLE", "LOST(?:_SAMPLES)?")
    )
    said = re.findall(r"lost (\d+) chunks|Processed \d+ events and lost (\d+)", text + stats)
    return Told(events, lost + sum(int(count or 0) for pair in said for count in pair))


def _tcpdump(text: str, path: Path) -> Told:
    counts = {
        what: int(count)
        for count, what in re.findall(r"(\d+) packets (captured|dropped by kernel)", text)
    }
    return Told(counts.get("captured", 0), counts.get("dropped by kernel", 0))


RECORDERS = (
    Recorder(
        "tcctui record",
        lambda path: (*(sys.executable, "-m", "tcctui", "record", str(path), "--source", "bpf"),),
        _tcctui,
        "Recording ",
    ),
    Recorder(
        "trace-cmd record",
        lambda path: (
            *("trace-cmd", "record", "-e", "tcp:tcp_probe", "-b", str(_BUFFER_KB)),
            *("-o", str(path)),
        ),
        _trace_cmd,
    ),
    Recorder(
        "trace_pipe_raw, spliced",
        lambda path: (sys.executable, "-m", "tests.bench.raw_trace", str(path)),
        _raw,
    ),
    Recorder(
        "perf record",
        lambda path: (
            *("perf", "record", "-e", "tcp:tcp_probe", "-a", "-m", f"{_BUFFER_KB}K"),
            *("-o", str(path)),
        ),
        _perf,
    ),
    Recorder(
        "tcpdump -s 96",
        lambda path: (
            *("tcpdump", "-i", "lo", "-s", "96", "-B", str(_BUFFER_KB), "-w", str(path), "tcp"),
        ),
        _tcpdump,
    ),
)


def _record(
    recorder: Recorder, load: Segments, folder: Path, seconds: float, settle: float
) -> Round | str:
    """Let a tool record for some seconds; gives why not, where it can't here."""
    path = folder / "recording"
    said = folder / "said"
    with said.open("w") as out:
        process = subprocess.Popen(
            [
                *("nsenter", f"--net=/run/netns/{load.namespace}"),
                *("taskset", "-c", str(other_processor()), *recorder.command(path)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while process.poll() is None and recorder.begins not in said.read_text():
            time.sleep(0.05)
        time.sleep(settle)
        if process.poll() is not None:
            return said.read_text().strip().splitlines()[0]
        before, segments, started = _cpu(process.pid), load.received, time.monotonic()
        time.sleep(seconds)
        cpu, segments = _cpu(process.pid) - before, load.received - segments
        taken = time.monotonic() - started
    finally:
        _end(process)
    told = recorder.told(said.read_text(), path)
    size = sum(file.stat().st_size for file in folder.glob("recording*"))
    for file in folder.glob("recording*"):
        file.unlink()
    rate = segments / taken
    everything = max(1.0, told.events + told.lost)
    return Round(
        cpu / max(1.0, segments), size / max(1.0, told.events), rate, told.lost / everything
    )


def _cpu(session: int) -> float:
    """CPU seconds of a program and of those that it started, also of those that have ended."""
    ticks = 0
    for pid in in_session(session):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime (proc(5))
    return ticks / os.sysconf("SC_CLK_TCK")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        for pid in in_session(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def measure(
    rate: float = RATE,
    seconds: float = SECONDS,
    rounds: int = ROUNDS,
    settle: float = SETTLE,
    recorders: Sequence[Recorder] = RECORDERS,
) -> Section:
    """Let each tool record the same load, round after round; the others are beside the first."""
    found: dict[str, list[Round]] = {recorder.name: [] for recorder in recorders}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name, Segments(rate) as load:
        for _ in range(rounds):
            for recorder in recorders:
                if recorder.name in failed:
                    continue
                one = _record(recorder, load, Path(name), seconds, settle)
                if isinstance(one, str):
                    failed[recorder.name] = one
                else:
                    found[recorder.name].append(one)
    ours = found[recorders[0].name]
    base = median(one.cpu for one in ours)
    remarks = [
        f"Load: {rate:,.0f} small segments a second on loopback, one event each, on one processor"
        " (fewer where it can't make as many beside the tool), one way on each connection;"
        " where both ends send at once, the kernel passes over a few in 100,000 (README, Limits)."
        " What is as regular as this takes less room than others' traffic: 5 to 10 bytes an event."
        " The tools run on the other processor,"
        f" {rounds} times for {seconds:g} s; medians, and the worst round's losses, as each tool"
        " counts them. CPU is that of the tool's processes, without what the traffic's processor"
        " spends on writing into the kernel's buffers, which *events/s* shows. Bytes are the file's"
        " with all that is in it. perf and trace-cmd write down the kernel's buffers as they are;"
        " trace-cmd splices trace_pipe_raw into its file;"
        " tcpdump writes the start of each packet, in which there is no cwnd, no ssthresh and no"
        " srtt; one packet of this load is one event.",
        *(f"{name} does not run here: {why}" for name, why in failed.items()),
    ]
    return Section(
        "Recording every ACK",
        ("ratio", "tool", "CPU per event", "of a core", "bytes per event", "events/s", "lost"),
        [_row(name, some, base) for name, some in found.items() if some],
        [
            Target("tcctui record, bytes an event", max(one.nbytes for one in ours), 12),
            Target("tcctui record, share lost", max(one.lost for one in ours), 0),
        ],
        remarks,
    )


def _row(name: str, rounds: list[Round], base: float) -> tuple[str, ...]:
    cpu, nbytes, rate = (
        median(getattr(one, what) for one in rounds) for what in ("cpu", "nbytes", "rate")
    )
    lost = max(one.lost for one in rounds)
    return (
        ratio(cpu / base) if base else "–",
        name,
        f"{number(cpu * 1e6)} µs",
        f"{cpu * rate:.0%}",
        number(nbytes),
        number(rate),
        f"{lost:.2%}" if lost else "0",
    )
