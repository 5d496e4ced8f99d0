"""`python -m tests.bench.raw_trace FILE`: the kernel's own trace buffers into a file, as they are.

What trace-cmd record does, which wants to switch the function tracer, and may not everywhere.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from pathlib import Path

from tcctui.sources.kernel import tracepoint_formats

_KB = 16_384
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _copy(raw: Path, path: Path, over: threading.Event) -> None:
    """Move pages from a processor's buffer to a file, by way of a pipe, as splice(2) wants."""
    source = os.open(raw, os.O_RDONLY | os.O_NONBLOCK)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    out, into = os.pipe()
    while True:
        last = over.is_set()
        try:
            size = os.splice(source, into, 16 * _PAGE)
        except BlockingIOError:
            size = 0
        if size:
            os.splice(out, target, size)
        elif last:
            break
        else:
            over.wait(0.05)
    for end in (source, target, out, into):
        os.close(end)


def main(path: Path) -> None:
    """Record until SIGINT; then say how many events were read, and how many lost."""
    instance = tracepoint_formats.mount_tracefs() / "instances" / f"tcctui-raw-{os.getpid()}"
    instance.mkdir()
    try:
        (instance / "buffer_size_kb").write_text(str(_KB))
        enable = instance / "events" / tracepoint_formats.PROBE / "enable"
        over = threading.Event()
        threads = [
            threading.Thread(
                target=_copy, args=(cpu / "trace_pipe_raw", Path(f"{path}.{cpu.name}"), over)
            )
            for cpu in instance.glob("per_cpu/cpu*")
        ]
        for thread in threads:
            thread.start()
        enable.write_text("1")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
        enable.write_text("0")
        over.set()
        for thread in threads:
            thread.join()
        stats = "".join(file.read_text() for file in instance.glob("per_cpu/cpu*/stats"))
        print(" ".join(re.findall(r"(?:overrun|dropped events|read events): \d+", stats)))
    finally:
        instance.rmdir()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main(Path(sys.argv[1]))
