"""Memory that reading a recording may take, of all commands that read one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from tcctui import memory
from tcctui.cli import argument_values
from tcctui.cli.parser import Parser

_DEFAULT = f"{memory.READING_MEMORY >> 30}G"

_TIMES = 2
"""Address space in budgets: what comes of a batch on its way, and tables while they grow."""

_LEAST = 64 << 20


def add(parser: Parser) -> None:
    """Describe the option."""
    parser.add_argument(
        "--reading-memory",
        metavar="SIZE",
        default=_DEFAULT,
        help="memory that the recording may take; one that would take more is refused, as a"
        f" stranger's may be made to do harm (default {_DEFAULT})",
    )


@contextmanager
def limited(args: argparse.Namespace, others: int = 0) -> Iterator[int]:
    """Give the budget for reading, in bytes, and limit the address space by it meanwhile.

    `others` are bytes for all that does not come of reading.

    Raises:
        UsageError: it is no size.

    """
    budget = argument_values.memory("--reading-memory", args.reading_memory, _LEAST)
    with memory.limited(_TIMES * budget + others):
        yield budget
