"""`tcctui export`: its arguments."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tcctui.cli import argument_values, filters, moments
from tcctui.export import command

if TYPE_CHECKING:
    from tcctui.cli.parser import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    export = commands.add_parser(
        "export",
        help="write a recording as a table for other tools, or as a chart",
        description="Write a recording as a table of events, samples or flows (.parquet, .csv,"
        " .jsonl), or the charts of one flow (.svg, .txt).",
    )
    command.add_arguments(export, moments.at, argument_values.recording)
    filters.add(
        export,
        "only events and samples taken while their connection matches, and flows that matched at"
        " some time",
    )
    export.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    command.export(
        args.source,
        args.out,
        table=args.table,
        flow=args.flow,
        query=filters.query_of(args),
        begin=args.begin,
        end=args.end,
        force=args.force,
    )
    return 0
