"""Command line of `tcctui`: arguments, and every expected failure as one clear line.

Each command has a module here with `add`, which describes its arguments, and `run`. What a command
works with is imported when it runs, so that no command pays for another.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, TypeGuard

from tcctui import __version__
from tcctui.cli import completion, dashboard
from tcctui.cli.dashboard import MAX_CPU
from tcctui.cli.kernel import INTERVAL_MS, kernel_options
from tcctui.cli.moments import together
from tcctui.cli.parser import Parser
from tcctui.cli.rights import become_caller
from tcctui.errors import TcctuiError, UsageError
from tcctui.printable import plain_lines

if TYPE_CHECKING:
    from tcctui.query import QueryError

__all__ = ["INTERVAL_MS", "MAX_CPU", "main", "parser"]

_COMMANDS = (
    *(
        "record",
        "replay",
        "export",
        "import",
        "demo",
        "trace",
        "agent",
        "fleet",
        "collector",
        "relay",
        "doctor",
    ),
    *("config", "help"),
)


_MODULES = {"import": "import_files"}
"""Modules of commands whose names are Python's own words."""

_READ_KERNEL = (None, "agent", "record", "trace", "collector", "relay", "doctor")
"""Commands, and none, that give up the rights of root by themselves, or need them all."""

_ALWAYS = frozenset({"--verbose"})
_KERNEL = _ALWAYS | {
    *("-i", "--ip", "-p", "--port", "-f", "--filter"),
    *("--source", "--interval", "--kernel-headers"),
}
_SCREEN = _ALWAYS | {"--config", "--no-config", "--ascii", "--no-ascii", "--no-mouse"}
_BEFORE = {
    "demo": _SCREEN,
    "config": _SCREEN,
    "agent": _KERNEL,
    "record": _KERNEL | {"--force"},
    "trace": _KERNEL,
    "doctor": _ALWAYS | {"--kernel-headers"},
    "replay": _SCREEN | {"--rewind-memory", "--history-memory"},
}
"""Options that a command also accepts before its name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `tcctui` and return the exit code: 0, 2 for a usage error, 1 for any other failure.

    The process's own arguments, by default, prepare its standard streams as well.
    """
    if arguments is None:
        from tcctui.files import standard_streams  # noqa: PLC0415 - only a process has them

        standard_streams.prepare(_in_ascii)
    given = together(sys.argv[1:] if arguments is None else list(arguments))
    if arguments is None and completion.ASKED in os.environ:
        completion.complete(parser())
    try:
        try:
            status = _run(given, is_program=arguments is None)
        finally:  # of argparse's own output, too, which exits
            sys.stdout.flush()
    except TcctuiError as error:
        if error.reason:
            print(f"tcctui: {plain_lines(error.reason)}", file=sys.stderr)
        if error.mend:
            print(f"        {plain_lines(error.mend)}", file=sys.stderr)
        if error.detail and "--verbose" in given:
            print(plain_lines(error.detail), file=sys.stderr)
        return error.status
    except ValueError as error:
        if not _is_query_error(error):
            raise  # a defect of tcctui
        print(f"tcctui: {plain_lines(error.reason)}.", file=sys.stderr)
        return 2
    except MemoryError:
        print("tcctui: It takes more memory than it may, or than there is.", file=sys.stderr)
        print(
            "        Close other programs; for a recording, see --reading-memory.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        gc.enable()  # see `memory.start`; whoever called this may go on
    return status


def _run(given: Sequence[str], *, is_program: bool) -> int:
    """Run a command; this process is all tcctui's if it `is_program`."""
    args = _parsed(given)
    if args.command is not None and args.record_to is not None:
        raise UsageError(
            f"--record is an option of the dashboard, not of {args.command}.",
            "Without a screen, run: tcctui record FILE",
        )
    if args.command is not None:
        _refuse_before(args.command, given)
    args.is_program = is_program
    if is_program and args.command not in _READ_KERNEL:
        become_caller()
    try:
        status: int = args.run(args)
    except FileNotFoundError as error:
        if _has_working_directory():
            raise  # a defect of tcctui
        raise TcctuiError("The working directory is gone.", "Change to another one.") from error
    return status


def _has_working_directory() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _in_ascii(text: str) -> str:
    from tcctui.ui.app.ascii import ascii_of  # noqa: PLC0415 - rich, for what is not UTF-8

    return ascii_of(text)


def _is_query_error(error: ValueError) -> TypeGuard[QueryError]:
    """Check for a query that failed to evaluate, such as a pattern that takes too long."""
    from tcctui.query import QueryError  # noqa: PLC0415 - numpy

    return isinstance(error, QueryError)


def _refuse_before(command: str, given: Sequence[str]) -> None:
    """Refuse options before the command that the command does not accept.

    Raises:
        UsageError: an option belongs to the dashboard alone.

    """
    for argument in given[: given.index(command)]:
        option = argument.partition("=")[0] if argument.startswith("--") else argument[:2]
        if option.startswith("-") and option not in _BEFORE.get(command, _ALWAYS):
            raise UsageError(
                f"{option} before {command} is an option of the dashboard, not of {command}.",
                f"Leave it out, or see its options: tcctui {command} --help",
            )


def _parsed(given: Sequence[str]) -> argparse.Namespace:
    """Parse arguments with as few commands as they may name: a start does not wait for the others.

    Raises:
        UsageError: they are wrong.

    """
    named = [name for name in _COMMANDS if name in given]
    if not {"-h", "--help"} & {*given}:
        with suppress(UsageError):  # which does not list all commands
            return parser(named).parse_args(given)
    return parser().parse_args(given)


def parser(named: Sequence[str] = _COMMANDS) -> Parser:
    """Make the parser of these commands, for the manual page and shell completion too."""
    parser = Parser(
        prog="tcctui",
        description="htop for TCP congestion control: cwnd, ssthresh and srtt of every connection,"
        " live from the kernel's tcp_probe tracepoint, and what limits it. Without root: samples.",
        epilog="Without a command: the dashboard; ? lists its keys. Reference: tcctui help.",
        parents=[kernel_options("before_")],
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"tcctui {__version__}",
        help="print the version and exit",
    )
    dashboard.add(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name in named:
        import_module(f"tcctui.cli.{_MODULES.get(name, name)}").add(commands)
    return parser
