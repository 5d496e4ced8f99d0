"""tcctui and others that follow the same events: started, looked at while they run, ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from tcctui.sources.kernel import tracepoint_formats
from tcctui.sources.kernel.program import RING_BYTES
from tests.bench.counters import Counters
from tests.bench.load import other_processor
from tests.bench.pseudo_terminal import PATIENCE, PseudoTerminal, process_cpu


class Reading(NamedTuple):
    """How far a tool has come: events and records delivered, and CPU seconds.

    `reading` is the CPU time of the thread that reads, where that is not all there is. For a tool
    that writes a file, `events` are the file's bytes until `Tool.between` counts its lines.
    `wakeups` are how often its threads slept and were woken.
    """

    events: float
    records: float
    cpu: float
    reading: float
    wakeups: float = 0


class Tool(ABC):
    """A program that follows the events, on the processor that the load leaves alone.

    In its context it runs, and at its beginning the first events have come.
    """

    name = ""

    def __enter__(self) -> Tool:
        self.start()
        deadline = time.monotonic() + PATIENCE
        try:
            while not self.reading().events:
                assert time.monotonic() < deadline, f"{self.name} shows no events"
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def start(self) -> None:
        """Start it."""

    @abstractmethod
    def reading(self) -> Reading:
        """Look how far it is."""

    @abstractmethod
    def stop(self) -> None:
        """End it."""

    @abstractmethod
    def lost(self) -> float:
        """Share of the events that it did not tell, as it says itself; once it was stopped."""

    def between(self, first: Reading, last: Reading) -> Reading:
        """Take the difference of two readings."""
        return Reading(*(after - before for before, after in zip(first, last, strict=True)))


class Reader(Tool):
    """One of `tests.bench.readers`."""

    def __init__(self, name: str, reader: str, *, on_terminal: bool) -> None:
        self.name = name
        self._reader = reader
        self._on_terminal = on_terminal
        self._terminal: PseudoTerminal | None = None
        self._lost = 0.0

    def start(self) -> None:
        """Start it."""
        self._counters = Counters()
        descriptor = self._counters.descriptor
        command = [sys.executable, "-m", "tests.bench.readers", self._reader, str(descriptor)]
        if self._on_terminal:
            self._terminal = PseudoTerminal(command, other_processor(), [descriptor])
            self._terminal.__enter__()
            self._process = self._terminal.process
        else:
            self._process = subprocess.Popen(pinned(command), pass_fds=[descriptor])

    def reading(self) -> Reading:
        """Look how far it is."""
        assert self._process.poll() is None, f"{self.name} ended"
        counters, cpu = self._counters, process_cpu(self._process.pid)
        reading = counters["reading_cpu"] or cpu
        wakeups = _wakeups(self._process.pid)
        return Reading(counters["events"], counters["records"], cpu, reading, wakeups)

    def stop(self) -> None:
        """End it."""
        if self._terminal:
            self._terminal.__exit__(None, None, None)
        else:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE)
        counters = self._counters
        self._lost = counters["lost"] / max(1, counters["lost"] + counters["events"])
        counters.close()

    def lost(self) -> float:
        """Share of the events that found no room."""
        return self._lost


class _ToFile(Tool):
    """A program that writes a line for each event to a file, in memory."""

    def __init__(self, name: str, command: Sequence[str], **environment: str) -> None:
        self.name = name
        self._command = command
        self._environment = environment

    def start(self) -> None:
        """Start it."""
        self._out, self._said = os.memfd_create("lines"), os.memfd_create("said")
        self._process = subprocess.Popen(
            pinned(self._command),
            stdout=self._out,
            stderr=self._said,
            env={**os.environ, **self._environment},
        )

    def reading(self) -> Reading:
        """Look how far it is."""
        assert self._process.poll() is None, f"{self.name} ended: {self._text(self._said)!r}"
        cpu, size = process_cpu(self._process.pid), os.fstat(self._out).st_size
        return Reading(size, size, cpu, cpu, _wakeups(self._process.pid))

    def between(self, first: Reading, last: Reading) -> Reading:
        """Take the difference of two readings, and count lines."""
        lines, position = 0, int(first.events)
        while position < last.events:
            data = os.pread(self._out, min(1 << 20, int(last.events) - position), position)
            lines += int(np.count_nonzero(np.frombuffer(data, "u1") == ord("\n")))
            position += len(data)
        cpu = last.cpu - first.cpu
        return Reading(lines, lines, cpu, cpu, last.wakeups - first.wakeups)

    def stop(self) -> None:
        """End it, and look what it says of itself."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        size = os.fstat(self._out).st_size
        everything = self.between(Reading(0, 0, 0, 0), Reading(size, 0, 0, 0)).events
        lost = self._count_lost()
        self._lost = lost / max(1, lost + everything)
        os.close(self._out)
        os.close(self._said)

    def lost(self) -> float:
        """Share of the events that no line was written of."""
        return self._lost

    def _text(self, descriptor: int) -> bytes:
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)

    def _count_lost(self) -> float:
        return 0.0


class TextTrace(_ToFile):
    """`tcctui trace`, which tells every ACK."""

    def __init__(self) -> None:
        super().__init__("tcctui trace, text", [sys.executable, "-m", "tcctui", "trace"])

    def _count_lost(self) -> float:
        found = re.findall(rb"(\d+) (?:lost|skipped)", self._text(self._said))
        return sum(map(int, found))


class Bpftrace(_ToFile):
    """bpftrace, printing what `tcctui trace` prints."""

    # The output fully buffered, and as much room in the kernel as tcctui takes.
    _PROGRAM = """
        struct ipv4 { uint16_t family; uint16_t port; uint32_t address; };
        tracepoint:tcp:tcp_probe {
            printf("%llu| %s.%d > %s.%d | snd_nxt %u snd_una %u snd_cwnd %u ssthresh %u snd_wnd %u"
                " srtt %u rcv_wnd %u sock_cookie %llu length %d\\n", nsecs,
                ntop(((struct ipv4 *)args->saddr)->address), args->sport,
                ntop(((struct ipv4 *)args->daddr)->address), args->dport,
                args->snd_nxt, args->snd_una, args->snd_cwnd, args->ssthresh, args->snd_wnd,
                args->srtt, args->rcv_wnd, args->sock_cookie, args->data_len);
        }
    """.replace('"\n                "', "")

    def __init__(self) -> None:
        super().__init__(
            "bpftrace, the same fields",
            ["bpftrace", "-B", "full", "-e", self._PROGRAM],
            BPFTRACE_PERF_RB_PAGES=str(RING_BYTES // os.sysconf("SC_PAGE_SIZE")),
        )

    def _count_lost(self) -> float:
        text = self._text(self._out) + self._text(self._said)
        return sum(map(int, re.findall(rb"Lost (\d+) events", text)))

    def reading(self) -> Reading:
        """Look how far it is; what it says first is no event."""
        reading = super().reading()
        return reading if reading.events > 1000 else reading._replace(events=0)


class TracePipe(_ToFile):
    """`cat trace_pipe` of a tracefs instance: the kernel's own text."""

    def __init__(self) -> None:
        self._instance = (
            tracepoint_formats.mount_tracefs() / "instances" / f"tcctui-bench-{os.getpid()}"
        )
        super().__init__("cat trace_pipe", ["cat", str(self._instance / "trace_pipe")])

    def start(self) -> None:
        """Make the instance, and start reading it."""
        self._instance.mkdir()
        (self._instance / "buffer_size_kb").write_text(str(RING_BYTES >> 10))
        super().start()
        self._enable("1")

    def _enable(self, on: str) -> None:
        (self._instance / "events" / tracepoint_formats.PROBE / "enable").write_text(on)

    def stop(self) -> None:
        """End it, and remove the instance."""
        self._enable("0")
        super().stop()
        self._instance.rmdir()

    def _count_lost(self) -> float:
        stats = [path.read_text() for path in self._instance.glob("per_cpu/cpu*/stats")]
        pattern = r"^(?:overrun|dropped events): (\d+)"
        return sum(int(n) for text in stats for n in re.findall(pattern, text, re.MULTILINE))


def _wakeups(pid: int) -> float:
    """How often a process' threads have slept so far."""
    pattern = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(count) for text in texts for count in pattern.findall(text))


def pinned(command: Sequence[str]) -> list[str]:
    """Let a command run on the processor that the load leaves alone."""
    return ["taskset", "-c", str(other_processor()), *command]


DASHBOARD = "tcctui"
COUNTER = "a BPF program that counts"


def tools() -> list[Tool]:
    """Make all of them; the dashboard comes first."""
    return [
        Reader(DASHBOARD, "dashboard", on_terminal=True),
        Reader("tcctui --interval 0", "every_ack", on_terminal=True),
        TextTrace(),
        Reader("bcc's callback, counting", "bcc_counting", on_terminal=False),
        Reader("bcc's callback, by flow", "bcc_keeping", on_terminal=False),
        Bpftrace(),
        TracePipe(),
        Reader(COUNTER, "floor", on_terminal=False),
    ]
