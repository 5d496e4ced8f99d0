"""Memory budgets of the past, and the file that saves it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tcctui.cli import argument_values
from tcctui.cli.parser import Parser
from tcctui.files.save_directory import save_directory

if TYPE_CHECKING:
    from tcctui.recording.chunks import Chunk
    from tcctui.recording.timeline import Origin

_LOG = 56 << 20
"""Default size of the log of the last minutes, in bytes."""

SUFFIX = ".arrows"
"""File name suffix of recordings, that of Arrow's streams."""


def add(parser: Parser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--rewind-memory",
        metavar="SIZE",
        help="total memory for the past: --history-memory is part of it, and the rest"
        " keeps the last minutes to rewind to (default 128M)",
    )
    parser.add_argument(
        "--history-memory",
        metavar="SIZE",
        default="72M",
        help="memory for the histories of all connections (default 72M); where it is"
        " short, less of each is kept",
    )


class RewindOptions(NamedTuple):
    """Memory budgets in bytes: `rewind_memory` in total, `history_memory` of them."""

    history_memory: int
    rewind_memory: int

    @classmethod
    def of(cls, args: argparse.Namespace) -> RewindOptions:
        """Read the options.

        Raises:
            UsageError: they contradict each other.

        """
        history = argument_values.memory("--history-memory", args.history_memory)
        if args.rewind_memory is None:
            return cls(history, history + _LOG)
        altogether = argument_values.memory(
            "--rewind-memory",
            args.rewind_memory,
            history + argument_values.LEAST_MEMORY,
            f", or less to --history-memory ({args.history_memory}), which is a part of it",
        )
        return cls(history, altogether)

    def save(self, chunks: Iterable[Chunk], origin: Origin) -> Path:
        """Write chunks to a new recording named after host and time; gives its absolute path.

        It is written to the working directory, or the first writable fallback.

        Raises:
            TcctuiError: it can't be written.

        """
        from tcctui.recording.writer import RecordingWriter  # noqa: PLC0415 - pyarrow

        host = re.sub(r"[^\w.-]+", "_", origin.host).strip("._-")[:64] or "host"
        name = f"tcctui-{host}-{datetime.now():%Y%m%d-%H%M%S}{SUFFIX}"
        path = save_directory() / name
        with closing(RecordingWriter(path, origin)) as writer:
            for chunk in chunks:
                writer.write(chunk)
        return path
