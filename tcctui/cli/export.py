"""`tcctui export`: its arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

from tcctui.cli import argument_values, filters, moments, reading_memory
from tcctui.cli.parser import Commands
from tcctui.export.command import (
    ALL_ENDINGS,
    CHART_ENDINGS,
    RECORDING_ENDING,
    TABLE_ENDINGS,
    TABLES,
    XPLOT_ENDING,
    export,
)


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "export",
        help="write a recording as a table for other tools, as a chart, or a part of it",
        description="Write a recording as a table of events, samples or flows"
        f" ({', '.join(TABLE_ENDINGS)}), the charts of one flow ({', '.join(CHART_ENDINGS)}), its"
        f" time–sequence diagram for xplot ({XPLOT_ENDING}), or a part of it as a recording"
        f" ({RECORDING_ENDING}).",
    )
    parser.add_argument(
        "source",
        type=argument_values.recording,
        metavar="FILE",
        help="a recording; demo is the one that tcctui demo plays",
    )
    parser.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help=f"file to write; its suffix chooses the format: {ALL_ENDINGS}",
    )
    parser.add_argument(
        "--table",
        choices=TABLES,
        default=TABLES[0],
        help="events: a row for each event (the default); samples: one for each sample of a socket;"
        " sockets, algorithms: one for each ACK at which the socket itself, or its algorithm's own"
        " state, was read (record --inside);"
        " flows: one for each connection, with all that can be said of its whole life; seconds: one"
        " for each second, over all of them",
    )
    parser.add_argument(
        "--flow",
        metavar="COOKIE|LOCAL-REMOTE",
        help="only this connection: its cookie, or both ends (10.0.0.7:443-192.0.2.9:51514)",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        default=(),
        metavar=("A", "B"),
        help="two connections, each a cookie or LOCAL-REMOTE, on the shared axes of a chart, with"
        " their figures",
    )
    parser.add_argument(
        "--xplot",
        action="store_true",
        help="write the time–sequence diagram of one connection (--flow) for xplot, as tcptrace"
        " does; also where OUT ends in .xpl",
    )
    filters.add_ends(parser)
    for name, what in (("from", "begin"), ("to", "end")):
        parser.add_argument(
            f"--{name}",
            dest=what,
            type=moments.at,
            metavar="TIME",
            help=f"{what} there: +90s or 1m30s after the recording's beginning, -30s before its"
            f" end, {moments.EXAMPLES}",
        )
    parser.add_argument(
        "--redact",
        action="store_true",
        help="replace addresses, so that common prefixes stay, and the names of host, namespaces"
        " and cgroups; ports, processes, users and times stay",
    )
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    reading_memory.add(parser)
    filters.add(
        parser,
        "only events and samples taken while their connection matches, and flows that matched at"
        f" some time; into {RECORDING_ENDING}, all of these",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    query = filters.query_of(args)
    with reading_memory.limited(args) as budget:
        export(
            args.source,
            args.out,
            table=args.table,
            flow=args.flow,
            compare=args.compare,
            xplot=args.xplot,
            query=query,
            begin=args.begin,
            end=args.end,
            redact=args.redact,
            force=args.force,
            memory=budget,
        )
    return 0
