"""`tcctui doctor`: its arguments."""

from __future__ import annotations

import argparse

from tcctui.cli.kernel import add_headers, headers
from tcctui.cli.parser import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    doctor = commands.add_parser(
        "doctor",
        help="check each requirement and print the command that fixes it",
        description="Check each requirement; exit with 0 if the dashboard can run.",
        argument_default=argparse.SUPPRESS,
    )
    add_headers(doctor)
    doctor.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from tcctui.doctor import doctor  # noqa: PLC0415 - each command pays only for itself

    return doctor(headers(args), verbose=getattr(args, "verbose", False))
