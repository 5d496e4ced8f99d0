"""`tcctui record`: its arguments."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from pathlib import Path

from tcctui.cli import argument_values
from tcctui.cli.kernel import filter_of, kernel_options, open_all, separate
from tcctui.cli.parser import Commands
from tcctui.cli.rights import Told
from tcctui.errors import TcctuiError

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
        "--force",
        action="store_true",
        default=argparse.SUPPRESS,
        help="replace an existing file",
    )
    record.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.path == "-":
        _require_standard_output()
    every_ack = getattr(args, "interval", 0.0) == 0
    told = Told(files=[] if args.path == "-" else [Path(args.path)])
    separate(args, _RING_BYTES, told, every_ack=every_ack)
    from tcctui.recording.writer import require_pyarrow  # noqa: PLC0415

    require_pyarrow()  # it is the one optional part
    wanted = filter_of(args)
    with open_all(args, _RING_BYTES, wanted.in_kernel) as source:
        from tcctui.headless.record import record  # noqa: PLC0415 - numpy

        return record(
            source,
            None if args.path == "-" else Path(args.path),
            force=getattr(args, "force", False),
            duration=args.duration,
            remarks=sys.stderr,
            query=wanted.rest,
        )


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
