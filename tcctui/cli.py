"""The command `tcctui`: its arguments, and every expected failure as one clear line."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tcctui import __version__
from tcctui.errors import TcctuiError, UsageError

_TIME = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*(us|µs|ms|s)?")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{0,3})?)\s*%?")
_SIZE = re.compile(r"(\d{1,9})\s*([kmgt]?)(i?b)?", re.IGNORECASE)
_LEAST_MEMORY = 4 << 20

INTERVAL_MS = 10.0
"""How often the kernel tells the dashboard of a connection: charts have 100 ms to a column."""

MAX_CPU = 0.25
"""Share of a core that the dashboard's reading may take unless told otherwise."""


_RING_BYTES = 8 << 20
"""Room for what the dashboard is told: at 2 million records a second, for one of its naps."""


class _Parser(argparse.ArgumentParser):
    """An argument parser that wants names in full, and whose complaints end as all others do."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See: {self.prog} --help")


def _kernel_options(before: str = "") -> _Parser:
    """Options of every way to read events; `before` keeps apart those before a command."""
    kernel = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = kernel.add_argument_group("kernel")
    group.add_argument(
        "-i",
        "--ip",
        dest=f"{before}ip",
        action="append",
        metavar="ADDRESS",
        help="only connections with this address or prefix (10.0.0.0/8, 2001:db8::/32) at either"
        " end; may be given several times",
    )
    group.add_argument(
        "-p",
        "--port",
        dest=f"{before}port",
        action="append",
        metavar="PORT",
        help="only connections with this port at either end; may be given several times",
    )
    group.add_argument(
        "--source",
        choices=("auto", "bpf", "sock_diag"),
        help="bpf: every ACK, from tcp_probe (root); sock_diag: samples, as ss has them (anybody);"
        " auto (the default): both, or what can be had",
    )
    group.add_argument(
        "--interval",
        metavar="TIME",
        type=_interval,
        help="the kernel tells of a connection once in so long (20ms, 1s; a bare number is ms), and"
        " at once where its first ACK comes, ssthresh changes or cwnd falls; 0 tells of every ACK"
        f" (default {INTERVAL_MS:g}ms, with trace 0)",
    )
    _add_headers(group)
    return kernel


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tcctui",
        description="htop for TCP congestion control: cwnd, ssthresh and srtt of every connection,"
        " live from the kernel's tcp_probe tracepoint, and what limits it. Without root: samples.",
        epilog="Without a command it is the dashboard; in there, ? lists the keys.",
        parents=[_kernel_options("before_")],
    )
    parser.add_argument("--version", action="version", version=f"tcctui {__version__}")
    parser.add_argument(
        "--history-memory",
        metavar="SIZE",
        default="72M",
        help="memory that the histories of all connections may take (default 72M); where it is"
        " short, less of each is kept",
    )
    parser.add_argument(
        "--max-cpu",
        metavar="PERCENT",
        type=_percent,
        default=MAX_CPU,
        help="share of a core that reading may take; beyond it the interval doubles, up to 1s"
        f" (default {MAX_CPU:.0%})".replace("%", "%%"),
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    trace = commands.add_parser(
        "trace",
        parents=[_kernel_options()],
        help="print one line per tcp_probe event",
        description="Print one line per tcp_probe event to stdout, until Ctrl-C.",
    )
    trace.add_argument("--duration", type=_seconds, metavar="S", help="stop after so many seconds")
    trace.add_argument("--count", type=_count, metavar="N", help="stop after so many events")
    trace.add_argument(
        "--format",
        dest="form",
        choices=("text", "jsonl", "csv"),
        default="text",
        help="how an event is written (default text)",
    )
    doctor = commands.add_parser(
        "doctor",
        help="say what tcctui needs, whether it is there, and how to mend it",
        description="Look at each thing tcctui needs; exit with 0 if the dashboard can run.",
        argument_default=argparse.SUPPRESS,
    )
    _add_headers(doctor)
    return parser


def _add_headers(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--kernel-headers",
        type=Path,
        metavar="PATH",
        help="compile against these kernel headers instead of the bundled stand-ins",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="on failure, print what the compiler said, too"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _interval(text: str) -> float:
    """Milliseconds of a time such as 20ms or 1s."""
    match = _TIME.fullmatch(text.strip())
    unit = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}
    milliseconds = float(match[1]) * unit[match[2] or "ms"] if match else -1
    if not 0 <= milliseconds <= 1000:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a time from 0 to 1s, such as 20ms")
    return milliseconds


def _percent(text: str) -> float:
    match = _PERCENT.fullmatch(text.strip())
    if not match or not 0 < float(match[1]) <= 100:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a percentage of a core")
    return float(match[1]) / 100


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 18 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number above 0")
    return int(text)


def _memory(text: str) -> int:
    """Bytes of a size such as 256M or 1GiB; units are powers of 1024.

    Raises:
        UsageError: it is not a size, or too small to keep anything in.

    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"--history-memory {text!r} is not a size.", "Give a size such as 256M.")
    size = int(match[1]) << 10 * "kmgt".find(match[2].lower() or "?") + 10
    if size < _LEAST_MEMORY:
        raise UsageError(f"--history-memory {text} is too small.", "Give at least 4M.")
    if size > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise UsageError(
            f"--history-memory {text} is more than this machine has.", "Give a size such as 256M."
        )
    return size


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `tcctui`; gives the exit code: 0, 2 for a mistake in the usage, 1 for other failures."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(_parser().parse_args(given))
    except TcctuiError as error:
        print(f"tcctui: {error.reason}", file=sys.stderr)
        if error.mend:
            print(f"        {error.mend}", file=sys.stderr)
        if error.detail and "--verbose" in given:
            print(error.detail, file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130


def _run(args: argparse.Namespace) -> int:
    headers = getattr(args, "kernel_headers", None)
    if args.command == "doctor":
        from tcctui.doctor import doctor  # noqa: PLC0415 - each command pays only for itself

        return doctor(headers, verbose=getattr(args, "verbose", False))

    from tcctui.sources.kernel_filter import KernelFilter  # noqa: PLC0415
    from tcctui.sources.program import Loading  # noqa: PLC0415

    ports, addresses = (
        getattr(args, f"before_{name}", []) + getattr(args, name, []) for name in ("port", "ip")
    )
    kernel_filter = KernelFilter.from_options(ports, addresses)
    if args.command == "trace":
        if getattr(args, "source", "auto") == "sock_diag":
            raise UsageError(
                "--source sock_diag has samples, and trace prints tcp_probe's events.",
                "Leave --source out.",
            )
        loading = Loading(kernel_headers=headers)
        # The program compiles while these are imported.
        from tcctui.sources.bpf import BpfSource  # noqa: PLC0415 - numpy
        from tcctui.trace import trace  # noqa: PLC0415

        source = BpfSource(
            kernel_filter, loading=loading, interval_ms=getattr(args, "interval", 0.0)
        )
        try:
            trace(
                source,
                attach_ms=source.attach_ms,
                since_ns=source.attached_ns,
                form=args.form,
                duration=args.duration,
                count=args.count,
            )
        finally:
            source.close()
        return 0

    choice = getattr(args, "source", "auto")
    history_memory = _memory(args.history_memory)
    _require_terminal()
    program: Loading | TcctuiError | None = None
    if choice != "sock_diag":
        try:
            program = Loading(kernel_headers=headers, ring_bytes=_RING_BYTES)
        except TcctuiError as error:
            if choice == "bpf" or headers is not None:
                raise
            program = error
    from tcctui import memory  # noqa: PLC0415 - ctypes
    from tcctui.sources.live import open_live  # noqa: PLC0415 - numpy
    from tcctui.ui.app import run  # noqa: PLC0415 - Textual

    memory.return_at_once()
    interval_ms = getattr(args, "interval", INTERVAL_MS)
    return run(
        lambda: open_live(
            kernel_filter, program, choice=choice, interval_ms=interval_ms, max_cpu=args.max_cpu
        ),
        history_memory,
    )


def _require_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise TcctuiError(
            "The dashboard needs a terminal.",
            "For a file or a pipe, run: tcctui trace",
        )
