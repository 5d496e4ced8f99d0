"""`tcctui config`: the file of settings; and what the dashboard takes from it."""

from __future__ import annotations

import argparse
import codecs
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcctui.errors import TcctuiError, UsageError
from tcctui.printable import plain

if TYPE_CHECKING:
    from tcctui.cli.parser import Commands, Parser
    from tcctui.ui.preferences import Preferences

_WITHOUT_GLYPHS = ("linux", "vt", "dumb", "ansi", "cons25", "wy")
"""What TERM begins with where a terminal's font has no braille: curves would be blank."""


def add(commands: Commands) -> None:
    """Describe the command."""
    config = commands.add_parser(
        "config",
        help="show the settings that hold, where they are from, and what is wrong with them",
        description="Settings are in a file of TOML: keys, columns, theme, filters, units. Without"
        " an option this says where it is, what holds, and what is wrong.",
        epilog="To begin with one: tcctui config --print-default > FILE",
    )
    what = config.add_mutually_exclusive_group()
    what.add_argument(
        "--print-default",
        action="store_true",
        help="print a file that has all settings as they are without one, each explained",
    )
    what.add_argument(
        "--check", action="store_true", help="only say what is wrong; ends with 1 if anything is"
    )
    choosing(config, ascii_too=False)
    config.set_defaults(run=run)


def choosing(parser: Parser, *, ascii_too: bool = True) -> None:
    """Let a command be told which settings to take."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="take the settings of this file, and keep changes there",
    )
    which.add_argument(
        "--no-config",
        action="store_true",
        default=argparse.SUPPRESS,
        help="take no settings, and keep none",
    )
    if ascii_too:
        parser.add_argument(
            "--ascii",
            action="store_true",
            default=argparse.SUPPRESS,
            help="draw with ASCII alone; by itself where the terminal or its locale has no more",
        )


def run(args: argparse.Namespace) -> int:
    """Print what is asked for."""
    from tcctui.config import printing, reading  # noqa: PLC0415 - each command pays for itself
    from tcctui.ui.actions import meanings  # noqa: PLC0415 - Textual
    from tcctui.ui.app.choices import all_actions, choices  # noqa: PLC0415

    if args.print_default:
        print(printing.default(choices(), meanings(all_actions())), end="")
        return 0
    path = _path(args)
    if path is None:
        print("No settings are taken: --no-config.")
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
    """Where the settings are that are to be taken; None for none.

    Raises:
        TcctuiError: nobody knows where, or a file was named and is not there.

    """
    from tcctui.config import location  # noqa: PLC0415

    if getattr(args, "no_config", False):
        return None
    given = getattr(args, "config", None)
    if given is None:
        return location.path()
    if not given or not os.path.lexists(given):
        raise UsageError(
            f"There is no file {given}.", "Make one with: tcctui config --print-default > FILE"
        )
    return Path(given)


def preferences(args: argparse.Namespace) -> Preferences:
    """Give the dashboard what its user has chosen, and a way to keep what changes.

    Raises:
        TcctuiError: a file was named that is not there.

    """
    from dataclasses import replace  # noqa: PLC0415
    from functools import partial  # noqa: PLC0415

    from tcctui.ui.preferences import Preferences  # noqa: PLC0415

    try:
        path = _path(args)
    except UsageError:
        raise
    except TcctuiError as error:  # where there is no home there are no settings
        made = Preferences(problems=[str(error)])
    else:
        made = Preferences() if path is None else _of(path)
        if path is not None:
            from tcctui.config import searches_file  # noqa: PLC0415

            kept = partial(_keep, path)
            made = Preferences(made.settings, kept, made.problems, searches_file.searches())
    if getattr(args, "ascii", False):
        made.settings = replace(made.settings, ascii=True)
    elif made.settings.ascii is None:
        made.settings = replace(made.settings, ascii=_plain_terminal())
    return made


def _keep(path: Path, changes: Mapping[str, Any]) -> None:
    from tcctui.config import writing  # noqa: PLC0415 - not before something is kept

    writing.keep(path, changes)


def _of(path: Path) -> Preferences:
    from tcctui.ui.preferences import Preferences  # noqa: PLC0415

    if not os.path.lexists(path):
        return Preferences()  # at once: none of what reads is loaded
    from tcctui.config import reading  # noqa: PLC0415
    from tcctui.ui.app.choices import choices  # noqa: PLC0415

    settings, problems = reading.read(path, choices())
    # Without its directories: a notice has forty characters to a line.
    return Preferences(settings, None, [one.told(Path(path.name)) for one in problems])


def _plain_terminal() -> bool:
    """Whether the terminal, or what text is for it, has no more than ASCII.

    An unset or C locale is UTF-8 to Python (PEP 538, 540), as it is to most terminals.
    """
    encoding = getattr(sys.__stderr__, "encoding", None) or "utf-8"
    return codecs.lookup(encoding).name != "utf-8" or os.environ.get("TERM", "").startswith(
        _WITHOUT_GLYPHS
    )
