"""Options and set-up shared by every command that reads from the kernel."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tcctui import memory
from tcctui.cli import argument_values, filters, rights
from tcctui.cli.parser import Parser
from tcctui.errors import TcctuiError

if TYPE_CHECKING:
    from tcctui.query import Query
    from tcctui.source import Source
    from tcctui.sources.kernel.kernel_filter import KernelFilter
    from tcctui.sources.kernel.load_options import LoadOptions
    from tcctui.sources.kernel.program import AnyLoading
    from tcctui.sources.sock_diag.surroundings import Surroundings

INTERVAL_MS = 25.0
"""Default interval between a flow's records for the dashboard: chart columns are 100 ms wide."""


def kernel_options(before: str = "") -> Parser:
    """Options of every way to read events; `before` separates those given before a command."""
    kernel = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = kernel.add_argument_group("kernel")
    filters.add_ends(group, " (10.0.0.0/8, 2001:db8::/32)", before)
    filters.add(group, "only connections that match", before)
    group.add_argument(
        "--source",
        choices=("auto", "bpf", "sock_diag"),
        help="bpf: every ACK, from tcp_probe (root); sock_diag: samples, as in ss (any user);"
        " auto (the default): both, or what is available",
    )
    group.add_argument(
        "--interval",
        metavar="TIME",
        type=argument_values.interval,
        help="report each connection once per interval (20ms, 1s; a bare number is ms), and"
        " immediately on its first ACK, an ssthresh change or a cwnd cut; 0 reports every ACK"
        f" (default {INTERVAL_MS:g}ms, with trace and record 0)",
    )
    add_headers(group)
    return kernel


def add_headers(parser: argparse._ActionsContainer) -> None:
    """Add the options of commands that compile the program."""
    parser.add_argument(
        "--kernel-headers",
        type=Path,
        metavar="PATH",
        help="compile against these kernel headers instead of the bundled stand-ins",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="on failure, also print the compiler's output"
    )


def choice(args: argparse.Namespace) -> str:
    """Requested source: auto, bpf or sock_diag."""
    return getattr(args, "source", "auto")


def headers(args: argparse.Namespace) -> Path | None:
    """Requested kernel headers; None for the bundled ones."""
    return getattr(args, "kernel_headers", None)


class Filter(NamedTuple):
    """Query split into the kernel's part and the remainder.

    `rest` is evaluated on the records that pass the kernel; None if nothing remains.
    """

    whole: Query
    in_kernel: KernelFilter
    rest: Query | None


def filter_of(args: argparse.Namespace) -> Filter:
    """Build the filter from ports, addresses and queries before and after the command.

    Raises:
        UsageError: one of them is invalid.

    """
    from tcctui.sources.kernel.kernel_filter import KernelFilter  # noqa: PLC0415

    whole = filters.query_of(args)
    in_kernel = KernelFilter.of(whole)
    decided = in_kernel.exact or not whole.text.strip()
    return Filter(whole, in_kernel, None if decided else whole)


def separate(
    args: argparse.Namespace, ring_bytes: int, told: rights.Told, *, every_ack: bool = False
) -> None:
    """Give up the rights of this process for the processes apart that `load` and others ask for.

    With `every_ack`, the program is for an interval that is 0 and remains so. A process that is not
    all tcctui's, as a test's, stays as it is.

    Raises:
        TcctuiError: they can't be given up.

    """
    if not args.is_program:
        return
    options = None if choice(args) == "sock_diag" else _options(args, ring_bytes, every_ack)
    args.separated = rights.separate(options, told)


def _separated(args: argparse.Namespace) -> rights.Separated | None:
    separated: rights.Separated | None = getattr(args, "separated", None)
    return separated


def around(args: argparse.Namespace) -> Surroundings | None:
    """Processes and namespaces, as processes apart see them; None where this one does by itself."""
    separated = _separated(args)
    if separated is None:
        return None
    if not hasattr(args, "surroundings"):
        args.surroundings = separated.around()
    surroundings: Surroundings = args.surroundings
    return surroundings


def memory_of(args: argparse.Namespace) -> Callable[[], int]:
    """Give the function that measures this program with its processes apart, in bytes."""
    from tcctui.sources.sock_diag.elsewhere import ScansElsewhere  # noqa: PLC0415 - numpy
    from tcctui.sources.sock_diag.process_memory import own  # noqa: PLC0415

    surroundings = around(args)
    scans = None if surroundings is None else surroundings.processes
    return scans.memory if isinstance(scans, ScansElsewhere) else own


def _options(args: argparse.Namespace, ring_bytes: int, every_ack: bool) -> LoadOptions:
    from tcctui.sources.kernel.load_options import NO_SLOTS, SLOTS, LoadOptions  # noqa: PLC0415

    return LoadOptions(headers(args), ring_bytes, NO_SLOTS if every_ack else SLOTS)


def load(args: argparse.Namespace, ring_bytes: int, *, every_ack: bool) -> AnyLoading:
    """Start to load the program; with `every_ack`, for an interval that is 0 and remains so.

    Raises:
        TcctuiError: it can't be loaded.

    """
    separated = _separated(args)
    if separated is not None:
        return separated.loading()
    from tcctui.sources.kernel.program import Loading  # noqa: PLC0415

    return Loading(**_options(args, ring_bytes, every_ack)._asdict())


def program(
    args: argparse.Namespace, ring_bytes: int, *, every_ack: bool = False
) -> AnyLoading | TcctuiError | None:
    """Start to load the program if requested, as `load` does, or give the reason why it can't be.

    Raises:
        TcctuiError: it can't be loaded, and the request allows no other source.

    """
    if choice(args) == "sock_diag":
        return None
    try:
        return load(args, ring_bytes, every_ack=every_ack)
    except TcctuiError as error:
        if choice(args) == "bpf" or headers(args) is not None:
            raise
        return error


def program_later(
    args: argparse.Namespace, ring_bytes: int
) -> Callable[[], AnyLoading] | AnyLoading | TcctuiError | None:
    """Give the function that starts to load the program, where samples can come before its events.

    Else as `program`.

    Raises:
        TcctuiError: it can't be loaded, and the request allows no other source.

    """
    if choice(args) != "auto" or headers(args) is not None:
        return program(args, ring_bytes)
    from tcctui.sources.kernel import privileges  # noqa: PLC0415

    try:
        separated = _separated(args)
        if separated is None:
            privileges.require()
        else:
            separated.loading()
    except TcctuiError as error:
        return error
    return lambda: load(args, ring_bytes, every_ack=False)


@contextmanager
def open_all(
    args: argparse.Namespace,
    ring_bytes: int,
    in_kernel: KernelFilter,
    max_cpu: float | None = None,
    pace: tuple[float, int, float] | None = None,
) -> Iterator[Source]:
    """Open the available sources of events and samples, every ACK, for the time of the context.

    With `max_cpu`, the interval doubles where reading takes more than this share of a core; `pace`
    is that of samples (`sampling.Pace`).

    Raises:
        TcctuiError: the requested source is not available.

    """
    interval_ms = getattr(args, "interval", 0.0)
    loading = program(args, ring_bytes, every_ack=interval_ms == 0)
    # The program is loaded during this import.
    from tcctui.sources.live import open_live  # noqa: PLC0415 - numpy
    from tcctui.sources.sock_diag.sampling import Pace  # noqa: PLC0415

    with closing(
        open_live(
            in_kernel,
            loading,
            choice=choice(args),
            interval_ms=interval_ms,
            max_cpu=max_cpu,
            around=around(args),
            pace=None if pace is None else Pace(*pace),
        )
    ) as source:
        memory.started()
        yield source
