"""`tcctui export`: its arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

from tcctui.cli import argument_values, filters, moments, reading_memory
from tcctui.cli.parser import Commands
from tcctui.export.command import ALL_ENDINGS, CHART_ENDINGS, TABLE_ENDINGS, TABLES, export


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "export",
        help="write a recording as a table for other tools, or as a chart",
        description="Write a recording as a table of events, samples or flows"
        f" ({', '.join(TABLE_ENDINGS)}), or the charts of one flow ({', '.join(CHART_ENDINGS)}).",
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
        help=f"file to write; its suffix chooses the format: {ALL_ENDINGS} (a chart of one flow)",
    )
    parser.add_argument(
        "--table",
        choices=TABLES,
        default=TABLES[0],
        help="events: a row for each event (the default); samples: one for each sample of a socket;"
        " flows: one for each connection, with all that can be said of its whole life",
    )
    parser.add_argument(
        "--flow",
        metavar="COOKIE|LOCAL-REMOTE",
        help="only this connection: its cookie, or both ends (10.0.0.7:443-192.0.2.9:51514)",
    )
    filters.add_ends(parser)
    for name, what in (("from", "begin"), ("to", "end")):
        parser.add_argument(
            f"--{name}",
            dest=what,
            type=moments.at,
            metavar="TIME",
            help=f"{what} there: +90s or 1m30s after the recording's beginning, -30s before its"
            " end, 14:05:03 or '2026-11-23 14:05:03' on this machine's clock",
        )
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    reading_memory.add(parser)
    filters.add(
        parser,
        "only events and samples taken while their connection matches, and flows that matched at"
        " some time",
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
            query=query,
            begin=args.begin,
            end=args.end,
            force=args.force,
            memory=budget,
        )
    return 0
