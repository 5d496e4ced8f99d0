"""`tcctui help`: reference pages on the terminal, and commands' own help."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection

from tcctui.cli.parser import Commands
from tcctui.errors import UsageError
from tcctui.reference.topics import TOPICS


def add(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "help",
        help="show the reference: keys, columns, query language, formats; or a command's help",
        description="Show a page of the reference, or a command's help; without a topic, list the"
        " topics. On a terminal, $PAGER shows the page.",
        argument_default=argparse.SUPPRESS,
    )
    command.add_argument("topic", nargs="?", metavar="TOPIC", help=f"one of: {', '.join(TOPICS)}")
    command.set_defaults(run=run, parsers=commands.choices)


def run(args: argparse.Namespace) -> int:
    """Print a page, a command's help, or the list of topics.

    Raises:
        UsageError: there is neither a topic nor a command of this name.

    """
    topic = getattr(args, "topic", None)
    if topic is None:
        _show(_topics())
    elif topic in TOPICS:
        from tcctui.reference.text import rendered  # noqa: PLC0415 - only for this
        from tcctui.reference.topics import blocks  # noqa: PLC0415

        width = shutil.get_terminal_size().columns
        _show(rendered(TOPICS[topic].title, blocks(topic), width))
    elif topic in args.parsers:
        _show(args.parsers[topic].format_help())
    else:
        raise _unknown(topic, [*TOPICS, *args.parsers])
    return 0


def _topics() -> str:
    longest = max(map(len, TOPICS))
    lines = [f"  {name:{longest}}  {topic.summary}" for name, topic in TOPICS.items()]
    return "\n".join(
        ("Topics of tcctui help TOPIC:", "", *lines, "", "Options: tcctui COMMAND --help\n")
    )


def _unknown(topic: str, names: Collection[str]) -> UsageError:
    from tcctui.config.choices import nearest  # noqa: PLC0415 - only for this mistake

    return UsageError(
        f"There is no help topic {topic[:40]!r}.{nearest(topic, names)}",
        "List all topics: tcctui help",
    )


def _show(text: str) -> None:
    """Page the text on a terminal; else write it to standard output."""
    if sys.stdout.isatty() and (pager := _pager()):
        # Ctrl-C belongs to the pager; a handler, unlike SIG_IGN, is not inherited.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            subprocess.run(
                pager,
                input=text.encode(sys.stdout.encoding, sys.stdout.errors or "replace"),
                check=False,
                env={"LESS": "FRX", **os.environ},  # of the caller by now, as this process is
            )
        except OSError:
            sys.stdout.write(text)
        finally:
            signal.signal(signal.SIGINT, before)
    else:
        sys.stdout.write(text)


def _pager() -> list[str]:
    """Command of $PAGER, or less or more; empty if there is none."""
    chosen = os.environ.get("PAGER")
    if chosen is None:
        chosen = shutil.which("less") or shutil.which("more") or ""
    try:
        return shlex.split(chosen)
    except ValueError:
        return []
