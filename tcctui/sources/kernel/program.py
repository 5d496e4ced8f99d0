"""The BPF program: started to load in a process of its own, waited for, and held."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package, privileges, ring_maps, tracepoint_formats
from tcctui.sources.kernel.kernel_headers import header_tree
from tcctui.sources.kernel.loader import MAPS, Answer, Request

RING_BYTES = 16 << 20
"""Room for 123,000 events, in all ring buffers together."""

SLOTS = 1 << 17
"""Flows that the kernel can coalesce at a time, at 240 bytes each."""

_OLDEST = (5, 8)
_MOST_DESCRIPTORS = 64
# -I: nothing of the working directory, which may be anybody's, is imported as root.
_LOADER = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from tcctui.sources.kernel import loader;"
)


class Program:
    """Holds the loaded program: what it is attached through, and its maps' descriptors.

    `maps` has an entry for each of `loader.MAPS`, `programs` the programs' descriptors, and `rings`
    those of the ring buffers, of `ring_bytes` each.
    """

    def __init__(
        self,
        answer: Answer,
        descriptors: list[int],
        *,
        rings: int,
        ring_bytes: int,
        slots: int,
        cpus: int,
    ) -> None:
        self._descriptors = descriptors
        self.attach_ms = answer["milliseconds"]
        """Milliseconds that compiling, loading and attaching took."""
        self.ring_bytes = ring_bytes
        self.slots = slots
        self.cpus = cpus
        self.maps = dict(zip(MAPS, descriptors, strict=False))
        self.programs = descriptors[len(MAPS) :][: answer["programs"]]
        try:
            self.rings = ring_maps.fill(self.maps, ring_bytes, rings)
        except OSError as error:
            self.close()
            raise _refused({"reason": f"it makes no ring buffer: {error.strerror}"}, "") from error
        descriptors[:0] = self.rings[1:]

    def close(self) -> None:
        """Detach and unload; may be called twice."""
        descriptors, self._descriptors = self._descriptors, []
        # The perf events come last: what is closed first is what runs.
        for descriptor in reversed(descriptors):
            os.close(descriptor)


class Loading:
    """A program on its way: compiling began when this was made.

    `kernel_headers` is a kernel's build directory to compile against, instead of the bundled
    stand-ins; `ring_bytes` is the size of all ring buffers' data, a power of two; `slots` is how
    many flows the kernel can coalesce at a time; `rings` is how many ring buffers there are, a
    power of two, as many as this machine needs by default.

    Raises:
        TcctuiError: no privilege, no tracepoint, no bcc, or no headers.

    """

    def __init__(
        self,
        *,
        kernel_headers: Path | None = None,
        ring_bytes: int = RING_BYTES,
        slots: int = SLOTS,
        rings: int = 0,
    ) -> None:
        privileges.require()
        self._rings = rings or ring_maps.count(ring_bytes)
        self._ring_bytes = ring_bytes // self._rings
        self._slots = slots
        self._cpus = possible_cpus()
        flags = compiler_flags(
            rings=self._rings, ring_bytes=self._ring_bytes, slots=slots, cpus=self._cpus
        )
        directory = bpf_directory()
        source = directory / "tcc.c"
        if not source.is_file():
            raise TcctuiError(f"{source} is missing.", "Install tcctui again.")
        headers = directory
        if kernel_headers is not None:
            headers, more = header_tree(kernel_headers)
            flags += more
        package = bcc_package.find(bcc_package.candidates())
        request = Request(bcc=str(package), source=str(source), headers=str(headers), flags=flags)
        self._process, self._socket, self._said = _start(request)

    def wait(self) -> Program:
        """Wait until it is loaded and attached; nothing passes its filter yet.

        Raises:
            TcctuiError: it can't be compiled, or the kernel refuses it.

        """
        with self._socket, self._said:
            try:
                message, descriptors, *_ = socket.recv_fds(self._socket, 1 << 16, _MOST_DESCRIPTORS)
            except BaseException:
                self._process.kill()
                raise
            finally:
                self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")
        answer: Answer = json.loads(message) if message else {"reason": "the compiler broke off"}
        if "reason" in answer:
            raise _refused(answer, said)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # a child would keep the program loaded
        return Program(
            answer,
            list(descriptors),
            rings=self._rings,
            ring_bytes=self._ring_bytes,
            slots=self._slots,
            cpus=self._cpus,
        )

    def abandon(self) -> None:
        """End the compiler; `wait`, in another thread, raises unless the program is there."""
        self._process.kill()


def _start(request: Request) -> tuple[subprocess.Popen[bytes], socket.socket, IO[bytes]]:
    ours, theirs = socket.socketpair()
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever waits
    root = str(Path(__file__).resolve().parents[3])
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", f"{_LOADER} loader.main()", root, json.dumps(request)],
            stdin=theirs.fileno(),
            stdout=said,
            stderr=said,
        )
    return process, ours, said


def _refused(answer: Answer, said: str) -> TcctuiError:
    if answer.get("mend"):
        return TcctuiError(answer["reason"], answer["mend"], detail=said)
    release = os.uname().release
    mend = "With --verbose it prints what the compiler and the kernel said."
    if _kernel_version(release) < _OLDEST:
        mend = "tcctui needs Linux 5.8 or newer: older kernels have no BPF ring buffer."
    return TcctuiError(
        f"The BPF program can't be loaded into kernel {release}: {answer['reason']}.",
        mend,
        detail=said,
    )


def compiler_flags(*, rings: int = 1, ring_bytes: int, slots: int, cpus: int) -> list[str]:
    """Give the flags that bpf/tcc.c is compiled with on this kernel.

    Raises:
        TcctuiError: tracefs can't be mounted or read, or lacks what tcctui can't do without.

    """
    formats = tracepoint_formats.read_formats(tracepoint_formats.mount_tracefs())
    return [
        *tracepoint_formats.kind_flags(),
        *tracepoint_formats.flags(formats),
        f"-DTCC_RING_PAGES={ring_bytes // os.sysconf('SC_PAGE_SIZE')}",
        f"-DTCC_RINGS={rings}",
        f"-DTCC_SLOTS={slots}",
        f"-DTCC_CPUS={cpus}",
    ]


def bpf_directory() -> Path:
    """Directory of tcc.c and its stand-in headers: in the wheel, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "bpf"
    return inside if inside.is_dir() else package.parent / "bpf"


def possible_cpus() -> int:
    """Number of possible processors: the highest possible number, and one."""
    try:
        text = Path("/sys/devices/system/cpu/possible").read_text()
    except OSError:
        return os.cpu_count() or 1
    return int(re.split("[-,]", text.strip())[-1]) + 1


def _kernel_version(release: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else _OLDEST
