"""`tcctui doctor`: each requirement, its state, and the command that fixes it."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package, privileges, tracepoint_formats
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.program import Loading
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.wire.tracepoints import BY_KIND, EventKind

MINIMUM_COLUMNS, MINIMUM_LINES = 80, 24
"""The smallest terminal the dashboard works in."""

_RINGBUF = 27  # BPF_MAP_TYPE_RINGBUF, include/uapi/linux/bpf.h


@dataclass(frozen=True)
class Finding:
    """One requirement: its state in words, the fix if it fails, and other programs' output."""

    need: str
    ok: bool
    text: str
    mend: str = ""
    detail: str = ""

    def __str__(self) -> str:
        line = f"{'ok' if self.ok else 'problem':8} {self.need:12} {self.text}"
        return line if self.ok or not self.mend else f"{line}\n{'':21} {self.mend}"


Check = Callable[[], str]
"""Gives a sentence about a need that is met; raises a TcctuiError where it is not."""


def findings(kernel_headers: Path | None = None) -> Iterator[Finding]:
    """Check each requirement in turn: kernel, privileges, program, terminal."""
    met = True
    for need, check in NEEDS.items():
        found = examine(need, check)
        met = met and found.ok
        yield found
    if met:
        yield examine("program", lambda: _program(kernel_headers))
    else:
        yield Finding("program", False, "Not tried: fix the problems above first.")
    for need, check in BESIDE.items():
        yield examine(need, check)


def doctor(kernel_headers: Path | None = None, *, verbose: bool = False) -> int:
    """Print the findings; return 0 if the dashboard can run, else 1.

    With `verbose`, also print the compiler's output.
    """
    status = 0
    for found in findings(kernel_headers):
        print(found, flush=True)
        if verbose and found.detail:
            print(found.detail)
        status |= not found.ok
    return status


def examine(need: str, check: Check) -> Finding:
    """Look at one need."""
    try:
        return Finding(need, True, check())
    except TcctuiError as error:
        return Finding(need, False, error.reason, error.mend, error.detail)


def _linux() -> str:
    if sys.platform != "linux":
        raise TcctuiError(
            f"This is {sys.platform}, not Linux.", "tcctui reads Linux's tracepoints."
        )
    system = os.uname()
    return f"Linux {system.release} on {system.machine}"


def _privilege() -> str:
    privileges.require()
    return "root" if os.geteuid() == 0 else "CAP_BPF and CAP_PERFMON"


def _bpf() -> str:
    bcc_package.load()
    libbcc = ctypes.CDLL("libbcc.so.0", use_errno=True)
    descriptor = libbcc.bcc_create_map(
        _RINGBUF, b"tcctui_doctor", 0, 0, os.sysconf("SC_PAGE_SIZE"), 0
    )
    if descriptor >= 0:
        os.close(descriptor)
        return "ring buffers can be made"
    number = ctypes.get_errno()
    reason = f"The kernel refuses a BPF ring buffer: {os.strerror(number)}."
    if number == errno.EPERM:
        raise TcctuiError(reason, f"Run: {privileges.sudo_command(sys.argv)}")
    if number == errno.ENOSYS:
        raise TcctuiError(reason, "tcctui needs a kernel with CONFIG_BPF_SYSCALL.")
    raise TcctuiError(reason, "tcctui needs Linux 5.8 or newer.")


def _tracefs() -> str:
    if tracepoint_formats.find_tracefs() is None and os.geteuid() == 0:
        place = tracepoint_formats.mount_tracefs()
        return f"mounted just now at {place}, as tcctui does when it starts"
    return f"mounted at {tracepoint_formats.mount_tracefs()}"


def _tcp_probe() -> str:
    tracefs = tracepoint_formats.find_tracefs()
    if tracefs is None:
        raise TcctuiError("It can't be checked without tracefs.", "Mount tracefs first.")
    formats = tracepoint_formats.read_formats(tracefs)
    tracepoint_formats.flags(formats)  # raises, if that is not enough
    extras = BY_KIND[EventKind.PROBE].extras
    lacking = [name for name in extras if name not in formats[tracepoint_formats.PROBE]]
    own = [name for name in formats[tracepoint_formats.PROBE] if not name.startswith("common_")]
    text = f"{len(own)} fields"
    if lacking:
        text += f"; this kernel has no {' and no '.join(lacking)}, tcctui does without"
    for row in tracepoint_formats.lacking(formats):
        text += f"; without {row.event}, {row.without}"
    return text


def _bcc() -> str:
    bcc = bcc_package.load()
    version = getattr(bcc, "__version__", "of unknown version")
    return f"bcc {version} in {Path(str(bcc.__file__)).parent}"


def _terminal() -> str:
    kind = os.environ.get("TERM", "")
    if kind in ("", "dumb"):
        raise TcctuiError(
            f"TERM is {kind or 'not set'}: the dashboard can't draw.",
            "Run it in a terminal; tcctui trace needs none.",
        )
    try:
        with Path("/dev/tty").open("rb") as tty:
            columns, lines = os.get_terminal_size(tty.fileno())
    except OSError:
        raise TcctuiError(
            "There is no terminal here.", "Run it in a terminal; tcctui trace needs none."
        ) from None
    text = f"{kind}, {columns}×{lines}"
    if columns < MINIMUM_COLUMNS or lines < MINIMUM_LINES:
        raise TcctuiError(
            f"{text} is too small.", f"Make it {MINIMUM_COLUMNS}×{MINIMUM_LINES} or larger."
        )
    return text


def _sock_diag() -> str:
    try:
        with closing(DiagSocket()) as diag:
            count = len(diag.dump())
    except TcctuiError as error:
        return f"missing: only tcp_probe's values are shown; {error.mend}"
    return f"{count} sockets here; the dashboard can do with that alone, without root"


def _recordings() -> str:
    try:
        return f"pyarrow {metadata.version('pyarrow')}"
    except metadata.PackageNotFoundError:
        return "pyarrow is missing; to record, replay and export: pip install 'tcctui[record]'"


def _program(kernel_headers: Path | None) -> str:
    source = BpfSource(loading=Loading(kernel_headers=kernel_headers))
    source.close()
    return f"compiled, loaded and attached in {source.attach_ms:.0f} ms"


NEEDS: Mapping[str, Check] = {
    "Linux": _linux,
    "privilege": _privilege,
    "bcc": _bcc,
    "bpf": _bpf,
    "tracefs": _tracefs,
    "tcp_probe": _tcp_probe,
}
"""Requirements of the BPF program, in the order of their repair."""

BESIDE: Mapping[str, Check] = {
    "sock_diag": _sock_diag,
    "recordings": _recordings,
    "terminal": _terminal,
}
"""Requirements of the dashboard besides the BPF program."""
