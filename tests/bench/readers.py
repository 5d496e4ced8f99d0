"""Ways to read the same events, each a program of its own that reports what it cost.

`python -m tests.bench.readers NAME SECONDS` prints JSON to file descriptor 3: `events` read,
`lost`, and CPU seconds: `cpu` of the whole process, and `reader_cpu` of the thread that reads.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tcctui.events import EVENT, Events
from tcctui.flows.store import Store
from tcctui.sources import bcc_package, tracepoints
from tcctui.sources.bpf import BpfSource
from tcctui.sources.program import RING_BYTES, bpf_directory
from tcctui.ui.app import TcctuiApp

Report = dict[str, float]


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class _Counted(BpfSource):
    """Counts what is read, and what the reading thread spends."""

    events = 0
    begun = 0.0
    spent = 0.0

    def read(self, timeout: float) -> Events:
        now = time.thread_time()
        self.begun = self.begun or now
        self.spent = now - self.begun
        batch = super().read(timeout)
        self.events += len(batch)
        return batch


def dashboard(seconds: float) -> Report:
    """The dashboard as it is, on this process's terminal."""
    source = _Counted()
    app = TcctuiApp(lambda: source, Store())
    before = _cpu()
    threading.Timer(seconds, lambda: app.call_from_thread(app.exit)).start()
    app.run()
    report = {"events": source.events, "lost": source.lost(), "reader_cpu": source.spent}
    source.close()
    return {**report, "cpu": _cpu() - before}


_NAMES = EVENT.names or ()


class _Record(ctypes.Structure):
    """`struct event`, as a tool that reads it through bcc declares it."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("ts_ns", "sock_cookie", "skaddr")),
        *((name, ctypes.c_uint8 * 16) for name in ("saddr", "daddr")),
        *((name, ctypes.c_uint32) for name in _NAMES[5:13]),
        *((name, ctypes.c_uint16) for name in _NAMES[13:17]),
        *((name, ctypes.c_uint8) for name in _NAMES[17:20]),
        ("reserved", ctypes.c_uint8 * 5),
    )


def bcc_callback(seconds: float) -> Report:
    """The same BPF program, read by bcc's own ring buffer callback, as bcc's tools do."""
    bcc = bcc_package.load()
    os.environ["BCC_KERNEL_SOURCE"] = str(bpf_directory())
    flags = tracepoints.flags(tracepoints.read_formats(tracepoints.mount_tracefs()))
    pages = RING_BYTES // os.sysconf("SC_PAGE_SIZE")
    bpf = bcc.BPF(
        src_file=str(bpf_directory() / "tcc.c"), cflags=[*flags, f"-DTCC_RING_PAGES={pages}"]
    )
    bpf["active"][ctypes.c_int(0)] = ctypes.c_uint32(1)  # an empty filter: everything passes
    table = bpf["events"]
    record = ctypes.POINTER(_Record)
    events = 0

    def callback(_context: Any, data: Any, _size: int) -> None:
        nonlocal events
        event = ctypes.cast(data, record).contents
        events += event.kind == 0

    table.open_ring_buffer(callback)
    before = _cpu()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        bpf.ring_buffer_consume()
        time.sleep(0.05)
    spent = _cpu() - before
    lost = sum(sum(bpf["lost"][ctypes.c_int(kind)]) for kind in range(3))
    bpf.cleanup()
    return {"events": events, "lost": lost, "reader_cpu": spent, "cpu": spent}


READERS: dict[str, Callable[[float], Report]] = {
    "dashboard": dashboard,
    "bcc callback": bcc_callback,
}


def main() -> None:
    """Run one reader and report."""
    report = READERS[sys.argv[1]](float(sys.argv[2]))
    with os.fdopen(3, "w") as out:
        json.dump(report, out)


if __name__ == "__main__":
    main()
