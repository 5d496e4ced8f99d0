"""`tcctui record`: its arguments."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.cli import argument_values
from tcctui.cli.kernel import filter_of, kernel_options, open_all
from tcctui.errors import TcctuiError

if TYPE_CHECKING:
    from tcctui.cli.parser import Commands

_RING_BYTES = 32 << 20
"""Room for what comes while a second's events are written: 200,000 take a tenth of a second."""


def add(commands: Commands) -> None:
    """Describe the command."""
    record = commands.add_parser(
        "record",
        parents=[kernel_options()],
        help="write all that comes to a file or a pipe, for replay and export",
        description="Write every event, and samples of every socket, to a recording, until Ctrl-C."
        " Without root, samples alone. Of another machine:"
        " ssh HOST sudo tcctui record - | tcctui replay -",
        epilog="With --filter, a connection is recorded from the moment on that it matches for the"
        " first time, with all that comes of it then, also where it matches no longer.",
    )
    record.add_argument(
        "path", metavar="FILE", help="the recording to be made; - writes to standard output"
    )
    record.add_argument(
        "--duration", type=argument_values.seconds, metavar="S", help="stop after so many seconds"
    )
    record.add_argument(
        "--force",
        action="store_true",
        default=argparse.SUPPRESS,
        help="replace the file if it is there already",
    )
    record.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    # Before anything is compiled: pyarrow is the one thing that may be missing.
    from tcctui.recording.writer import require_pyarrow  # noqa: PLC0415

    require_pyarrow()
    if args.path == "-":
        _require_standard_output()
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
    """See that it was not closed: its number would be given to the next file that is opened.

    Raises:
        TcctuiError: it was.

    """
    try:
        os.fstat(1)
    except OSError as error:
        raise TcctuiError("Standard output is closed.", "Record to a file or a pipe.") from error
