"""`tcctui replay`: its arguments and the recording it opens."""

from __future__ import annotations

import argparse
import os
import stat
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tcctui import memory
from tcctui.cli import (
    alerts,
    argument_values,
    config,
    filters,
    moments,
    reading_memory,
    terminal,
)
from tcctui.cli.parser import Commands
from tcctui.cli.rewind_options import RewindOptions
from tcctui.errors import UsageError

if TYPE_CHECKING:
    from tcctui.alerts.alert import Alerts
    from tcctui.query import Query

_PIPE = "A pipe plays live: {} is for files."


def add(commands: Commands) -> None:
    """Describe the command."""
    replay = commands.add_parser(
        "replay",
        help="show a recording from a file or a pipe in the dashboard",
        description="The dashboard of a recording: a file, on any machine, without root; or a"
        " pipe, live: ssh HOST sudo tcctui record - | tcctui replay -",
        epilog="? lists the keys: space pauses, arrows step through time.",
    )
    replay.add_argument(
        "path", metavar="FILE", help="the recording; - is a pipe on standard input, as is a FIFO"
    )
    replay.add_argument(
        "others",
        metavar="OTHER",
        nargs="*",
        default=[],  # else argparse calls it required
        help="recordings of other machines, made at the same time: V shows both ends of a"
        " connection between two of them, on one time axis",
    )
    replay.add_argument(
        "--speed",
        type=argument_values.speed,
        metavar="N",
        help="playback speed, from 0.1 to 1000, or max (default 1)",
    )
    replay.add_argument(
        "--at",
        type=moments.at,
        metavar="TIME",
        help="start at: +90s or 1m30s after the beginning, -30s before the end,"
        f" {moments.EXAMPLES}",
    )
    filters.add(replay, "show only connections that match")
    replay.add_argument("--loop", action="store_true", help="restart at the end")
    reading_memory.add(replay)
    alerts.add(replay, shown="mark the row and notify", telling=False)
    config.choosing(replay)
    replay.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    past = RewindOptions.of(args)
    path = argument_values.recording(args.path)
    memory.start()
    memory.start_screen()
    query = filters.query_of(args)
    looked_for = alerts.alerts_of(args, query)
    if args.path == "-":
        _refuse_for_pipes(args)
        return _stream(terminal.standard_input_apart(), args, past, query, looked_for)
    if _is_fifo(path):
        _refuse_for_pipes(args)
        terminal.require(_MEND)
        return _stream(path.open("rb"), args, past, query, looked_for)
    terminal.require(_MEND)
    return _file(path, args, query, looked_for)


_MEND = "Run it in a terminal; for text or a table, run: tcctui export"


def _is_fifo(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False  # opening it reports the reason


def _refuse_for_pipes(args: argparse.Namespace) -> None:
    given = [("--speed", args.speed is not None), ("--at", args.at is not None)]
    for option, there in (*given, ("--loop", args.loop), ("OTHER", bool(args.others))):
        if there:
            raise UsageError(_PIPE.format(option), f"Leave {option} out, or record to a file.")


def _file(path: Path, args: argparse.Namespace, query: Query, looked_for: Alerts | None) -> int:
    from tcctui.recording.file import Recording  # noqa: PLC0415 - each command pays for itself

    with reading_memory.limited(args) as budget, ExitStack() as opened:
        recording, *others = (
            opened.enter_context(closing(Recording(one, budget)))
            for one in (path, *map(argument_values.recording, args.others))
        )
        at_ns = None if args.at is None else args.at.of(recording)
        from tcctui.ui.app.app import play  # noqa: PLC0415 - Textual
        from tcctui.ui.dashboard.alarm import Alarms  # noqa: PLC0415

        memory.return_at_once()
        return play(
            recording,
            others=others,
            remark=" ".join(one.remark for one in (recording, *others) if one.remark),
            speed=1.0 if args.speed is None else args.speed,
            at_ns=at_ns,
            loop=args.loop,
            base_query=query,
            alarms=None if looked_for is None else Alarms(looked_for),
            preferences=config.preferences(args),
        )


def _stream(
    file: BinaryIO,
    args: argparse.Namespace,
    past: RewindOptions,
    query: Query,
    looked_for: Alerts | None,
) -> int:
    from tcctui.recording.stream import RecordingStream  # noqa: PLC0415

    # Wait for the header before drawing a screen: until then, ssh and sudo may ask for
    # passwords on the terminal.
    limited = reading_memory.limited(args, past.rewind_memory)
    with limited as budget, closing(RecordingStream(file, budget)) as stream:
        from tcctui.ui.app.app import run as dashboard  # noqa: PLC0415 - Textual
        from tcctui.ui.dashboard.alarm import Alarms  # noqa: PLC0415

        memory.return_at_once()
        return dashboard(
            lambda: stream,
            past.history_memory,
            rewind_memory=past.rewind_memory,
            save=past.save,
            keep=None,
            live_origin=lambda _: stream.origin,
            base_query=query,
            alarms=None if looked_for is None else Alarms(looked_for),
            preferences=config.preferences(args),
        )
