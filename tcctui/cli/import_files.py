"""`tcctui import`: its arguments."""

from __future__ import annotations

import argparse

from tcctui.cli import reading_memory
from tcctui.cli.parser import Commands

FORMATS = ("pcap", "tcp-info", "qlog")


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "import",
        help="make a recording of a capture (pcap), M-Lab tcp-info or qlog",
        description="Make a recording of what other tools wrote, for replay, export and trace:"
        " captures of TCP (pcap, pcapng), M-Lab's tcp-info (JSON lines) and qlog of QUIC. They may"
        " be compressed by gzip or zstd. A capture has no cwnd.",
        epilog="From another machine: ssh HOST sudo tcpdump -s 128 -w - tcp | tcctui import -"
        " day.arrows",
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FILE",
        help="files of one format, such as all of a capture's; - is standard input",
    )
    parser.add_argument(
        "out",
        metavar="OUT",
        help="the recording to write, such as day.arrows; - for standard output",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="their format, if it is not to be recognised by the content",
    )
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    reading_memory.add(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with reading_memory.limited(args) as budget:
        from tcctui.importing.command import import_files  # noqa: PLC0415 - numpy
        from tcctui.importing.imported import Form  # noqa: PLC0415

        import_files(
            args.sources,
            args.out,
            form=None if args.format is None else Form(args.format),
            force=args.force,
            memory=budget,
        )
    return 0
