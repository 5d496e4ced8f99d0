"""Nanoseconds per run of the BPF program, by what it has to do."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

from tcctui.cli import INTERVAL_MS
from tcctui.query.address_formula import EVERYTHING, AnyOf, Inside, Not, PortRange, Reach
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.filter_chain import MAX_TESTS
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.wire.addresses import parse_prefix
from tcctui.wire.inside import Asked
from tests.bench.counting import counting_program
from tests.bench.load import Load, other_processor
from tests.bench.pseudo_terminal import PATIENCE
from tests.bench.report import Section, Target, ratio

ROUNDS = 3
SECONDS = 1.2
_STATISTICS = Path("/proc/sys/kernel/bpf_stats_enabled")

Run = Callable[[float], float]


def ran(descriptors: Sequence[int]) -> tuple[int, int]:
    """Nanoseconds and runs so far, of that program which ran most: tcp_probe's."""
    infos = [Path(f"/proc/self/fdinfo/{descriptor}").read_text() for descriptor in descriptors]
    found = []
    for info in infos:
        values = dict(re.findall(r"^(run_time_ns|run_cnt):\s*(\d+)", info, re.MULTILINE))
        found.append((int(values["run_time_ns"]), int(values["run_cnt"])))
    return max(found, key=lambda pair: pair[1])


def _counting(seconds: float) -> float:
    bpf = counting_program()
    try:
        descriptors = [program.fd for program in bpf.funcs.values()]
        return _per_run(descriptors, lambda: time.sleep(0.05), seconds)
    finally:
        bpf.cleanup()


def _tcc(seconds: float, interval_ms: float, reach: Reach, *, typed: bool, asked: Asked) -> float:
    loading = Loading(typed=typed)
    source = BpfSource(KernelFilter(reach), loading=loading, interval_ms=interval_ms)
    try:
        source.look_inside(asked)
        return _per_run([*loading.wait().programs.values()], lambda: source.read(0.02), seconds)
    finally:
        source.close()


def _per_run(descriptors: Sequence[int], wait: Callable[[], object], seconds: float) -> float:
    """Measure while traffic goes on; `wait` takes some time, and events out of the ring."""
    begun = time.monotonic()
    while time.monotonic() < begun + 0.2:
        wait()
    before = ran(descriptors)
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        wait()
    while (after := ran(descriptors))[1] == before[1]:
        assert time.monotonic() < begun + seconds + PATIENCE, "the program does not run"
        wait()
    return (after[0] - before[0]) / max(1, after[1] - before[1])


def _tcc_run(
    interval_ms: float = 0,
    reach: Reach = EVERYTHING,
    *,
    typed: bool = True,
    asked: Asked = Asked.NOTHING,
) -> Run:
    return functools.partial(_tcc, interval_ms=interval_ms, reach=reach, typed=typed, asked=asked)


def _elsewhere(count: int) -> AnyOf:
    """Addresses that nobody has."""
    return AnyOf(tuple(Inside("sd", parse_prefix(f"198.51.100.{host}")) for host in range(count)))


COALESCING = f"coalescing, {INTERVAL_MS:g} ms"
SOCKETS_READ = f"{COALESCING}, sockets read"

RUNS: dict[str, Run] = {
    "counting only": _counting,
    "a record for each ACK": _tcc_run(),
    COALESCING: _tcc_run(INTERVAL_MS),
    "a record for each ACK, by the tracepoint's fields": _tcc_run(typed=False),
    f"coalescing, {INTERVAL_MS:g} ms, by the tracepoint's fields": _tcc_run(
        INTERVAL_MS, typed=False
    ),
    "a record for each ACK, and its socket's": _tcc_run(asked=Asked.SOCKET_OF_ALL),
    SOCKETS_READ: _tcc_run(INTERVAL_MS, asked=Asked.SOCKET_OF_ALL),
    f"coalescing, {INTERVAL_MS:g} ms, algorithms read": _tcc_run(
        INTERVAL_MS, asked=Asked.ALGORITHM_OF_ALL
    ),
    f"coalescing, {INTERVAL_MS:g} ms, sockets and algorithms read": _tcc_run(
        INTERVAL_MS, asked=Asked.SOCKET_OF_ALL | Asked.ALGORITHM_OF_ALL
    ),
    "coalescing, 1 s": _tcc_run(1000),
    "filtered out by a port": _tcc_run(10, PortRange("sd", 1, 1)),
    "filtered out by 8 prefixes": _tcc_run(10, _elsewhere(8)),
    f"filtered out by {MAX_TESTS} prefixes, as large a filter as there is": _tcc_run(
        10, _elsewhere(MAX_TESTS)
    ),
    f"let through by not port:1, coalescing, {INTERVAL_MS:g} ms": _tcc_run(
        INTERVAL_MS, Not(PortRange("sd", 1, 1))
    ),
}


@contextlib.contextmanager
def statistics() -> Iterator[None]:
    """Let the kernel count the time that BPF programs take, and leave it as it was."""
    before = _STATISTICS.read_text()
    _STATISTICS.write_text("1")
    try:
        yield
    finally:
        _STATISTICS.write_text(before)


def measure(rounds: int = ROUNDS, seconds: float = SECONDS, pause: float = 0.0) -> Section:
    """Compare the program's ways through on one load."""
    found: dict[str, list[float]] = {name: [] for name in RUNS}
    allowed = os.sched_getaffinity(0)
    with statistics(), Load(pause=pause):
        os.sched_setaffinity(0, {other_processor()})
        try:
            for _ in range(rounds):
                for name, run in RUNS.items():
                    found[name].append(run(seconds))
        finally:
            os.sched_setaffinity(0, allowed)
    base = min(found["counting only"])
    # Of each round, so that both are of the same seconds.
    more = [read - off for read, off in zip(found[SOCKETS_READ], found[COALESCING], strict=True)]
    return Section(
        "Nanoseconds per run of the BPF program",
        ("ratio", "what it does", "best", "median"),
        [
            (ratio(min(runs) / base), name, f"{min(runs):.0f} ns", f"{median(runs):.0f} ns")
            for name, runs in found.items()
        ],
        targets=[Target("sockets read, more for each ACK", median(more), 60, " ns")],
        remarks=[
            "As the kernel measures it (kernel.bpf_stats_enabled), which itself is part of each"
            f" run. {rounds} rounds of {seconds:g} s on the same load of 200 connections; records"
            " are read meanwhile.",
        ],
    )
