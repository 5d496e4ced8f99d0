"""`tcctui record`: its arguments."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.cli import argument_values
from tcctui.cli.kernel import filter_of, kernel_options, open_all, separate
from tcctui.cli.parser import Commands
from tcctui.cli.rights import Told
from tcctui.cli.state_directory import written_by_agents
from tcctui.errors import TcctuiError

if TYPE_CHECKING:
    from tcctui.headless.last_minutes import Kept
    from tcctui.query import Query
    from tcctui.recording.rolling_files import OpenFile

_RING_BYTES = 32 << 20
"""Ring buffer in bytes: what arrives while 200,000 events, a second's, are written in 0.1 s."""


def add(commands: Commands) -> None:
    """Describe the command."""
    record = commands.add_parser(
        "record",
        parents=[kernel_options()],
        help="record everything to a file or a pipe, for replay and export",
        description="Write every event, and samples of every socket, to a recording, until Ctrl-C."
        " Without root: samples only. From another machine:"
        " ssh HOST sudo tcctui record - | tcctui replay -",
        epilog="With --filter, a connection is recorded from its first match on,"
        " including later events that don't match.",
    )
    record.add_argument(
        "path", metavar="FILE", help="the recording to write; - for standard output"
    )
    record.add_argument(
        "--duration", type=argument_values.seconds, metavar="S", help="stop after this many seconds"
    )
    record.add_argument(
        "--last",
        type=argument_values.duration,
        metavar="TIME",
        help="begin with the last minutes, such as 10m, as far as an agent keeps them on this host"
        " (tcctui agent --rewind); then go on live",
    )
    record.add_argument(
        "--force",
        action="store_true",
        default=argparse.SUPPRESS,
        help="replace an existing file",
    )
    record.add_argument(
        "--inside",
        action="store_true",
        help="also record what each socket and its congestion control algorithm hold at its ACKs"
        " (needs tcp_probe and a kernel with BTF)",
    )
    record.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.path == "-":
        _require_standard_output()
    every_ack = getattr(args, "interval", 0.0) == 0
    told = Told(files=[] if args.path == "-" else [Path(args.path)])
    files = None if args.last is None else _last_minutes(args.last)  # root alone may read them
    separate(args, _RING_BYTES, told, every_ack=every_ack)
    from tcctui.recording.writer import require_pyarrow  # noqa: PLC0415

    require_pyarrow()  # it is the one optional part
    wanted = filter_of(args)
    in_kernel = wanted.in_kernel
    if args.inside:  # from the first event on
        from tcctui.wire.inside import EVERYTHING  # noqa: PLC0415 - numpy

        in_kernel = replace(in_kernel, inside=EVERYTHING)
    with ExitStack() as opened:
        source = opened.enter_context(open_all(args, _RING_BYTES, in_kernel))
        kept = _kept(opened, files, wanted.whole, args.last) if files else None
        from tcctui.headless.record import record  # noqa: PLC0415 - numpy

        return record(
            source,
            None if args.path == "-" else Path(args.path),
            force=getattr(args, "force", False),
            duration=args.duration,
            remarks=sys.stderr,
            query=wanted.rest,
            kept=kept,
            inside=args.inside,
        )


def _last_minutes(seconds: float) -> list[OpenFile]:
    """Open what an agent kept of the last seconds; say so where it keeps none.

    Raises:
        TcctuiError: it can't be opened.

    """
    from tcctui.recording import rolling_files  # noqa: PLC0415 - only where it is asked for

    directories = written_by_agents("rewind")
    for directory in directories:
        if files := rolling_files.opened(directory, time.monotonic_ns() - int(seconds * 1e9)):
            return files
    print(
        f"No agent has kept the last minutes in {' or '.join(map(str, directories))}"
        " (tcctui agent --rewind 10m does): this begins now.",
        file=sys.stderr,
    )
    return []


def _kept(opened: ExitStack, files: list[OpenFile], query: Query, seconds: float) -> Kept:
    """Last minutes of connections that may match; says what of them can't be read."""
    from tcctui.headless.last_minutes import Kept  # noqa: PLC0415 - numpy
    from tcctui.memory import READING_MEMORY  # noqa: PLC0415
    from tcctui.recording.last_minutes import LastMinutes  # noqa: PLC0415

    minutes = opened.enter_context(closing(LastMinutes(files, READING_MEMORY)))
    if minutes.remark:
        print(minutes.remark, file=sys.stderr)
    return Kept(minutes, query if query.text.strip() else None, seconds)


def _require_standard_output() -> None:
    """Refuse a closed standard output: the next file opened would get its descriptor.

    Raises:
        TcctuiError: it is closed.

    """
    try:
        os.write(1, b"")
    except OSError as error:
        if error.errno != errno.EBADF:
            return  # the writer tells why
        raise TcctuiError("Standard output is closed.", "Record to a file or a pipe.") from error
