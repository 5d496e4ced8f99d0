"""Live events: bpf/tcc.c on this kernel's tracepoints."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tcctui.errors import TcctuiError
from tcctui.events import EVENT, EventKind, Events
from tcctui.sources import bcc_package, privileges, tracepoints
from tcctui.sources.kernel_filter import KernelFilter
from tcctui.sources.kernel_headers import header_tree
from tcctui.sources.ringbuf import MappedRing

RING_BYTES = 16 << 20
"""Room for 149,000 events: at a million a second, three of the reader's rounds."""

BATCH = 1 << 16
"""Events taken at a time, so that whoever holds a lock for one batch holds it for some ms."""

_OLDEST = (5, 8)


def bpf_directory() -> Path:
    """Where tcc.c and its stand-in headers are: in the wheel, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "bpf"
    return inside if inside.is_dir() else package.parent / "bpf"


@contextlib.contextmanager
def _captured_stderr() -> Iterator[list[str]]:
    """Keep what clang and libbcc write to file descriptor 2 off the screen, in a list."""
    captured: list[str] = []
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield captured
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            captured.append(file.read().decode(errors="replace"))


def _kernel_version(release: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else _OLDEST


class BpfSource:
    """Loads the BPF program, attaches it to the tracepoints and reads its ring buffer.

    `kernel_headers` is a kernel's build directory to compile against, instead of the bundled
    stand-ins. Compiling captures file descriptor 2 and changes the working directory for a moment
    (libbcc's way), so it is to be over before a terminal application starts.

    Raises:
        TcctuiError: no privilege, no tracepoint, no bcc, or the kernel refuses the program.

    """

    def __init__(
        self,
        kernel_filter: KernelFilter | None = None,
        *,
        kernel_headers: Path | None = None,
        ring_bytes: int = RING_BYTES,
    ) -> None:
        privileges.require()
        tracefs = tracepoints.mount_tracefs()
        flags = tracepoints.flags(tracepoints.read_formats(tracefs))
        bcc = bcc_package.load()
        ring_pages = ring_bytes // os.sysconf("SC_PAGE_SIZE")
        started = time.monotonic()
        self._bpf = _compile(bcc, [*flags, f"-DTCC_RING_PAGES={ring_pages}"], kernel_headers)
        self.attach_ms = (time.monotonic() - started) * 1e3
        """Milliseconds that compiling, loading and attaching took."""
        self._slot = 0
        self._filter = KernelFilter()
        self._mapped: MappedRing | None = None
        self._lost = self._skipped = 0
        try:
            self._mapped = MappedRing(self._bpf[b"events"].map_fd, ring_bytes, EVENT)
            self.attached_ns = self.now_ns()
            """CLOCK_MONOTONIC when events began to be let through."""
            self.set_filter(kernel_filter or KernelFilter())
        except BaseException:
            self.close()
            raise

    @property
    def description(self) -> str:
        """`tcp_probe` and the kernel's release."""
        return f"tcp_probe · {os.uname().release}"

    @property
    def kernel_filter(self) -> str:
        """The filter in force, in words."""
        return str(self._filter)

    def now_ns(self) -> int:
        """CLOCK_MONOTONIC, as bpf_ktime_get_ns() gives it."""
        return time.monotonic_ns()

    def set_filter(self, kernel_filter: KernelFilter) -> None:
        """Change which flows the kernel reports, while running: from one event to the next."""
        table = self._bpf[b"filters"]
        # 0 would let nothing through; the program takes the lowest bit for the filter's place.
        self._slot = 2 if self._slot == 1 else 1
        table[ctypes.c_int(self._slot & 1)] = table.Leaf.from_buffer_copy(kernel_filter.pack())
        active = self._bpf[b"active"]
        active[ctypes.c_int(0)] = active.Leaf(self._slot)
        self._filter = kernel_filter

    def read(self, timeout: float) -> Events:
        """Deliver up to `BATCH` events; wait `timeout` seconds first, unless the ring fills up."""
        if self._mapped is None:
            raise TcctuiError("The BPF program was unloaded.")
        ring = self._mapped.ring
        if ring.used < ring.size // 8:
            time.sleep(timeout)
        return ring.read(BATCH)

    def lost(self) -> int:
        """Records that found the ring full, since the start."""
        if self._mapped is not None:
            self._lost = sum(self.lost_by_kind().values())
        return self._lost

    def skipped(self) -> int:
        """Events, of any flow, that the kernel ran no program for, since the start.

        An interrupt that comes while a program is at work starts no other on that CPU
        (trace_call_bpf, kernel/trace/bpf_trace.c). The kernel counts them since 5.12.
        """
        if self._bpf is None:
            return self._skipped
        infos = (
            Path(f"/proc/self/fdinfo/{one.fd}").read_text() for one in self._bpf.funcs.values()
        )
        counts = (re.search(r"^recursion_misses:\s*(\d+)", info, re.MULTILINE) for info in infos)
        self._skipped = sum(int(count[1]) for count in counts if count)
        return self._skipped

    def lost_by_kind(self) -> dict[EventKind, int]:
        """Records that found the ring full, by kind, over all CPUs."""
        table = self._bpf[b"lost"]
        return {kind: int(np.sum(list(table[ctypes.c_int(kind)]))) for kind in EventKind}

    def close(self) -> None:
        """Detach from the tracepoints and unload programs and maps."""
        if self._mapped is not None:
            self.lost()
            self.skipped()
            self._mapped.close()
            self._mapped = None
        if self._bpf is not None:
            self._bpf.cleanup()
            self._bpf = None


def _compile(bcc: Any, flags: list[str], kernel_headers: Path | None) -> Any:
    directory = bpf_directory()
    source = directory / "tcc.c"
    if not source.is_file():
        raise TcctuiError(f"{source} is missing.", "Install tcctui again.")
    tree = directory
    if kernel_headers is not None:
        tree, more = header_tree(kernel_headers)
        flags = [*flags, *more]
    # libbcc changes the working directory while it compiles: every path is absolute.
    os.environ["BCC_KERNEL_SOURCE"] = str(tree)
    with _captured_stderr() as captured:
        try:
            return bcc.BPF(src_file=os.fsencode(source), cflags=flags)
        except Exception as error:  # bcc raises bare Exceptions for every failure
            failure = error
    release = os.uname().release
    mend = "With --verbose it prints what the compiler and the kernel said."
    if _kernel_version(release) < _OLDEST:
        mend = "tcctui needs Linux 5.8 or newer: older kernels have no BPF ring buffer."
    raise TcctuiError(
        f"The BPF program can't be loaded into kernel {release}: {failure}.",
        mend,
        detail=captured[0],
    ) from failure
