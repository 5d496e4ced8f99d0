"""`tcctui trace`: its arguments."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.cli import values
from tcctui.cli.kernel import choice, filter_of, headers, kernel_options, open_all
from tcctui.errors import UsageError

if TYPE_CHECKING:
    from tcctui.cli.parser import Commands
    from tcctui.flows.query import Query

_RING_BYTES = 16 << 20


def add(commands: Commands) -> None:
    """Describe the command."""
    trace = commands.add_parser(
        "trace",
        parents=[kernel_options()],
        help="print one line per tcp_probe event, or wait for something to happen, or sum up",
        description="Print one line per tcp_probe event to stdout, until Ctrl-C. With --until or"
        " --summary: what came of it instead, also without root.",
        epilog="Exit codes: 0; 3 where --until did not happen; 2 for a mistake in the usage; 1 for"
        " all other failures.",
    )
    trace.add_argument(
        "--duration", type=values.seconds, metavar="S", help="stop after so many seconds"
    )
    trace.add_argument("--count", type=values.count, metavar="N", help="stop after so many events")
    trace.add_argument(
        "--format",
        dest="form",
        choices=("text", "jsonl", "csv", "json"),
        help="how an event is written: text (the default), jsonl or csv; or a summary: text (the"
        " default) or json",
    )
    trace.add_argument(
        "--until",
        metavar="QUERY",
        help="print no events, but wait until a connection matches, such as 'retrans>10' or"
        " 'port:443 srtt>200ms' (as in the dashboard's search: ? there lists it); all are looked at"
        " ten times a second; print which, and exit with 0, or with 3 if none did within"
        " --duration",
    )
    trace.add_argument(
        "--summary",
        action="store_true",
        help="print no events, but at the end what there was of each connection: events, bytes"
        " acknowledged, segments sent again, extremes of srtt and cwnd",
    )
    trace.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="with --until or --summary: read a recording instead of the kernel, as fast as can be",
    )
    trace.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    kernel_filter = filter_of(args)
    if args.until is not None or args.summary:
        return _outcome(args)
    if args.replay is not None:
        raise UsageError(
            "--replay is for --until and --summary.",
            "For the events of a recording, run: tcctui export",
        )
    if args.form == "json":
        raise UsageError(
            "--format json is for --summary.", "For events, give --format jsonl, or csv."
        )
    if choice(args) == "sock_diag":
        raise UsageError(
            "--source sock_diag has samples, and trace prints tcp_probe's events.",
            "Leave --source out, or sum up with --summary.",
        )
    from tcctui.sources.program import Loading  # noqa: PLC0415

    loading = Loading(kernel_headers=headers(args))
    # The program compiles while these are imported.
    from tcctui.sources.bpf import BpfSource  # noqa: PLC0415 - numpy
    from tcctui.trace import trace  # noqa: PLC0415

    source = BpfSource(kernel_filter, loading=loading, interval_ms=getattr(args, "interval", 0.0))
    try:
        trace(
            source,
            attach_ms=source.attach_ms,
            since_ns=source.attached_ns,
            form=args.form or "text",
            duration=args.duration,
            count=args.count,
        )
    finally:
        source.close()
    return 0


def _outcome(args: argparse.Namespace) -> int:
    """Wait for something, or sum up, or both."""
    if args.count is not None:
        asked = "--summary" if args.summary else "--until"
        raise UsageError(f"--count counts events, and {asked} prints none.", "Give --duration.")
    if args.form in ("jsonl", "csv"):
        raise UsageError(
            f"--format {args.form} is for events, and none are printed here.",
            "With --summary, give --format json.",
        )
    if args.form == "json" and not args.summary:
        raise UsageError("--format json is for --summary.", "Give --summary, too.")
    query = None if args.until is None else _query(args.until)
    summary = (args.form or "text") if args.summary else None
    if args.replay is not None:
        _refuse_for_recordings(args)
        from tcctui.sources.recording import Recording  # noqa: PLC0415 - pyarrow

        recording = Recording(args.replay)
        from tcctui.outcome import Asked, outcome_of  # noqa: PLC0415 - numpy

        try:
            if recording.remark:
                print(recording.remark, file=sys.stderr)
            return outcome_of(recording, Asked(until=query, summary=summary), args.duration)
        finally:
            recording.close()
    with open_all(args, _RING_BYTES) as source:
        from tcctui.outcome import Asked, outcome  # noqa: PLC0415 - numpy

        return outcome(source, Asked(until=query, summary=summary), args.duration)


def _refuse_for_recordings(args: argparse.Namespace) -> None:
    names = ("ip", "port", "source", "interval", "kernel_headers", "before_ip", "before_port")
    for name in names:
        if hasattr(args, name):
            option = name.removeprefix("before_").replace("_", "-")
            raise UsageError(
                f"--{option} is for what is read from the kernel, and --replay reads a file.",
                f"Leave --{option} out.",
            )


def _query(text: str) -> Query:
    from tcctui.flows.query import QueryError, parse  # noqa: PLC0415 - numpy

    if not text.strip():
        raise UsageError("--until needs something to wait for.", "Such as --until 'retrans>10'.")
    try:
        return parse(text)
    except QueryError as error:
        reason = f"{error.reason[:1].lower()}{error.reason[1:]}".rstrip(".")
        raise UsageError(
            f"--until: {reason}.", "In the dashboard, ? lists what a search may ask for."
        ) from error
