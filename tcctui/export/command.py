"""`tcctui export FILE OUT`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.errors import TcctuiError, UsageError

if TYPE_CHECKING:
    from tcctui.export.typed_moment import Moment
    from tcctui.query import Query

TABLES = ("events", "samples", "flows")
ENDINGS = (".parquet", ".csv", ".jsonl", ".svg", ".txt")
_PICTURES = (".svg", ".txt")
_ALL = ", ".join(ENDINGS[:-1]) + f" or {ENDINGS[-1]}"


def add_arguments(
    parser: argparse.ArgumentParser,
    moment: Callable[[str], Moment],
    recording: Callable[[str], Path],
) -> None:
    """Add the command's arguments; `export` takes their values.

    `moment` and `recording` parse their text.
    """
    parser.add_argument(
        "source",
        type=recording,
        metavar="FILE",
        help="a recording; demo is the one that tcctui demo plays",
    )
    parser.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help=f"file to write; its suffix chooses the format: {_ALL} (a chart of one flow)",
    )
    parser.add_argument(
        "--table",
        choices=TABLES,
        default=TABLES[0],
        help="events: a row for each event (the default); samples: one for each sample of a socket;"
        " flows: one for each connection, with all that can be said of its whole life",
    )
    parser.add_argument(
        "--flow",
        metavar="COOKIE|LOCAL-REMOTE",
        help="only this connection: its cookie, or both ends (10.0.0.7:443-192.0.2.9:51514)",
    )
    parser.add_argument(
        "-i",
        "--ip",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="only connections with this address or prefix at either end; may be given several"
        " times",
    )
    parser.add_argument(
        "-p",
        "--port",
        action="append",
        default=[],
        metavar="PORT",
        help="only connections with this port at either end; may be given several times",
    )
    for name, what in (("from", "begin"), ("to", "end")):
        parser.add_argument(
            f"--{name}",
            dest=what,
            type=moment,
            metavar="TIME",
            help=f"{what} there: +90s or 1m30s after the recording's beginning, -30s before its"
            " end, 14:05:03 or '2026-11-23 14:05:03' on this machine's clock",
        )
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")


def export(
    source: Path,
    out: Path,
    *,
    table: str = TABLES[0],
    flow: str | None = None,
    query: Query | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    force: bool = False,
    progress: bool = True,
) -> None:
    """Write a recording, or a part of it, as a table or as a picture of one flow.

    `flow` is as `selection.flow` reads it. With `query`, only events and samples taken while their
    connection matches are written, and flows that matched at some time.

    Raises:
        TcctuiError: something is not there, can't be read or can't be written.

    """
    if out.suffix not in ENDINGS:
        raise UsageError(f"{out.name or out} has no known suffix.", f"Let it end in {_ALL}.")
    picture = out.suffix in _PICTURES
    if picture and flow is None:
        raise UsageError(
            f"A chart ({out.suffix}) is of one connection.",
            "Say which: --flow COOKIE, or --flow LOCAL-REMOTE.",
        )
    # Slow imports, and pyarrow, wait until the usage is checked.
    from tcctui.files.new_file import see  # noqa: PLC0415
    from tcctui.recording.file import Recording  # noqa: PLC0415

    see(out, force=force)
    recording = Recording(source)
    try:
        from tcctui.export.job import Job  # noqa: PLC0415
        from tcctui.query import ALL  # noqa: PLC0415

        told = _tell(recording.remark)
        job = Job(recording, query or ALL, begin=begin, end=end, flow=flow, progress=progress)
        if picture:
            job.picture(out, force=force)
        else:
            job.table(table, out, force=force)
        _tell(recording.remark, told)  # reading may have found more damage
    except OSError as error:
        raise TcctuiError(
            f"{source} can't be read: {error.strerror or error}.", "See whether it is still there."
        ) from error
    except MemoryError as error:
        raise TcctuiError(
            f"{source} has more than there is memory for.", "Choose less of it: --from, --to, --ip."
        ) from error
    finally:
        recording.close()


def _tell(remark: str, before: str = "") -> str:
    """Print a remark about missing parts, unless it was printed before."""
    if remark and remark != before:
        print(remark, file=sys.stderr)
    return remark


__all__ = ["ENDINGS", "TABLES", "add_arguments", "export"]
