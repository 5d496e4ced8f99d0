"""Options of commands that listen for agents: address, users, certificate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.errors import UsageError

if TYPE_CHECKING:
    from tcctui.fleet.collector.place import Listener
    from tcctui.fleet.collector.users import Users


def add(parser: argparse.ArgumentParser, usual: str, purpose: str) -> None:
    """Describe the options; `purpose` says who finds it there."""
    parser.add_argument(
        "--listen",
        default=usual,
        metavar="ADDRESS:PORT",
        help=f"where {purpose}, {usual} by default; other addresses than this machine's own need"
        " --users",
    )
    parser.add_argument(
        "--users",
        type=Path,
        metavar="FILE",
        help="users, their roles and hashes of their passwords; see tcctui help fleet",
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="certificate and key in PEM, for https",
    )


def opened(args: argparse.Namespace) -> tuple[Listener, Users | None]:
    """Listen, and read users and certificate: while there are the rights to.

    Raises:
        UsageError: others can reach the address, and there are no users.
        TcctuiError: the address is in use, or a file can't be read.

    """
    from tcctui.fleet.collector.place import Place  # noqa: PLC0415 - each command pays for itself

    place = Place.of(args.listen, args.certificate)
    users = None
    if args.users is not None:
        from tcctui.fleet.collector.users import Users  # noqa: PLC0415

        users = Users.read(args.users)
    elif not place.own:
        raise UsageError(
            f"{args.listen} can be reached by others.",
            "Say who may: --users FILE; see: tcctui help fleet",
        )
    return place.listen(), users
