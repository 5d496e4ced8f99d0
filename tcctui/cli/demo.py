"""`tcctui demo`: play the bundled recording."""

from __future__ import annotations

import argparse
from contextlib import closing

from tcctui import memory
from tcctui.cli import config, filters, terminal
from tcctui.cli.parser import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    demo = commands.add_parser(
        "demo",
        help="show the dashboard on the bundled recording: no root, any machine",
        description="Play a recording of real traffic: cubic and bbr in one bottleneck, a slow"
        " reader, a path that loses segments, an application with little to send, short"
        " connections. It needs no root, and runs on any machine.",
    )
    filters.add(demo, "show only connections that match")
    config.choosing(demo)
    demo.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    memory.start()
    memory.start_screen()
    query = filters.query_of(args)
    terminal.require("Run it in a terminal.")
    from tcctui.demo import RECORDING  # noqa: PLC0415
    from tcctui.recording.file import Recording  # noqa: PLC0415 - pyarrow
    from tcctui.ui.app.app import play  # noqa: PLC0415 - Textual

    memory.return_at_once()
    with closing(Recording(RECORDING)) as recording:
        return play(
            recording,
            remark=recording.remark,
            loop=True,
            base_query=query,
            preferences=config.preferences(args),
        )
