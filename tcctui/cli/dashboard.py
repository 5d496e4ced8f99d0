"""The dashboard: its arguments, which are those of `tcctui` itself."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui import memory
from tcctui.cli import alerts, argument_values, config, rewind_options, terminal
from tcctui.cli.kernel import INTERVAL_MS, around, choice, filter_of, program_later, separate
from tcctui.cli.parser import Parser
from tcctui.cli.rewind_options import RewindOptions
from tcctui.cli.rights import Told
from tcctui.errors import TcctuiError, UsageError
from tcctui.files.disk import disk
from tcctui.files.new_file import is_regular

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tcctui.recording.chunks import Chunk
    from tcctui.recording.timeline import Origin
    from tcctui.source import Source
    from tcctui.sources.live import LiveSource

MAX_CPU = 0.25
"""Default limit of the reading thread's share of a core."""

_COALESCED = (
    "  An event stands for the ACKs of {:.4g} ms or more of its connection; for every ACK, add"
    " --interval 0."
)

_OPENED = 0.3
"""Seconds that the screen waits for a recording to be opened: a FIFO waits for its reader."""

_RING_BYTES = 8 << 20
"""Ring buffer of the dashboard, in bytes: one nap of its reader at 2 million records a second."""


def add(parser: Parser) -> None:
    """Describe its options."""
    rewind_options.add(parser)
    config.choosing(parser)
    parser.add_argument(
        "--max-cpu",
        metavar="PERCENT",
        type=argument_values.percent,
        default=MAX_CPU,
        help="share of a core for reading; above it the interval doubles, up to 1s"
        f" (default {MAX_CPU:.0%})".replace("%", "%%"),
    )
    parser.add_argument(
        "--record",
        dest="record_to",
        metavar="FILE",
        help="also write what the dashboard reads to a recording: of each connection an event per"
        " --interval. Every ACK: with --interval 0, or without a screen, tcctui record FILE",
    )
    parser.add_argument(
        "--inside",
        action="store_true",
        help="read every socket and its algorithm's state at its ACKs, where the kernel has BTF,"
        " for --record and the past; without it, what the screen shows of them is read and kept",
    )
    parser.add_argument(
        "--force", action="store_true", help="let --record replace an existing file"
    )
    alerts.add(parser, shown="mark the row and notify")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the dashboard."""
    terminal.require()
    separate(args, _RING_BYTES, _told(args))
    memory.start()
    memory.start_screen()
    wanted = filter_of(args)
    kept = RewindOptions.of(args)
    if args.force and args.record_to is None:
        raise UsageError("--force is for --record.", "Leave it out, or give --record FILE.")
    looked_for = alerts.alerts_of(args, wanted.whole)
    if args.record_to is not None:
        _check(args.record_to, args.force)
    in_kernel = wanted.in_kernel.naming(*(args.alert or ()))
    if args.inside:
        from tcctui.wire.inside import EVERYTHING  # noqa: PLC0415 - numpy

        in_kernel = replace(in_kernel, inside=EVERYTHING)
    loading = program_later(args, _RING_BYTES)
    preferences = config.preferences(args)
    with ExitStack() as written, alerts.reporter(args) as report:
        memory.return_at_once()
        from tcctui.sources.live import open_live  # noqa: PLC0415 - numpy

        opened = _in_thread(
            lambda: open_live(
                in_kernel,
                loading,
                choice=choice(args),
                interval_ms=getattr(args, "interval", INTERVAL_MS),
                max_cpu=args.max_cpu,
                around=around(args),
            )
        )
        # The first samples come during these imports.
        from tcctui.recording.origin import clocks, live_origin  # noqa: PLC0415

        def origin(source: Source) -> Origin:
            """Describe a source: what is read of sockets for the screen is kept, too."""
            return replace(live_origin(source), inside=int(choice(args) != "sock_diag"))

        from tcctui.ui.app.app import run as dashboard  # noqa: PLC0415 - Textual
        from tcctui.ui.dashboard.alarm import Alarms  # noqa: PLC0415

        return dashboard(
            opened.result,
            kept.history_memory,
            rewind_memory=kept.rewind_memory,
            save=kept.save,
            keep=None if args.record_to is None else _keeper(args.record_to, args.force, written),
            live_origin=origin,
            clocks=clocks,
            base_query=wanted.rest,
            alarms=None if looked_for is None else Alarms(looked_for, report),
            preferences=preferences,
        )


def _told(args: argparse.Namespace) -> Told:
    """Files that the options name, and those of settings."""
    files = [args.record_to, args.alert_log]
    return Told(
        files=[Path(file) for file in files if file not in (None, "-")],
        kept=lambda: config.files(args),
        saves=True,
        hook=alerts.hook_of(args),
    )


def _in_thread(call: Callable[[], LiveSource]) -> Future[LiveSource]:
    """Begin to call a function in a thread of its own; gives what will be its result."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    thread = ThreadPoolExecutor(1, "open")
    future = thread.submit(call)
    thread.shutdown(wait=False)
    return future


def _check(path: str, force: bool) -> None:
    """Check early that a recording can be made, before there is a screen.

    Raises:
        TcctuiError: it can't be made.

    """
    from tcctui.recording.writer import require_pyarrow  # noqa: PLC0415

    if path == "-":
        raise UsageError(
            "The dashboard records to a file.", "To write to a pipe, run: tcctui record -"
        )
    require_pyarrow()
    if not disk().is_directory(Path(path).parent):
        raise TcctuiError(f"There is no directory {Path(path).parent}.", "Make it first.")
    if is_regular(Path(path)) and not force:
        raise TcctuiError(f"{path} already exists.", "Overwrite it with --force, or name another.")


def _keeper(
    path: str, force: bool, written: ExitStack
) -> Callable[[Origin], Callable[[Chunk], float]]:
    """Make the function that starts a recording once its origin is known.

    `written` closes it, prints its size, and fails if anything is missing from it.
    """

    def begin(origin: Origin) -> Callable[[Chunk], float]:
        from tcctui.headless.record import line  # noqa: PLC0415 - pyarrow
        from tcctui.recording.writer import RecordingWriter  # noqa: PLC0415
        from tcctui.recording.writer_thread import RecordingThread  # noqa: PLC0415

        recording = RecordingThread(lambda: RecordingWriter(Path(path), origin, force=force))
        begun = time.monotonic()
        losses = [0, 0]

        def keep(chunk: Chunk) -> float:
            losses[:] = chunk.lost, chunk.skipped
            recording.offer(chunk)
            return recording.stalled_s

        def close() -> None:
            try:
                recording.leave()
            finally:
                seconds, writer = time.monotonic() - begun, recording.writer
                if writer is not None:
                    print(f"Recorded to {path}:", file=sys.stderr)
                    print(line(seconds, writer.events, writer.nbytes, *losses), file=sys.stderr)
                    if origin.interval_ns:
                        print(_COALESCED.format(origin.interval_ns / 1e6), file=sys.stderr)
            if writer is None or recording.unwritten:
                later = " and all later ones" if recording.failed else ""
                raise TcctuiError(
                    f"{path} is incomplete: {recording.unwritten:,} events{later} are not in it.",
                    "Record to another place; a FIFO needs a reader.",
                )

        written.callback(close)
        recording.begun(_OPENED)
        return keep

    return begin
