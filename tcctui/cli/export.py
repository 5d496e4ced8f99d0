"""`tcctui export`: its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.cli import moments
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
    command.add_arguments(export, moments.at, _recording)
    export.set_defaults(run=command.run)


def _recording(text: str) -> Path:
    """Give the path of a recording; a file that is called demo, too, is ./demo."""
    if text != "demo":
        return Path(text)
    from tcctui.demo import RECORDING  # noqa: PLC0415 - each command pays only for itself

    return RECORDING
