"""`tcctui collector`: its arguments."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tcctui.cli import listening
from tcctui.cli.parser import Commands
from tcctui.errors import UsageError

_LISTEN = "127.0.0.1:8123"


def add(commands: Commands) -> None:
    """Describe the command."""
    collector = commands.add_parser(
        "collector",
        help="keep what agents of a fleet send, where there is no ClickHouse",
        description="Keep what up to 500 agents send: ClickHouse's engine and HTTP interface in one"
        " process. Until Ctrl-C.",
    )
    listening.add(collector, _LISTEN, "agents and dashboards find it")
    collector.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="directory of all data, /var/lib/tcctui by default, and of a user without root"
        " ~/.local/share/tcctui",
    )
    collector.add_argument(
        "--hash",
        action="store_true",
        help="read a password from standard input, print its hash for --users, and exit",
    )
    collector.add_argument(
        "--token",
        action="store_true",
        help="print a new token and its hash for --users, and exit",
    )
    collector.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.hash or args.token:
        return _made(token=args.token)
    from tcctui.cli.rights import keep_only  # noqa: PLC0415 - each command pays for itself
    from tcctui.fleet.collector.place import make, usual_store  # noqa: PLC0415

    listener, users = listening.opened(args)
    store = args.store or usual_store()
    make(store)
    keep_only(store)
    from tcctui.fleet.collector.serving import serve  # noqa: PLC0415 - libraries with threads

    return serve(listener, store, users)


def _made(*, token: bool) -> int:
    from tcctui.fleet.collector.users import password_hash, token_hash  # noqa: PLC0415

    if token:
        import secrets  # noqa: PLC0415

        made = secrets.token_urlsafe(32)
        print(f"{made}\n{token_hash(made)}")
        return 0
    if sys.stdin.isatty():
        import getpass  # noqa: PLC0415

        password = getpass.getpass()
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UsageError("There is no password on standard input.")
    print(password_hash(password))
    return 0
