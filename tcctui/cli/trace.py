"""`tcctui trace`: its arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from tcctui import memory
from tcctui.cli import alerts, argument_values, filters, reading_memory
from tcctui.cli.kernel import (
    Filter,
    around,
    choice,
    filter_of,
    kernel_options,
    load,
    open_all,
    separate,
)
from tcctui.cli.parser import Commands
from tcctui.cli.rights import Told, become_caller
from tcctui.errors import UsageError

if TYPE_CHECKING:
    from tcctui.alerts.alert import Alerts
    from tcctui.headless.chosen import Chosen
    from tcctui.recording.file import Recording
    from tcctui.source import EventSource
    from tcctui.sources.kernel.bpf_source import BpfSource

_RING_BYTES = 16 << 20


def add(commands: Commands) -> None:
    """Describe the command."""
    trace = commands.add_parser(
        "trace",
        parents=[kernel_options()],
        help="print tcp_probe events, wait for a match, or print a summary",
        description="Print one line per tcp_probe event to stdout, until Ctrl-C. With --until or"
        " --summary: the result instead, also without root.",
        epilog="With --filter, an event is printed that matches by its own values (ports,"
        " addresses, windows, srtt), and by its connection's latest values for the rest (cc,"
        " proc, rate …), some of which arrive with the first sample, up to a second later."
        " Exit codes: 0; 3 where --until found no match; 4 where --fail-if found one; 2 for a"
        " usage error; 1 for any other failure.",
    )
    trace.add_argument(
        "--duration", type=argument_values.seconds, metavar="S", help="stop after this many seconds"
    )
    trace.add_argument(
        "--count", type=argument_values.count, metavar="N", help="stop after this many events"
    )
    trace.add_argument(
        "--format",
        dest="form",
        choices=("text", "jsonl", "csv", "json"),
        help="format of events: text (the default), jsonl or csv; or of a summary: text (the"
        " default) or json",
    )
    trace.add_argument(
        "--until",
        metavar="QUERY",
        help="instead of events, wait until a connection matches, such as 'retrans>10' or"
        " 'port:443 srtt>200ms' (as in the dashboard's search: ? there lists it); checked"
        " ten times a second; print it and exit with 0, or with 3 if none matches within"
        " --duration",
    )
    trace.add_argument(
        "--fail-if",
        metavar="QUERY",
        help="the opposite, for checks in CI: print a connection that matches, and exit with 4, or"
        " with 0 if none matches within --duration; both take conditions of groups and for some"
        " time, such as 'count(retrans%%10s>5)>3 for 10s' (tcctui help alerts)",
    )
    trace.add_argument(
        "--summary",
        nargs="?",
        choices=("connections", "host"),
        const="connections",
        help="instead of events, print a summary of each connection at the end: events, bytes"
        " acknowledged, retransmits, extremes of srtt and cwnd; or, of all together, host: totals,"
        " states, limits, and the worst processes, peers and ports",
    )
    trace.add_argument(
        "--replay",
        type=argument_values.recording,
        metavar="FILE",
        help="with --until, --fail-if, --summary or --alert: read a recording (demo: the bundled"
        " one) instead of the kernel, at full speed",
    )
    reading_memory.add(trace)
    alerts.add(trace, shown="instead of events, print a line")
    trace.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.replay is None:
        files = [] if args.alert_log is None else [args.alert_log]
        told = Told(files=files, hook=alerts.hook_of(args))
        separate(args, _RING_BYTES, told, every_ack=_interval_ms(args) == 0)
    elif args.is_program:
        become_caller()
    memory.start()
    wanted = filter_of(args)
    looked_for = alerts.alerts_of(args, wanted.whole)
    if looked_for is not None:
        return _alerts(args, wanted, looked_for)
    if args.until is not None or args.fail_if is not None or args.summary:
        return _outcome(args, wanted)
    if args.replay is not None:
        raise UsageError(
            "--replay needs --until, --fail-if, --summary or --alert.",
            "For the events of a recording, run: tcctui export",
        )
    if args.form == "json":
        raise UsageError("--format json needs --summary.", "For events, use --format jsonl or csv.")
    if choice(args) == "sock_diag":
        raise UsageError(
            "--source sock_diag has samples only; trace prints tcp_probe events.",
            "Leave --source out, or add --summary.",
        )
    interval_ms = _interval_ms(args)
    loading = load(args, _RING_BYTES, every_ack=interval_ms == 0)
    # The program is loaded during these imports.
    from tcctui.headless.trace import trace  # noqa: PLC0415
    from tcctui.sources.kernel.bpf_source import BpfSource  # noqa: PLC0415 - numpy

    events = BpfSource(wanted.in_kernel, loading=loading, interval_ms=interval_ms)
    with ExitStack() as opened:
        opened.callback(events.close)
        source, chosen = _choosing(args, events, wanted, opened)
        memory.started()
        trace(
            source,
            attach_ms=events.attach_ms,
            cached=events.cached,
            since_ns=events.attached_ns,
            form=args.form or "text",
            duration=args.duration,
            count=args.count,
            matching=chosen,
        )
    return 0


def _interval_ms(args: argparse.Namespace) -> float:
    return getattr(args, "interval", 0.0)


def _choosing(
    args: argparse.Namespace, events: BpfSource, wanted: Filter, opened: ExitStack
) -> tuple[EventSource, Chosen | None]:
    """Give the source and the part of the filter the kernel can't evaluate, sampling if needed.

    Raises:
        TcctuiError: samples are needed and not available.

    """
    if wanted.rest is None:
        return events, None
    from tcctui.headless.chosen import Chosen  # noqa: PLC0415
    from tcctui.headless.matching import Matching  # noqa: PLC0415

    matching = Matching(wanted.rest, only_probes=True)
    if not matching.wants_samples:
        return events, Chosen(matching)
    if choice(args) == "bpf":
        raise UsageError(
            "--filter uses values that only samples have, and --source bpf has none.",
            "Leave --source out.",
        )
    from tcctui.sources.live import BESIDE, LiveSource  # noqa: PLC0415
    from tcctui.sources.sock_diag.sampling import Sampler  # noqa: PLC0415

    sampler = Sampler(wanted.in_kernel, BESIDE, around=around(args))
    opened.callback(sampler.close)
    both = LiveSource(wanted.in_kernel, events, sampler)
    return both, Chosen(matching, both)


def _alerts(args: argparse.Namespace, wanted: Filter, looked_for: Alerts) -> int:
    """Print alerts."""
    others = {
        "--until": args.until,
        "--fail-if": args.fail_if,
        "--summary": args.summary,
        "--count": args.count,
    }
    for option, given in others.items():
        if given is not None:
            raise UsageError(f"{option} and --alert don't go together.", f"Leave {option} out.")
    form = args.form or "text"
    if form not in ("text", "jsonl"):
        raise UsageError(f"--format {form} is not for alerts.", "Give text, or jsonl.")
    if args.replay is not None:
        _refuse_for_recordings(args)
        if args.alert_run is not None:
            raise UsageError(
                "--alert-run is for what happens now, and --replay reads what was.",
                "Leave --alert-run out.",
            )
        with _recording(args) as recording, alerts.reporter(args) as report:
            from tcctui.headless.alerting import Telling, alert_of  # noqa: PLC0415 - numpy

            return alert_of(recording, Telling(looked_for, form, report), args.duration)
    with (
        alerts.reporter(args) as report,
        open_all(args, _RING_BYTES, wanted.in_kernel.naming(*args.alert)) as source,
    ):
        from tcctui.headless.alerting import Telling, alert  # noqa: PLC0415 - numpy

        return alert(source, Telling(looked_for, form, report), args.duration)


def _outcome(args: argparse.Namespace, wanted: Filter) -> int:
    """Wait for something, or sum up, or both."""
    if args.count is not None:
        option = next(
            option
            for option, given in (
                ("--summary", args.summary),
                ("--until", args.until),
                ("--fail-if", args.fail_if),
            )
            if given is not None
        )
        raise UsageError(f"--count counts events, and {option} prints none.", "Give --duration.")
    if args.form in ("jsonl", "csv"):
        raise UsageError(
            f"--format {args.form} is for events, and none are printed here.",
            "With --summary, give --format json.",
        )
    if args.form == "json" and not args.summary:
        raise UsageError("--format json is for --summary.", "Give --summary, too.")
    until, fail_if = (
        None if text is None else filters.condition(option, text)
        for option, text in (("--until", args.until), ("--fail-if", args.fail_if))
    )
    summary = (args.form or "text") if args.summary else None
    if args.replay is not None:
        _refuse_for_recordings(args)
        with _recording(args) as recording:
            from tcctui.headless.outcome import Asked, outcome_of  # noqa: PLC0415 - numpy

            only = wanted.whole if wanted.whole.text else None
            asked = Asked(
                until=until,
                fail_if=fail_if,
                summary=summary,
                of_host=args.summary == "host",
                only=only,
            )
            return outcome_of(recording, asked, args.duration)
    in_kernel = wanted.in_kernel.naming(args.until or "", args.fail_if or "")
    with open_all(args, _RING_BYTES, in_kernel) as source:
        from tcctui.headless.outcome import Asked, outcome  # noqa: PLC0415 - numpy

        asked = Asked(
            until=until,
            fail_if=fail_if,
            summary=summary,
            of_host=args.summary == "host",
            only=wanted.rest,
        )
        return outcome(source, asked, args.duration)


@contextmanager
def _recording(args: argparse.Namespace) -> Iterator[Recording]:
    """Open a recording for the time of the context, and say what it lacks."""
    from tcctui.recording.file import Recording  # noqa: PLC0415 - pyarrow

    limited = reading_memory.limited(args)
    with limited as budget, closing(Recording(args.replay, budget)) as recording:
        if recording.remark:
            print(recording.remark, file=sys.stderr)
        memory.started()
        yield recording


def _refuse_for_recordings(args: argparse.Namespace) -> None:
    for name in ("source", "interval", "kernel_headers"):
        if hasattr(args, name):
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option} is for what is read from the kernel, and --replay reads a file.",
                f"Leave --{option} out.",
            )
