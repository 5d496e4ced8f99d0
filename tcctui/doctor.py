"""`tcctui doctor`: each requirement, its state, and the command that fixes it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tcctui import terminal_type
from tcctui.errors import TcctuiError
from tcctui.privileges import landlock
from tcctui.sources import kernel_clock
from tcctui.sources.kernel import (
    bcc_package,
    bpf_syscall,
    compiled_cache,
    private_layouts,
    privileges,
    struct_ops,
    tracepoint_formats,
)
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.build import Build
from tcctui.sources.kernel.features import Kernel, described
from tcctui.sources.kernel.program import Loading
from tcctui.sources.kernel.registered_algorithms import WITHOUT, registered
from tcctui.sources.kernel.type_flags import lacking
from tcctui.sources.kernel.type_information import of_this_kernel
from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.sources.sock_diag.sampling import MOST_NAMESPACES
from tcctui.wire.inside import Asked
from tcctui.wire.tracepoints import BY_KIND, EventKind

_MPTCP_ENABLED = Path("/proc/sys/net/mptcp/enabled")

MINIMUM_COLUMNS, MINIMUM_LINES = 60, 16
"""The smallest terminal the dashboard works in."""


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
        inside: list[Finding] = []
        yield examine("program", lambda: _program(kernel_headers, inside))
        yield from inside
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
            print(found.detail, flush=True)
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
    return "root" if os.geteuid() == 0 else "not root, and BPF on tracepoints is allowed"


def _bpf() -> str:
    page = os.sysconf("SC_PAGE_SIZE")
    try:
        os.close(bpf_syscall.create_map("tcctui_doctor", bpf_syscall.RINGBUF, 0, 0, page, 0))
    except bpf_syscall.RefusedError as error:
        mend = {
            errno.EPERM: f"Run: {privileges.sudo_command(sys.argv)}",
            errno.ENOSYS: "tcctui needs a kernel with CONFIG_BPF_SYSCALL.",
        }.get(error.errno or 0, "tcctui needs Linux 5.8 or newer.")
        what = os.strerror(error.errno or 0)
        raise TcctuiError(f"The kernel refuses a BPF ring buffer: {what}.", mend) from error
    return "ring buffers can be made"


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
    terminal_type.colours(os.environ)
    try:
        with Path("/dev/tty").open("rb") as tty:
            columns, lines = os.get_terminal_size(tty.fileno())
    except OSError:
        raise TcctuiError(
            "There is no terminal here.", "Run it in a terminal; tcctui trace needs none."
        ) from None
    text = f"{os.environ['TERM']}, {columns}×{lines}"
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
    text = f"{count} sockets here; the dashboard can do with that alone, without root"
    if (there := len(namespaces.found())) > MOST_NAMESPACES:
        text += f"; of {there:,} network namespaces {MOST_NAMESPACES:,} are read"
    return text


def _mptcp() -> str:
    """MPTCP, which is beside what the dashboard needs: of subflows it tells the connection."""
    if not _MPTCP_ENABLED.exists():
        return "this kernel has no MPTCP"
    try:
        with closing(DiagSocket()) as diag:
            count = len(diag.mptcp())
    except (TcctuiError, OSError):
        return (
            "subflows are shown without their connection; load what tells of these with:"
            " sudo modprobe mptcp_diag"
        )
    state = "" if _MPTCP_ENABLED.read_text().strip() == "1" else "; net.mptcp.enabled is off here"
    return f"{count} connections here; subflows are shown with theirs{state}"


def _sandbox() -> str:
    version = landlock.version()
    if not version:
        return "this kernel has no Landlock: the dashboard can write whatever its user can"
    return f"Landlock {version}: the dashboard can write its own files alone"


def _clock() -> str:
    offset = kernel_clock.offset_ns() / 1e9
    if not offset:
        return "CLOCK_MONOTONIC is the machine's"
    return f"this time namespace is {offset:+,g} s from the machine's clock; times are corrected"


def _algorithms() -> str:
    """Algorithms by what is known of their own state."""
    names = registered()
    layouts = private_layouts.of_algorithms(names, struct_ops.layouts())
    known = [name for name in names if layouts[name].struct]
    bytes_ = [name for name in names if not layouts[name].struct and name not in WITHOUT]
    parts = [f"the state of {', '.join(known)} by their members"] if known else []
    if bytes_:
        parts.append(f"of {', '.join(bytes_)} its bytes alone, without types (BTF)")
    return "; ".join(parts) or "none has a state that is known"


def _recordings() -> str:
    try:
        return f"pyarrow {metadata.version('pyarrow')}"
    except metadata.PackageNotFoundError:
        return "pyarrow is missing; to record, replay and export: pip install 'tcctui[record]'"


def _cache() -> str:
    cache = compiled_cache.default()
    if cache is None:
        return f"{compiled_cache.VARIABLE} is empty: every start compiles"
    try:
        cache.examine(Build().key)
    except TcctuiError as error:
        return f"every start compiles: {error}"
    return f"{cache.path} has the program for this kernel"


def _rights() -> str:
    effective = privileges.effective(privileges.own_status())
    views = [(view.name, view.given(effective)) for view in privileges.VIEWS]
    lacking = [name for name, given in views if not given]
    lines = [f"no {', no '.join(lacking)}" if lacking else "all views"]
    lines.append("With less than root's rights, one view each (join capabilities for several):")
    lines += [
        f"{privileges.setpriv_command(view, sys.argv[0])}  # {view.name}"
        for view in privileges.VIEWS
    ]
    return f"\n{'':22}".join(lines)


def _program(kernel_headers: Path | None, inside: list[Finding]) -> str:
    """Load the program; appends what it can read of sockets, and what follows, to `inside`."""
    # Compiled also where it is in the cache: bcc is one of the requirements.
    source = BpfSource(loading=Loading(kernel_headers=kernel_headers, fresh=True))
    source.look_inside(Asked.QUEUE)
    source.read(0)
    source.close()
    inside.append(Finding("inside", True, _inside(source.inside_lacks)))
    inside.append(Finding("features", True, _features(source)))
    return f"compiled, loaded and attached in {source.attach_ms:.0f} ms"


def _inside(lacks: str) -> str:
    if not lacks:
        return "sockets and algorithms can be read at each ACK; tested against TCP_INFO"
    types = of_this_kernel()
    if types is None:
        lacks = "this kernel has no types (/sys/kernel/btf/vmlinux)"
    elif members := lacking(types):
        lacks = f"this kernel has no {', no '.join(members)} as it is known"
    return f"sockets are not read at their ACKs, but sampled: {lacks}"


def _features(source: BpfSource) -> str:
    """Parts that only some kernels have."""
    tracefs = tracepoint_formats.find_tracefs()
    formats = {} if tracefs is None else tracepoint_formats.read_formats(tracefs)
    tested = not source.inside_lacks
    return described(Kernel(source.typed, tested, source.watches_queues, of_this_kernel(), formats))


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
    "rights": _rights,
    "sandbox": _sandbox,
    "clock": _clock,
    "cache": _cache,
    "sock_diag": _sock_diag,
    "mptcp": _mptcp,
    "algorithms": _algorithms,
    "recordings": _recordings,
    "terminal": _terminal,
}
"""Requirements of the dashboard besides the BPF program."""
