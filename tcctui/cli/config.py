"""`tcctui config`: the settings file, and the dashboard's preferences from it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcctui import terminal_type
from tcctui.cli.parser import Commands, Parser
from tcctui.errors import TcctuiError, UsageError
from tcctui.files.new_file import is_there
from tcctui.printable import plain

if TYPE_CHECKING:
    from tcctui.ui.preferences import Preferences


def add(commands: Commands) -> None:
    """Describe the command."""
    config = commands.add_parser(
        "config",
        help="show the settings in force, the file they come from, and its mistakes",
        description="Settings are a TOML file: keys, columns, theme, filters, units. Without"
        " an option: its path, the settings in force, and its mistakes.",
        epilog="To start one: tcctui config --print-default > FILE",
    )
    what = config.add_mutually_exclusive_group()
    what.add_argument(
        "--print-default",
        action="store_true",
        help="print a file with every setting at its default, each explained",
    )
    what.add_argument(
        "--check", action="store_true", help="only report mistakes; exit with 1 if there are any"
    )
    choosing(config, screen=False)
    config.set_defaults(run=run)


def choosing(parser: Parser, *, screen: bool = True) -> None:
    """Add the options that choose a settings file."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="use the settings of this file, and keep changes there",
    )
    which.add_argument(
        "--no-config",
        action="store_true",
        default=argparse.SUPPRESS,
        help="use no settings, and keep none",
    )
    if screen:
        parser.add_argument(
            "--ascii",
            action=argparse.BooleanOptionalAction,
            default=argparse.SUPPRESS,
            help="draw with ASCII only; the default where the terminal or locale has no more",
        )
        parser.add_argument(
            "--no-mouse",
            dest="mouse",
            action="store_false",
            default=argparse.SUPPRESS,
            help="leave the mouse to the terminal, for its own selection",
        )


def run(args: argparse.Namespace) -> int:
    """Print the settings, the default file or the mistakes."""
    from tcctui.config import printing, reading  # noqa: PLC0415 - each command pays for itself
    from tcctui.ui.actions import meanings  # noqa: PLC0415 - Textual
    from tcctui.ui.app.setting_names import all_actions, choices  # noqa: PLC0415

    if args.print_default:
        print(printing.default(choices(), meanings(all_actions())), end="")
        return 0
    path = _path(args)
    if path is None:
        print("No settings are used: --no-config.")
        return 0
    settings, problems = reading.read(path, choices())
    if not args.check:
        there = "" if os.path.lexists(path) else " (there is none)"
        print(f"# {plain(str(path))}{there}")
        print(printing.held(settings), end="")
    for problem in problems:
        print(plain(problem.told(path)), file=sys.stderr)
    return 1 if problems and args.check else 0


def _path(args: argparse.Namespace) -> Path | None:
    """Path of the settings to use; None for none.

    Raises:
        TcctuiError: no home directory is known, or the named file does not exist.

    """
    from tcctui.config import location  # noqa: PLC0415

    if getattr(args, "no_config", False):
        return None
    given = getattr(args, "config", None)
    if given is None:
        return location.path()
    if not given or not is_there(Path(given)):
        raise UsageError(
            f"There is no file {given}.", "Make one with: tcctui config --print-default > FILE"
        )
    return Path(given)


def files(args: argparse.Namespace) -> list[Path]:
    """Files of settings and earlier searches; some may not be there."""
    from tcctui.config import location, searches  # noqa: PLC0415

    if getattr(args, "no_config", False):
        return []
    try:
        given = getattr(args, "config", None)
        return [location.path() if given is None else Path(given), searches.path()]
    except TcctuiError:
        return []  # there is no home directory for them


def preferences(args: argparse.Namespace) -> Preferences:
    """Give the dashboard its user's preferences, and a way to keep changes.

    Raises:
        TcctuiError: the named file does not exist.

    """
    from dataclasses import replace  # noqa: PLC0415

    from tcctui.ui.preferences import Preferences  # noqa: PLC0415

    try:
        path = _path(args)
    except UsageError:
        raise
    except TcctuiError as error:  # without a home directory there are no settings
        made = Preferences(problems=[str(error)])
    else:
        made = Preferences() if path is None else _of(path)
    given = {name: getattr(args, name) for name in ("ascii", "mouse") if hasattr(args, name)}
    made.settings = replace(made.settings, **given)
    if made.settings.ascii is None:
        encoding = getattr(sys.__stderr__, "encoding", None)
        plain_only = terminal_type.only_ascii(os.environ, encoding)
        made.settings = replace(made.settings, ascii=plain_only)
    made.colours = terminal_type.colours(os.environ)
    return made


def _keep(path: Path, changes: Mapping[str, Any]) -> None:
    from tcctui.config import writing  # noqa: PLC0415 - not before something is kept

    writing.keep(path, changes)


def _of(path: Path) -> Preferences:
    from functools import partial  # noqa: PLC0415

    from tcctui.config.searches import searches  # noqa: PLC0415
    from tcctui.ui.preferences import Preferences  # noqa: PLC0415

    settings, told = None, list[str]()
    if is_there(path):  # without it, nothing else need be imported
        from tcctui.config import reading  # noqa: PLC0415
        from tcctui.ui.app.setting_names import choices  # noqa: PLC0415

        settings, problems = reading.read(path, choices())
        # Without its directories: a notice has forty characters a line.
        told = [problem.told(Path(path.name)) for problem in problems]
    return Preferences(settings, partial(_keep, path), told, searches())
