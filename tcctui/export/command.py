"""`tcctui export FILE OUT`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.errors import TcctuiError, UsageError
from tcctui.memory import READING_MEMORY

if TYPE_CHECKING:
    from tcctui.export.job import Moment
    from tcctui.query import Query

TABLES = ("events", "samples", "flows")
TABLE_ENDINGS = (".parquet", ".csv", ".jsonl")
"""Suffixes of tables; `arrow_tables.WRITERS` has the writer of each."""
CHART_ENDINGS = (".svg", ".txt")
ENDINGS = (*TABLE_ENDINGS, *CHART_ENDINGS)
ALL_ENDINGS = ", ".join(ENDINGS[:-1]) + f" or {ENDINGS[-1]}"


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
    memory: int = READING_MEMORY,
) -> None:
    """Write a recording, or a part of it, as a table or as a picture of one flow.

    `flow` is as `selection.flow` reads it. With `query`, only events and samples taken while their
    connection matches are written, and flows that matched at some time. `memory` is the budget for
    reading, in bytes.

    Raises:
        TcctuiError: something is not there, can't be read or can't be written.

    """
    if out.suffix not in ENDINGS:
        raise UsageError(f"{out.name or out} has no known suffix.", f"Let it end in {ALL_ENDINGS}.")
    picture = out.suffix in CHART_ENDINGS
    if picture and flow is None:
        raise UsageError(
            f"A chart ({out.suffix}) is of one connection.",
            "Say which: --flow COOKIE, or --flow LOCAL-REMOTE.",
        )
    # Slow imports, and pyarrow, wait until the usage is checked.
    from tcctui.files.new_file import see  # noqa: PLC0415
    from tcctui.recording.file import Recording  # noqa: PLC0415

    see(out, force=force)
    try:
        with closing(Recording(source, memory)) as recording:
            from tcctui.export.job import Job  # noqa: PLC0415
            from tcctui.query import ALL  # noqa: PLC0415

            told = _tell(recording.remark)
            job = Job(
                recording,
                query or ALL,
                begin=begin,
                end=end,
                flow=flow,
                progress=progress,
                memory=memory,
            )
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
            f"{source} takes more memory than it may.",
            "Choose less of it (--from, --to, --ip), or allow more: --reading-memory 4G",
        ) from error


def _tell(remark: str, before: str = "") -> str:
    """Print a remark about missing parts, unless it was printed before."""
    if remark and remark != before:
        print(remark, file=sys.stderr)
    return remark
